"""Results -> what each norm slot or ingredient adds to the edge, where the experiment asks for `credit`."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bnbench.analysis.columns import CREDIT, column_names
from bnbench.analysis.edge import EdgePosterior
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import format_list
from bnbench.analysis.shapley import Estimate, Shares, find_shares
from bnbench.config.credit import Credit
from bnbench.config.schema import Experiment
from bnbench.model.graph import input_names
from bnbench.model.layer import INPUT, Layer
from bnbench.model.norm_slots import norm_names_of
from bnbench.results.variant_config import VariantConfig

PART, TOTAL, OVERLAP = "part", "total", "overlap"
OUTPUT = "output"
SLOT = re.compile(r"slot (\d+)")
# The posterior of the edge of a variant, at some values of the further axes; None if the variant has no edge.
EdgeOf = Callable[[Mapping[str, Any], str], EdgePosterior | None]
# How a variant was set up there; None if that is not known.
ConfigOf = Callable[[str, Mapping[str, Any]], VariantConfig | None]


def no_credit(axes: Sequence[str]) -> pd.DataFrame:
    """Return the table without a row."""
    return pd.DataFrame(columns=[*axes, *column_names(CREDIT)])


def credit_table(
    experiment: Experiment, places: Sequence[Mapping[str, Any]], edge_of: EdgeOf, config_of: ConfigOf
) -> pd.DataFrame:
    """Return the rows of `columns.CREDIT`: one for each slot or ingredient, one for the total and one for the overlap.

    Values of the further axes at which some edge is not known have no rows.

    Args:
        experiment: as resolved.
        places: the values of the further axes.
        edge_of: returns an edge.
        config_of: returns how a variant was set up, of which slots get their names.
    """
    credit, rows = experiment.credit, list[dict[str, Any]]()
    for place in places if credit else ():
        if credit and (shares := shares_at(credit, place, edge_of)):
            labels = slot_labels(credit, _layers_of(credit, place, config_of), _slots_of(experiment))
            rows += [{**place, **row} for row in _rows(shares, labels)]
    axes = list(places[0]) if places else []
    return pd.DataFrame(rows, columns=[*axes, *column_names(CREDIT)])


def _layers_of(credit: Credit, place: Mapping[str, Any], config_of: ConfigOf) -> Sequence[Layer]:
    """Return the layers of the variant that has everything; none if they are not known."""
    subsets = credit.subsets or {}
    everyone = next(name for name, subset in subsets.items() if len(subset) == len(credit.players))
    config = config_of(everyone, place)
    return config.layers if config else ()


def _slots_of(experiment: Experiment) -> dict[str, Sequence[int]]:
    return {name: variant.norm_slots for name, variant in experiment.variants.items() if variant.norm_slots}


def shares_at(credit: Credit, place: Mapping[str, Any], edge_of: EdgeOf) -> Shares | None:
    """Return what each slot or ingredient adds at some values of the further axes; None if some edge is not known."""
    edges = {
        frozenset(subset): posterior
        for name, subset in (credit.subsets or {}).items()
        if (posterior := edge_of(place, name)) and len(posterior.outcomes) >= MIN_VALUES
    }
    if any(frozenset(subset) not in edges for subset in credit.wanted_subsets()):
        return None
    return find_shares(credit.players, edges, credit.sampled or ())


def why_no_credit(credit: Credit, place: Mapping[str, Any], edge_of: EdgeOf) -> str:
    """Return which variants lack an edge; empty if all have one."""
    wanted = {frozenset(subset) for subset in credit.wanted_subsets()}
    needed = [name for name, subset in (credit.subsets or {}).items() if frozenset(subset) in wanted]
    found = {name: edge_of(place, name) for name in needed}
    lacking = [name for name, edge in found.items() if edge is None or len(edge.outcomes) < MIN_VALUES]
    return f"no edge is known of {format_list(lacking)}" if lacking else ""


def _rows(shares: Shares, labels: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for share in shares.shares:
        label = labels.get(share.player, share.player)
        yield {
            "kind": PART, "part": share.player, "label": label, "orders": shares.orders,
            **_numbers("credit", share.credit), **_numbers("alone", share.alone), **_numbers("last", share.last),
        }  # fmt: skip
    for kind, estimate in ((TOTAL, shares.total), (OVERLAP, shares.overlap)):
        yield {"kind": kind, "part": "", "label": kind, "orders": shares.orders, **_numbers("credit", estimate)}


def _numbers(name: str, estimate: Estimate | None) -> dict[str, float]:
    numbers = (estimate.value, estimate.low, estimate.high) if estimate else (math.nan,) * 3
    return dict(zip((name, f"{name}_low", f"{name}_high"), numbers, strict=True))


def slot_labels(credit: Credit, layers: Sequence[Layer], slots: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Return how slots are called: `slot 2 (dense_1 → relu)`, and groups of them: `early (slots 1, 2)`.

    Args:
        credit: as resolved.
        layers: of the variant with a norm in each slot; empty if they are not known.
        slots: the slots of a variant, by its name, for variants that fill only some.
    """
    between, labels = _neighbors(layers), dict[str, str]()
    groups = {subset[0]: slots[name] for name, subset in (credit.subsets or {}).items()
              if len(subset) == 1 and name in slots}  # fmt: skip
    for player in credit.players:
        number = SLOT.fullmatch(player)
        if number and int(number[1]) <= len(between):
            labels[player] = f"{player} ({between[int(number[1]) - 1]})"
        elif player in groups and not number:
            listed = ", ".join(map(str, groups[player]))
            labels[player] = f"{player} ({'slots' if len(groups[player]) > 1 else 'slot'} {listed})"
    return labels


def _neighbors(layers: Sequence[Layer]) -> list[str]:
    """Return the layers in front of and behind each norm slot: `dense_1 → relu`."""
    if not layers:
        return []
    named, taken = {layer.name: layer for layer in layers}, input_names(layers)
    # Of several layers that take a norm, the first one in the list.
    after = {name: layer for layer in reversed(layers) for name in taken[layer.name]}
    found = []
    for norm in norm_names_of(layers):
        before = named.get(taken[norm][0])
        found.append(f"{_short(before) if before else INPUT} → {_short(after[norm]) if norm in after else OUTPUT}")
    return found


def _short(layer: Layer) -> str:
    """Return the name of a layer; of an activation, that of its function."""
    function = layer.arguments.get("activation") if layer.class_name == "Activation" else None
    return function if isinstance(function, str) else layer.name
