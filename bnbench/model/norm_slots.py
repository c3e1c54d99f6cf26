"""Norms in some slots only: the layers of a variant without the norms in its other slots."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from bnbench.analysis.labels import format_count
from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model.blocks import SLOT
from bnbench.model.graph import input_names, shorten_inputs
from bnbench.model.layer import INPUT, Layer


def norm_names_of(flat: Sequence[Layer]) -> list[str]:
    """Return the names of the layers in norm slots, in the order of the layers."""
    # number_layers gives these names; the class Norm... of a layer list has another stem.
    return [layer.name for layer in flat if layer.name.rpartition("_")[0] == SLOT]


def keep_norms(flat: Sequence[Layer], slots: Collection[int], where: Location | str) -> tuple[Layer, ...]:
    """Return the layers without the norms in other slots. Each layer keeps its name.

    Args:
        flat: the layers with a norm in each slot.
        slots: the numbers of the slots that stay filled, counted from 1.
        where: the key `norm` of the variant, for messages.

    Raises:
        ConfigError: there are fewer slots.
    """
    norms = norm_names_of(flat)
    if max(slots) > len(norms):
        place = _beside(Location.of(where))
        raise ConfigError(place, f"found slot {max(slots)}, but there are {format_count(len(norms), 'norm slot')}")
    removed = {name for number, name in enumerate(norms, start=1) if number not in slots}
    taken, stands_for, kept, last = input_names(flat), dict[str, str](), list[Layer](), INPUT
    for layer in flat:
        inputs = tuple(stands_for.get(name, name) for name in taken[layer.name])
        if layer.name in removed:
            # A norm takes one layer.
            stands_for[layer.name] = inputs[0]
        else:
            kept.append(shorten_inputs(replace(layer, inputs=inputs), last))
            last = layer.name
    return tuple(kept)


def _beside(where: Location) -> Location:
    """Return the place of `norm_slots`, next to `norm`."""
    return replace(where, steps=(*where.steps[:-1], "norm_slots"))
