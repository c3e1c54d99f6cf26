"""The cells that several tables have: numbers, scores, rates and values of metrics, or why there is none."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from bnbench.analysis.intervals import why_no_interval
from bnbench.analysis.labels import RateFormat, format_factor, format_setting, format_spread
from bnbench.report.tables.table import Cell
from bnbench.results.measures import format_measure, format_measures
from bnbench.results.results import Results

# Why a cell has no number.
NOT_MEASURED, NOT_FINITE, NO_OK, NO_TRIAL = "not measured", "not finite", "no trial ok", "no trial yet"


def mark_cells(text: str, marked: bool) -> list[Cell]:
    """Return the cell of a basis, if the table has that column."""
    return [Cell(text)] if marked else []


def place_cells(row: Mapping[Any, Any], axes: Sequence[str]) -> list[Cell]:
    """Return the cells of the variant and of the values of the further axes."""
    return [Cell(str(row["variant"])), *(_value(row[axis]) for axis in axes)]


def rate_cells(results: Results) -> Callable[[float], Cell]:
    """Return a function that makes the cell of a learning rate, with the digits that tell it from all others."""
    rate_text = RateFormat(results.summary["learning_rate"])
    return lambda rate: Cell(rate_text(rate), rate) if rate == rate else Cell("", missing=True)


def _value(value: object) -> Cell:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(format_setting(value), float(value) if plain else None)  # type: ignore[arg-type]


def number_cell(value: float, form: str, missing: str = NOT_MEASURED) -> Cell:
    """Return a cell with a number, or with the reason why it is missing."""
    return Cell(missing, missing=True) if pd.isna(value) else Cell(format(value, form), float(value))


def share_cell(value: float, form: Callable[[float], str], missing: str = NOT_MEASURED) -> Cell:
    """Return a cell with a share or a difference of shares, or with the reason why it is missing."""
    return Cell(missing, missing=True) if pd.isna(value) else Cell(form(value), float(value))


def spread_cell(row: Mapping[Any, Any], score: str) -> Cell:
    """Return the mean and the SD of a score; the SD of one trial is unknown."""
    mean, sd = row[f"{score}_mean"], row[f"{score}_sd"]
    return Cell(NOT_FINITE, missing=True) if pd.isna(mean) else Cell(format_spread(mean, sd), float(mean))


def edge_cells(row: Mapping[Any, Any]) -> list[Cell]:
    """Return the edge of a variant and its interval, which is open where no training bounds it."""
    edge, low, high = (row[name] for name in ("edge", "edge_low", "edge_high"))
    if pd.isna(edge):
        return [Cell("not known", missing=True), Cell("none", missing=True)]
    ends = "at most " if low <= 0 else "at least " if math.isinf(high) else ""
    shown = [format_factor(end) for end in (low, high) if 0 < end < math.inf]
    interval = f"{ends}{' to '.join(shown)}" if shown else "not bounded"
    return [Cell(format_factor(edge), float(edge)), Cell(interval)]


def time_cell(value: float, form: str = "g", missing: str = NOT_MEASURED) -> Cell:
    """Return a number; `never` for an infinite time."""
    return Cell("never", math.inf) if math.isinf(value) else number_cell(value, form, missing)


def measure_cell(value: float, row: Mapping[Any, Any], missing: str = NOT_MEASURED) -> Cell:
    """Return a value of a metric; `never` for an infinite time."""
    if not math.isfinite(value):
        return time_cell(value, missing=missing)
    return Cell(format_measure(value, row["metric"]), value)


def interval_cell(row: Mapping[Any, Any]) -> Cell:
    """Return the interval of a mean of a metric, or why there is none."""
    missing = why_no_interval(row["n"], row["mean"], row["sd"])
    text = format_measures(row["low"], row["high"], row["metric"], missing=missing)
    return Cell(text, missing=pd.isna(row["low"]))
