"""Results -> the tables of a report: cells of text that sort by their numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bnbench.analysis import lr_metrics
from bnbench.analysis.confusion import MAX_CLASSES, most_confused
from bnbench.analysis.intervals import MIN_FLIPS, MIN_VALUES, why_no_interval
from bnbench.analysis.labels import RateFormat, axis_name, format_count, format_interval, format_name, format_setting
from bnbench.analysis.registry import get_metric
from bnbench.errors import ResultsError, not_one_of
from bnbench.planning.small_batches import BATCH_NORM
from bnbench.results.claims import claim_subject, metric_after_epoch
from bnbench.results.marks import EXPLAINED, claim_mark, is_marked
from bnbench.results.results import Results

# Why a cell has no number.
NOT_MEASURED, NOT_FINITE, NO_OK, NO_TRIAL = "not measured", "not finite", "no trial ok", "no trial yet"
UNTIMED = "no whole epoch"
# The number of confused pairs of each variant in a report.
MAX_PAIRS = 5
OF_TRIAL = (
    "They are of one trial of each variant: at its best rate, the seed with the highest validation score. The test "
    "rows have no part in this choice."
)


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        number: what the cell is sorted by; by default its text.
        kind: a word for its look, as `supported`.
    """

    text: str
    number: float | None = None
    kind: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a report."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    sortable: bool = True


def select_columns(table: Table, names: Sequence[str]) -> Table:
    """Return a table with some columns, in this order.

    Raises:
        ResultsError: the table has no column with one of the names.
    """
    header = list(table.header)
    for name in names:
        if name not in header:
            raise ResultsError(f"columns: {not_one_of(name, header)}")
    positions = [header.index(name) for name in names]
    return replace(table, header=names, rows=[[row[position] for position in positions] for row in table.rows])


def rates_table(results: Results) -> Table:
    """Return a row per variant, axis value and learning rate."""
    score = results.score_name
    header = ["variant", *map(axis_name, results.axes), "rate", "n", "ok", "P(ok), 95% interval"]
    header += [f"validation {score} ± SD", f"test {score} ± SD", "validation loss", "at chance", "diverged"]
    rate_cell = _rate_cells(results)
    rows = [
        [
            *_place(row, results.axes), rate_cell(row["learning_rate"]), _number(row["n"], "d"),
            _number(row["n_ok"], "d"),
            Cell(f"{row['p_ok']:.0%} ({row['p_ok_low']:.0%} to {row['p_ok_high']:.0%})", row["p_ok"]),
            _spread(row, "validation_score"), _spread(row, "test_score"),
            _number(row["validation_loss_mean"], ".4g", NOT_FINITE),
            _number(row["n_chance"], "d"), _number(row["n_diverged"], "d"),
        ]
        for row in results.summary.to_dict("records")
    ]  # fmt: skip
    caption = f"Means and SD over seeds; a diverged trial counts at chance ({score}) and at the initial loss."
    return Table(caption, header, rows)


def variants_table(results: Results) -> Table:
    """Return a row per variant and axis value: its best rate, what it reaches there, how much the rate matters."""
    score = results.score_name
    header = ["variant", *map(axis_name, results.axes), "best rate", "n", f"test {score} ± SD", "trains well to"]
    header += ["every seed ok", "stable width", "LR sensitivity", "centered", f"{score} regret", "epochs to target"]
    header += ["AULC", "overfitting onset", "BN mode gap", "step", "over baseline's", "diverged"]
    table = results.variants
    if len(table):
        curves = results.learning_curves.drop(columns=["best_rate", "n"])
        table = table.merge(curves, on=["variant", *results.axes])
    rate_cell = _rate_cells(results)
    rows = [
        [
            *_place(row, results.axes), rate_cell(row["best_rate"]), _number(row["n"], "d"),
            _spread(row, "test_score"), _well_to(row, rate_cell), _stable_rates(row, rate_cell), _width(row),
            _number(row["lr_sensitivity"], ".4g", NO_OK), _number(row["lr_sensitivity_centered"], ".4g", NO_OK),
            _number(row["score_regret"], ".4f", NO_OK), _time(row["epochs_to_target_median"], missing="no target"),
            _number(row["aulc_mean"], ".4f"), _number(row["overfitting_onset_median"], ".4g"),
            _number(row["bn_mode_gap"], "+.4f", _why_no_gap(results, row)), _duration(row["seconds_per_step"]),
            _overhead(results, row),
            Cell(f"{row['n_diverged']} of {row['trials']}", row["n_diverged"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    caption = (
        f"Each variant at its own best rate by mean validation {score}; test {score} is of the final weights. Trains "
        f"well to: up to this rate, from the best one on, every seed is ok and at most {lr_metrics.WELL:g} below the "
        "best mean. Every seed ok: the rates around the best one at which every seed is ok. Stable width: decades "
        f"around the best rate with at most {lr_metrics.DELTA:g} less {score}.{_target(results)}{_timing(results)}"
    )
    return Table(caption, header, rows)


def _overhead(results: Results, row: Mapping[Any, Any]) -> Cell:
    """Return the ratio of the times of a step with its range, or why it is unknown."""
    if row["variant"] == results.baseline:
        return Cell("baseline")
    ratio = results.time_ratio(str(row["variant"]), {axis: row[axis] for axis in results.axes})
    if not ratio.rounds:
        return Cell(ratio.reason)
    rounds = format_count(ratio.rounds, "round")
    return Cell(f"{ratio.median:.2f} ({ratio.low:.2f} to {ratio.high:.2f}, {rounds})", ratio.median)


def _timing(results: Results) -> str:
    """Say where the ratios of times come from, and why the times themselves must not be compared."""
    if len(set(results.variants["variant"] if len(results.variants) else ())) < 2:
        return ""
    text = " Steps of different variants ran at different moments, so their times alone cannot be compared"
    timed = [pair for pair in results.pairs if len(pair.seconds)]
    if not timed:
        return f"{text}."
    seconds = sum(pair.total for pair in timed)
    return (
        f"{text}: over baseline's is the median (lowest to highest) of rounds in which one worker trained both by "
        f"turns after the last trial, {seconds:.3g} s in all."
    )


def _why_no_gap(results: Results, row: Mapping[Any, Any]) -> str:
    """Return why a variant has no gap between batch statistics and moving statistics."""
    config = results.variant_config(str(row["variant"]), {axis: row[axis] for axis in results.axes})
    if config and not any(layer.class_name == BATCH_NORM for layer in config.layers):
        return "no batch norm"
    return "diverged" if row["n_diverged"] == row["trials"] else NOT_MEASURED


def _target(results: Results) -> str:
    curves = results.learning_curves
    targets = [] if curves.empty else list(dict.fromkeys(curves["target"].dropna()))
    if not targets:
        return ""
    listed = ", ".join(f"{target:.4g}" for target in targets)
    return f" The target is a validation {results.score_name} of {listed}, which {results.baseline} reaches."


def claims_table(results: Results) -> Table | None:
    """Return a row per claim with its verdict, or None if there are no claims."""
    if results.claims.empty:
        return None
    marked = is_marked(results.claims)
    rows = [
        [
            Cell(row["verdict"], kind=row["verdict"]), Cell(row["text"]), *_mark(claim_mark(row), marked),
            Cell(claim_subject(row, results.score_name)), Cell(row["bound"]),
            _number(row["estimate"], ".4g", "unknown"), Cell(format_interval(row["low"], row["high"])),
            _number(row["n"], "d"),
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
    caption = "Verdicts come from the interval over seeds, never from the mean alone."
    return Table(f"{caption} {EXPLAINED}" if marked else caption, header, rows, sortable=False)


def differences_table(results: Results) -> Table | None:
    """Return each variant minus the baseline: test scores at their own best rates, validation scores at equal rates.

    None if no trials form a pair.
    """
    best, equal = results.differences_at_best(), results.differences()
    if best.empty and equal.empty:
        return None
    rate_cell = _rate_cells(results)
    rows = [
        [
            *_place(row, results.axes), Cell(f"{where}, {format_name(row['score'], results.score_name)}"),
            rate_cell(row["learning_rate"]), _number(row["mean"], "+.4f", NOT_FINITE), _interval(row),
            _number(row["n"], "d"), _number(row["p"], ".2g", _why_no_test(row)),
            _number(row["p_holm"], ".2g", _why_no_test(row)),
        ]
        for where, table in (("each at its best rate", best), ("at equal rate", equal))
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = ["variant", *map(axis_name, results.axes), "compared", "rate", f"minus {results.baseline}", "95% interval"]
    caption = (
        f"Mean paired difference, Student's t interval (from {MIN_VALUES} seeds on, if they differ), sign-flip test "
        f"(from {MIN_FLIPS} seeds on), and its p adjusted for the number of rates or settings of a variant (Holm)."
    )
    return Table(caption, [*header, "pairs", "p", "p, Holm"], rows)


def published_table(results: Results) -> Table | None:
    """Return a row per published value, next to ours, or None if there are no published values."""
    table = results.published
    if table.empty:
        return None
    rate_cell, marked = _rate_cells(results), is_marked(table)
    rows = [
        [
            Cell(row["source"]), *_mark(row["basis"], marked), *_place(row, results.axes),
            _rate_or_reason(row, rate_cell), Cell(metric_after_epoch(row, results.score_name)),
            _time(row["published"], ".4g"),
            _time(row["mean"], ".4g", _why_no_mean(row)), _interval(row), _number(row["n"], "d"), _difference(row),
            Cell(row["note"]),
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
    caption = "Ours is a mean over seeds."
    return Table(f"{caption} {EXPLAINED}" if marked else caption, header, rows, sortable=False)


def confusions_table(results: Results) -> Table | None:
    """Return the most confused pairs of classes of each variant, or None if no trial has a confusion matrix."""
    table = results.confusions
    if table.empty:
        return None
    rate_cell = _rate_cells(results)
    rows = [
        [
            *_place(row, results.axes), rate_cell(row["learning_rate"]), _number(row["seed"], "d"),
            Cell(row["target"]), Cell(row["predicted"]), _number(row["rows"], "d"),
            Cell(f"{row['share']:.1%}", row["share"]),
        ]
        for row in most_confused(table, MAX_PAIRS).to_dict("records")
    ]  # fmt: skip
    header = [
        "variant",
        *map(axis_name, results.axes),
        "rate",
        "seed",
        "class",
        "predicted",
        "rows",
        "share of the class",
    ]
    caption = f"The {MAX_PAIRS} pairs of classes that each variant confuses most: test rows, final weights. {OF_TRIAL}"
    return Table(caption, header, rows)


def matrices_table(results: Results) -> Table | None:
    """Return the whole confusion matrices, or None if there are none, or too many classes to read them."""
    table = results.confusions
    classes = list(dict.fromkeys(table["target"]))
    groups = table.groupby(["variant", "target"], sort=False)
    # Where an axis changes the data, variants may have other classes.
    if not 0 < len(classes) <= MAX_CLASSES or any(len(part) != len(classes) for _, part in groups):
        return None
    rows = [
        [Cell(str(variant)), Cell(str(target)), *(_number(count, "d") for count in part["rows"])]
        for (variant, target), part in groups
    ]
    caption = f"Test rows by their class (row) and the predicted class (column), final weights. {OF_TRIAL}"
    return Table(caption, ["variant", "class", *classes], rows)


def _mark(text: str, marked: bool) -> list[Cell]:
    """Return the cell of a basis, if the table has that column."""
    return [Cell(text)] if marked else []


def _place(row: Mapping[Any, Any], axes: Sequence[str]) -> list[Cell]:
    """Return the cells of the variant and of the values of the further axes."""
    return [Cell(str(row["variant"])), *(_value(row[axis]) for axis in axes)]


def _rate_cells(results: Results) -> Callable[[float], Cell]:
    """Return a function that makes the cell of a learning rate, with the digits that tell it from all others."""
    rate_text = RateFormat(results.summary["learning_rate"])
    return lambda rate: Cell(rate_text(rate), rate) if rate == rate else Cell("")


def _value(value: object) -> Cell:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(format_setting(value), float(value) if plain else None)  # type: ignore[arg-type]


def _number(value: float, form: str, missing: str = NOT_MEASURED) -> Cell:
    """Return a cell with a number, or with the reason why it is missing."""
    return Cell(missing) if pd.isna(value) else Cell(format(value, form), float(value))


def _spread(row: Mapping[Any, Any], score: str) -> Cell:
    """Return mean and SD; the SD of one trial is unknown."""
    mean, sd = row[f"{score}_mean"], row[f"{score}_sd"]
    return _number(mean, ".4f", NOT_FINITE) if pd.isna(sd) else Cell(f"{mean:.4f} ± {sd:.4f}", float(mean))


def _interval(row: Mapping[Any, Any]) -> Cell:
    """Return the t interval of a row, or why there is none."""
    return Cell(format_interval(row["low"], row["high"], why_no_interval(row["n"], row["mean"])))


def _why_no_test(row: Mapping[Any, Any]) -> str:
    return f"needs {MIN_FLIPS} seeds" if row["n"] < MIN_FLIPS else NOT_FINITE


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
    return _number(row["difference"], "+.4g", _why_no_mean(row))


def _well_to(row: Mapping[Any, Any], rate_cell: Callable[[float], Cell]) -> Cell:
    return Cell(_why_no_run(row)) if pd.isna(row["well_to"]) else rate_cell(row["well_to"])


def _stable_rates(row: Mapping[Any, Any], rate_cell: Callable[[float], Cell]) -> Cell:
    if pd.isna(row["stable_to"]):
        return Cell(_why_no_run(row))
    first, last = rate_cell(row["stable_from"]), rate_cell(row["stable_to"])
    return Cell(f"{first.text} to {last.text}", last.number)


def _why_no_run(row: Mapping[Any, Any]) -> str:
    # The width is missing only if no trial is ok.
    return NO_OK if pd.isna(row["stable_width"]) else "not at the best rate"


def _width(row: Mapping[Any, Any]) -> Cell:
    cell = _number(row["stable_width"], ".2f", NO_OK)
    return replace(cell, text=f">= {cell.text}") if row["stable_width_open"] else cell


def _time(value: float, form: str = "g", missing: str = NOT_MEASURED) -> Cell:
    """Return a number; `never` for an infinite time."""
    return Cell("never", math.inf) if math.isinf(value) else _number(value, form, missing)


def _duration(seconds: float) -> Cell:
    if pd.isna(seconds):
        return Cell(UNTIMED)
    text = f"{1e6 * seconds:.0f} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"
    return Cell(text if seconds < 1 else f"{seconds:.3g} s", float(seconds))
