"""Stored trials -> the table of trials with their outcomes, and the summary of each learning rate over seeds."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.columns import (
    ACCURACY,
    KEYS,
    MEASURES,
    OUTCOMES,
    R2,
    RESTORED_EPOCH,
    STATISTICS,
    column_names,
    rename_stored,
)
from bnbench.analysis.intervals import clopper_pearson
from bnbench.analysis.labels import format_axes
from bnbench.analysis.probe_columns import COURSE_NUMBERS, COURSE_TEXTS, PROBE_COLUMNS

DIVERGED = ("nonfinite", "blown")
# Relative error of a float32 mean over many rows: a constant prediction may seem to be this much better than it is.
ROUNDING = 1e-5
# What the store keeps among the measurements; earlier versions did not measure it.
MEASURED = (
    "constant_score",
    "constant_loss",
    "mean_class_weight",
    "prediction_spread",
    "validation_macro_f1",
    "test_macro_f1",
    "reestimated_score",
    "start_share",
    "startless_score",
    "longer_momentum_score",
)
# The same, with a value for each k.
TOP_K = ("validation_top_k", "test_top_k")
# Everything that is no column in the store.
KEPT_ELSEWHERE = (*MEASURED, *TOP_K, *PROBE_COLUMNS)
# The functions of pandas for the statistics of a summary; the SD has ddof 1.
AGGREGATES = {"mean": "mean", "sd": "std", "min": "min", "max": "max"}


def chance(classes: int) -> float:
    """Return the accuracy of guessing; without classes, return the R² of always predicting the mean."""
    return 1 / classes if classes else 0.0


def chance_bound(classes: int, rows: int, largest_share: float = math.nan) -> float:
    """Return the validation score up to which a trial is at chance: q + 3 sqrt(q(1 - q)/rows).

    q is the accuracy of the best constant prediction: the larger of 1/C and the share of the largest class. Guessing
    exceeds this bound about once in 700 times.

    Without classes, return the R² that a constant prediction rarely exceeds. R² compares with the training mean, so the
    best constant, which is the mean of these rows, has an R² above 0. The squared distance between the two means is on
    average 1/rows of the variance of the targets; 9/rows belongs to a distance of three standard errors.

    Args:
        classes: number of classes; 0 if each row has a number.
        rows: number of validation rows.
        largest_share: share of the training rows in the largest class; NaN if it is unknown.
    """
    if not classes:
        return 9 / rows
    # A comparison with NaN is false.
    q = largest_share if largest_share > chance(classes) else chance(classes)
    return q + 3 * math.sqrt(q * (1 - q) / rows)


def outcome(divergence: str | None, final_loss: float, loss_bound: float, score: float, score_bound: float) -> str:
    """Return `nonfinite`, `blown`, `chance` or `ok`: the first that applies.

    Args:
        divergence: the kind of divergence that the training loop found, if any.
        final_loss: training loss of the last epoch, or of the epoch whose weights were restored; NaN if it is unknown.
        loss_bound: the loss that training must get below.
        score: validation score of the final weights.
        score_bound: `chance_bound` of the validation part.
    """
    if divergence in DIVERGED:
        return str(divergence)
    return "chance" if final_loss >= loss_bound * (1 - ROUNDING) or not score > score_bound else "ok"


def trial_table(stored: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial from the rows of the store.

    Columns: the columns of KEYS, one for each further axis, and the columns of OUTCOMES, as `columns` declares them.

    Args:
        stored: may have the columns of MEASURED and TOP_K, which the store keeps among the measurements, and the column
            `top_k`, the k of TOP_K.
    """
    axes = pd.DataFrame([json.loads(text) for text in stored["axes"]], index=stored.index)
    # Lists and mappings become text, so that a cell can hold them.
    axes = axes.map(lambda value: json.dumps(value) if isinstance(value, dict | list) else value)
    keys = column_names(KEYS)
    table = pd.concat([stored[keys], axes, rename_stored(stored).drop(columns="axes")], axis=1)
    table = table.loc[:, ~table.columns.duplicated()]
    for name in (*KEPT_ELSEWHERE, *COURSE_NUMBERS, *COURSE_TEXTS):
        if name not in table:
            table[name] = None if name in COURSE_TEXTS else math.nan
    # Weights that are not finite have no scores; the last epoch was measured with earlier weights. Restored weights are
    # finite if they are from before the divergence: only then were they tested.
    finite = (table["divergence"] != "nonfinite") | (table[RESTORED_EPOCH].notna() & table["test_loss"].notna())
    table.loc[~finite, list(MEASURES)] = math.nan
    table["reestimated_gap"] = table["reestimated_score"] - table["validation_score"]
    table["outcome"] = [outcome_of(row) for row in table.to_dict("records")]
    table["chance"] = table["classes"].map(chance).astype(float)
    table["chance_top_k"] = table["chance"] * stored.get("top_k", math.nan)
    table["score_rows"] = table["validation_rows"].where(table["classes"] > 0).astype(float)
    table["score_name"] = table["classes"].map(lambda classes: ACCURACY if classes else R2).astype(object)
    whole = column_names(OUTCOMES, "integer")
    table[whole] = table[whole].astype("Int64")
    return table[[*keys, *axes.columns, *column_names(OUTCOMES)]]


def outcome_of(row: Mapping[Any, Any]) -> str:
    """Return the outcome of a trial from its row, whose columns are those of `trial_table`; empty if it failed."""
    if row["status"] == "failed":
        return ""
    # Losses of training rows are weighted by `train.class_weight`, the initial loss is not.
    weight = 1.0 if math.isnan(row["mean_class_weight"]) else row["mean_class_weight"]
    # `fmin` takes the known one of two values: stored results of earlier versions lack some.
    final = float(np.fmin(row["train_loss"], row["fitted_loss"]))
    bound = float(np.fmin(row["initial_loss"] * weight, row["constant_loss"]))
    score_bound = chance_bound(row["classes"], row["validation_rows"], row["constant_score"])
    return outcome(row["divergence"], final, bound, row["validation_score"], score_bound)


def axes_of(trials: pd.DataFrame) -> list[str]:
    """Return the further axes of a sweep: the columns of a table of trials between the seed and the status."""
    columns = list(trials.columns)
    return columns[columns.index("seed") + 1 : columns.index("status")]


def by_axes(table: pd.DataFrame, axes: Sequence[str]) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Yield each combination of values of the further axes with its rows; without axes, the whole table."""
    if not axes:
        yield {}, table
        return
    for keys, part in table.groupby(list(axes), sort=False, dropna=False):
        yield dict(zip(axes, keys, strict=True)), part


def is_at(table: pd.DataFrame, place: Mapping[str, Any]) -> "pd.Series[bool]":
    """Return which rows have these values of the further axes; null is a value, too."""
    rows = pd.Series(True, table.index)
    for axis, value in place.items():
        rows &= table[axis].isna() if pd.isna(value) else table[axis] == value
    return rows


def cell_label(row: Mapping[Any, Any], axes: Sequence[str]) -> str:
    """Return `batchnorm`, or `batchnorm (units 50)` if there are further axes."""
    return f"{row['variant']} ({format_axes(row, axes)})" if axes else str(row["variant"])


def scored_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that did not fail.

    A diverged trial gets chance as its score and its initial loss as its loss.
    """
    table = trials[trials["status"] != "failed"].copy()
    diverged = table["outcome"].isin(DIVERGED)
    for measure in MEASURES:
        table.loc[diverged, measure] = table.loc[diverged, "initial_loss" if measure.endswith("loss") else "chance"]
    return table


def summary_table(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant, axis value and learning rate: counts, P(ok) with its interval, statistics of scores.

    Diverged trials count as in `scored_trials`. The SD of a single trial is missing.
    """
    keys = ["variant", *axes_of(trials), "learning_rate"]
    scored = scored_trials(trials)
    outcomes = {"n_ok": ("ok",), "n_chance": ("chance",), "n_diverged": DIVERGED}
    scored = scored.assign(n=1, **{name: scored["outcome"].isin(kinds) for name, kinds in outcomes.items()})
    groups = scored.groupby(keys, sort=False, dropna=False)
    counts = groups[["n", *outcomes]].sum()
    # Without trials, and with pyarrow installed, pandas would give the counts the type of the outcomes: text.
    summary = counts.astype(np.int64)
    intervals = [clopper_pearson(int(ok), int(n)) for ok, n in zip(summary["n_ok"], summary["n"], strict=True)]
    summary["p_ok"] = summary["n_ok"] / summary["n"]
    summary["p_ok_low"] = [low for low, _ in intervals]
    summary["p_ok_high"] = [high for _, high in intervals]
    for measure in MEASURES:
        for kind in STATISTICS:
            summary[f"{measure}_{kind}"] = groups[measure].agg(AGGREGATES[kind])
    summary["seconds_per_step"] = groups["seconds_per_step"].median()
    summary.insert(0, "score_name", groups["score_name"].first())
    return summary.reset_index()
