"""Bounded values -> an interval of their mean that assumes nothing else: how a bettor against a mean would have fared.

Where some trainings collapse, no t interval holds what it says: the mean depends on how many of them collapse, and a
few seeds do not show it. The hedged capital interval of Waudby-Smith and Ramdas (2021, section 4.4) covers at least as
often as it says for any independent values with known bounds. It is wide; where it decides, that decision is sound.
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The means that are tried, as shares of the range of the values. An end is a step further out than the last one kept.
STEPS = 2_000
# No bet loses more than this share of the capital.
LARGEST_LOSS = 0.75

Numbers = NDArray[np.float64]


def betting_interval(
    values: ArrayLike, low: float, high: float, confidence: float = 0.95, planned: int | None = None
) -> tuple[float, float]:
    """Return the interval of the mean of independent values.

    Args:
        values: in the order in which they came, (n,). The interval depends on the order.
        low, high: between which all of them must lie.
        confidence: how often the interval holds the mean, at least.
        planned: for how many values the bets are sized; by default for as many as there are. With one number for all
            looks, all of their intervals together hold the mean that often.

    Returns:
        Its ends, within `low` and `high`; NaN if a value is missing or beyond its bounds.
    """
    x = (np.asarray(values, float) - low) / (high - low)
    if not (np.isfinite(x).all() and (x >= 0).all() and (x <= 1).all()):
        return math.nan, math.nan
    means = np.linspace(0, 1, STEPS + 1)
    kept = np.flatnonzero(_most_capital(x, means, 1 - confidence, planned or len(x)) < 1 / (1 - confidence))
    if not len(kept):
        return math.nan, math.nan
    first, last = max(kept[0] - 1, 0), min(kept[-1] + 1, STEPS)
    return low + (high - low) * float(means[first]), low + (high - low) * float(means[last])


def _most_capital(x: Numbers, means: Numbers, alpha: float, planned: int) -> Numbers:
    """Return the most that a bettor against each mean ever had, of 1 at the start, (means,).

    Half of the capital bets that the mean is higher, and half that it is lower.
    """
    up, down, most = np.ones((3, len(means)))
    with np.errstate(divide="ignore"):
        limits = LARGEST_LOSS / means, LARGEST_LOSS / (1 - means)
    for value, bet in zip(x, _bets(x, alpha, planned), strict=True):
        up *= 1 + np.minimum(bet, limits[0]) * (value - means)
        down *= 1 - np.minimum(bet, limits[1]) * (value - means)
        most = np.maximum(most, np.maximum(up, down) / 2)
    return most


def _bets(x: Numbers, alpha: float, planned: int) -> Numbers:
    """Return how much is bet on each value, from the mean and the variance of those before it (equation 26)."""
    counts = np.arange(1, len(x) + 1)
    means = (0.5 + x.cumsum()) / (counts + 1)
    variances = (0.25 + ((x - means) ** 2).cumsum()) / (counts + 1)
    before = np.concatenate([[0.25], variances[:-1]])
    return np.asarray(np.sqrt(2 * math.log(2 / alpha) / (planned * before)))
