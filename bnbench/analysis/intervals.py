"""Values -> intervals, an exact test and corrections for several tests. Knows nothing about trials."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, stdtrit

# The smallest number of values for an interval. Even with 3, a percentile bootstrap would cover 74% instead of 95%.
MIN_VALUES = 3
# The smallest number of differences for a test: with 5 the smallest p of a two-sided sign-flip test is 2 / 2**5 =
# .0625.
MIN_FLIPS = 6
# Up to this number of differences, all sign flips are counted (8,192 of them); for more, a sample is drawn.
MAX_EXACT = 13
# The number of flips in a sample. SciPy's test takes 13 times as long (100 differences): 3 s of a report of 10,000
# trials.
FLIPS = 9_999
# Tolerance for floating-point error, relative to the mean: the SD of equal values, or a sum in another order.
ROUNDING = 1e-12
# The number of resamples of a bootstrap.
RESAMPLES = 5_000


@dataclass(frozen=True)
class Interval:
    """A mean of n values with their SD (ddof 1) and the 95% interval of the mean. NaN if a number is unknown."""

    mean: float
    sd: float
    n: int
    low: float
    high: float


def clopper_pearson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact interval of a share (Clopper and Pearson 1934): it covers at least as often as it says.

    The score interval covers as often on average, but at some shares and numbers of values only in 83% of cases.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - tail))
    return low, high


def why_no_interval(n: int, mean: float, sd: float = 0.0) -> str:
    """Return why there is no interval for n values with this mean and SD."""
    if n < MIN_VALUES:
        return f"needs {MIN_VALUES} seeds"
    if not math.isfinite(mean):
        return "not finite"
    # More than half of the values are ties, or some trainings collapse (`mean_interval`).
    return "equal at every seed" if not sd > ROUNDING * abs(mean) else "no sound interval"


def t_interval(values: ArrayLike, confidence: float = 0.95, widening: float = 1.0) -> Interval:
    """Return the mean of some values with its interval by Student's t (1908); no interval below three values.

    No value is dropped: with a missing or infinite value the mean is missing or infinite, and there is no interval.
    Equal values give no interval either: with few validation rows, or with assigned scores, an interval without
    width would look like certainty.

    Args:
        values: one of each seed.
        confidence: how often the interval should hold the true mean.
        widening: how many times as wide it is made, for values that are not independent.
    """
    array = np.asarray(values, float)
    n = array.size
    # inf - inf is invalid.
    with np.errstate(invalid="ignore"):
        mean = float(array.mean()) if n else math.nan
        sd = float(array.std(ddof=1)) if n > 1 else math.nan
    return Interval(mean, sd, n, *t_interval_of(mean, sd, n, confidence, widening))


def t_interval_of(
    mean: float, sd: float, n: int, confidence: float = 0.95, widening: float = 1.0
) -> tuple[float, float]:
    """Return the ends of the interval of `t_interval` from the mean, the SD (ddof 1) and the number of the values."""
    if n < MIN_VALUES or not (math.isfinite(mean) and math.isfinite(sd)) or sd <= ROUNDING * abs(mean):
        return math.nan, math.nan
    half = widening * float(stdtrit(n - 1, (1 + confidence) / 2)) * sd / math.sqrt(n)
    return mean - half, mean + half


def sign_flip(differences: ArrayLike, seed: int = 0) -> float:
    """Return the two-sided p-value of a sign-flip test of paired differences (Fisher 1935, sec. 21).

    It is exact for up to 13 differences; for more, it comes from a seeded sample of the signs. NaN for fewer than six
    differences, because no outcome reaches .05 then, and NaN if a difference is missing or infinite.
    """
    array = np.asarray(differences, float)
    if array.size < MIN_FLIPS or not np.isfinite(array).all():
        return math.nan
    n = array.size
    if n <= MAX_EXACT:
        flipped = np.abs(((np.arange(2**n)[:, None] >> np.arange(n) & 1) * 2 - 1) @ array)
        return float(np.mean(flipped >= abs(array.sum()) * (1 - ROUNDING)))
    generator = np.random.default_rng(seed)
    flipped = np.abs((generator.integers(0, 2, (FLIPS, n), dtype=np.int8) * 2 - 1) @ array)
    return float((np.sum(flipped >= abs(array.sum()) * (1 - ROUNDING)) + 1) / (FLIPS + 1))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values, (tests,), adjusted for their number (Holm 1979). NaN stays NaN and is not counted as a test."""
    p = np.asarray(p_values, float)
    # NaN is sorted to the end.
    order = np.argsort(p)[: np.isfinite(p).sum()]
    adjusted = np.full(p.shape, math.nan)
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def pooled(cells: Sequence[ArrayLike], seed: int = 0, confidence: float = 0.95) -> Interval:
    """Return the interquartile mean of all values of all cells, with a stratified bootstrap.

    Agarwal et al. 2021, sec. 4. It is the mean without the lowest and the highest quarter of the values, rounded down.
    The ends of the interval are percentiles of this mean over resamples within each cell. There is no interval if a
    cell has fewer than three values. `sd` and `n` describe all values.
    """
    arrays = [np.asarray(cell, float) for cell in cells]
    values = np.concatenate(arrays) if arrays else np.empty(0)
    if not values.size or not np.isfinite(values).all():
        return Interval(math.nan, math.nan, values.size, math.nan, math.nan)
    sd = float(values.std(ddof=1)) if values.size > 1 else math.nan
    low = high = math.nan
    if min(array.size for array in arrays) >= MIN_VALUES:
        generator = np.random.default_rng(seed)
        drawn = np.concatenate([generator.choice(array, (RESAMPLES, array.size)) for array in arrays], axis=1)
        low, high = np.quantile(_interquartile_mean(drawn), [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return Interval(float(_interquartile_mean(values)), sd, values.size, low, high)


def _interquartile_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the interquartile mean over the last axis."""
    n = values.shape[-1]
    cut = n // 4
    return np.asarray(np.sort(values, axis=-1)[..., cut : n - cut].mean(axis=-1))
