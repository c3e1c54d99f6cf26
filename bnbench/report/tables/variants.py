"""The table of the variants: best rates, scores there, how much the rate matters, and what a step costs."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from bnbench.analysis import lr_metrics, step_times
from bnbench.analysis.labels import axis_name, format_count, format_percent, format_points
from bnbench.planning.small_batches import BATCH_NORM
from bnbench.report.tables.cells import (
    NO_OK,
    NOT_MEASURED,
    edge_cells,
    number_cell,
    place_cells,
    rate_cells,
    share_cell,
    spread_cell,
    time_cell,
)
from bnbench.report.tables.table import Cell, Table, drop_equal_columns
from bnbench.results.results import Results

UNTIMED = "no whole epoch"
# The value of a further axis in the row of a variant that it does not change.
ALL = "all"


def variants_table(results: Results) -> Table:
    """Return a row per variant and axis value: its best rate, what it reaches there, how much the rate matters."""
    if results.design and not results.design.has_grid:
        return _of_design(results)
    score = results.score_name
    header = ["variant", *map(axis_name, results.axes), "best rate", "n", f"test {score} ± SD", "trains well to"]
    header += ["every seed ok", "stable width", "LR sensitivity", "centered", f"{score} regret, points"]
    header += [
        "epochs to target",
        "AULC",
        "overfitting onset",
        *_gap_header(results),
        "step",
        "over baseline's",
        "diverged",
    ]
    table = results.variants
    if len(table):
        curves = results.learning_curves.drop(columns=["best_rate", "n"])
        table = _once(table.merge(curves, on=["variant", *results.axes]), results)
    rate_cell = rate_cells(results)
    rows = [
        [
            *place_cells(row, results.axes), rate_cell(row["best_rate"]), number_cell(row["n"], "d"),
            spread_cell(row, "judged"), _well_to(row, rate_cell), _stable_rates(row, rate_cell), _width(row),
            number_cell(row["lr_sensitivity"], ".4g", NO_OK), number_cell(row["lr_sensitivity_centered"], ".4g", NO_OK),
            share_cell(row["score_regret"], partial(format_points, signed=False), NO_OK),
            time_cell(row["epochs_to_target_median"], missing="no target"),
            share_cell(row["aulc_mean"], format_percent), number_cell(row["overfitting_onset_median"], ".4g"),
            *_gap_cells(results, row), _duration(row["seconds_per_step"]), _overhead(results, row),
            Cell(f"{row['n_diverged']} of {row['trials']}", row["n_diverged"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    caption = (
        f"Each variant at its own best rate by mean validation {score}; test {score} is of the final weights, each "
        "seed at the best rate of the other seeds. Trains well to: from the best rate up to this one, every seed is "
        f"ok and the mean at most {100 * lr_metrics.WELL:g} points below the best. Every seed ok: the rates around the "
        f"best one at which every seed is ok. Stable width: decades around the best rate with at most "
        f"{100 * lr_metrics.DELTA:g} point less {score}.{_target(results)}{_timing(results)}"
    )
    made = Table(caption, header, rows)
    return drop_equal_columns(made, 1 + len(results.axes)) if results.axes else made


def _of_design(results: Results) -> Table:
    """Return a row per variant and axis value of a design that does not train every rate."""
    rate_cell, score = rate_cells(results), results.score_name
    header = ["variant", *map(axis_name, results.axes), "best rate", "n", f"test {score} ± SD", "edge"]
    header += ["95% interval", *_gap_header(results), "step", "over baseline's"]
    rows = [
        [
            *place_cells(row, results.axes), rate_cell(row["best_rate"]), number_cell(row["n"], "d"),
            spread_cell(row, "test_score"), *edge_cells(row),
            *_gap_cells(results, row), _duration(row["seconds_per_step"]), _overhead(results, row),
        ]
        for row in results.variants.to_dict("records")
    ]  # fmt: skip
    caption = (
        f"Each variant at its best rate, which the first stage of the design chose; test {score} is of the final "
        "weights of the seeds that judge. Edge: the learning rate at which half of the trainings train."
    )
    return Table(f"{caption}{_timing(results)}", header, rows)


def _once(table: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Return a table with one row of each variant that no further axis changes; its axis values are `all`."""
    same = table["variant"].isin(results.unaffected) if len(table) else pd.Series(dtype=bool)
    if not same.any():
        return table
    once = table[same].drop_duplicates("variant").astype(dict.fromkeys(results.axes, object))
    once[results.axes] = ALL
    return pd.concat([once, table[~same].astype(dict.fromkeys(results.axes, object))], ignore_index=True)


def _well_to(row: Mapping[Any, Any], rate_cell: Callable[[float], Cell]) -> Cell:
    return Cell(_why_no_run(row), missing=True) if pd.isna(row["well_to"]) else rate_cell(row["well_to"])


def _stable_rates(row: Mapping[Any, Any], rate_cell: Callable[[float], Cell]) -> Cell:
    if pd.isna(row["stable_to"]):
        return Cell(_why_no_run(row), missing=True)
    first, last = rate_cell(row["stable_from"]), rate_cell(row["stable_to"])
    return Cell(f"{first.text} to {last.text}", last.number)


def _why_no_run(row: Mapping[Any, Any]) -> str:
    # The width is missing only if no trial is ok.
    return NO_OK if pd.isna(row["stable_width"]) else "not at the best rate"


def _width(row: Mapping[Any, Any]) -> Cell:
    cell = number_cell(row["stable_width"], ".2f", NO_OK)
    return replace(cell, text=f">= {cell.text}") if row["stable_width_open"] else cell


def _gap_header(results: Results) -> list[str]:
    """Return the names of the columns of batch normalization's statistics; re-estimated ones only where measured."""
    known = len(results.variants) and results.variants["reestimated_gap"].notna().any()
    return ["BN mode gap, points", *(["re-estimated gap, points"] if known else [])]


def _gap_cells(results: Results, row: Mapping[Any, Any]) -> list[Cell]:
    """Return how much the score changes with the statistics of each batch, and with re-estimated ones."""
    columns = ("bn_mode_gap", "reestimated_gap")[: len(_gap_header(results))]
    return [share_cell(row[column], format_points, _why_no_gap(results, row)) for column in columns]


def _why_no_gap(results: Results, row: Mapping[Any, Any]) -> str:
    """Return why a variant has no gap between batch statistics and moving statistics."""
    # Where an axis changes nothing, each of its values tells how the variant was set up.
    place = {axis: results.opening[axis] if row[axis] == ALL else row[axis] for axis in results.axes}
    config = results.variant_config(str(row["variant"]), place)
    if config and not any(layer.class_name == BATCH_NORM for layer in config.layers):
        return "no batch norm"
    return "diverged" if row["n_diverged"] == row["trials"] else NOT_MEASURED


def _target(results: Results) -> str:
    curves = results.learning_curves
    targets = [] if curves.empty else list(dict.fromkeys(curves["target"].dropna()))
    if not targets:
        return ""
    listed = ", ".join(map(format_percent, targets))
    return f" The target is a validation {results.score_name} of {listed}, which {results.baseline} reaches."


def _duration(seconds: float) -> Cell:
    if pd.isna(seconds):
        return Cell(UNTIMED, missing=True)
    text = f"{1e6 * seconds:.0f} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"
    return Cell(text if seconds < 1 else f"{seconds:.3g} s", float(seconds))


def _overhead(results: Results, row: Mapping[Any, Any]) -> Cell:
    """Return the ratio of the times of a step with its range, or why it is unknown."""
    if row["variant"] == results.baseline:
        # If nothing was timed, all cells say so, and a page leaves the column out.
        return Cell("baseline" if _timed_pairs(results) else step_times.UNTIMED, missing=True)
    ratio = results.time_ratio(str(row["variant"]), {axis: row[axis] for axis in results.axes})
    if not ratio.rounds:
        return Cell(ratio.reason, missing=True)
    rounds = format_count(ratio.rounds, "round")
    return Cell(f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f}, {rounds})", ratio.median)


def _timed_pairs(results: Results) -> list[step_times.PairTimes]:
    return [pair for pair in results.pairs if len(pair.seconds)]


def _timing(results: Results) -> str:
    """Say where the ratios of times come from, and why the times themselves must not be compared."""
    if len(set(results.variants["variant"] if len(results.variants) else ())) < 2:
        return ""
    text = " Steps of different variants ran at different moments, so their times alone cannot be compared"
    timed = _timed_pairs(results)
    if not timed:
        return f"{text}."
    seconds = sum(pair.total for pair in timed)
    return (
        f"{text}: over baseline's is the median (lowest to highest) of rounds in which one worker trained both by "
        f"turns after the last trial, {seconds:.3g} s in all."
    )
