"""Tables -> tables: the outcome of each trial, and each learning rate over seeds. Reads no file, draws nothing."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from bnbench.analysis.intervals import wilson
from bnbench.analysis.labels import format_value

PUBLIC = [
    "status", "outcome", "diverged_at_step", "epochs", "steps", "train_loss", "train_accuracy", "validation_loss",
    "validation_accuracy", "test_loss", "test_accuracy", "best_epoch", "best_test_loss", "best_test_accuracy",
    "fitted_loss", "fitted_accuracy", "bn_mode_gap", "prediction_share", "majority_share", "dead_share", "dead_layer",
    "gradient_growth", "initial_loss", "parameters", "seconds", "seconds_per_step", "engine", "worker",
]  # fmt: skip
WHOLE = ["diverged_at_step", "epochs", "steps", "best_epoch", "parameters"]
SCORES = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_loss", "test_accuracy"]
DIVERGED = ("nonfinite", "blown")


def chance(classes: int) -> float:
    """The accuracy of guessing; without classes the R2 of always saying the mean."""
    return 1 / classes if classes else 0.0


def chance_bound(classes: int, rows: int) -> float:
    """The accuracy that guessing exceeds about once in 700 times: 1/C + 3 standard errors over the rows.

    Without classes the R2 that one number for all rows exceeds as rarely: it may be nearer to the mean of these rows
    than the training mean is, whose distance has a variance of 1/rows of theirs.
    """
    if not classes:
        return 9 / rows
    p = chance(classes)
    return p + 3 * math.sqrt(p * (1 - p) / rows)


def outcome(divergence: str | None, final_loss: float, initial_loss: float, accuracy: float, bound: float) -> str:
    """`nonfinite`, `blown`, `chance` or `ok`: the first that applies.

    Args:
        divergence: as the engine saw it happen, step by step.
        final_loss: training loss of the last epoch.
        accuracy: on the validation part, of the final weights.
        bound: `chance_bound` of the validation part.
    """
    if divergence in DIVERGED:
        return str(divergence)
    return "chance" if final_loss >= initial_loss or not accuracy > bound else "ok"


def trial_table(stored: pd.DataFrame) -> pd.DataFrame:
    """One row a trial: `trial, variant, learning_rate, seed`, a column for each further axis, PUBLIC, and `chance`."""
    axes = pd.DataFrame([json.loads(text) for text in stored["axes"]], index=stored.index)
    axes = axes.map(lambda value: json.dumps(value) if isinstance(value, dict | list) else value)  # for a cell
    table = pd.concat(
        [stored[["trial", "variant", "learning_rate", "seed"]], axes, stored.drop(columns="axes")], axis=1
    )
    table = table.loc[:, ~table.columns.duplicated()]
    gone = table["divergence"] == "nonfinite"  # the last epoch's figures are not those of the final weights
    table.loc[gone, SCORES] = math.nan
    table["outcome"] = [_outcome_of(row) for row in table.to_dict("records")]
    table["chance"] = table["classes"].map(chance).astype(float)
    table[WHOLE] = table[WHOLE].astype("Int64")
    return table[["trial", "variant", "learning_rate", "seed", *axes.columns, *PUBLIC, "chance"]]


def _outcome_of(row: Mapping[Any, Any]) -> str:
    if row["status"] == "failed":
        return ""
    bound = chance_bound(row["classes"], row["validation_rows"])
    return outcome(row["divergence"], row["train_loss"], row["initial_loss"], row["validation_accuracy"], bound)


def axes_of(trials: pd.DataFrame) -> list[str]:
    """The further axes of a sweep: the columns between the seed and the status."""
    columns = list(trials.columns)
    return columns[columns.index("seed") + 1 : columns.index("status")]


def by_axes(table: pd.DataFrame, axes: Sequence[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Each combination of values of the further axes, with its part of a table; the whole where there are none."""
    if not axes:
        yield {}, table
        return
    for keys, part in table.groupby(list(axes), sort=False, dropna=False):
        yield dict(zip(axes, keys, strict=True)), part


def cell_label(row: Mapping[Any, Any], axes: Sequence[str]) -> str:
    """`batchnorm`, or `batchnorm (units 50)` where there are further axes."""
    values = ", ".join(f"{axis.rpartition('.')[2]} {format_value(row[axis])}" for axis in axes)
    return f"{row['variant']} ({values})" if axes else str(row["variant"])


def scored_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """The trials that ended; a diverged one counts at chance (accuracy) or at the initial loss, never not at all."""
    table = trials[trials["status"] != "failed"].copy()
    diverged = table["outcome"].isin(DIVERGED)
    for score in SCORES:
        table.loc[diverged, score] = table.loc[diverged, "initial_loss" if score.endswith("loss") else "chance"]
    return table


def summary_table(trials: pd.DataFrame) -> pd.DataFrame:
    """One row a variant, axis value and learning rate: counts, P(ok) with its interval, mean, SD and range of scores.

    Diverged trials count as `counted` says. The SD has ddof 1; that of a single trial is missing.
    """
    keys = ["variant", *axes_of(trials), "learning_rate"]
    groups = scored_trials(trials).groupby(keys, sort=False, dropna=False)
    summary = groups["outcome"].agg(
        n="size",
        n_ok=lambda outcomes: (outcomes == "ok").sum(),
        n_chance=lambda outcomes: (outcomes == "chance").sum(),
        n_diverged=lambda outcomes: outcomes.isin(DIVERGED).sum(),
    )
    intervals = [wilson(int(ok), int(n)) for ok, n in zip(summary["n_ok"], summary["n"], strict=True)]
    summary["p_ok"] = summary["n_ok"] / summary["n"]
    summary["p_ok_low"] = [low for low, _ in intervals]
    summary["p_ok_high"] = [high for _, high in intervals]
    for score in SCORES:
        summary[f"{score}_mean"] = groups[score].mean()
        summary[f"{score}_sd"] = groups[score].std(ddof=1)
        summary[f"{score}_min"] = groups[score].min()
        summary[f"{score}_max"] = groups[score].max()
    summary["seconds_per_step"] = groups["seconds_per_step"].median()
    return summary.reset_index()
