"""Every layer that trains, written by Keras and by this project, and read again: nothing of it is lost."""

import json
from typing import Any

import keras
import pytest

from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.model.network_file import read_network
from bnbench.model.network_json import write_network
from bnbench.training.builder import build_model
from support.layer_cases import CASES, LayerCase

# Keras says so of the case `masked`, and is right.
pytestmark = pytest.mark.filterwarnings("ignore:Layer 'flatten_.*mask")


def arguments_in_keras(model: keras.Model) -> dict[str, Any]:
    """Return the whole config of each layer but its name and its seeds, by name."""
    return {one.name: _without_seeds(json.loads(json.dumps(one.get_config()))) for one in model.layers}


def _without_seeds(config: Any) -> Any:
    if not isinstance(config, dict):
        return config
    return {key: _without_seeds(value) for key, value in config.items() if key not in {"seed", "name"}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_network_is_the_same_through_keras_and_through_a_file(case: LayerCase) -> None:
    layers = flatten_layers([*case.layers, {"dense": 3}], {}, NormSlot(), "here", case.shape)
    model = build_model(layers, case.shape, case.dtype, seed=0)
    network = read_network(json.loads(model.to_json()), "net.json")
    assert network.shape == case.shape
    assert network.dtype == case.dtype
    assert [layer.class_name for layer in network.layers] == [layer.class_name for layer in layers]
    again = build_model(network.layers, case.shape, case.dtype, seed=0)
    rebuilt = keras.models.model_from_json(write_network(network))
    # All three agree in every argument, also in those that no file names.
    assert arguments_in_keras(again) == arguments_in_keras(rebuilt)
    first = arguments_in_keras(model)
    for old, new in zip(layers, network.layers, strict=True):
        assert arguments_in_keras(again)[new.name] == first[old.name]
    assert write_network(read_network(json.loads(rebuilt.to_json()), "net.json")) == write_network(network)
