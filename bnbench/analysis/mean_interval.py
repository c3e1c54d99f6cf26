"""Values of seeds -> the interval of their mean, by the way that is sound for them, or none.

- Student's t, where all seeds are of one kind.
- Betting, where some trainings collapsed and others did not, and the values have bounds: no t interval holds then.
- None, where more than half of the values are at a ceiling or are ties: the spread says little. Pairs have a sign test.
"""

import math
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr

from bnbench.analysis.betting import betting_interval
from bnbench.analysis.intervals import MIN_VALUES, ROUNDING, Interval, t_interval


def mean_interval(
    values: ArrayLike,
    kinds: Sequence[object] = (),
    bounds: tuple[float, float] | None = None,
    ties_at: Collection[float] = (),
    widening: float = 1.0,
    confidence: float = 0.95,
) -> Interval:
    """Return the mean of some values with its interval; its ends are NaN if there is none.

    Args:
        values: one of each seed, in the order of the seeds.
        kinds: what became of the trainings of each seed, for example which of them collapsed; empty if not known.
        bounds: between which the values must lie; None if there are no bounds.
        ties_at: values at which two trainings are equal, or a training is at a ceiling.
        widening: how many times as wide the interval is made (`leave_one_out.widening`).
        confidence: how often the interval should hold the true mean.
    """
    interval = t_interval(values, confidence, widening)
    array = np.asarray(values, float)
    if interval.n < MIN_VALUES or not math.isfinite(interval.mean):
        return interval
    if mixes_kinds(kinds):
        ends = betting_interval(array, *bounds, confidence) if bounds else (math.nan, math.nan)
        return _with_ends(interval, ends, bounds, widening)
    if 2 * count_ties(array, ties_at) > interval.n:
        return _with_ends(interval, (math.nan, math.nan), None, 1.0)
    return interval


def mixes_kinds(kinds: Sequence[object]) -> bool:
    """Return whether some trainings collapsed and others did not."""
    return len(set(kinds)) > 1


def count_ties(values: NDArray[np.float64], ties_at: Collection[float]) -> int:
    """Return how many values are at one of the values that count as ties."""
    return int(sum((np.abs(values - tie) <= ROUNDING).sum() for tie in ties_at))


def sign_test(differences: ArrayLike) -> float:
    """Return the two-sided p-value of the exact sign test (Arbuthnott 1710); differences of 0 do not count.

    1 if all of them are 0.
    """
    array = np.asarray(differences, float)
    up, down = int((array > ROUNDING).sum()), int((array < -ROUNDING).sum())
    return min(1.0, 2 * float(bdtr(min(up, down), up + down, 0.5))) if up + down else 1.0


def _with_ends(
    interval: Interval, ends: tuple[float, float], bounds: tuple[float, float] | None, widening: float
) -> Interval:
    low, high = (interval.mean + widening * (end - interval.mean) for end in ends)
    if bounds:
        # NaN stays NaN.
        low, high = np.maximum(low, bounds[0]), np.minimum(high, bounds[1])
    return Interval(interval.mean, interval.sd, interval.n, float(low), float(high))
