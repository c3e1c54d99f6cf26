"""A metric at several values of an axis -> the range of its means, with an interval from simultaneous bounds of pairs.

The range of noisy means is too high: of six equally good values one is always the highest. So the interval is made of
the paired differences between each two values of the axis. They hold the truth together (Bonferroni), and so do the
largest of their lower ends and the largest of their upper ends for the largest true difference, which is the range.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import pandas as pd

from bnbench.analysis.intervals import MIN_VALUES, Interval
from bnbench.analysis.mean_interval import mean_interval
from bnbench.analysis.per_seed import PerSeedScores

EQUAL = "equal at every seed at two values of the axis: no interval"
NO_BOUNDS = "some seeds collapse, so there is no sound interval"


@dataclass(frozen=True)
class AxisRange:
    """The highest minus the lowest mean over the values of an axis.

    Attributes:
        estimate: of the means over the seeds; too high where the seeds are noisy.
        low, high: the ends of its interval; NaN if there is none.
        n: the number of seeds with a value everywhere.
        why: why there is no interval; empty if there is one or seeds are too few.
    """

    estimate: float
    low: float
    high: float
    n: int
    why: str = ""


def range_across(
    samples: Sequence[PerSeedScores],
    bounds: tuple[float, float] | None = None,
    families: int = 1,
    confidence: float = 0.95,
) -> AxisRange:
    """Return the range of the mean of one metric over several values of an axis, each at its own best rate.

    Args:
        samples: the metric by seed at each value.
        bounds: between which a difference of two values must lie; None if it has no bounds.
        families: how many such ranges must hold together, for their difference.
        confidence: of all of them together.
    """
    if not samples:
        return AxisRange(math.nan, math.nan, math.nan, 0)
    values = pd.concat([sample.values for sample in samples], axis=1, join="inner").sort_index()
    means, n = values.mean(skipna=False), len(values)
    estimate = float(means.max(skipna=False) - means.min(skipna=False)) if n else math.nan
    if n < MIN_VALUES or len(samples) < 2 or not math.isfinite(estimate):
        return AxisRange(estimate, math.nan, math.nan, n)
    pairs = families * len(samples) * (len(samples) - 1) / 2
    low = high = 0.0
    for found, why in _pairs(samples, values, bounds, 1 - (1 - confidence) / pairs):
        if why:
            return AxisRange(estimate, math.nan, math.nan, n, why)
        low, high = max(low, found.low, -found.high), max(high, found.high, -found.low)
    return AxisRange(estimate, low, high, n)


def _pairs(
    samples: Sequence[PerSeedScores], values: pd.DataFrame, bounds: tuple[float, float] | None, confidence: float
) -> Iterator[tuple[Interval, str]]:
    """Yield the interval of the difference between each two values of the axis, or why there is none."""
    table = values.to_numpy(float)
    for i, j in combinations(range(len(samples)), 2):
        differences = table[:, i] - table[:, j]
        # A variant that the axis does not change has the same trials at all values.
        if not differences.any():
            yield Interval(0.0, 0.0, len(differences), 0.0, 0.0), ""
            continue
        kinds = [(seed in samples[i].failed, seed in samples[j].failed) for seed in values.index]
        wide = samples[i].widening(len(values), samples[j])
        found = mean_interval(differences, kinds, bounds, widening=wide, confidence=confidence)
        missing = NO_BOUNDS if len(set(kinds)) > 1 else EQUAL
        yield found, missing if math.isnan(found.low) else ""


def compare_ranges(kind: str, own: AxisRange, other: AxisRange) -> AxisRange:
    """Return the difference or the ratio of two ranges, which must hold together (`families=2`)."""
    n, why = min(own.n, other.n), own.why or other.why
    if kind == "ratio":
        low, high = _divided(own.low, other.high), _divided(own.high, other.low)
        return AxisRange(_divided(own.estimate, other.estimate), low, high, n, why)
    return AxisRange(own.estimate - other.estimate, own.low - other.high, own.high - other.low, n, why)


def _divided(one: float, other: float) -> float:
    """Return a ratio of two ranges; infinite if the second is 0, NaN if both are."""
    if other:
        return one / other
    return math.inf if one > 0 else math.nan
