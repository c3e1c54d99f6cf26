"""What a number of pairs of seeds can show, and how many pairs it takes. Knows nothing about trials."""

import math

from scipy.special import chdtri, nctdtrinc, stdtrit

from bnbench.analysis.intervals import MIN_VALUES

# The share of repetitions in which the interval should exclude 0, as is usual.
POWER = 0.8
# The SD of a few pairs is itself uncertain: with this confidence it is not higher, and with this one not lower.
SD_CONFIDENCE = 0.8
# Nobody trains more seeds than this to decide one comparison; the search ends here.
MAX_PAIRS = 1_000


def pairs_needed(mean: float, sd: float, power: float = POWER, confidence: float = 0.95) -> int | None:
    """Return how many pairs show a difference with this mean and SD, or None if it takes more than MAX_PAIRS.

    The smallest n with n >= ((t + t') SD / mean)^2, where t and t' are the quantiles of Student's t with n - 1 degrees
    of freedom for the interval and for the power (Student 1908; Dixon and Massey 1983, sec. 14-2). It is an estimate:
    the mean and the SD that go in are those of a few pairs.

    Args:
        mean: the mean difference; 0 can never be shown.
        sd: the standard deviation of the differences.
        power: the share of repetitions in which the whole interval would be on the side of the mean.
    """
    if not (math.isfinite(mean) and math.isfinite(sd)) or mean == 0:
        return None
    for n in range(MIN_VALUES, MAX_PAIRS + 1):
        quantiles = float(stdtrit(n - 1, (1 + confidence) / 2) + stdtrit(n - 1, power))
        if n >= (quantiles * sd / mean) ** 2:
            return n
    return None


def half_width(sd: float, n: int, confidence: float = 0.95) -> float:
    """Return half of the width of the t interval of n differences with this SD."""
    return float(stdtrit(n - 1, (1 + confidence) / 2)) * sd / math.sqrt(n)


def detectable(sd: float, n: int, power: float = POWER, confidence: float = 0.95) -> float:
    """Return the true difference that n pairs with this SD show with this power.

    The t statistic of a true difference d has a noncentral t distribution with noncentrality d sqrt(n) / SD (Dixon and
    Massey 1983, sec. 14-2). The other tail, a verdict with the wrong sign, is left out: it is below one in a million.
    """
    critical = float(stdtrit(n - 1, (1 + confidence) / 2))
    return float(nctdtrinc(n - 1, 1 - power, critical)) * sd / math.sqrt(n)


def sd_bounds(sd: float, n: int) -> tuple[float, float]:
    """Return between what values the true SD of differences is, given the SD of n of them.

    From the chi-squared distribution of the variance of normal values. It is not below the first, and not above the
    second, with a confidence of 80% each.
    """
    lower, upper = (math.sqrt((n - 1) / float(chdtri(n - 1, tail))) for tail in (1 - SD_CONFIDENCE, SD_CONFIDENCE))
    return sd * lower, sd * upper


def pairs_within(target: float, sd: float, confidence: float = 0.95) -> int | None:
    """Return the smallest number of pairs whose t interval is at most `target` wide on either side.

    None if it takes more than MAX_PAIRS.
    """
    if not (target > 0 and math.isfinite(sd)):
        return None
    found = (n for n in range(MIN_VALUES, MAX_PAIRS + 1) if half_width(sd, n, confidence) <= target)
    return next(found, None)
