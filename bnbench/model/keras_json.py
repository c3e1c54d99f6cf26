"""Reads the JSON that Keras writes of a model, a chain or a graph of layers, into a list of layers; needs no Keras.

A `Sequential` lists its layers in order. A functional model lists them in an order that depends on how deep they lie,
each with its calls; here they get the order of `graph.order_layers`. A model inside a model is written out: its layers
have the names `model/layer`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import Any

from bnbench.errors import ConfigError, shorten, shorten_name
from bnbench.model.graph import ancestors, order_layers
from bnbench.model.layer import INPUT, Layer
from bnbench.model.layer_table import LAYERS, MERGING
from bnbench.model.shape_types import Shape

# Keras makes these of masks, which it makes again when it calls the layers; they are no layers.
MASK_MODULE = "keras.src.ops.numpy"
MASK_OPERATIONS = frozenset(
    {"Any", "Concatenate", "ExpandDims", "LogicalOr", "NotEqual", "OnesLike", "ZerosLike"}
)  # fmt: skip
# How Keras writes `a + b` and functions of keras.ops, and the layers that do the same.
OPERATIONS = "keras.src.ops."
INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        **{name: f"keras.layers.{name}()([a, b])" for name in ("Add", "Concatenate", "Maximum", "Minimum", "Multiply")},
        "Subtract": "keras.layers.Subtract()([a, b])",
        "Divide": "keras.layers.Rescaling",
        "TrueDivide": "keras.layers.Rescaling",
        "Relu": "keras.layers.ReLU()",
        "Reshape": "keras.layers.Reshape",
        "Softmax": "keras.layers.Softmax()",
        "Transpose": "keras.layers.Permute",
        **{
            name: f'keras.layers.Activation("{name.lower()}")'
            for name in ("Elu", "Gelu", "Selu", "Sigmoid", "Silu", "Softplus", "Tanh")
        },
    }
)
# What a call of a layer may be given in addition to its inputs. The mode of the model counts, not that of the call.
CALL_ARGUMENTS = frozenset({"mask", "training"})
TENSOR = "__keras_tensor__"
# The module and the class of the models that a file describes; the code of any other class is not in it.
SEQUENTIAL = ("keras", "Sequential")
FUNCTIONAL = ("keras.src.models.functional", "Functional")


@dataclass(frozen=True)
class _Part:
    """A layer, or a model that may be inside another one."""

    # Each with all of its inputs; INPUT is the input of the part.
    layers: tuple[Layer, ...]
    # The name of the layer that gives the output.
    output: str
    # Of one example. None if it is not known.
    shape: Shape | None = None
    # The names of the layers whose call is given a mask.
    masked: frozenset[str] = frozenset()


def read_model(model: Mapping[str, Any]) -> tuple[Shape | None, tuple[Layer, ...]]:
    """Return the shape of one example, and the layers with Keras' names and the whole config of each as arguments.

    The shape is None if the model is a `Sequential` without an input.

    Args:
        model: what `json.loads(model.to_json())` returns, or the config.json of a saved model.

    Raises:
        ConfigError: the model is not a graph of single calls of layers with one input and one output.
        KeyError, TypeError, ValueError, IndexError: this is not JSON that Keras writes.
    """
    if (model["module"], model["class_name"]) not in {SEQUENTIAL, FUNCTIONAL}:
        raise ConfigError(
            "",
            f"the model is a {shorten_name(str(model['class_name']))}, whose code is not in the file: build it with "
            "keras.Sequential or keras.Model(inputs, outputs)",
        )
    part = _read_part(model, "")
    layers = order_layers(part.layers, part.output)
    for layer in layers:
        if layer.name in part.masked and not _gets_mask(layer, layers):
            raise ConfigError("", f"{layer.name} is called with a mask, which no layer before it makes: leave it out")
    return part.shape, layers


def _gets_mask(layer: Layer, layers: Sequence[Layer]) -> bool:
    before = ancestors(layers, {layer.name})
    makers = (one for one in layers if one.name in before)
    return any(one.class_name == "Masking" or one.arguments.get("mask_zero") for one in makers)


def _read_part(entry: Mapping[str, Any], path: str) -> _Part:
    """Return a layer or a model.

    Args:
        path: goes in front of the names of the layers of a model.
    """
    kind = (entry["module"], entry["class_name"])
    if kind == SEQUENTIAL:
        return _read_chain(entry["config"]["layers"], path)
    if kind == FUNCTIONAL:
        return _read_graph(entry["config"], path)
    layer = _read_layer(entry, path)
    return _Part((layer,), layer.name)


def _read_chain(entries: Sequence[Mapping[str, Any]], path: str) -> _Part:
    chained, shape = _Part((), INPUT), None
    for entry in entries:
        if entry["class_name"] == "InputLayer" and not chained.layers:
            shape = _input_shape(entry)
            continue
        if entry["class_name"] in MERGING:
            raise ConfigError(
                "", f"{entry['config']['name']} ({entry['class_name']}) takes one input, wanted at least two"
            )
        part = _read_part(entry, _inside(entry, path))
        chained = _Part((*chained.layers, *_attach(part, [chained.output])), part.output, shape)
    return _with_layers(chained, path)


def _read_graph(config: Mapping[str, Any], path: str) -> _Part:
    entries = config["layers"]
    first = next(one for one in entries if one["class_name"] == "InputLayer")
    source, output = (_single(config[key], key) for key in ("input_layers", "output_layers"))
    if source != first["config"]["name"]:
        raise ConfigError("", f"the input is {source}, which is no input of the model")
    called = {entry["name"]: entry for entry in _without_operations(entries) if entry is not first}
    parts = {name: _read_part(entry, _inside(entry, path)) for name, entry in called.items()}
    ends = {source: INPUT, **{name: part.output for name, part in parts.items()}}
    layers: list[Layer] = []
    for name, entry in called.items():
        taken = [ends.get(one, path + one) for one in _inputs(entry)]
        layers.extend(_attach(parts[name], taken))
    masked = {path + name for name, entry in called.items() if isinstance(_arguments(entry).get("mask"), Mapping)}
    inside = chain.from_iterable(part.masked for part in parts.values())
    whole = _Part(tuple(layers), ends.get(output, path + output), _input_shape(first), frozenset({*masked, *inside}))
    return _with_layers(whole, path)


def _inside(entry: Mapping[str, Any], path: str) -> str:
    """Return the path of the layers of an entry: a model adds its name, a layer nothing."""
    return f"{path}{entry['config']['name']}/" if "layers" in entry["config"] else path


def _with_layers(part: _Part, path: str) -> _Part:
    if not part.layers:
        raise ConfigError("", f"{path.rstrip('/') or 'the model'} has no layers")
    return part


def _attach(part: _Part, taken: Sequence[str]) -> Iterator[Layer]:
    """Yield the layers of a part, which takes other layers as its input."""
    for layer in part.layers:
        inputs = chain.from_iterable(taken if name == INPUT else (name,) for name in layer.inputs)
        yield replace(layer, inputs=tuple(inputs))


def _without_operations(entries: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the entries that are layers.

    Raises:
        ConfigError: an operation is not one that Keras makes of masks.
    """
    taken = {name for entry in entries if entry["module"] != MASK_MODULE for name in _inputs_of(entry)}
    for entry in entries:
        if not str(entry["module"]).startswith(OPERATIONS):
            yield entry
        elif entry["class_name"] not in MASK_OPERATIONS or entry["name"] in taken:
            instead = INSTEAD.get(entry["class_name"])
            hint = f": use {instead}" if instead else ": use layers of Keras"
            raise ConfigError("", f"{entry['name']} is an operation of Keras, not a layer{hint}")


def _inputs_of(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of what an entry takes as its inputs, whatever it is."""
    waiting = [call.get("args") for call in entry["inbound_nodes"]]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting.extend(value)
        elif isinstance(value, Mapping) and value["class_name"] == TENSOR:
            yield value["config"]["keras_history"][0]


def _input_shape(entry: Mapping[str, Any]) -> Shape:
    return tuple(entry["config"]["batch_shape"][1:])


def _read_layer(entry: Mapping[str, Any], path: str) -> Layer:
    name, class_name = path + entry["config"]["name"], entry["class_name"]
    if class_name not in LAYERS or (entry["module"], entry.get("registered_name")) != ("keras.layers", None):
        raise ConfigError("", f"{name} is a {shorten_name(str(class_name))}, wanted a layer of Keras")
    record = LAYERS[class_name]
    if record.refused and not record.once_trained:
        raise ConfigError("", f"{name}: {class_name!r} {record.refused}")
    if path + entry.get("name", entry["config"]["name"]) != name:
        raise ConfigError("", f"{name} has another name, {entry['name']}, wanted one name for a layer")
    return Layer(name, class_name, entry["config"], inputs=(INPUT,))


def _single(tensors: Any, key: str) -> str:
    """Return the name of the only layer of a list of tensors, which may also be the tensor itself."""
    listed = list(tensors.values()) if isinstance(tensors, Mapping) else tensors
    listed = [listed] if isinstance(listed[0], str) else listed
    if len(listed) != 1:
        names = ", ".join(str(one[0]) for one in listed)
        raise ConfigError("", f"the model has {len(listed)} {key.partition('_')[0]}s ({names}), wanted one")
    return str(listed[0][0])


def _arguments(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments of the only call of a layer, next to its inputs."""
    name, calls = entry["config"]["name"], entry["inbound_nodes"]
    if len(calls) != 1:
        raise ConfigError("", f"{name} is called {len(calls)} times, wanted one call: layers that share their weights")
    return {key: value for key, value in calls[0]["kwargs"].items() if value is not None}


def _inputs(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the layers that a layer takes."""
    name, more = entry["config"]["name"], _arguments(entry)
    given = entry["inbound_nodes"][0]["args"]
    if not CALL_ARGUMENTS.issuperset(more):
        raise ConfigError("", f"{name} is called with {', '.join(map(str, more))}, wanted its inputs alone")
    several = len(given) == 1 and isinstance(given[0], list)
    tensors = given[0] if several else given
    if several != (entry["class_name"] in MERGING) or len(tensors) < 1 + several or len(given) != 1:
        wanted = "at least two in one list" if entry["class_name"] in MERGING else "one"
        raise ConfigError("", f"{name} ({entry['class_name']}) takes {len(tensors)} inputs, wanted {wanted}")
    for tensor in tensors:
        if tensor["class_name"] != TENSOR:
            raise ConfigError("", f"{name} takes {shorten(tensor)}, wanted the output of a layer")
        taken, call, number = tensor["config"]["keras_history"]
        if call != 0 or number != 0:
            raise ConfigError("", f"{name} takes output {number} of call {call} of {taken}, wanted the only output")
        yield str(taken)
