"""Turns the layer list of a config and one variant into the flat list of Keras layers that a model is built from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType
from typing import Any

from bnbench.errors import ConfigError, did_you_mean, shorten
from bnbench.location import Location
from bnbench.model import arguments as keras_arguments
from bnbench.model import catalog
from bnbench.model.norms import NO_NORM, find_norm

ACTIVATION_CLASSES = frozenset({"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"})
# Activations with a layer class of their own; all others need `- activation: NAME`.
ACTIVATION_LAYERS = frozenset({"relu", "elu", "softmax", "leaky_relu"})
# Arguments that a config must not give, with the reason.
OF_LAYERS = MappingProxyType(
    dict.fromkeys(
        ("lora_rank", "lora_alpha"),
        "Keras draws the weights of LoRA without a seed, so no trial could be repeated: leave it out",
    )
)
SLOT = "norm"
MAX_LAYERS = 2000


@dataclass(frozen=True)
class Layer:
    """One layer of a model; a layer has the same name in every variant, because its random stream depends on it."""

    # dense_0, dense_1 ... by class; norm_0 ... for the layer in a norm slot.
    name: str
    class_name: str
    arguments: Mapping[str, Any]
    # The key that holds its arguments; for a norm, the key of the variant.
    where: Location | str = ""


@dataclass(frozen=True)
class NormSlot:
    """What a variant puts into the norm slots of a layer list."""

    name: str = NO_NORM
    arguments: Mapping[str, Any] | None = None
    # "before" or "after" the activation next to the slot. If None, the norm is exactly at the slot.
    position: str | None = None
    where: Location | str = "norm"


def last_activation(flat: Sequence[Layer]) -> str | None:
    """Return the name of the last hidden activation layer, or None if no hidden activation is a layer of its own."""
    return next((layer.name for layer in reversed(flat[:-1]) if layer.class_name in ACTIVATION_CLASSES), None)


@dataclass(frozen=True)
class _Item:
    name: str
    arguments: Any
    where: Location


def flatten_layers(
    items: Sequence[Any], params: Mapping[str, Any], norm: NormSlot, where: Location | str
) -> tuple[Layer, ...]:
    """Return the layers of one variant: repeats written out, `$params` filled in, norms in their slots.

    Raises:
        ConfigError: a layer, argument, parameter or norm is unknown, or a norm has no slot.
    """
    where = Location.of(where)
    flat = list(_expand(items, params, where, count()))
    if norm.name != NO_NORM and all(item.name != SLOT for item in flat):
        raise ConfigError(where, f"no 'norm' slot for norm: {norm.name}: write `- norm` where the norm belongs")
    layers: list[Layer] = []
    for item in flat:
        layer = _resolve_norm(item, norm, params) if item.name == SLOT else _resolve_layer(item)
        layers += [layer] if layer else []
    moved = _move_norms(layers, norm.position) if norm.position else layers
    # From here on, messages about a norm are about its arguments, which the variant holds, and not about its slot.
    norm_where = Location.of(norm.where) / norm.name
    return tuple(_numbered(replace(one, where=norm_where) if one.name == SLOT else one for one in moved))


def used_params(items: Any) -> set[str]:
    """Return the names that are used as `$name` anywhere in a layer list."""
    if isinstance(items, str):
        return {items[1:]} if items.startswith("$") else set()
    if isinstance(items, Mapping):
        items = list(items.values())
    return set().union(*(used_params(item) for item in items)) if isinstance(items, list) else set()


def _expand(items: Any, params: Mapping[str, Any], where: Location, turns: Iterator[int]) -> Iterator[_Item]:
    """Yield the layers with repeats written out.

    `turns` counts lists and layers, because repeats inside repeats can be practically endless.
    """
    if not isinstance(items, list):
        raise ConfigError(where, f"found {shorten(items)}, wanted a list of layers")
    for i, item in enumerate(items):
        place = where / i
        if next(turns) >= MAX_LAYERS:
            raise ConfigError(place, f"more than {MAX_LAYERS} layers")
        if isinstance(item, str):
            yield _Item(item, None, place)
        elif isinstance(item, dict) and len(item) > 1:
            raise ConfigError(place, f"wanted one layer, found {len(item)}: {', '.join(map(str, item))}")
        elif not isinstance(item, dict) or not item:
            raise ConfigError(place, f"found {shorten(item)}, wanted one layer, as in `- dense: {{units: 10}}`")
        elif "repeat" in item:
            yield from _repeat(item["repeat"], params, place / "repeat", turns)
        else:
            name, arguments = next(iter(item.items()))
            yield _Item(str(name), _substitute(arguments, params, place / str(name)), place)


def _repeat(spec: Any, params: Mapping[str, Any], where: Location, turns: Iterator[int]) -> Iterator[_Item]:
    if not isinstance(spec, dict) or set(spec) != {"times", "layers"}:
        raise ConfigError(where, "wanted {times: a number, layers: [...]}")
    times = _substitute(spec["times"], params, where / "times")
    if not isinstance(times, int) or isinstance(times, bool) or not 0 <= times <= MAX_LAYERS:
        raise ConfigError(where / "times", f"found {shorten(times)}, wanted a whole number from 0 to {MAX_LAYERS}")
    if spec["layers"] == []:
        raise ConfigError(where / "layers", "found [], wanted at least one layer")
    for _ in range(times):
        yield from _expand(spec["layers"], params, where / "layers", turns)


def _substitute(value: Any, params: Mapping[str, Any], where: Location) -> Any:
    if isinstance(value, str) and value.startswith("$"):
        if value[1:] not in params:
            near = did_you_mean(value[1:], params)
            raise ConfigError(where, f"{value} is not set under model.params{near}; there are {', '.join(params)}")
        return params[value[1:]]
    if isinstance(value, dict):
        return {key: _substitute(inner, params, where / str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_substitute(inner, params, where / i) for i, inner in enumerate(value)]
    return value


def _resolve_layer(item: _Item) -> Layer:
    if item.name in catalog.activation_names() - ACTIVATION_LAYERS:
        raise ConfigError(item.where, f"{item.name!r} is no layer: write `- activation: {item.name}`")
    given = named_arguments("layers", item.name, item.arguments, item.where)
    where = item.where / item.name
    class_name = keras_arguments.check_arguments("layers", item.name, given, where, OF_LAYERS)
    return Layer("", class_name, _with_objects(given, where), item.where if item.arguments is None else where)


def named_arguments(family: str, name: str, given: Any, where: Location) -> dict[str, Any]:
    """Return arguments by name; `dropout: 0.2` sets the first argument of Dropout."""
    if given is None:
        return {}
    if isinstance(given, dict):
        return {str(key): value for key, value in given.items()}
    class_name = catalog.resolve_class(family, name, where)
    first = next(iter(keras_arguments.class_signature(family, class_name).defaults), None)
    if first is None:
        raise ConfigError(where / name, f"found {shorten(given)}, but {name} takes no arguments")
    return {first: given}


def _with_objects(given: dict[str, Any], where: Location) -> dict[str, Any]:
    """Return arguments with initializers, regularizers and constraints in the form that Keras deserializes."""
    checked: dict[str, Any] = {}
    for key, value in given.items():
        family = next((f for ending, f in keras_arguments.OBJECTS.items() if key.endswith(ending)), None)
        checked[key] = _keras_object(family, value, where / key) if family and value is not None else value
    return checked


def _keras_object(family: str, value: Any, where: Location) -> dict[str, Any]:
    if isinstance(value, str):
        value = {value: None}
    if isinstance(value, dict) and len(value) > 1:
        noun = catalog.FAMILIES[family][2]
        raise ConfigError(where, f"wanted one {noun}, found {len(value)}: {', '.join(map(str, value))}")
    if not isinstance(value, dict) or len(value) != 1:
        raise ConfigError(where, f"found {shorten(value)}, wanted a name or {{name: arguments}}")
    name, given = next(iter(value.items()))
    config = named_arguments(family, str(name), given, where)
    return {"class_name": keras_arguments.check_arguments(family, str(name), config, where), "config": config}


def _resolve_norm(item: _Item, slot: NormSlot, params: Mapping[str, Any]) -> Layer | None:
    if item.arguments is not None:
        raise ConfigError(item.where, "the slot takes no arguments: each variant says which norm goes there")
    norm = find_norm(slot.name, slot.where)
    if norm is None:
        return None
    where = Location.of(slot.where) / norm.name
    given = _substitute({**norm.defaults, **(slot.arguments or {})}, params, where)
    keras_arguments.check_arguments("layers", norm.class_name, given, where)
    return Layer(SLOT, norm.class_name, _with_objects(given, where), item.where)


def _move_norms(layers: list[Layer], position: str) -> list[Layer]:
    """Return the layers with each norm before or after the activation next to its slot."""
    moved = list(layers)
    for layer in [layer for layer in layers if layer.name == SLOT]:
        i = next(i for i, other in enumerate(moved) if other is layer)
        follows = i > 0 and moved[i - 1].class_name in ACTIVATION_CLASSES
        precedes = i + 1 < len(moved) and moved[i + 1].class_name in ACTIVATION_CLASSES
        if not (follows or precedes):
            raise ConfigError(
                layer.where,
                "norm_position needs an activation layer next to the slot: write the activation as a layer of its own",
            )
        if position == "after" and precedes:
            moved[i], moved[i + 1] = moved[i + 1], moved[i]
        elif position == "before" and follows and not precedes:
            moved[i - 1], moved[i] = moved[i], moved[i - 1]
    return moved


def _numbered(layers: Iterable[Layer]) -> Iterator[Layer]:
    counts: dict[str, int] = {}
    for layer in layers:
        stem = layer.name or catalog.snake_case(layer.class_name)
        number = counts.setdefault(stem, 0)
        counts[stem] += 1
        yield replace(layer, name=f"{stem}_{number}")
