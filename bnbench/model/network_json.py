"""Writes a network as the JSON from which `keras.models.model_from_json` makes the model; needs no Keras.

It has the names of this project, no seeds, and only the arguments that differ from their defaults, so that equal
networks give equal files.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bnbench.errors import ConfigError
from bnbench.model import catalog
from bnbench.model.arguments import OBJECTS
from bnbench.model.graph import input_names, is_chain
from bnbench.model.keras_json import FUNCTIONAL, SEQUENTIAL, TENSOR
from bnbench.model.layer import INPUT, Layer
from bnbench.model.layer_table import MERGING
from bnbench.model.network_file import Network, parse_network

Json = dict[str, Any]
# Arguments that Keras does not take from their defaults when it reads a layer.
NEEDED: Mapping[str, Json] = MappingProxyType({"Rescaling": {"offset": 0.0}})


def write_network(network: Network) -> str:
    """Return the JSON of a network.

    Raises:
        ConfigError: the network would be read back as another one.
    """
    chained = is_chain(network.layers)
    model = _sequential(network) if chained else _functional(network)
    text = json.dumps(model, indent=1) + "\n"
    read = parse_network(text, "")
    if [_described(layer) for layer in read.layers] != [_described(layer) for layer in network.layers]:
        raise ConfigError("", "the network cannot be written: reading it back gives another one")
    return text


def _described(layer: Layer) -> str:
    """Return all that is hashed of a layer."""
    return json.dumps([layer.name, layer.class_name, layer.arguments, layer.inputs], sort_keys=True)


def _sequential(network: Network) -> Json:
    entries = [] if network.shape is None else [_input(network)]
    entries += [_entry(layer, network.dtype) for layer in network.layers]
    return _object(SEQUENTIAL, {"name": "model", "layers": entries})


def _functional(network: Network) -> Json:
    if network.shape is None:
        raise ConfigError("", "the network cannot be written: branches without a shape of the input")
    first = {**_input(network), "name": INPUT, "inbound_nodes": []}
    taken = input_names(network.layers)
    entries = [
        {**_entry(layer, network.dtype), "name": layer.name, "inbound_nodes": [_call(layer, taken[layer.name])]}
        for layer in network.layers
    ]
    config = {
        "name": "model",
        "layers": [first, *entries],
        "input_layers": [[INPUT, 0, 0]],
        "output_layers": [[network.layers[-1].name, 0, 0]],
    }
    return {**_object(FUNCTIONAL, config), "registered_name": FUNCTIONAL[1]}


def _object(kind: tuple[str, str], config: Mapping[str, Any]) -> Json:
    module, class_name = kind
    return {"module": module, "class_name": class_name, "config": dict(config), "registered_name": None}


def _input(network: Network) -> Json:
    shape = [None, *(network.shape or ())]
    return _object(("keras.layers", "InputLayer"), {"name": INPUT, "batch_shape": shape, "dtype": network.dtype})


def _entry(layer: Layer, dtype: str) -> Json:
    arguments = {key: _argument(key, value) for key, value in layer.arguments.items()}
    needed = NEEDED.get(layer.class_name, {})
    return _object(("keras.layers", layer.class_name), {"name": layer.name, "dtype": dtype, **needed, **arguments})


def _argument(key: str, value: Any) -> Any:
    """Return an argument with the module of an initializer, regularizer or constraint."""
    family = next((family for ending, family in OBJECTS.items() if key.endswith(ending)), None)
    if family is None or value is None:
        return value
    return _object((catalog.FAMILIES[family][0], value["class_name"]), value["config"])


def _call(layer: Layer, taken: Sequence[str]) -> Json:
    # Keras reads of a tensor only which layer gives it.
    tensors = [
        {"class_name": TENSOR, "config": {"shape": [None], "dtype": "float32", "keras_history": [name, 0, 0]}}
        for name in taken
    ]
    return {"args": [tensors] if layer.class_name in MERGING else tensors, "kwargs": {}}
