"""Trials and their histories -> metrics of learning curves: time to a target, area, overfitting, roughness."""

import math
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bnbench.analysis.cells import Cells
from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.analysis.epoch_values import values_by_epoch
from bnbench.analysis.flat_curves import flat_from, score_drop
from bnbench.analysis.lr_metrics import best_rate
from bnbench.analysis.trials import DIVERGED, axes_of, scored_trials

TO_TARGET = {"epochs_to_target": "epoch", "steps_to_target": "step", "seconds_to_target": "seconds"}
MEDIANS, MEANS = (*TO_TARGET, "overfitting_onset"), ("aulc", "overfitting_rise")
NO_ROWS = np.empty(0, np.int64)
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

    def first_at(self, trials: Iterable[str], targets: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the position in `history` of the first epoch of each trial that reaches a target.

        Args:
            trials: the ids.
            targets: the validation score that each of them has to reach, (trials,).

        Returns:
            An array of shape (trials,); -1 if no epoch reaches the target.
        """
        own = [self._rows.get(trial, NO_ROWS) for trial in trials]
        lengths = np.array([len(rows) for rows in own], int)
        rows = np.concatenate([NO_ROWS, *own])
        reached = self.history["validation_score"].to_numpy(float)[rows] >= np.repeat(targets, lengths)
        # A position after the last one stands for an epoch below the target.
        order = np.where(reached, np.arange(len(rows)), len(rows))
        first = np.full(len(own), len(rows))
        known = lengths > 0
        if known.any():
            first[known] = np.minimum.reduceat(order, (lengths.cumsum() - lengths)[known])
        return np.asarray(np.append(rows, -1)[first])


def trial_curves(scored: pd.DataFrame, curves: Curves, target: ArrayLike) -> pd.DataFrame:
    """Return `scored_trials` with the metrics of their learning curves.

    Args:
        scored: the trials.
        curves: the histories.
        target: the validation score to reach, or that of each trial, (trials,).

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
    targets = np.broadcast_to(np.asarray(target, float), len(scored))
    reached, never = curves.first_at(scored["trial"], targets), np.where(np.isnan(targets), math.nan, math.inf)
    for name, column in TO_TARGET.items():
        found = np.append(curves.history[column].to_numpy(float), math.nan)[reached]
        table[name] = np.where(np.isnan(found), never, found)
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
    """Return the validation score that the baseline's lowest trial at its best rate reaches at its best epoch.

    Only trials that train count (`Cells.half`). All of them reach it, so that their times have an interval: half of
    them would never reach the median, and a time without end has none. NaN if no trial trains there.
    """
    own = scored.assign(half=Cells(scored).half)[scored["variant"] == baseline]
    if own.empty:
        return math.nan
    own = own[own["learning_rate"] == best_rate(own)]
    return _lowest_highest(own["trial"], own["half"].to_numpy(), curves)


def _lowest_highest(trials: Iterable[str], trains: NDArray[np.bool_], curves: Curves) -> float:
    """Return the lowest of the highest scores of those trials that train; NaN if none does."""
    highest = curves.by_trial["highest"].reindex(list(trials)).to_numpy(float)[trains]
    known = highest[~np.isnan(highest)]
    return float(known.min()) if len(known) else math.nan


def _target_of_rows(cells: Cells, curves: Curves, baseline: str) -> NDArray[np.float64]:
    """Return the `default_target` of each row of `Cells.scored`, which has one for each value of the further axes."""
    targets = np.full(len(cells.scored), math.nan)
    for place in cells.places:
        base = place.cells.get(baseline)
        if base:
            wanted = _lowest_highest(base.values("trial", base.at_best), base.half_at(base.at_best), curves)
            for cell in place.cells.values():
                targets[cell.rows] = wanted
    return targets


def curve_table(cells: Cells, curves: Curves, baseline: str, target: float | None = None) -> pd.DataFrame:
    """Return one row per variant and axis value, its trials at its best rate: the columns of `columns.CURVES`.

    The further axes follow `variant`. Times to the target and the onset are medians, in which infinity counts; area and
    rise are mean and SD.

    Args:
        cells: the trials.
        curves: their histories.
        baseline: the variant that sets the default target.
        target: validation score to reach; by default `default_target`.
    """
    wanted = _target_of_rows(cells, curves, baseline) if target is None else np.full(len(cells.scored), target)
    table = trial_curves(cells.scored, curves, wanted)
    measured = {name: table[name].to_numpy(float) for name in (*MEDIANS, *MEANS)}
    return pd.DataFrame(
        [
            cell.key | {"best_rate": cell.best_rate, "target": float(wanted[cell.rows[0]])}
            | _averages({name: values[cell.at_best] for name, values in measured.items()})
            for cell in cells
        ]
    )  # fmt: skip


def times_by_rate(cells: Cells, curves: Curves, baseline: str) -> pd.DataFrame:
    """Return one row per variant, axis value and learning rate: the median epochs to the target, infinity included."""
    wanted = _target_of_rows(cells, curves, baseline)
    table = trial_curves(cells.scored, curves, wanted).assign(target=wanted)
    keys = ["variant", *cells.axes, "learning_rate"]
    groups = table.groupby(keys, sort=False, dropna=False)
    return groups.agg(epochs_to_target=("epochs_to_target", "median"), target=("target", "first")).reset_index()


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


def _averages(curves: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Return medians, means and SDs over trials; a value that is unknown is left out."""
    known = {name: values[~np.isnan(values)] for name, values in curves.items()}
    reached = int((curves["epochs_to_target"] < math.inf).sum())
    row: dict[str, float] = {"n": len(curves["epochs_to_target"]), "n_reached": reached}
    row |= {f"{name}_median": float(np.median(known[name])) if len(known[name]) else math.nan for name in MEDIANS}
    for name in MEANS:
        row[f"{name}_mean"] = float(known[name].mean()) if len(known[name]) else math.nan
        row[f"{name}_sd"] = float(known[name].std(ddof=1)) if len(known[name]) > 1 else math.nan
    return row
