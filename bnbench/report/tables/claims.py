"""The tables of claims and of published values."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from bnbench.analysis.labels import axis_name
from bnbench.analysis.registry import get_metric
from bnbench.report.tables.cells import (
    NO_TRIAL,
    NOT_MEASURED,
    interval_cell,
    mark_cells,
    measure_cell,
    number_cell,
    place_cells,
    rate_cells,
)
from bnbench.report.tables.table import Cell, Table
from bnbench.results.claims import claim_subject, metric_after_epoch
from bnbench.results.judgment import INCONCLUSIVE, is_negligible
from bnbench.results.many_claims import describe_correction
from bnbench.results.marks import EXPLAINED, claim_mark, is_marked
from bnbench.results.measures import format_claimed, format_measure, format_measures, is_share, shown_kind
from bnbench.results.published import OF_ONE_TRAINING, is_of_one_training
from bnbench.results.results import Results


def claims_table(results: Results) -> Table | None:
    """Return a row per claim with its verdict, or None if there are no claims."""
    if results.claims.empty:
        return None
    marked = is_marked(results.claims)
    rows = [
        [
            Cell(row["verdict_text"], kind=_look(row)), Cell(row["text"]), *mark_cells(claim_mark(row), marked),
            Cell(claim_subject(row, results.score_name)), Cell(format_claimed(row)),
            *_measured(row),
            number_cell(row["n"], "d"),
            Cell(row["reason"]),
        ]
        for row in results.claims.to_dict("records")
    ]  # fmt: skip
    header = [
        "verdict",
        "claim",
        *(["basis"] if marked else []),
        "metric",
        "claimed",
        "measured",
        "95% interval",
        "n",
        "why",
    ]
    caption = ["Verdicts come from the interval over seeds, never from the mean alone."]
    caption += [describe_correction(results.claims), EXPLAINED if marked else ""]
    return Table(" ".join(filter(None, caption)), header, rows, sortable=False)


def _look(row: Mapping[Any, Any]) -> str:
    """Return the word by which a page colors a verdict."""
    return "settled" if row["verdict"] == INCONCLUSIVE and is_negligible(row) else str(row["verdict"])


def _measured(row: Mapping[Any, Any]) -> tuple[Cell, Cell]:
    """Return what was measured about a claim, and its interval."""
    kind = shown_kind(row)
    number = None if pd.isna(row["estimate"]) else float(row["estimate"])
    estimate = Cell(format_measure(row["estimate"], row["metric"], kind), number, missing=number is None)
    interval = Cell(format_measures(row["low"], row["high"], row["metric"], kind), missing=pd.isna(row["low"]))
    return estimate, interval


def published_table(results: Results) -> Table | None:
    """Return a row per published value, next to ours, or None if there are no published values."""
    table = results.published
    if table.empty:
        return None
    rate_cell, marked = rate_cells(results), is_marked(table)
    rows = [
        [
            Cell(row["source"]), *mark_cells(row["basis"], marked), *place_cells(row, results.axes),
            _rate_or_reason(row, rate_cell), Cell(metric_after_epoch(row, results.score_name)),
            measure_cell(row["published"], row), measure_cell(row["mean"], row, _why_no_mean(row)),
            interval_cell(row),
            number_cell(row["n"], "d"), _difference(row),
            Cell(_note(row)),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = [
        "source",
        *(["basis"] if marked else []),
        "variant",
        *map(axis_name, results.axes),
        "rate",
        "metric",
        "published",
        "ours",
    ]
    header += ["95% interval", "n", "difference", "note"]
    skewed = any(get_metric(metric).skewed for metric in table["metric"])
    caption = f"Ours is a mean over seeds{'; of losses and values of probes the geometric mean' if skewed else ''}."
    return Table(f"{caption} {EXPLAINED}" if marked else caption, header, rows, sortable=False)


def _note(row: Mapping[Any, Any]) -> str:
    where = f"outside, {OF_ONE_TRAINING}" if is_of_one_training(row) else ""
    why = f"outside, because: {row['why_outside']}" if row["why_outside"] else ""
    return "; ".join(filter(None, [row["note"], where, why]))


def _rate_or_reason(row: Mapping[Any, Any], rate_cell: Callable[[float], Cell]) -> Cell:
    if pd.isna(row["learning_rate"]):
        return Cell("all rates" if get_metric(row["metric"]).over_rates else NO_TRIAL)
    return rate_cell(row["learning_rate"])


def _why_no_mean(row: Mapping[Any, Any]) -> str:
    return NOT_MEASURED if row["n"] else NO_TRIAL


def _difference(row: Mapping[Any, Any]) -> Cell:
    """Return our mean minus a published value, either of which may be infinite for a target that is never reached."""
    infinite = math.isinf(row["mean"]), math.isinf(row["published"])
    if any(infinite):
        return Cell("both never" if all(infinite) else "one never")
    if pd.isna(row["difference"]):
        return Cell(_why_no_mean(row), missing=True)
    kind = "difference" if is_share(row["metric"]) else "value"
    text = format_measure(row["difference"], row["metric"], kind)
    return Cell(text if text.startswith(("-", "+")) else f"+{text}", float(row["difference"]))
