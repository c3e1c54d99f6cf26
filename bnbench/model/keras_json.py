"""Reads the JSON that Keras writes of a model, a chain or a graph of layers, into a list of layers; needs no Keras.

A `Sequential` lists its layers in order. A functional model lists them in an order that depends on how deep they lie,
each with its calls; here they get the order of `graph.order_layers`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from bnbench.errors import ConfigError
from bnbench.model.graph import order_layers
from bnbench.model.layer import INPUT, Layer
from bnbench.model.layer_table import LAYERS, MERGING
from bnbench.model.shape_types import Shape

# Keras makes these of masks, which it makes again when it calls the layers; they are no layers.
MASK_MODULE = "keras.src.ops.numpy"
MASK_OPERATIONS = frozenset(
    {"Any", "Concatenate", "ExpandDims", "LogicalOr", "NotEqual", "OnesLike", "ZerosLike"}
)  # fmt: skip
# What a call of a layer may be given in addition to its inputs. The mode of the model counts, not that of the call.
CALL_ARGUMENTS = frozenset({"mask", "training"})
TENSOR = "__keras_tensor__"


def read_model(model: Mapping[str, Any]) -> tuple[Shape, tuple[Layer, ...]]:
    """Return the shape of one example, and the layers with Keras' names and the whole config of each as arguments.

    Args:
        model: what `json.loads(model.to_json())` returns, or the config.json of a saved model.

    Raises:
        ConfigError: the model is not a graph of single calls of layers with one input and one output.
        KeyError, TypeError, ValueError, IndexError: this is not JSON that Keras writes.
    """
    config = model["config"]
    if model["class_name"] == "Sequential":
        first, *rest = config["layers"]
        return _input_shape(first), tuple(_layer(one, "") for one in rest)
    entries = [one for one in config["layers"] if one["module"] != MASK_MODULE]
    first = next(one for one in entries if one["class_name"] == "InputLayer")
    source, output = (_single(config[key], key) for key in ("input_layers", "output_layers"))
    if source != first["config"]["name"]:
        raise ConfigError("", f"the input is {source}, which is no input of the model")
    layers = [_layer(one, source) for one in entries if one is not first]
    return _input_shape(first), order_layers(layers, output)


def _input_shape(entry: Mapping[str, Any]) -> Shape:
    return tuple(entry["config"]["batch_shape"][1:])


def _layer(entry: Mapping[str, Any], source: str) -> Layer:
    """Return a layer; if the input of the model has a name, with all of its inputs."""
    name, class_name = entry["config"]["name"], entry["class_name"]
    if class_name not in LAYERS:
        raise ConfigError("", f"{name} is a {class_name}, wanted a layer of Keras")
    if entry.get("name", name) != name:
        raise ConfigError("", f"{name} has another name, {entry['name']}, wanted one name for a layer")
    inputs = tuple(_inputs(entry, source)) if source else ()
    return Layer(name, class_name, entry["config"], inputs=inputs)


def _single(tensors: Any, key: str) -> str:
    """Return the name of the only layer of a list of tensors, which may also be the tensor itself."""
    listed = [tensors] if isinstance(tensors[0], str) else tensors
    if len(listed) != 1:
        raise ConfigError("", f"the model has {len(listed)} {key.partition('_')[0]}s, wanted one")
    return str(listed[0][0])


def _inputs(entry: Mapping[str, Any], source: str) -> Iterator[str]:
    """Yield the names of the layers that a layer takes."""
    name, calls = entry["config"]["name"], entry["inbound_nodes"]
    if len(calls) != 1:
        raise ConfigError("", f"{name} is called {len(calls)} times, wanted one call: layers that share their weights")
    (given,), more = calls[0]["args"], calls[0]["kwargs"]
    if not CALL_ARGUMENTS.issuperset(key for key, value in more.items() if value is not None):
        raise ConfigError("", f"{name} is called with {', '.join(map(str, more))}, wanted its inputs alone")
    tensors = given if isinstance(given, list) else [given]
    if isinstance(given, list) != (entry["class_name"] in MERGING) or len(tensors) < 1 + isinstance(given, list):
        raise ConfigError("", f"{name} ({entry['class_name']}) takes {len(tensors)} inputs")
    for tensor in tensors:
        taken, call, number = tensor["config"]["keras_history"]
        if tensor["class_name"] != TENSOR or call != 0 or number != 0:
            raise ConfigError("", f"{name} takes output {number} of call {call} of {taken}, wanted the only output")
        yield INPUT if taken == source else str(taken)
