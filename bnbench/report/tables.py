"""Results -> the tables of a report, as text that sorts."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from bnbench.analysis import lr_metrics
from bnbench.analysis.labels import format_value
from bnbench.results.results import Results


@dataclass(frozen=True)
class Cell:
    """One cell: its text, the number that it is sorted by (None: by its text), and a word for its look."""

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

    def map(self, said: Callable[[str], str]) -> "Table":
        """The same table in other words."""
        rows = [[replace(cell, text=said(cell.text)) for cell in row] for row in self.rows]
        return Table(said(self.caption), [said(name) for name in self.header], rows, self.sortable)


def rates_table(results: Results) -> Table:
    """A row a variant, axis value and learning rate."""
    axes = results.axes
    header = ["variant", *_short(axes), "rate", "n", "ok", "P(ok), 95% interval"]
    header += ["validation accuracy ± SD", "test accuracy ± SD", "validation loss", "at chance", "diverged"]
    rows = [
        [
            *_place(row, axes), _number(row["learning_rate"], ".4g"), _number(row["n"], "d"), _number(row["n_ok"], "d"),
            Cell(f"{row['p_ok']:.0%} ({row['p_ok_low']:.0%} to {row['p_ok_high']:.0%})", row["p_ok"]),
            _spread(row, "validation_accuracy"), _spread(row, "test_accuracy"),
            _number(row["validation_loss_mean"], ".4g"),
            _number(row["n_chance"], "d"), _number(row["n_diverged"], "d"),
        ]
        for row in results.cells.to_dict("records")
    ]  # fmt: skip
    caption = "Means and SD over seeds; a diverged trial counts at chance (accuracy) and at the initial loss."
    return Table(caption, header, rows)


def variants_table(results: Results) -> Table:
    """A row a variant and axis value: its best rate, what it reaches there, and how much rates matter to it."""
    header = ["variant", *_short(results.axes), "best rate", "n", "test accuracy ± SD", "every seed trains"]
    header += ["stable width", "LR sensitivity", "centred", "accuracy regret", "epochs to target", "AULC"]
    header += ["overfitting onset", "BN mode gap", "step", "over baseline's", "diverged"]
    table = results.variants
    if len(table):
        table = table.merge(results.courses.drop(columns=["best_rate", "n"]), on=["variant", *results.axes])
    rows = [
        [
            *_place(row, results.axes), _number(row["best_rate"], ".4g"), _number(row["n"], "d"),
            _spread(row, "test_accuracy"), _run(row),
            Cell(">= " * row["stable_width_open"] + f"{row['stable_width']:.2f}", row["stable_width"]),
            _number(row["lr_sensitivity"], ".4g"), _number(row["lr_sensitivity_centred"], ".4g"),
            _number(row["accuracy_regret"], ".4f"), _time(row["epochs_to_target_median"]),
            _number(row["aulc_mean"], ".4f"), _number(row["overfitting_onset_median"], ".4g"),
            _number(row["bn_mode_gap"], "+.4f"), _duration(row["seconds_per_step"]), _number(row["overhead"], ".2f"),
            Cell(f"{row['n_diverged']} of {row['trials']}", row["n_diverged"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    caption = (
        f"Each at its own best rate by mean validation accuracy; test accuracy is of the final weights. Trains: the "
        "rates around it at which every seed is ok. Stable width: decades around the best rate with an accuracy at "
        f"most {lr_metrics.DELTA:g} lower."
        f"{_target(results)}"
    )
    return Table(caption, header, rows)


def _target(results: Results) -> str:
    targets = [] if results.courses.empty else list(dict.fromkeys(results.courses["target"].dropna()))
    told = ", ".join(f"{target:.4g}" for target in targets)
    return f" The target is a validation accuracy of {told}, what {results.baseline} reaches." if told else ""


def claims_table(results: Results) -> Table | None:
    """A row a claim with its verdict; None where none was made."""
    if results.claims.empty:
        return None
    rows = [
        [
            Cell(row["verdict"], kind=row["verdict"]), Cell(row["text"]),
            Cell(f"{row['metric']} of {row['of']}" + f" over {row['over']}" * bool(row["over"])), Cell(row["bound"]),
            _number(row["estimate"], ".4g"), Cell(_interval(row)), _number(row["n"], "d"), Cell(row["reason"]),
        ]
        for row in results.claims.to_dict("records")
    ]  # fmt: skip
    header = ["verdict", "claim", "metric", "wanted", "measured", "95% interval", "n", "why"]
    return Table("Verdicts come from the interval over seeds, never from the mean alone.", header, rows, sortable=False)


def differences_table(results: Results) -> Table | None:
    """Each further variant against the baseline: in test accuracy at its own best rate, in validation at each.

    None where there is nothing to pair.
    """
    best, equal = results.differences_at_best(), results.differences()
    if best.empty and equal.empty:
        return None
    rows = [
        [
            *_place(row, results.axes), Cell(f"{where}, {row['score'].replace('_', ' ')}"),
            _number(row["learning_rate"], ".4g"), _number(row["mean"], "+.4f"), Cell(_interval(row)),
            _number(row["n"], "d"), _number(row["p"], ".2g"), _number(row["p_holm"], ".2g"),
        ]
        for where, table in (("each at its best rate", best), ("at equal rate", equal))
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = ["variant", *_short(results.axes), "compared", "rate", f"minus {results.baseline}", "95% interval"]
    caption = (
        "Mean paired difference, Student's t interval (from 3 seeds on, and where they differ), sign-flip test (from 6 "
        "on), and its p adjusted for the number of rates or settings of a variant (Holm)."
    )
    return Table(caption, [*header, "pairs", "p", "p, Holm"], rows)


def published_table(results: Results) -> Table | None:
    """A row a published figure with ours beside it; None where none was given."""
    table = results.published
    if table.empty:
        return None
    rows = [
        [
            Cell(row["source"]), *_place(row, results.axes), _number(row["learning_rate"], ".4g"), Cell(row["metric"]),
            _time(row["published"], ".4g"), _time(row["mean"], ".4g"), Cell(_interval(row)), _number(row["n"], "d"),
            Cell("") if math.isinf(row["difference"]) else _number(row["difference"], "+.4g"), Cell(row["note"]),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = ["source", "variant", *_short(results.axes), "rate", "figure", "published", "ours", "95% interval", "n"]
    return Table("Ours is a mean over seeds.", [*header, "difference", "note"], rows, sortable=False)


def _short(axes: Sequence[str]) -> list[str]:
    return [axis.rpartition(".")[2] for axis in axes]


def _place(row: Mapping[Any, Any], axes: Sequence[str]) -> list[Cell]:
    """The variant and the values of the further axes."""
    return [Cell(str(row["variant"])), *(_value(row[axis]) for axis in axes)]


def _value(value: object) -> Cell:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return Cell(format_value(value), float(value) if plain else None)  # type: ignore[arg-type]


def _number(value: float, form: str) -> Cell:
    """A number, or nothing where it is missing."""
    return Cell("") if pd.isna(value) else Cell(format(value, form), float(value))


def _spread(row: Mapping[Any, Any], score: str) -> Cell:
    """Mean and SD; the SD of one trial is not known."""
    mean, sd = row[f"{score}_mean"], row[f"{score}_sd"]
    return _number(mean, ".4f") if pd.isna(sd) else Cell(f"{mean:.4f} ± {sd:.4f}", float(mean))


def _run(row: Mapping[Any, Any]) -> Cell:
    if pd.isna(row["stable_to"]):
        return Cell("not at the best rate")
    return Cell(f"{row['stable_from']:.4g} to {row['stable_to']:.4g}", float(row["stable_to"]))


def _time(value: float, form: str = "g") -> Cell:
    """A number, or that what it counts the epochs to never came."""
    return Cell("never", math.inf) if math.isinf(value) else _number(value, form)


def _interval(row: Mapping[Any, Any]) -> str:
    return "none" if pd.isna(row["low"]) else f"{row['low']:.4g} to {row['high']:.4g}"


def _duration(seconds: float) -> Cell:
    if pd.isna(seconds):
        return Cell("")
    text = f"{1e6 * seconds:.0f} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"
    return Cell(text if seconds < 1 else f"{seconds:.3g} s", float(seconds))
