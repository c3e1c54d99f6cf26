"""Trials -> what a figure of a source shows: curves by epoch with their means, a metric by rate, predictions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.lr_metrics import best_rate
from bnbench.analysis.per_seed import with_trial_metrics
from bnbench.analysis.registry import Metric
from bnbench.analysis.trials import DIVERGED, by_axes, scored_trials

# The columns of a curve.
CURVE_SCORES = ("train_loss", "validation_loss", "train_score", "validation_score")


@dataclass(frozen=True)
class SourceCurves:
    """The learning curves of some trials.

    All tables have `variant` and the further axes, `x` (the epoch or the step) and the columns of CURVE_SCORES.

    Attributes:
        lines: a row for each trial and epoch, also with `trial`, `seed` and `learning_rate`.
        crosses: a row for each diverged trial, also with `trial`: where it diverged, and its last known scores.
        means: a row for each variant, setting and x, also with `n`, the number of trials: the mean over them, as far
            as each of them has a value.
    """

    lines: pd.DataFrame
    crosses: pd.DataFrame
    means: pd.DataFrame


def trials_at(
    trials: pd.DataFrame, axes: list[str], variants: Iterable[str], at: float | Literal["best"]
) -> pd.DataFrame:
    """Return the trials of some variants that did not fail, at one learning rate, or each variant at its best one.

    Args:
        trials: as `trial_table` returns them.
        axes: the further axes; a variant has a best rate at each of their values.
        variants: names of variants; the rows that are returned have their order.
    """
    scored = scored_trials(trials)
    order = {name: i for i, name in enumerate(variants)}
    chosen = [_at_rate(part, at) for _, part in by_axes(scored[scored["variant"].isin(order)], ["variant", *axes])]
    table = pd.concat(chosen) if chosen else scored.iloc[:0]
    return table.sort_values("variant", key=lambda names: names.map(order), kind="stable")


def _at_rate(trials: pd.DataFrame, at: float | Literal["best"]) -> pd.DataFrame:
    return trials[trials["learning_rate"] == (best_rate(trials) if at == "best" else at)]


def source_curves(
    trials: pd.DataFrame, history: pd.DataFrame, axes: list[str], x: Literal["epoch", "step"]
) -> SourceCurves:
    """Return the curves of trials after the first step on; a diverged trial ends where it diverged.

    Args:
        trials: as `trials_at` returns them.
        history: the epochs of all trials.
        axes: the further axes.
        x: what the curves are drawn against.
    """
    cell = ["variant", *axes]
    keys = [*cell, "learning_rate", "seed", "trial"]
    epochs = trials[[*keys, "diverged_at_step"]].merge(history, on="trial")
    end = epochs["diverged_at_step"].astype(float)
    kept = epochs[(epochs["epoch"] > 0) & ~(epochs["step"] > end)]
    lines = kept.assign(x=kept[x].astype(float))[[*keys, "x", *CURVE_SCORES]].reset_index(drop=True)
    return SourceCurves(lines, _crosses(epochs, kept, cell, x), _means(lines, trials, cell))


def _crosses(epochs: pd.DataFrame, kept: pd.DataFrame, cell: list[str], x: str) -> pd.DataFrame:
    """Return where trials diverged, with the last known value of each curve, or NaN."""
    last = epochs.drop_duplicates([*cell, "trial"], keep="last").dropna(subset="diverged_at_step")
    step = last["diverged_at_step"].astype(float)
    # A trial that diverged in its first epoch has no other epoch that says how many steps one has.
    epoch = (step * last["epoch"] / last["step"].where(last["step"] > 0)).fillna(0.0)
    places = last[[*cell, "trial"]].assign(x=step if x == "step" else epoch)
    # `last` takes the last value that is known.
    heights = kept.groupby([*cell, "trial"], sort=False, dropna=False)[list(CURVE_SCORES)].last().reset_index()
    return places.merge(heights, on=[*cell, "trial"], how="left").reset_index(drop=True)


def _means(lines: pd.DataFrame, trials: pd.DataFrame, cell: list[str]) -> pd.DataFrame:
    scores = list(CURVE_SCORES)
    groups = lines.groupby([*cell, "x"], sort=False, dropna=False)[scores]
    table, counts = groups.mean(), groups.count()
    n = trials.groupby(cell, sort=False, dropna=False).size().rename("n").reset_index()
    table = table.reset_index().merge(n, on=cell, how="left")
    # With some trials missing, the mean would be of those that went well.
    whole = counts.to_numpy() == table[["n"]].to_numpy()
    table[scores] = table[scores].where(whole)
    return table


@dataclass(frozen=True)
class SourceRates:
    """A metric of some trials at all rates, in the column `value`.

    Attributes:
        trials: a row for each trial, with `variant`, the further axes, `learning_rate`, `seed` and `diverged`.
        means: a row for each variant, setting and rate, with `n` and `n_diverged`: the mean over the trials; NaN if a
            value is missing.
    """

    trials: pd.DataFrame
    means: pd.DataFrame


@dataclass(frozen=True)
class _FinalMetric:
    """A metric of the final weights, as `with_trial_metrics` wants it."""

    metric: str
    at: float | Literal["best"] = "best"
    epoch: int | None = None
    target: float | None = None
    kind: str = "value"


def source_rates(trials: pd.DataFrame, curves: Curves, axes: list[str], metric: Metric, baseline: str) -> SourceRates:
    """Return a metric of each trial at all rates. A diverged trial counts at chance, or at its initial loss."""
    parts = [with_trial_metrics(part, curves, _FinalMetric(metric.name), baseline) for _, part in by_axes(trials, axes)]
    table = pd.concat(parts) if parts else scored_trials(trials)
    keys = ["variant", *axes, "learning_rate"]
    values = table[[*keys, "seed"]].assign(
        diverged=table["outcome"].isin(DIVERGED), value=table[metric.name].astype(float)
    )
    return SourceRates(values.reset_index(drop=True), _means_by_rate(values, keys))


def _means_by_rate(values: pd.DataFrame, keys: list[str]) -> pd.DataFrame:
    groups = values.groupby(keys, sort=False, dropna=False)
    n, known = groups.size(), groups["value"].count()
    # A mean without some of the trials would be of other trials at each rate.
    means = groups["value"].mean().where(known == n)
    table = pd.DataFrame({"n": n, "n_diverged": groups["diverged"].sum(), "value": means}).reset_index()
    return table.sort_values("learning_rate", kind="stable").reset_index(drop=True)


def source_predictions(trials: pd.DataFrame, measured: dict[str, pd.DataFrame], axes: list[str]) -> pd.DataFrame:
    """Return target and prediction of the test rows of each trial that did not diverge.

    Args:
        trials: as `trials_at` returns them.
        measured: `Results.measurements` of `test_target` and of `test_prediction`.

    Returns:
        A row for each trial and test row: `variant`, the further axes, `learning_rate`, `seed`, `row` (its number in
            the data set), `target` and `prediction`.
    """
    keys = ["variant", *axes, "learning_rate", "seed"]
    own = trials[~trials["outcome"].isin(DIVERGED)][["trial", *keys]]
    targets, predictions = (_by_row(measured[f"test_{name}"], name) for name in ("target", "prediction"))
    rows: Any = targets.merge(predictions, on=["trial", "row"])
    table = own.merge(rows, on="trial")[[*keys, "row", "target", "prediction"]]
    finite = np.isfinite(table[["target", "prediction"]].to_numpy(float)).all(axis=1)
    kept: pd.DataFrame = table.loc[finite]
    return kept.reset_index(drop=True)


def _by_row(table: pd.DataFrame, name: str) -> pd.DataFrame:
    return table.rename(columns={"position": "row", "value": name})[["trial", "row", name]]
