"""The table of what each norm slot or ingredient adds to the edge."""

import math
from collections.abc import Mapping
from typing import Any

from bnbench.analysis.labels import axis_name, format_factor, format_setting
from bnbench.report.tables.table import Cell, Table
from bnbench.results.credit import OVERLAP, PART, TOTAL
from bnbench.results.results import Results

NAMES = {TOTAL: "all together", OVERLAP: "overlap"}


def credit_table(results: Results) -> Table | None:
    """Return a row per slot or ingredient, and rows for all together and for the overlap; None without `credit`."""
    rows = results.credit.to_dict("records")
    if not rows:
        return None
    header = ["part", *map(axis_name, results.axes), "adds, decades", "95% interval", "factor", "alone"]
    header += ["95% interval of that", "added last", "95% interval of this"]
    caption = (
        "What each part adds to log10 of the highest learning rate that trains, averaged over all orders of adding "
        "the parts (Shapley values); they sum to the row `all together`. Alone: added to the network without the other "
        "parts; last: added to the one with all of them. Overlap: all together minus what each adds alone."
    )
    if orders := max(int(row["orders"]) for row in rows):
        caption += f" From {orders} sampled orders, whose error the intervals include."
    cells = [
        [
            Cell(NAMES.get(row["kind"], row["label"])), *(Cell(format_setting(row[axis])) for axis in results.axes),
            *_estimate(row, "credit"), _factor(row), *_estimate(row, "alone"), *_estimate(row, "last"),
        ]
        for row in rows
    ]  # fmt: skip
    return Table(caption, header, cells, sortable=False)


def _estimate(row: Mapping[Any, Any], name: str) -> list[Cell]:
    if math.isnan(row[name]):
        text = "" if row["kind"] != PART else "not trained"
        return [Cell(text, missing=True), Cell("", missing=True)]
    return [Cell(f"{row[name]:.2f}", float(row[name])), Cell(credit_interval(row, name))]


def _factor(row: Mapping[Any, Any]) -> Cell:
    if row["kind"] == OVERLAP or math.isnan(row["credit"]):
        return Cell("", missing=True)
    factor = 10 ** float(row["credit"])
    return Cell(format_factor(factor), factor)


def credit_interval(row: Mapping[Any, Any], name: str = "credit") -> str:
    """Return the interval of a number of decades, which is open where no training bounds it."""
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if math.isinf(low) and math.isinf(high):
        return "not bounded"
    if math.isinf(high):
        return f"at least {low:.2f}"
    return f"at most {high:.2f}" if math.isinf(low) else f"{low:.2f} to {high:.2f}"
