"""The table of edges that were predicted before the sweep."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from bnbench.analysis.labels import axis_name, format_factor, format_percent, format_points
from bnbench.analysis.rate_guesses import NEAR
from bnbench.planning.predictors.registry import title_of
from bnbench.report.tables.cells import edge_cells, place_cells, rate_cells, share_cell
from bnbench.report.tables.table import Cell, Table
from bnbench.results.results import Results

OUTSIDE, NO_EDGE, NO_GUESS = "outside the sweep", "edge not bounded", "no prediction"


def guesses_table(results: Results) -> Table | None:
    """Return a row per variant, axis value and predictor; None if nothing was predicted."""
    table = results.rate_guesses
    if table.empty:
        return None
    header = ["variant", *map(axis_name, results.axes), "predictor", "predicted edge", "edge", "95% interval"]
    header += ["off by, decades", "best rate", "above it, decades", "regret", "steps (trainings)"]
    rate_cell = rate_cells(results)
    rows = [
        [
            *place_cells(row, results.axes), Cell(title_of(row["predictor"])), _predicted(row), *edge_cells(row),
            _error(row, "edge_error", NO_EDGE), rate_cell(row["best_rate"]), _error(row, "best_error", "no best rate"),
            share_cell(row["regret"], _points, NO_GUESS if pd.isna(row["rate"]) else OUTSIDE),
            Cell(f"{row['steps']:,} ({row['steps'] / row['training_steps']:.2g})", row["steps"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    caption = (
        "What `bnbench guess` predicted from short trainings with one seed, and what the sweep has found. Off by: "
        "log10 of the predicted edge divided by the edge. Regret: how much validation "
        f"{results.score_name} one loses at the predicted edge, compared with the best rate. "
    )
    return Table(caption + " ".join(describe_scores(results)), header, rows)


def describe_scores(results: Results) -> Iterator[str]:
    """Yield a sentence on each predictor: its bias, its root mean square error, its small errors and its regret."""
    for row in results.guess_scores.to_dict("records"):
        if row["edge_n"]:
            yield (
                f"{title_of(row['predictor']).capitalize()}: {_errors(row, 'edge', 'edge')}; "
                f"{_errors(row, 'best', 'best rate')}{_mean_regret(row)}."
            )


def _errors(row: Mapping[Any, Any], of: str, name: str) -> str:
    return (
        f"against the {name} (n = {row[f'{of}_n']}) bias {row[f'{of}_bias']:+.2f}, RMS {row[f'{of}_rms']:.2f} decades, "
        f"{format_percent(row[f'{of}_near'])} within {NEAR:g}"
    )


def _mean_regret(row: Mapping[Any, Any]) -> str:
    return "" if pd.isna(row["regret"]) else f"; mean regret {_points(row['regret'])} points"


def _points(share: float) -> str:
    return format_points(share, signed=False)


def _predicted(row: Mapping[Any, Any]) -> Cell:
    if pd.isna(row["rate"]):
        return Cell(f"not known: {row['reason']}", missing=True)
    return Cell(format_factor(row["rate"]), float(row["rate"]))


def _error(row: Mapping[Any, Any], name: str, missing: str) -> Cell:
    form: Callable[[float], str] = "{:+.2f}".format
    return share_cell(row[name], form, NO_GUESS if pd.isna(row["rate"]) else missing)
