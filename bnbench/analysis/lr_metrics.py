"""Trials -> figures of a variant over the learning rates of the grid."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from bnbench.analysis.columns import SCORES
from bnbench.analysis.trials import DIVERGED, axes_of, by_axes, scored_trials

DELTA = 0.01  # of score, that the rates of the stable width may lie below the best
CENTERED_DECADES = 1.5  # decades on either side of a variant's own best rate
ROUNDING = 1e-9  # a mean depends on the order of the seeds, and 0.9 - 0.01 is a little more than 0.89

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class RateCurve:
    """What the seeds of a variant reach together at each rate, ascending; arrays are (rates,), diverged as `counted`.

    Attributes:
        score: mean validation score.
        regretted: the same with every trial that is not ok at chance.
        loss: mean of the validation loss, or of the initial one where that is lower.
        ok: whether every trial was.
    """

    rates: Numbers
    score: Numbers
    regretted: Numbers
    loss: Numbers
    ok: Flags

    @property
    def best(self) -> int:
        """Where the score is highest; at the lowest rate of several."""
        return int(np.argmax(self.score >= self.score.max() - ROUNDING))

    @property
    def near(self) -> Flags:
        """Which rates lie within 1.5 decades of the best, as far as the grid reaches."""
        return np.asarray(np.abs(np.log10(self.rates / self.rates[self.best])) <= CENTERED_DECADES + ROUNDING)


def rate_curve(ended: pd.DataFrame) -> RateCurve:
    """The curve of the trials of one variant at one value of the further axes, from a `counted` table of them."""
    rates, index = np.unique(ended["learning_rate"].to_numpy(float), return_inverse=True)
    counts = np.bincount(index)

    def mean(values: ArrayLike) -> Numbers:
        return np.bincount(index, np.asarray(values, float)) / counts  # where one is missing, so is the mean

    ok, score = ended["outcome"] == "ok", ended["validation_score"]
    loss = np.minimum(ended["validation_loss"], ended["initial_loss"])
    return RateCurve(rates, mean(score), mean(score.where(ok, ended["chance"])), mean(loss), mean(ok) == 1)


def best_rate(ended: pd.DataFrame) -> float:
    """The rate of the highest mean validation score; the lowest of several."""
    found = rate_curve(ended)
    return float(found.rates[found.best])


def lr_sensitivity(loss: Numbers) -> float:
    """The mean over the rates of how far the loss, at most the initial one, lies above its lowest.

    Wortsman et al. 2023, sec. 2.2, where what diverges counts the initial loss.
    """
    return float((loss - loss.min()).mean())


def score_regret(score: Numbers) -> float:
    """The mean over the rates of how far the score, trials that are not ok at chance, lies below its highest.

    The counterpart of Wortsman et al. 2023, sec. 2.2, for score: what a rate drawn blindly from the grid costs.
    """
    return float((score.max() - score).mean())


def contiguous_run(holds: Flags, middle: int) -> tuple[int, int] | None:
    """The ends of the run of neighbouring rates around one of them at which something holds; None: not even there."""
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
    """The figures of some trials of one variant over the learning rates; all but the time are NaN where none is ok.

    Attributes:
        best_rate: the rate of the highest mean validation score.
        stable_from: the smallest grid rate of those around the best at which every trial is ok; NaN: not at the best.
        max_stable_rate: the largest of them, to where a rate can be raised (Bjorck et al. 2018, sec. 3).
        stable_width: decades of the run of grid rates around the best whose score is at most delta below it.
        stable_width_open: whether that run ends where the grid does, so that the width is at least this.
        lr_sensitivity: as the function of that name, over the common grid.
        lr_sensitivity_centered: the same over the rates within 1.5 decades of the best.
        score_regret: as the function of that name.
        seconds_per_step: median over the trials; of those that ended within their first epoch it is not known.
    """

    best_rate: float
    stable_from: float
    max_stable_rate: float
    stable_width: float
    stable_width_open: bool
    lr_sensitivity: float
    lr_sensitivity_centered: float
    score_regret: float
    seconds_per_step: float


NEEDS_ONE = (  # that is ok
    "best_rate", "stable_from", "max_stable_rate", "stable_width", "lr_sensitivity", "lr_sensitivity_centered",
    "score_regret",
)  # fmt: skip


def metrics_over_rates(ended: pd.DataFrame, delta: float = DELTA) -> RateMetrics:
    """The figures of the trials of one variant at one value of the further axes, from a `counted` table of them."""
    found = rate_curve(ended)
    rates, best = found.rates, found.best
    seconds = float(ended["seconds_per_step"].dropna().median())
    if not (ended["outcome"] == "ok").any():  # a flat line at chance would have the best figures of all
        return RateMetrics(**dict.fromkeys(NEEDS_ONE, math.nan), stable_width_open=False, seconds_per_step=seconds)
    stable = contiguous_run(found.ok, best)
    low, high = contiguous_run(found.score >= found.score[best] - delta - ROUNDING, best) or (best, best)
    return RateMetrics(
        best_rate=float(rates[best]),
        stable_from=float(rates[stable[0]]) if stable else math.nan,
        max_stable_rate=float(rates[stable[1]]) if stable else math.nan,
        stable_width=float(np.log10(rates[high] / rates[low])),
        stable_width_open=low == 0 or high == len(rates) - 1,
        lr_sensitivity=lr_sensitivity(found.loss),
        lr_sensitivity_centered=lr_sensitivity(found.loss[found.near]),
        score_regret=score_regret(found.regretted),
        seconds_per_step=seconds,
    )


def variant_table(trials: pd.DataFrame, baseline: str, delta: float = DELTA) -> pd.DataFrame:
    """One row a variant and axis value: the scores at its best rate, the figures of `OverRates`, and two comparisons.

    `best_rate_ratio` and `overhead` are the best rate and the seconds a step over those of the baseline variant at the
    same axis value. `stable_to` is `max_stable_rate`. `n` trials were made at the best rate; `bn_mode_gap` is their
    mean, NaN where one of them has none.
    """
    axes = axes_of(trials)
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(scored_trials(trials), axes):
        cells = dict(list(part.groupby("variant", sort=False)))
        figures = {variant: metrics_over_rates(cell, delta) for variant, cell in cells.items()}
        for variant, cell in cells.items():
            own, base = figures[variant], figures.get(baseline)
            rate = best_rate(cell)
            at_best = cell[cell["learning_rate"] == rate]
            ratios = {
                "best_rate_ratio": own.best_rate / base.best_rate if base else math.nan,
                "overhead": own.seconds_per_step / base.seconds_per_step if base else math.nan,
            }
            gap = {"bn_mode_gap": float(at_best["bn_mode_gap"].to_numpy(float).mean())}
            counts = {"n_diverged": int(cell["outcome"].isin(DIVERGED).sum()), "trials": len(cell)}
            row = {"variant": variant, **place, "best_rate": rate, "n": len(at_best), **_spreads(at_best)}
            stable = {"stable_from": own.stable_from, "stable_to": own.max_stable_rate}
            rows.append(row | stable | asdict(replace(own, best_rate=rate)) | ratios | gap | counts)
    return pd.DataFrame(rows)


def _spreads(trials: pd.DataFrame) -> dict[str, float]:
    scores = SCORES[2:]  # those of the training part are no basis for a choice
    return {f"{score}_{kind}": float(trials[score].agg(how)) for score in scores for kind, how in _KINDS}


_KINDS = (("mean", "mean"), ("sd", "std"))


def expected_best(scores: Iterable[float]) -> Numbers:
    """The expected highest of k scores drawn without replacement, for k = 1 to all of them, (scores,).

    By order statistics: the i-th smallest of n is the highest of k draws in C(i-1, k-1) of C(n, k) cases. Dodge et al.
    2019, sec. 3, draw with replacement; nobody tries the same rate twice.
    """
    ascending = sorted(scores)
    n = len(ascending)
    return np.array(
        [sum(x * (math.comb(i, k - 1) / math.comb(n, k)) for i, x in enumerate(ascending)) for k in range(1, n + 1)]
    )


def tuning_table(trials: pd.DataFrame) -> pd.DataFrame:
    """One row a variant, axis value and `tried` = 1, 2, ...: the `expected_score` of the best of so many rates.

    The rates are drawn blindly from the grid; a rate's score is the mean over seeds on the validation part.
    """
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        for variant, cell in part.groupby("variant", sort=False):
            expected = enumerate(expected_best(rate_curve(cell).score.tolist()), start=1)
            rows += [{"variant": variant, **place, "tried": k, "expected_score": float(best)} for k, best in expected]
    return pd.DataFrame(rows)
