"""Trials and their histories -> metrics of learning curves: time to a target, area, overfitting, roughness."""

import math
import statistics
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.analysis.epoch_values import values_by_epoch
from bnbench.analysis.flat_curves import flat_from, score_drop
from bnbench.analysis.lr_metrics import best_rate
from bnbench.analysis.trials import DIVERGED, axes_of, by_axes, scored_trials

TO_TARGET = {"epochs_to_target": "epoch", "steps_to_target": "step", "seconds_to_target": "seconds"}
ROUGHNESS = {
    "score_roughness": "validation_score",
    "loss_roughness": "validation_loss",
    "train_score_roughness": "train_score",
    "train_loss_roughness": "train_loss",
}


class Curves:
    """The histories of trials, with what every table takes from them, which is computed once.

    Args:
        trials: as `trial_table` returns them.
        history: the epochs of all of them, each trial in a row.

    Attributes:
        history: the same.
    """

    def __init__(self, trials: pd.DataFrame, history: pd.DataFrame) -> None:
        self._trials, self.history = trials, history

    @cached_property
    def by_trial(self) -> pd.DataFrame:
        """The metrics of each curve by trial, all that `trial_curves` returns but times to a target.

        The further columns `lowest` and `highest` are the lowest validation loss and the highest validation score.
        """
        scored = scored_trials(self._trials)
        history = self.history[self.history["trial"].isin(scored["trial"])]
        parts: list[pd.DataFrame | pd.Series[Any]] = [
            _area(history), _roughness(history), _drift(history), flat_from(scored, history),
            score_drop(scored, history), history.groupby("trial")["validation_score"].max().rename("highest"),
        ]  # fmt: skip
        return _lowest(history).join(parts, how="outer")

    @cached_property
    def _rows(self) -> dict[str, NDArray[Any]]:
        """The positions of the epochs of each trial."""
        grouped = self.history.groupby("trial", sort=False).indices
        return {str(trial): np.asarray(rows) for trial, rows in grouped.items()}

    def first_at(self, trials: Iterable[str], target: float) -> pd.DataFrame:
        """Return by trial the first epoch whose validation score is at least `target`, without those that have none."""
        own = [self._rows[trial] for trial in dict.fromkeys(trials) if trial in self._rows]
        history = self.history.iloc[np.concatenate(own)] if own else self.history.iloc[:0]
        return history[history["validation_score"] >= target].drop_duplicates("trial").set_index("trial")


def trial_curves(scored: pd.DataFrame, curves: Curves, target: float) -> pd.DataFrame:
    """Return `scored_trials` with the metrics of their learning curves.

    Further columns:
        epochs_to_target, steps_to_target, seconds_to_target: training until the first epoch whose validation score
            reaches the target. Infinite if no epoch reaches the target; NaN if there is no target. A trial that reaches
            the target and then diverges has reached it.
        aulc: area under the validation score over steps, by the trapezoidal rule from the untrained model on, divided
            by the steps. A diverged trial, whose curve has no end, counts at chance.
        overfitting_onset: the first epoch with the lowest validation loss.
        overfitting_rise: rise of the validation loss from the onset to the end; a diverged trial ends at its initial
            loss.
        the columns of FLAT, score_drop: as in `flat_curves`.
        the columns of ROUGHNESS, pre_activation_drift: as in `_roughness` and `_drift`; NaN for a trial that is
            not ok, because a network that learns nothing has a smooth curve and does not move.
    """
    table = scored.merge(curves.by_trial.drop(columns="highest"), left_on="trial", right_index=True, how="left")
    moving = [*ROUGHNESS, "pre_activation_drift"]
    table[moving] = table[moving].where(table["outcome"] == "ok")
    table["aulc"] = table["aulc"].mask(table["outcome"].isin(DIVERGED), table["chance"])
    table["overfitting_rise"] = table["validation_loss"] - table.pop("lowest")
    reached = curves.first_at(scored["trial"], target)
    never = math.nan if math.isnan(target) else math.inf
    for name, column in TO_TARGET.items():
        table[name] = table["trial"].map(reached[column].astype(float)).fillna(never)
    return table


def _lowest(history: pd.DataFrame) -> pd.DataFrame:
    """Return, by trial, the epoch with the lowest validation loss, and that loss."""
    known = history.dropna(subset="validation_loss").sort_values(["validation_loss", "epoch"])
    first = known.drop_duplicates("trial").set_index("trial")
    return first[["epoch", "validation_loss"]].set_axis(["overfitting_onset", "lowest"], axis=1)


def _area(history: pd.DataFrame) -> "pd.Series[float]":
    """Return, by trial, the mean height of its validation score over steps."""
    by_trial = history.groupby("trial")
    widths = by_trial["step"].diff()
    heights = (history["validation_score"] + by_trial["validation_score"].shift()) / 2
    areas = (widths * heights).groupby(history["trial"]).sum(min_count=1)
    return (areas / by_trial["step"].max()).rename("aulc")


def _roughness(history: pd.DataFrame) -> pd.DataFrame:
    """Return, by trial, the SD of its scores and losses around a smooth curve over the epochs of training.

    It is estimated from the distance of each epoch to the middle of its neighbors (Gasser, Sroka and Jennen-Steinmetz
    1986), so a curve that falls or rises evenly has none, however steep it is. NaN for fewer than three epochs.
    """
    trained = history[history["epoch"] > 0]
    trial = trained["trial"]
    bends = trained.groupby(trial)[list(ROUGHNESS.values())].diff().groupby(trial).diff()
    # The bend of normal noise has 1 + 4 + 1 times the variance of an epoch.
    noise = ((bends**2).groupby(trial).mean() / 6) ** 0.5
    return noise.set_axis(list(ROUGHNESS), axis=1)


def _drift(history: pd.DataFrame) -> "pd.Series[float]":
    """Return, by trial, how far the pre-activations move per epoch, as a share of their spread.

    That is the mean change of the percentiles from one epoch to the next, from the untrained model on, divided by the
    mean distance between the lowest and the highest percentile. NaN if no pre-activations were recorded.
    """
    known = history.dropna(subset=PRE_ACTIVATIONS).set_index("trial")[list(PRE_ACTIVATIONS)]
    moved = known.groupby("trial").diff().abs().mean(axis=1).groupby("trial").mean()
    spread = (known.iloc[:, -1] - known.iloc[:, 0]).groupby("trial").mean()
    return (moved / spread.where(spread > 0)).rename("pre_activation_drift")


def default_target(scored: pd.DataFrame, curves: Curves, baseline: str) -> float:
    """Return the validation score that the baseline's median trial at its best rate reaches at its best epoch.

    It is the lower of the two middle trials if their number is even, so that at least half of them reach it; a diverged
    trial counts at chance. NaN if the baseline has no ok trial at that rate: chance is no target.
    """
    own = scored[scored["variant"] == baseline]
    if own.empty:
        return math.nan
    own = own[own["learning_rate"] == best_rate(own)]
    if not (own["outcome"] == "ok").any():
        return math.nan
    highest = own["trial"].map(curves.by_trial["highest"])
    return float(statistics.median_low(highest.mask(own["outcome"].isin(DIVERGED), own["chance"]).tolist()))


def curve_table(trials: pd.DataFrame, curves: Curves, baseline: str, target: float | None = None) -> pd.DataFrame:
    """Return one row per variant and axis value, its trials at its best rate: the columns of `columns.CURVES`.

    The further axes follow `variant`. Times to the target and the onset are medians, in which infinity counts; area and
    rise are mean and SD.

    Args:
        target: validation score to reach; by default `default_target`.
    """
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        wanted = default_target(part, curves, baseline) if target is None else target
        measured = trial_curves(part, curves, wanted)
        for variant, cell in measured.groupby("variant", sort=False):
            rate = best_rate(cell)
            row = {"variant": variant, **place, "best_rate": rate, "target": wanted}
            rows.append(row | _averages(cell[cell["learning_rate"] == rate]))
    return pd.DataFrame(rows)


def times_by_rate(trials: pd.DataFrame, curves: Curves, baseline: str) -> pd.DataFrame:
    """Return one row per variant, axis value and learning rate: the median epochs to the target, infinity included."""
    parts = []
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        wanted = default_target(part, curves, baseline)
        measured = trial_curves(part, curves, wanted)
        medians = measured.groupby(["variant", "learning_rate"], sort=False)["epochs_to_target"].median().reset_index()
        parts.append(medians.assign(**place, target=wanted))
    return pd.concat(parts, ignore_index=True)


def mean_by_epoch(trials: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant, axis value, learning rate and epoch: the mean validation score over seeds.

    A diverged trial counts at chance from its divergence on. A trial that ended early keeps its last score.
    """
    keys = ["variant", *axes_of(trials), "learning_rate"]
    # Two variants or two axis values may share a trial, which then has several rows.
    planned = scored_trials(trials)
    wide = values_by_epoch(planned, history, "validation_score")
    long = wide.reset_index().melt(id_vars="trial", value_name="validation_score")
    long = long.merge(planned[["trial", *keys]], on="trial")
    return long.groupby([*keys, "epoch"], sort=False, dropna=False)["validation_score"].mean().reset_index()


def _averages(curves: pd.DataFrame) -> dict[str, float]:
    row: dict[str, float] = {"n": len(curves), "n_reached": int((curves["epochs_to_target"] < math.inf).sum())}
    row |= {f"{name}_median": float(curves[name].dropna().median()) for name in (*TO_TARGET, "overfitting_onset")}
    for name in ("aulc", "overfitting_rise"):
        row |= {f"{name}_mean": float(curves[name].mean()), f"{name}_sd": float(curves[name].std(ddof=1))}
    return row
