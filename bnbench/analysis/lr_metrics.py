"""Trials -> the metrics of a variant over the learning rates of the grid."""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

# Rates within this distance of the best score count for the stable width.
DELTA = 0.01
# A variant trains well at a rate if its mean score there is at most this much below its best mean score.
WELL = 0.05
# Decades on either side of a variant's own best rate.
CENTERED_DECADES = 1.5
# Tolerance for floating-point error: a mean depends on the order of the seeds, and 0.9 - 0.01 is not exactly 0.89.
ROUNDING = 1e-9

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class RateCurve:
    """The means over the seeds of a variant at each learning rate, ascending; arrays are (rates,).

    Diverged trials count as in `scored_trials`.

    Attributes:
        score: mean validation score.
        score_if_ok: the same, but each trial that is not ok counts at chance.
        loss: mean over the trials of the lower of validation loss and initial loss.
        ok: whether every trial was ok.
        n: number of trials.
        n_ok: number of ok trials.
    """

    rates: Numbers
    score: Numbers
    score_if_ok: Numbers
    loss: Numbers
    ok: Flags
    n: Counts
    n_ok: Counts

    @property
    def well(self) -> Flags:
        """Whether the variant trains well at each rate: every trial is ok, and the mean is at most WELL below the best.

        It is the mean that counts: with many seeds, the lowest of them is sooner or later 0.05 below by luck.
        """
        return np.asarray(self.ok & (self.score >= self.score.max() - WELL - ROUNDING))

    @property
    def best(self) -> int:
        """Index of the rate with the highest score; if several are equal, the lowest rate."""
        return int(np.argmax(self.score >= self.score.max() - ROUNDING))

    @property
    def near(self) -> Flags:
        """Whether each rate is within 1.5 decades of the best rate."""
        return np.asarray(np.abs(np.log10(self.rates / self.rates[self.best])) <= CENTERED_DECADES + ROUNDING)


def rate_curve(scored: pd.DataFrame) -> RateCurve:
    """Return the curve of the trials of one variant at one value of the further axes, from `scored_trials`."""
    return curve_of(curve_values(scored))


def curve_values(scored: pd.DataFrame) -> Numbers:
    """Return what a curve is made of, a column a trial: rate, score, score if ok, loss, whether it is ok, (5, trials).

    The curve of some of the trials is that of their columns, so many curves need the table only once.
    """
    ok, score = scored["outcome"] == "ok", scored["validation_score"]
    loss = np.minimum(scored["validation_loss"].to_numpy(float), scored["initial_loss"].to_numpy(float))
    if_ok = score.where(ok, scored["chance"])
    return np.array([scored["learning_rate"], score, if_ok, loss, ok], float).reshape(5, len(scored))


def curve_of(values: Numbers) -> RateCurve:
    """Return the curve of the trials of one variant at one value of the further axes, from their `curve_values`."""
    rates, index = np.unique(values[0], return_inverse=True)
    counts = np.bincount(index)
    # A mean is NaN if any value at that rate is NaN.
    score, score_if_ok, loss = (np.bincount(index, row) / counts for row in values[1:4])
    n_ok = np.bincount(index, values[4]).astype(np.int64)
    return RateCurve(rates, score, score_if_ok, loss, n_ok == counts, counts, n_ok)


def best_rate(scored: pd.DataFrame) -> float:
    """Return the rate with the highest mean validation score; if several are equal, the lowest."""
    curve = rate_curve(scored)
    return float(curve.rates[curve.best])


def half_level(chance: float, best_mean: float) -> float:
    """Return the lowest score at which a training counts as trained: halfway from chance to the best mean."""
    return chance + (best_mean - chance) / 2


def lr_sensitivity(loss: Numbers) -> float:
    """Return the mean over the rates of how far the loss is above its lowest value.

    Wortsman et al. 2023, sec. 2.2: no loss counts as more than the initial loss, the loss of a diverged trial.
    """
    return float((loss - loss.min()).mean())


def score_regret(score: Numbers) -> float:
    """Return the mean over the rates of how far the score is below its highest value.

    The counterpart of Wortsman et al. 2023, sec. 2.2, for scores: the cost of a rate drawn at random from the grid.
    Trials that are not ok count at chance.
    """
    return float((score.max() - score).mean())


def contiguous_run(holds: Flags, middle: int) -> tuple[int, int] | None:
    """Return the first and last index of the unbroken True run that contains `middle`; None if `middle` is False."""
    if not holds[middle]:
        return None
    low = high = middle
    while low > 0 and holds[low - 1]:
        low -= 1
    while high + 1 < len(holds) and holds[high + 1]:
        high += 1
    return low, high


@dataclass(frozen=True)
class RateMetrics:
    """The metrics of some trials of one variant over the learning rates.

    If no trial is ok, the metrics in NEEDS_OK are NaN and `stable_width_open` is False.

    Attributes:
        best_rate: the rate with the highest mean validation score.
        stable_from: the smallest rate of the unbroken run of grid rates that contains the best rate and at which every
            trial is ok. NaN if a trial at the best rate is not ok.
        max_stable_rate: the largest rate of that run: how far a rate can be raised (Bjorck et al. 2018, sec. 3).
        well_to: the largest rate such that the variant trains well there (`RateCurve.well`) and at every grid rate from
            the best one up to it. NaN if a trial at the best rate is not ok.
        stable_width: width in decades of the unbroken run of grid rates around the best rate that score at most `delta`
            less than the best rate.
        stable_width_open: whether this run reaches an end of the grid, so that `stable_width` is a lower bound.
        lr_sensitivity: the function `lr_sensitivity` over the whole grid.
        lr_sensitivity_centered: the same over the rates within 1.5 decades of the best rate.
        score_regret: the function `score_regret`.
        seconds_per_step: median over the trials; a trial that ended within its first epoch is not counted.
    """

    best_rate: float
    stable_from: float
    max_stable_rate: float
    well_to: float
    stable_width: float
    stable_width_open: bool
    lr_sensitivity: float
    lr_sensitivity_centered: float
    score_regret: float
    seconds_per_step: float


# The metrics that need at least one ok trial. Without this rule a variant that never trains would look perfect: its
# curves are flat.
NEEDS_OK = (
    "best_rate", "stable_from", "max_stable_rate", "well_to", "stable_width", "lr_sensitivity",
    "lr_sensitivity_centered", "score_regret",
)  # fmt: skip


def metrics_over_rates(scored: pd.DataFrame, delta: float = DELTA) -> RateMetrics:
    """Return the metrics of one variant at one value of the further axes, from its `scored_trials`."""
    return metrics_of_curve(rate_curve(scored), scored["seconds_per_step"].to_numpy(float), delta)


def metrics_of_curve(curve: RateCurve, seconds_per_step: Numbers, delta: float = DELTA) -> RateMetrics:
    """Return the metrics of some trials from their curve and the seconds per step of each, NaN if unknown."""
    rates, best = curve.rates, curve.best
    known = seconds_per_step[~np.isnan(seconds_per_step)]
    seconds = float(np.median(known)) if len(known) else math.nan
    if not curve.n_ok.any():
        return RateMetrics(**dict.fromkeys(NEEDS_OK, math.nan), stable_width_open=False, seconds_per_step=seconds)
    stable = contiguous_run(curve.ok, best)
    well = contiguous_run(curve.well, best)
    low, high = contiguous_run(curve.score >= curve.score[best] - delta - ROUNDING, best) or (best, best)
    return RateMetrics(
        best_rate=float(rates[best]),
        stable_from=float(rates[stable[0]]) if stable else math.nan,
        max_stable_rate=float(rates[stable[1]]) if stable else math.nan,
        well_to=float(rates[well[1]]) if well else math.nan,
        stable_width=float(np.log10(rates[high] / rates[low])),
        stable_width_open=low == 0 or high == len(rates) - 1,
        lr_sensitivity=lr_sensitivity(curve.loss),
        lr_sensitivity_centered=lr_sensitivity(curve.loss[curve.near]),
        score_regret=score_regret(curve.score_if_ok),
        seconds_per_step=seconds,
    )
