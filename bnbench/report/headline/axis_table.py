"""The table of an answer with further axes: scores and highest rates by axis value."""

from collections.abc import Sequence
from math import isnan
from typing import Any

import pandas as pd

from bnbench.analysis import axis_trends
from bnbench.analysis.labels import axis_name, format_points, format_points_range, format_setting
from bnbench.report.headline.axis_facts import AxisFacts, axis_facts
from bnbench.report.headline.axis_moves import level
from bnbench.report.headline.comparison import MAX_COMPARED
from bnbench.report.headline.facts import Facts
from bnbench.report.tables.table import Cell, Table

# Columns of a table with one row a variant: with more values, those are spread over the axis.
MAX_VALUES = 6
# With more variants than this next to the baseline, columns of differences would make the table too wide.
MAX_DIFFERENCES = 2


def axis_table(facts: Facts) -> Table:
    """Return a row for each axis value; with many variants a row for each of them, by the leading axis."""
    axes = axis_facts(facts)
    return _by_variant(axes) if len(facts.names) > MAX_COMPARED + 1 else _by_value(axes)


def _by_value(axes: AxisFacts) -> Table:
    names, several = axes.facts.names, len(axes.axes) > 1
    rates = len(axes.facts.rates) > 1
    others = axes.facts.others
    compared = others if not several and axes.facts.baseline in names and len(others) <= MAX_DIFFERENCES else []
    header = ["axis" if several else axis_name(axes.axes[0]), *names]
    header += [f"{name} minus {axes.facts.baseline}, points" for name in compared]
    header += [f"{name} trains up to" for name in names] if rates else []
    rows = []
    for axis in axes.axes:
        table = axis_trends.by_value(axes.scores, axis)
        for value in axes.values(axis):
            scores = [_score(axes, table, name, axis, value) for name in names]
            edges = [_edges(axes, name, axis, value) for name in names] if rates else []
            place = f"{axis_name(axis)} {format_setting(value)}" if several else format_setting(value)
            rows.append([Cell(place), *scores, *(_difference(axes, name, axis, value) for name in compared), *edges])
    spread = ", from the lowest to the highest over the settings of the other axes" if several else ""
    caption = f"Mean {axes.facts.score} over seeds at the best rate{spread}. "
    caption += "Trains up to: the highest rate at which every seed trains. " if rates else ""
    caption += "Intervals in brackets are 95% intervals."
    return Table(caption.strip(), header, rows, sortable=False)


def _by_variant(axes: AxisFacts) -> Table:
    axis = axes.axes[0]
    values = _spread_out(axes.values(axis))
    table = axis_trends.by_value(axes.scores, axis)
    means = table.groupby("variant")["mean"].mean().sort_values(ascending=False)
    rows = [
        [Cell(str(name)), *(_score(axes, table, str(name), axis, value) for value in values)] for name in means.index
    ]
    spread = ", from the lowest to the highest over the settings of the other axes" if len(axes.axes) > 1 else ""
    header = ["variant", *(f"{axis_name(axis)} {format_setting(value)}" for value in values)]
    return Table(f"Mean {axes.facts.score} over seeds at the best rate{spread}.", header, rows)


def _spread_out(values: Sequence[Any]) -> list[Any]:
    if len(values) <= MAX_VALUES:
        return list(values)
    return [values[round(i * (len(values) - 1) / (MAX_VALUES - 1))] for i in range(MAX_VALUES)]


def _at(table: pd.DataFrame, name: str, axis: str, value: Any) -> pd.DataFrame:
    return table[(table["variant"] == name) & (table[axis].isna() if pd.isna(value) else table[axis] == value)]


def _score(axes: AxisFacts, table: pd.DataFrame, name: str, axis: str, value: Any) -> Cell:
    rows = _at(table, name, axis, value).to_dict("records")
    if not rows or isnan(rows[0]["lowest"]):
        return Cell("no trial")
    return Cell(level(axes, axis, name, rows[0]), rows[0]["highest"])


def _difference(axes: AxisFacts, name: str, axis: str, value: Any) -> Cell:
    """Return the difference of a variant to the baseline at the value of the only axis, with its interval."""
    rows = _at(axes.facts.results.verdicts, name, axis, value).to_dict("records")
    if not rows or isnan(rows[0]["mean"]):
        return Cell("no pair", missing=True)
    row = rows[0]
    interval = "" if isnan(row["low"]) else f" ({format_points_range(row['low'], row['high'])})"
    return Cell(f"{format_points(row['mean'])}{interval}", row["mean"], row["verdict"])


def _edges(axes: AxisFacts, name: str, axis: str, value: Any) -> Cell:
    """Return the highest rates of a variant at an axis value: one, or the lowest and the highest by setting."""
    edges = _at(axes.facts.results.well, name, axis, value)["trains_to"]
    known = sorted(edges.dropna().unique().tolist())
    nowhere = "no rate" if axes.dead_share(name, axis, value) else "not every seed"
    if not known:
        return Cell(nowhere if len(edges) else "no trial")
    texts = [axes.facts.rate_text(edge) for edge in known]
    first = nowhere if edges.isna().any() else texts[0]
    return Cell(texts[-1] if first == texts[-1] else f"{first} to {texts[-1]}", known[-1])
