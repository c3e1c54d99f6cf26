"""How the best score and the highest learning rate of each variant move with an axis."""

from collections.abc import Sequence
from math import isnan
from typing import Any

import pandas as pd

from bnbench.analysis import axis_trends
from bnbench.analysis.labels import (
    axis_name,
    format_percent,
    format_percents,
    format_points,
    format_points_range,
    format_setting,
)
from bnbench.report.headline.axis_facts import AxisFacts, is_same, value_names
from bnbench.report.headline.facts import Row, list_words

# Where some seed fails at every rate.
NONE = "none"


def describe_scores(axes: AxisFacts, only_best: bool = False) -> list[str]:
    """Return a sentence for each axis: how the best score of each variant changes along it.

    Args:
        only_best: describe only the variant with the highest score, because there are many.
    """
    names = axes.moved
    if only_best and names:
        best = axes.facts.results.variants.sort_values("judged_mean", ascending=False)["variant"]
        names = [next(str(name) for name in best if name in names)]
    sentences = [sentence for axis in axes.axes if (sentence := _along(axes, axis, names))]
    still = [name for name in axes.facts.names if name not in axes.moved]
    if still:
        listed = list_words([axis_name(axis) for axis in axes.axes], "or")
        sentences.append(f"{list_words(still)} {'does' if len(still) == 1 else 'do'} not depend on {listed}.")
    return sentences


def _along(axes: AxisFacts, axis: str, names: Sequence[str]) -> str:
    table = axis_trends.by_value(axes.scores, axis)
    values = axes.values(axis)
    scale = axes.is_scale(axis)
    parts = []
    for name in names:
        own = [row for value in values for row in table[table["variant"] == name].to_dict("records")
               if is_same(row[axis], value)]  # fmt: skip
        if len(own) > 1:
            first, last = (own[0], own[-1]) if scale else (_extreme(own, min), _extreme(own, max))
            parts.append(f"{name} {_change(axes, axis, name, first, last)}{_peak(axes, axis, name, own)}")
    if not parts:
        return ""
    score = axes.facts.score
    if not scale:
        return f"Best {score} by {axis_name(axis)}, from the lowest to the highest: {'; '.join(parts)}."
    ends = f"{axis_name(axis)} {format_setting(values[0])} to {format_setting(values[-1])}"
    return f"Best {score} from {ends}: {'; '.join(parts)}."


def _extreme(rows: Sequence[Row], which: Any) -> Row:
    row: Row = which(rows, key=lambda row: row["mean"])
    return row


def _change(axes: AxisFacts, axis: str, name: str, first: Row, last: Row) -> str:
    """Return `98.1 to 98.4% → 88.1 to 96.5%, -5.0 points (-6.3 to -3.7)`; of words with the values."""
    scale = axes.is_scale(axis)
    ends = [f"{level(axes, axis, name, end)}{'' if scale else f' ({format_setting(end[axis])})'}"
            for end in (first, last)]  # fmt: skip
    arrow = " → ".join(ends)
    if any(axes.dead_share(name, axis, end[axis]) for end in (first, last)):
        return arrow
    table = axis_trends.change(axes.scores, axis, first[axis], last[axis])
    (row,) = table[table["variant"] == name].to_dict("records")
    if isnan(row["mean"]):
        # An adaptive design has other seeds at each value.
        return arrow
    notes = [
        "" if isnan(row["low"]) else format_points_range(row["low"], row["high"]),
        f"by setting {format_points_range(row['lowest'], row['highest'])}" if row["settings"] > 1 else "",
    ]
    noted = "; ".join(filter(None, notes))
    return f"{arrow}, {format_points(row['mean'])} points" + (f" ({noted})" if noted else "")


def level(axes: AxisFacts, axis: str, name: str, row: Row) -> str:
    """Return the lowest and the highest score by setting of the other axes; a mean alone would hide their spread.

    Args:
        row: of `axis_trends.by_value`.
    """
    dead = axes.dead_share(name, axis, row[axis])
    if dead == 1:
        return "chance"
    return f"chance to {format_percent(row['highest'])}" if dead else format_percents(row["lowest"], row["highest"])


def _peak(axes: AxisFacts, axis: str, name: str, rows: Sequence[Row]) -> str:
    """Name the value with the highest score if it is none of the ends."""
    best = _extreme(rows, max)
    if not axes.is_scale(axis) or best in (rows[0], rows[-1]) or isnan(best["mean"]):
        return ""
    return f", highest at {format_setting(best[axis])} ({level(axes, axis, name, best)})"


def describe_edges(axes: AxisFacts) -> list[str]:
    """Return a sentence about the highest rate at which every seed trains, by the axis that it depends on."""
    if len(axes.facts.rates) == 1:
        return []
    well = axes.facts.results.well
    parts = [f"{name} {_edges_of(axes, well[well['variant'] == name])}" for name in axes.facts.names]
    return [f"Highest rate at which every seed trains: {'; '.join(parts)}."]


def _edges_of(axes: AxisFacts, rows: pd.DataFrame) -> str:
    edges = [_edge(axes, row) for row in rows.to_dict("records")]
    if len(set(edges)) == 1:
        return f"{edges[0]} at every setting"
    for axis in axes.axes:
        groups = _by_axis(axes, axis, rows.assign(edge=edges))
        if groups:
            scale, every = axes.is_scale(axis), axes.values(axis)
            return ", ".join(f"{edge} at {value_names(axis, values, every, scale)}" for edge, values in groups)
    known = sorted({row["trains_to"] for row in rows.to_dict("records") if not isnan(row["trains_to"])})
    low, high = axes.facts.rate_text(known[0]), axes.facts.rate_text(known[-1])
    none = edges.count(NONE)
    if len(known) == 1:
        return f"{low} at {len(edges) - none} of {len(edges)} settings, {NONE} at the others"
    return f"{low} to {high} by setting" + (f", {NONE} at {none} of {len(edges)} settings" if none else "")


def _edge(axes: AxisFacts, row: Row) -> str:
    return NONE if isnan(row["trains_to"]) else axes.facts.rate_text(row["trains_to"])


def _by_axis(axes: AxisFacts, axis: str, rows: pd.DataFrame) -> list[tuple[str, list[Any]]]:
    """Return the highest rate for groups of values of an axis; empty if the other axes change it, too."""
    groups: list[tuple[str, list[Any]]] = []
    for value in axes.values(axis):
        here = set(rows.loc[rows[axis].isna() if pd.isna(value) else rows[axis] == value, "edge"])
        if len(here) > 1:
            return []
        for edge in here:
            last = groups[-1:] if axes.is_scale(axis) else groups
            same = next((group for group in last if group[0] == edge), None)
            if same:
                same[1].append(value)
            else:
                groups.append((edge, [value]))
    return groups
