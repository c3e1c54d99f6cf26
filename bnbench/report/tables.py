"""Results -> the tables of a report: cells of text that sort by their numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bnbench.analysis import lr_metrics, step_times
from bnbench.analysis.confusion import MAX_CLASSES, most_confused
from bnbench.analysis.intervals import MIN_FLIPS, MIN_VALUES, why_no_interval
from bnbench.analysis.labels import (
    RateFormat,
    axis_name,
    format_count,
    format_name,
    format_percent,
    format_points,
    format_points_range,
    format_setting,
    format_spread,
)
from bnbench.analysis.registry import get_metric
from bnbench.errors import ResultsError, not_one_of
from bnbench.planning.small_batches import BATCH_NORM
from bnbench.results.claims import claim_subject, metric_after_epoch
from bnbench.results.marks import EXPLAINED, claim_mark, is_marked
from bnbench.results.measures import format_bound, format_measure, format_measures, is_share
from bnbench.results.results import Results

# Why a cell has no number.
NOT_MEASURED, NOT_FINITE, NO_OK, NO_TRIAL = "not measured", "not finite", "no trial ok", "no trial yet"
UNTIMED = "no whole epoch"
# The value of a further axis in the row of a variant that it does not change.
ALL = "all"
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
        missing: whether the text says why there is no number.
    """

    text: str
    number: float | None = None
    kind: str = ""
    missing: bool = False


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
            Cell(f"{row['p_ok']:.0%} ({100 * row['p_ok_low']:.0f} to {row['p_ok_high']:.0%})", row["p_ok"]),
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
        table = _once(table.merge(curves, on=["variant", *results.axes]), results)
    rate_cell = _rate_cells(results)
    rows = [
        [
            *_place(row, results.axes), rate_cell(row["best_rate"]), _number(row["n"], "d"),
            _spread(row, "test_score"), _well_to(row, rate_cell), _stable_rates(row, rate_cell), _width(row),
            _number(row["lr_sensitivity"], ".4g", NO_OK), _number(row["lr_sensitivity_centered"], ".4g", NO_OK),
            _share(row["score_regret"], format_percent, NO_OK),
            _time(row["epochs_to_target_median"], missing="no target"),
            _share(row["aulc_mean"], format_percent), _number(row["overfitting_onset_median"], ".4g"),
            _share(row["bn_mode_gap"], format_points, _why_no_gap(results, row)), _duration(row["seconds_per_step"]),
            _overhead(results, row),
            Cell(f"{row['n_diverged']} of {row['trials']}", row["n_diverged"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    caption = (
        f"Each variant at its own best rate by mean validation {score}; test {score} is of the final weights. Trains "
        f"well to: up to this rate, from the best one on, every seed is ok and the mean at most "
        f"{100 * lr_metrics.WELL:g} points below the best. Every seed ok: the rates around the best one at which "
        "every seed is ok. Stable width: decades "
        f"around the best rate with at most {100 * lr_metrics.DELTA:g} point less {score}.{_target(results)}"
        f"{_timing(results)}"
    )
    made = Table(caption, header, rows)
    return drop_equal_columns(made, 1 + len(results.axes)) if results.axes else made


def _once(table: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Return a table with one row of each variant that no further axis changes; its axis values are `all`."""
    same = table["variant"].isin(results.unaffected) if len(table) else pd.Series(dtype=bool)
    if not same.any():
        return table
    once = table[same].drop_duplicates("variant").astype(dict.fromkeys(results.axes, object))
    once[results.axes] = ALL
    return pd.concat([once, table[~same].astype(dict.fromkeys(results.axes, object))], ignore_index=True)


def drop_equal_columns(table: Table, first: int) -> Table:
    """Return a table with the columns that differ from row to row; its caption has the values of the others.

    Args:
        table: with two rows or more; otherwise nothing is dropped.
        first: the columns before this position stay.
    """
    if len(table.rows) < 2:
        return table
    texts = [{row[i].text for row in table.rows} for i in range(len(table.header))]
    equal = [i for i in range(first, len(texts)) if len(texts[i]) == 1]
    if not equal:
        return table
    listed = "; ".join(f"{table.header[i]}: {table.rows[0][i].text}" for i in equal)
    kept = [i for i in range(len(texts)) if i not in equal]
    return replace(
        table,
        caption=f"{table.caption} The same in every row: {listed}.",
        header=[table.header[i] for i in kept],
        rows=[[row[i] for i in kept] for row in table.rows],
    )


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


def claims_table(results: Results) -> Table | None:
    """Return a row per claim with its verdict, or None if there are no claims."""
    if results.claims.empty:
        return None
    marked = is_marked(results.claims)
    rows = [
        [
            Cell(row["verdict"], kind=row["verdict"]), Cell(row["text"]), *_mark(claim_mark(row), marked),
            Cell(claim_subject(row, results.score_name)), Cell(format_bound(row["bound"], row["metric"])),
            *_measured(row),
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
    tested = any(table["p"].notna().any() for table in (best, equal) if len(table))
    rows = [
        [
            *_place(row, results.axes), Cell(f"{where}, {format_name(row['score'], results.score_name)}"),
            rate_cell(row["learning_rate"]), _share(row["mean"], format_points, NOT_FINITE), _interval(row),
            _number(row["n"], "d"), *_tests(row, tested),
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
    interval = f"Student's t interval (from {MIN_VALUES} seeds on, if they differ)"
    caption = f"Mean paired difference, {f'{interval}, {test}' if tested else f'and {interval}'}."
    return Table(caption, header, rows)


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
            _measure(row["published"], row), _measure(row["mean"], row, _why_no_mean(row)),
            _interval_of(row),
            _number(row["n"], "d"), _difference(row),
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
            _share(row["share"], format_percent),
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
    return lambda rate: Cell(rate_text(rate), rate) if rate == rate else Cell("", missing=True)


def _value(value: object) -> Cell:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(format_setting(value), float(value) if plain else None)  # type: ignore[arg-type]


def _number(value: float, form: str, missing: str = NOT_MEASURED) -> Cell:
    """Return a cell with a number, or with the reason why it is missing."""
    return Cell(missing, missing=True) if pd.isna(value) else Cell(format(value, form), float(value))


def _share(value: float, form: Callable[[float], str], missing: str = NOT_MEASURED) -> Cell:
    """Return a cell with a share or a difference of shares, or with the reason why it is missing."""
    return Cell(missing, missing=True) if pd.isna(value) else Cell(form(value), float(value))


def _spread(row: Mapping[Any, Any], score: str) -> Cell:
    """Return the mean and the SD of a score; the SD of one trial is unknown."""
    mean, sd = row[f"{score}_mean"], row[f"{score}_sd"]
    return Cell(NOT_FINITE, missing=True) if pd.isna(mean) else Cell(format_spread(mean, sd), float(mean))


def _interval(row: Mapping[Any, Any]) -> Cell:
    """Return the t interval of a difference of scores in points, or why there is none."""
    if pd.isna(row["low"]):
        return Cell(why_no_interval(row["n"], row["mean"]), missing=True)
    return Cell(format_points_range(row["low"], row["high"]))


def _measured(row: Mapping[Any, Any]) -> tuple[Cell, Cell]:
    """Return what was measured about a claim, and its interval."""
    kind = row["bound"].partition(" ")[0]
    number = None if pd.isna(row["estimate"]) else float(row["estimate"])
    estimate = Cell(format_measure(row["estimate"], row["metric"], kind), number, missing=number is None)
    interval = Cell(format_measures(row["low"], row["high"], row["metric"], kind), missing=pd.isna(row["low"]))
    return estimate, interval


def _measure(value: float, row: Mapping[Any, Any], missing: str = NOT_MEASURED) -> Cell:
    """Return a value of a metric; `never` for an infinite time."""
    return (
        _time(value, missing=missing) if not math.isfinite(value) else Cell(format_measure(value, row["metric"]), value)
    )


def _interval_of(row: Mapping[Any, Any]) -> Cell:
    """Return the interval of a mean of a metric, or why there is none."""
    missing = why_no_interval(row["n"], row["mean"])
    text = format_measures(row["low"], row["high"], row["metric"], missing=missing)
    return Cell(text, missing=pd.isna(row["low"]))


def _tests(row: Mapping[Any, Any], tested: bool) -> list[Cell]:
    """Return the p-values of a difference, if any row of the table has one."""
    return [_number(row[name], ".2g", _why_no_test(row)) for name in ("p", "p_holm")] if tested else []


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
    if pd.isna(row["difference"]):
        return Cell(_why_no_mean(row), missing=True)
    kind = "difference" if is_share(row["metric"]) else "value"
    text = format_measure(row["difference"], row["metric"], kind)
    return Cell(text if text.startswith(("-", "+")) else f"+{text}", float(row["difference"]))


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
    cell = _number(row["stable_width"], ".2f", NO_OK)
    return replace(cell, text=f">= {cell.text}") if row["stable_width_open"] else cell


def _time(value: float, form: str = "g", missing: str = NOT_MEASURED) -> Cell:
    """Return a number; `never` for an infinite time."""
    return Cell("never", math.inf) if math.isinf(value) else _number(value, form, missing)


def _duration(seconds: float) -> Cell:
    if pd.isna(seconds):
        return Cell(UNTIMED, missing=True)
    text = f"{1e6 * seconds:.0f} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"
    return Cell(text if seconds < 1 else f"{seconds:.3g} s", float(seconds))
