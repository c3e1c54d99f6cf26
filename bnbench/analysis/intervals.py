"""Numbers -> how sure one can be of them: intervals, an exact test, corrections. Knows nothing of trials."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

MIN_VALUES = 3  # values for an interval: a percentile bootstrap of 3 covers 74% where it says 95%
MIN_FLIPS = 6  # with 5 differences the smallest p of a two-sided sign-flip test is 2 / 2**5 = .0625
MAX_EXACT = 13  # differences whose flips are all counted, 8,192 of them; of more some are drawn
FLIPS = 9_999  # that are drawn; SciPy's test takes 13 times as long (100 differences), 3 s of a report of 10,000 trials
ROUNDING = 1e-12  # what rounding leaves: of a mean the SD of equal values, of a sum that of another order
RESAMPLES = 5_000  # of a bootstrap


@dataclass(frozen=True)
class Interval:
    """A mean of n values with their SD (ddof 1) and the 95% interval of the mean; NaN is what is not known."""

    mean: float
    sd: float
    n: int
    low: float
    high: float


def wilson(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The score interval of a share (Wilson 1927): stays within [0, 1] and has a width at 0 and n successes too."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    p = successes / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    # Exactly 0 and 1 at the ends, where rounding leaves 3e-17: an interval holds its share.
    return 0.0 if successes == 0 else middle - half, 1.0 if successes == n else middle + half


def t_interval(values: ArrayLike, confidence: float = 0.95) -> Interval:
    """The mean of some values and its interval by Student's t (1908); no interval below three values.

    A value that is missing or infinite makes the mean so and leaves no interval: none is dropped. Nor is there one
    where all values are equal: few rows to validate on, or a score that is assigned, would look like certainty.
    """
    found = np.asarray(values, float)
    n = found.size
    with np.errstate(invalid="ignore"):  # inf - inf
        mean = float(found.mean()) if n else math.nan
        sd = float(found.std(ddof=1)) if n > 1 else math.nan
    if n < MIN_VALUES or not math.isfinite(sd) or sd <= ROUNDING * abs(mean):
        return Interval(mean, sd, n, math.nan, math.nan)
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * sd / math.sqrt(n)
    return Interval(mean, sd, n, mean - half, mean + half)


def sign_flip(differences: ArrayLike, seed: int = 0) -> float:
    """The two-sided p of paired differences when each could as well have had the other sign (Fisher 1935, sec. 21).

    Exact up to 13 differences, from seeded samples of the signs beyond. NaN below six, where no outcome reaches .05,
    and where a difference is missing or infinite.
    """
    found = np.asarray(differences, float)
    if found.size < MIN_FLIPS or not np.isfinite(found).all():
        return math.nan
    n = found.size
    if n <= MAX_EXACT:
        flipped = np.abs(((np.arange(2**n)[:, None] >> np.arange(n) & 1) * 2 - 1) @ found)
        return float(np.mean(flipped >= abs(found.sum()) * (1 - ROUNDING)))
    generator = np.random.default_rng(seed)
    flipped = np.abs((generator.integers(0, 2, (FLIPS, n), dtype=np.int8) * 2 - 1) @ found)
    return float((np.sum(flipped >= abs(found.sum()) * (1 - ROUNDING)) + 1) / (FLIPS + 1))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """The p-values, (tests,), adjusted for their number (Holm 1979); one that is missing stays so and is no test."""
    p = np.asarray(p_values, float)
    order = np.argsort(p)[: np.isfinite(p).sum()]  # NaN is sorted to the end
    adjusted = np.full(p.shape, math.nan)
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return adjusted


def pooled(cells: Sequence[ArrayLike], seed: int = 0, confidence: float = 0.95) -> Interval:
    """The interquartile mean of all values of all cells, with a stratified bootstrap (Agarwal et al. 2021, sec. 4).

    The mean of what is left when a quarter of the values, rounded down, is cut off at either end. The interval is by
    percentiles of it over resamples that draw anew within each cell; none where a cell has fewer than three values.
    `sd` and `n` are those of the values.
    """
    found = [np.asarray(cell, float) for cell in cells]
    values = np.concatenate(found) if found else np.empty(0)
    if not values.size or not np.isfinite(values).all():
        return Interval(math.nan, math.nan, values.size, math.nan, math.nan)
    sd = float(values.std(ddof=1)) if values.size > 1 else math.nan
    low = high = math.nan
    if min(cell.size for cell in found) >= MIN_VALUES:
        generator = np.random.default_rng(seed)
        drawn = np.concatenate([generator.choice(cell, (RESAMPLES, cell.size)) for cell in found], axis=1)
        low, high = np.quantile(_interquartile_mean(drawn), [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return Interval(float(_interquartile_mean(values)), sd, values.size, low, high)


def _interquartile_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Over the last axis."""
    n = values.shape[-1]
    cut = n // 4
    return np.asarray(np.sort(values, axis=-1)[..., cut : n - cut].mean(axis=-1))
