"""Layer list + variant -> the flat, checked list of Keras layers that a model is built from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from bnbench.errors import ConfigError, did_you_mean, not_one_of, shorten
from bnbench.model import catalog

NORM_CLASSES = {
    "batch": "BatchNormalization",
    "layer": "LayerNormalization",
    "group": "GroupNormalization",
    "rms": "RMSNormalization",
}
ACTIVATION_CLASSES = frozenset({"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"})
MAX_LAYERS = 2000


@dataclass(frozen=True)
class Layer:
    """One layer of a model; `name` is the same in every variant, so that it can carry the layer's random stream."""

    name: str  # dense_0, dense_1 ... by class; norm_0 ... for what stands in a slot
    class_name: str
    arguments: Mapping[str, Any]
    where: str = ""  # the place in the file, for messages


@dataclass(frozen=True)
class NormSlot:
    """What a variant puts into the slots."""

    name: str = "none"
    arguments: Mapping[str, Any] | None = None
    position: str | None = None  # before, after: of the activation beside the slot; None: where the slot stands
    where: str = "norm"  # the place in the file, for messages


def last_activation(flat: Sequence[Layer]) -> str | None:
    """The name of the last hidden activation that is a layer of its own, so that what goes into it can be seen."""
    return next((layer.name for layer in reversed(flat[:-1]) if layer.class_name in ACTIVATION_CLASSES), None)


@dataclass(frozen=True)
class _Item:
    name: str
    arguments: Any
    where: str


def flatten_layers(items: Sequence[Any], params: Mapping[str, Any], norm: NormSlot, where: str) -> tuple[Layer, ...]:
    """The layers of one variant, with repeats written out, `$params` filled in and norms in their slots.

    Raises:
        ConfigError: an unknown layer, argument or parameter; a norm without a slot.
    """
    flat = list(_expand(items, params, where, count()))
    slots = sum(item.name == "norm" for item in flat)
    if norm.name != "none" and not slots:
        raise ConfigError(where, f"no 'norm' slot for norm: {norm.name} to stand in: write `- norm` where it belongs")
    resolved = [_resolve_norm(item, norm, params) if item.name == "norm" else _resolve(item) for item in flat]
    if norm.name == "none":
        resolved = [layer for layer in resolved if layer.class_name != "norm"]
    elif norm.position:
        resolved = _move_norms(resolved, norm.position)
    return tuple(_numbered(resolved))


def used_params(items: Any) -> set[str]:
    """The names that stand as `$name` anywhere in a layer list."""
    if isinstance(items, str):
        return {items[1:]} if items.startswith("$") else set()
    if isinstance(items, Mapping):
        items = list(items.values())
    return set().union(*(used_params(item) for item in items)) if isinstance(items, list) else set()


def _expand(items: Any, params: Mapping[str, Any], where: str, turns: Iterator[int]) -> Iterator[_Item]:
    """The layers with repeats written out; `turns` counts lists and layers, for repeats in repeats are soon endless."""
    if not isinstance(items, list):
        raise ConfigError(where, f"found {shorten(items)}, wanted a list of layers")
    for i, item in enumerate(items):
        place = f"{where}[{i}]"
        if next(turns) >= MAX_LAYERS:
            raise ConfigError(place, f"more than {MAX_LAYERS} layers")
        if isinstance(item, str):
            yield _Item(item, None, place)
        elif not isinstance(item, dict) or len(item) != 1:
            raise ConfigError(place, f"found {shorten(item)}, wanted one layer, as in `- dense: {{units: 10}}`")
        elif "repeat" in item:
            yield from _repeat(item["repeat"], params, f"{place}.repeat", turns)
        else:
            name, arguments = next(iter(item.items()))
            yield _Item(str(name), _substitute(arguments, params, f"{place}.{name}"), place)


def _repeat(spec: Any, params: Mapping[str, Any], where: str, turns: Iterator[int]) -> Iterator[_Item]:
    if not isinstance(spec, dict) or set(spec) != {"times", "layers"}:
        raise ConfigError(where, "wanted {times: a number, layers: [...]}")
    times = _substitute(spec["times"], params, f"{where}.times")
    if not isinstance(times, int) or isinstance(times, bool) or not 0 <= times <= MAX_LAYERS:
        raise ConfigError(f"{where}.times", f"found {shorten(times)}, wanted a whole number from 0 to {MAX_LAYERS}")
    if spec["layers"] == []:
        raise ConfigError(f"{where}.layers", "found [], wanted at least one layer")
    for _ in range(times):
        yield from _expand(spec["layers"], params, f"{where}.layers", turns)


def _substitute(value: Any, params: Mapping[str, Any], where: str) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        if value[1:] not in params:
            near = did_you_mean(value[1:], params)
            raise ConfigError(where, f"{value} is not set under model.params{near}; there are {', '.join(params)}")
        return params[value[1:]]
    if isinstance(value, dict):
        return {k: _substitute(v, params, f"{where}.{k}") for k, v in value.items()}
    if isinstance(value, list):
        return [_substitute(v, params, f"{where}[{i}]") for i, v in enumerate(value)]
    return value


def _resolve(item: _Item) -> Layer:
    if item.name in catalog.activation_names() and item.name not in {"relu", "elu", "softmax", "leaky_relu"}:
        raise ConfigError(item.where, f"{item.name!r} is no layer: write `- activation: {item.name}`")
    arguments = named_arguments("layers", item.name, item.arguments, item.where)
    class_name = catalog.check_arguments("layers", item.name, arguments, f"{item.where}.{item.name}")
    return Layer("", class_name, _objects(arguments, f"{item.where}.{item.name}"), item.where)


def named_arguments(family: str, name: str, arguments: Any, where: str) -> dict[str, Any]:
    """Arguments by name: `dropout: 0.2` says the first one."""
    if arguments is None:
        return {}
    if isinstance(arguments, dict):
        return {str(k): v for k, v in arguments.items()}
    first = next(iter(catalog.class_signature(family, catalog.resolve_class(family, name, where)).defaults), None)
    if first is None:
        raise ConfigError(f"{where}.{name}", f"found {shorten(arguments)}, but {name} takes no arguments")
    return {first: arguments}


def _objects(arguments: dict[str, Any], where: str) -> dict[str, Any]:
    """Initializers, regularizers and constraints in the form that Keras deserialises; activations checked by name."""
    checked: dict[str, Any] = {}
    for key, value in arguments.items():
        family = next((f for ending, f in catalog.OBJECTS.items() if key.endswith(ending)), None)
        if family and value is not None:
            checked[key] = _object(family, value, f"{where}.{key}")
        elif key == "activation" or key.endswith("_activation"):
            if value is not None and not (isinstance(value, str) and value in catalog.activation_names()):
                raise ConfigError(f"{where}.{key}", not_one_of(value, sorted(catalog.activation_names())))
            checked[key] = value
        else:
            checked[key] = value
    return checked


def _object(family: str, value: Any, where: str) -> dict[str, Any]:
    if isinstance(value, str):
        value = {value: None}
    if not isinstance(value, dict) or len(value) != 1:
        raise ConfigError(where, f"found {shorten(value)}, wanted a name or {{name: arguments}}")
    name, arguments = next(iter(value.items()))
    config = named_arguments(family, str(name), arguments, where)
    return {"class_name": catalog.check_arguments(family, str(name), config, where), "config": config}


def _resolve_norm(item: _Item, norm: NormSlot, params: Mapping[str, Any]) -> Layer:
    if item.arguments is not None:
        raise ConfigError(item.where, "the slot takes no arguments: the variant says what stands in it")
    if norm.name == "none":
        return Layer("", "norm", {}, item.where)
    class_name = NORM_CLASSES[norm.name]
    arguments = _substitute(dict(norm.arguments or {}), params, f"{norm.where}.{norm.name}")
    catalog.check_arguments("layers", class_name, arguments, f"{norm.where}.{norm.name}")
    return Layer("norm", class_name, _objects(arguments, f"{norm.where}.{norm.name}"), item.where)


def _move_norms(layers: list[Layer], position: str) -> list[Layer]:
    """Each norm before or after the activation that stands beside its slot."""
    moved = list(layers)
    for layer in [layer for layer in layers if layer.name == "norm"]:
        i = next(i for i, other in enumerate(moved) if other is layer)
        follows = i > 0 and moved[i - 1].class_name in ACTIVATION_CLASSES
        precedes = i + 1 < len(moved) and moved[i + 1].class_name in ACTIVATION_CLASSES
        if not (follows or precedes):
            raise ConfigError(
                layer.where, "norm_position wants an activation layer beside the slot: write it as a layer of its own"
            )
        if position == "after" and precedes:
            moved[i], moved[i + 1] = moved[i + 1], moved[i]
        elif position == "before" and follows and not precedes:
            moved[i - 1], moved[i] = moved[i], moved[i - 1]
    return moved


def _numbered(layers: Sequence[Layer]) -> Iterator[Layer]:
    counts: dict[str, int] = {}
    for layer in layers:
        stem = layer.name or catalog.snake_case(layer.class_name)
        number = counts.setdefault(stem, 0)
        counts[stem] += 1
        yield Layer(f"{stem}_{number}", layer.class_name, layer.arguments, layer.where)
