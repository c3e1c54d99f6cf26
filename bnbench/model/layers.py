"""Turns the layer list of a config and one variant into the flat list of Keras layers that a model is built from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from types import MappingProxyType
from typing import Any

from bnbench.errors import ConfigError, not_one_of, shorten
from bnbench.location import Location
from bnbench.model import arguments as keras_arguments
from bnbench.model import catalog
from bnbench.model.blocks import SLOT, Block, Chain, lay_out, move_norms
from bnbench.model.expand import Fork, Item, Items, expand_layers, substitute, used_params
from bnbench.model.layer import ACTIVATION_CLASSES, INPUT, Layer, last_activation
from bnbench.model.layer_table import MERGING
from bnbench.model.norm_slots import keep_norms
from bnbench.model.norms import NO_NORM, find_norm
from bnbench.model.shape_types import Shape
from bnbench.model.shortcuts import add_shortcuts

__all__ = [
    "ACTIVATION_CLASSES", "INPUT", "Layer", "NormSlot", "flatten_layers", "last_activation", "named_arguments",
    "used_params",
]  # fmt: skip
# Activations with a layer class of their own; all others need `- activation: NAME`.
ACTIVATION_LAYERS = frozenset({"relu", "elu", "softmax", "leaky_relu"})
# Arguments that a config must not give, with the reason.
OF_LAYERS = MappingProxyType(
    dict.fromkeys(
        ("lora_rank", "lora_alpha"),
        "Keras draws the weights of LoRA without a seed, so no trial could be repeated: leave it out",
    )
)


@dataclass(frozen=True)
class NormSlot:
    """What a variant puts into the norm slots of a layer list."""

    name: str = NO_NORM
    arguments: Mapping[str, Any] | None = None
    # "before" or "after" the activation next to the slot. If None, the norm is exactly at the slot.
    position: str | None = None
    where: Location | str = "norm"
    # The numbers of the slots that it fills, counted from 1 in the order of the layers; None: all of them.
    only: Sequence[int] | None = None


def flatten_layers(
    items: Sequence[Any],
    params: Mapping[str, Any],
    norm: NormSlot,
    where: Location | str,
    shape: Shape | None = None,
) -> tuple[Layer, ...]:
    """Return the layers of one variant: repeats written out, `$params` filled in, norms in their slots, blocks joined.

    Args:
        shape: of one example, which decides the shortcuts of residual blocks. If it is unknown, they are the identity.

    Raises:
        ConfigError: a layer, argument, parameter or norm is unknown, a norm has no slot, or a block has no shortcut.
    """
    where = Location.of(where)
    expanded = expand_layers(items, params, where, count())
    if norm.name != NO_NORM and not _has_slot(expanded):
        raise ConfigError(where, f"no 'norm' slot for norm: {norm.name}: write `- norm` where the norm belongs")
    chain = _resolve_chain(expanded, norm, params)
    moved = move_norms(chain, norm.position) if norm.position else chain
    flat = lay_out(add_shortcuts(_with_place(moved, norm), shape))
    return flat if norm.only is None else keep_norms(flat, norm.only, norm.where)


def _has_slot(items: Items) -> bool:
    return any(any(map(_has_slot, item.branches)) if isinstance(item, Fork) else item.name == SLOT for item in items)


def _with_place(chain: Chain, norm: NormSlot) -> Chain:
    """Return the tree with norms whose place is that of their arguments, which the variant holds, and not the slot."""
    placed: list[Layer | Block] = []
    for node in chain:
        if isinstance(node, Block):
            placed.append(replace(node, branches=tuple(_with_place(branch, norm) for branch in node.branches)))
        elif node.name == SLOT:
            placed.append(replace(node, where=Location.of(norm.where) / norm.name))
        else:
            placed.append(node)
    return tuple(placed)


def _resolve_chain(items: Items, norm: NormSlot, params: Mapping[str, Any]) -> Chain:
    nodes: list[Layer | Block | None] = []
    for item in items:
        if isinstance(item, Fork):
            branches = tuple(_resolve_chain(branch, norm, params) for branch in item.branches)
            nodes.append(Block(branches, _resolve_merge(item.merge), item.shortcut, item.where))
        else:
            nodes.append(_resolve_norm(item, norm, params) if item.name == SLOT else _resolve_layer(item))
    return tuple(node for node in nodes if node)


def _resolve_layer(item: Item) -> Layer:
    if item.name in catalog.activation_names() - ACTIVATION_LAYERS:
        raise ConfigError(item.where, f"{item.name!r} is no layer: write `- activation: {item.name}`")
    if catalog.find_class("layers", item.name) in MERGING:
        form = f"`- parallel: {{branches: [[...], [...]], merge: {item.name}}}`, or `- residual: {{layers: [...]}}`"
        raise ConfigError(item.where, f"{item.name!r} merges several branches: write {form}")
    return _make_layer(item)


def _resolve_merge(item: Item) -> Layer:
    if catalog.find_class("layers", item.name) not in MERGING:
        raise ConfigError(item.where, not_one_of(item.name, map(catalog.snake_case, MERGING)))
    return _make_layer(item)


def _make_layer(item: Item) -> Layer:
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


def _resolve_norm(item: Item, slot: NormSlot, params: Mapping[str, Any]) -> Layer | None:
    if item.arguments is not None:
        raise ConfigError(item.where, "the slot takes no arguments: each variant says which norm goes there")
    norm = find_norm(slot.name, slot.where)
    if norm is None:
        return None
    where = Location.of(slot.where) / norm.name
    given = substitute({**norm.defaults, **(slot.arguments or {})}, params, where)
    keras_arguments.check_arguments("layers", norm.class_name, given, where)
    return Layer(SLOT, norm.class_name, _with_objects(given, where), item.where)
