"""Trials -> the metrics of a variant over the learning rates of the grid."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bnbench.analysis.columns import CHOICE_MEASURES
from bnbench.analysis.trials import AGGREGATES, DIVERGED, axes_of, by_axes, scored_trials

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
    rates, index = np.unique(scored["learning_rate"].to_numpy(float), return_inverse=True)
    counts = np.bincount(index)

    def mean(values: ArrayLike) -> Numbers:
        """Return the mean at each rate; NaN if any value at that rate is NaN."""
        return np.bincount(index, np.asarray(values, float)) / counts

    ok, score = scored["outcome"] == "ok", scored["validation_score"]
    loss = np.minimum(scored["validation_loss"], scored["initial_loss"])
    n_ok = np.bincount(index, ok.to_numpy()).astype(np.int64)
    return RateCurve(
        rates, mean(score), mean(score.where(ok, scored["chance"])), mean(loss), n_ok == counts, counts, n_ok
    )


def best_rate(scored: pd.DataFrame) -> float:
    """Return the rate with the highest mean validation score; if several are equal, the lowest."""
    curve = rate_curve(scored)
    return float(curve.rates[curve.best])


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
    curve = rate_curve(scored)
    rates, best = curve.rates, curve.best
    seconds = float(scored["seconds_per_step"].dropna().median())
    if not (scored["outcome"] == "ok").any():
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


def variant_table(trials: pd.DataFrame, baseline: str, delta: float = DELTA) -> pd.DataFrame:
    """Return one row per variant and axis value, with the columns of `columns.VARIANTS` but those of times in pairs.

    The further axes follow `variant`. `step_times.with_overhead` adds the missing columns.
    """
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        cells = dict(list(part.groupby("variant", sort=False)))
        metrics = {variant: metrics_over_rates(cell, delta) for variant, cell in cells.items()}
        rows += [
            {"variant": variant, **place} | _variant_row(cell, metrics[variant], metrics.get(baseline))
            for variant, cell in cells.items()
        ]
    return pd.DataFrame(rows)


def _variant_row(cell: pd.DataFrame, own: RateMetrics, base: RateMetrics | None) -> dict[str, Any]:
    """Return the scores of a variant at its best rate, its metrics, and both compared with the baseline."""
    rate = best_rate(cell)
    at_best = cell[cell["learning_rate"] == rate]
    return (
        {"best_rate": rate, "n": len(at_best), **_mean_and_sd(at_best)}
        | {"stable_from": own.stable_from, "stable_to": own.max_stable_rate}
        | asdict(replace(own, best_rate=rate))
        | {
            "best_rate_ratio": own.best_rate / base.best_rate if base else math.nan,
            "bn_mode_gap": float(at_best["bn_mode_gap"].to_numpy(float).mean()),
            "n_diverged": int(cell["outcome"].isin(DIVERGED).sum()),
            "trials": len(cell),
        }
    )


def _mean_and_sd(trials: pd.DataFrame) -> dict[str, float]:
    """Return the mean and SD of the validation and test measures."""
    return {
        f"{measure}_{kind}": float(trials[measure].agg(AGGREGATES[kind]))
        for measure in CHOICE_MEASURES
        for kind in ("mean", "sd")
    }


def expected_best(scores: Iterable[float]) -> Numbers:
    """Return the expected highest of k scores drawn without replacement, for k = 1 to all of them, (scores,).

    By order statistics: a score with i lower scores is the highest of k draws in C(i, k-1) of C(n, k) cases. Dodge et
    al. 2019, sec. 3, draw with replacement, but nobody tries the same rate twice.
    """
    ascending = sorted(scores)
    n = len(ascending)
    return np.array(
        [sum(x * (math.comb(i, k - 1) / math.comb(n, k)) for i, x in enumerate(ascending)) for k in range(1, n + 1)]
    )


def tuning_table(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant, axis value and number of rates `tried`, with the `expected_score` of the best rate.

    The rates are drawn at random from the grid; the score of a rate is the mean over seeds on the validation part.
    """
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        for variant, cell in part.groupby("variant", sort=False):
            expected = enumerate(expected_best(rate_curve(cell).score.tolist()), start=1)
            rows += [{"variant": variant, **place, "tried": k, "expected_score": float(best)} for k, best in expected]
    return pd.DataFrame(rows)
