"""The table of differences to the baseline."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from bnbench.analysis.intervals import MIN_FLIPS, MIN_VALUES, why_no_interval
from bnbench.analysis.labels import axis_name, format_name, format_points, format_points_range
from bnbench.analysis.leave_one_out import list_rates
from bnbench.report.tables.cells import NOT_FINITE, number_cell, place_cells, rate_cells, share_cell
from bnbench.report.tables.table import Cell, Table
from bnbench.results.results import Results

LEFT_OUT = "At best rates, each seed is judged at the best rate of the other seeds."
WIDER = (
    " Where these rates differ, the number of seeds at each is given; the interval is wider, without a test, "
    "because the seeds are not independent."
)
PICKS_DIFFER = "rates differ"


def differences_table(results: Results) -> Table | None:
    """Return each variant minus the baseline: test scores at their own best rates, validation scores at equal rates.

    None if no trials form a pair.
    """
    best, equal = results.differences_at_best(), results.differences()
    if best.empty and equal.empty:
        return None
    rate_cell = rate_cells(results)
    tested = any(table["p"].notna().any() for table in (best, equal) if len(table))
    rows = [
        [
            *place_cells(row, results.axes), Cell(f"{where}, {format_name(row['score'], results.score_name)}"),
            _rate(row, rate_cell), share_cell(row["mean"], format_points, NOT_FINITE), _interval(row),
            number_cell(row["n"], "d"), *_tests(row, tested),
        ]
        for where, table in (("each at its best rate", best), ("at equal rate", equal))
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = ["variant", *map(axis_name, results.axes), "compared", "rate"]
    header += [f"minus {results.baseline}, points", "95% interval", "pairs", *(["p", "p, Holm"] if tested else [])]
    test = (
        f"sign-flip test (from {MIN_FLIPS} seeds on), and its p adjusted for the number of rates or settings of a "
        "variant (Holm)"
    )
    interval = f"interval by Student's t, or by betting where some seeds collapse (from {MIN_VALUES} seeds on)"
    wider = any(row["widened"] > 1 for row in best.to_dict("records"))
    how = f"{interval}, {test}" if tested else f"and {interval}"
    caption = f"{LEFT_OUT}{WIDER if wider else ''} Mean paired difference, {how}."
    return Table(caption, header, rows)


def _rate(row: Mapping[Any, Any], rate_cell: Callable[[float], Cell]) -> Cell:
    """Return the learning rate; all of them, if seeds are judged at different ones."""
    listed = list_rates(row["judged_at"]) if "judged_at" in row else []
    if len(listed) < 2:
        return rate_cell(listed[0][0] if listed else row["learning_rate"])
    text = ", ".join(f"{rate_cell(rate).text} ({count})" for rate, count in listed)
    return Cell(text, row["learning_rate"])


def _interval(row: Mapping[Any, Any]) -> Cell:
    """Return the interval of a difference of scores in points, or why there is none."""
    if pd.isna(row["low"]):
        return Cell(why_no_interval(row["n"], row["mean"], row["sd"]), missing=True)
    return Cell(format_points_range(row["low"], row["high"]))


def _tests(row: Mapping[Any, Any], tested: bool) -> list[Cell]:
    """Return the p-values of a difference, if any row of the table has one."""
    return [number_cell(row[name], ".2g", _why_no_test(row)) for name in ("p", "p_holm")] if tested else []


def _why_no_test(row: Mapping[Any, Any]) -> str:
    if row["n"] < MIN_FLIPS:
        return f"needs {MIN_FLIPS} seeds"
    return PICKS_DIFFER if row.get("widened", 1.0) > 1 else NOT_FINITE
