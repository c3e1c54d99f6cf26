"""Results -> the tables of a report: cells of text that sort by their numbers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnbench.analysis import lr_metrics
from bnbench.analysis.intervals import MIN_FLIPS, MIN_VALUES
from bnbench.analysis.labels import RateFormat, axis_name, format_interval, format_name, format_setting
from bnbench.results.claims import claim_subject
from bnbench.results.results import Results


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
            _number(row["validation_loss_mean"], ".4g"),
            _number(row["n_chance"], "d"), _number(row["n_diverged"], "d"),
        ]
        for row in results.summary.to_dict("records")
    ]  # fmt: skip
    caption = f"Means and SD over seeds; a diverged trial counts at chance ({score}) and at the initial loss."
    return Table(caption, header, rows)


def variants_table(results: Results) -> Table:
    """Return a row per variant and axis value: its best rate, what it reaches there, how much the rate matters."""
    score = results.score_name
    header = ["variant", *map(axis_name, results.axes), "best rate", "n", f"test {score} ± SD", "every seed trains"]
    header += ["stable width", "LR sensitivity", "centered", f"{score} regret", "epochs to target", "AULC"]
    header += ["overfitting onset", "BN mode gap", "step", "over baseline's", "diverged"]
    table = results.variants
    if len(table):
        curves = results.learning_curves.drop(columns=["best_rate", "n"])
        table = table.merge(curves, on=["variant", *results.axes])
    rate_cell = _rate_cells(results)
    rows = [
        [
            *_place(row, results.axes), rate_cell(row["best_rate"]), _number(row["n"], "d"),
            _spread(row, "test_score"), _stable_rates(row, rate_cell),
            Cell((">= " if row["stable_width_open"] else "") + f"{row['stable_width']:.2f}", row["stable_width"]),
            _number(row["lr_sensitivity"], ".4g"), _number(row["lr_sensitivity_centered"], ".4g"),
            _number(row["score_regret"], ".4f"), _time(row["epochs_to_target_median"]),
            _number(row["aulc_mean"], ".4f"), _number(row["overfitting_onset_median"], ".4g"),
            _number(row["bn_mode_gap"], "+.4f"), _duration(row["seconds_per_step"]), _number(row["overhead"], ".2f"),
            Cell(f"{row['n_diverged']} of {row['trials']}", row["n_diverged"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    caption = (
        f"Each variant at its own best rate by mean validation {score}; test {score} is of the final weights. Every "
        f"seed trains: the rates around the best one at which every seed is ok. Stable width: decades around the best "
        f"rate with at most {lr_metrics.DELTA:g} less {score}.{_target(results)}"
    )
    return Table(caption, header, rows)


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
    rows = [
        [
            Cell(row["verdict"], kind=row["verdict"]), Cell(row["text"]),
            Cell(claim_subject(row, results.score_name)), Cell(row["bound"]),
            _number(row["estimate"], ".4g"), Cell(format_interval(row["low"], row["high"])), _number(row["n"], "d"),
            Cell(row["reason"]),
        ]
        for row in results.claims.to_dict("records")
    ]  # fmt: skip
    header = ["verdict", "claim", "metric", "claimed", "measured", "95% interval", "n", "why"]
    return Table("Verdicts come from the interval over seeds, never from the mean alone.", header, rows, sortable=False)


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
            rate_cell(row["learning_rate"]), _number(row["mean"], "+.4f"),
            Cell(format_interval(row["low"], row["high"])),
            _number(row["n"], "d"), _number(row["p"], ".2g"), _number(row["p_holm"], ".2g"),
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
    rate_cell = _rate_cells(results)
    rows = [
        [
            Cell(row["source"]), *_place(row, results.axes), rate_cell(row["learning_rate"]),
            Cell(format_name(row["metric"], results.score_name)),
            _time(row["published"], ".4g"), _time(row["mean"], ".4g"), Cell(format_interval(row["low"], row["high"])),
            _number(row["n"], "d"),
            Cell("") if math.isinf(row["difference"]) else _number(row["difference"], "+.4g"), Cell(row["note"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = ["source", "variant", *map(axis_name, results.axes), "rate", "metric", "published", "ours"]
    header += ["95% interval", "n", "difference", "note"]
    return Table("Ours is a mean over seeds.", header, rows, sortable=False)


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


def _number(value: float, form: str) -> Cell:
    """Return a cell with a number; an empty cell if the number is missing."""
    return Cell("") if pd.isna(value) else Cell(format(value, form), float(value))


def _spread(row: Mapping[Any, Any], score: str) -> Cell:
    """Return mean and SD; the SD of one trial is unknown."""
    mean, sd = row[f"{score}_mean"], row[f"{score}_sd"]
    return _number(mean, ".4f") if pd.isna(sd) else Cell(f"{mean:.4f} ± {sd:.4f}", float(mean))


def _stable_rates(row: Mapping[Any, Any], rate_cell: Callable[[float], Cell]) -> Cell:
    if pd.isna(row["stable_to"]):
        return Cell("not at the best rate")
    first, last = rate_cell(row["stable_from"]), rate_cell(row["stable_to"])
    return Cell(f"{first.text} to {last.text}", last.number)


def _time(value: float, form: str = "g") -> Cell:
    """Return a number; `never` for an infinite time."""
    return Cell("never", math.inf) if math.isinf(value) else _number(value, form)


def _duration(seconds: float) -> Cell:
    if pd.isna(seconds):
        return Cell("")
    text = f"{1e6 * seconds:.0f} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"
    return Cell(text if seconds < 1 else f"{seconds:.3g} s", float(seconds))
