"""How many pairs of seeds it takes to show a difference. Knows nothing about trials."""

import math

from scipy.special import stdtrit

from bnbench.analysis.intervals import MIN_VALUES

# The share of repetitions in which the interval should exclude 0, as is usual.
POWER = 0.8
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
