"""Differences that arrive seed by seed -> an interval that may be looked at again and again, and a verdict from it.

Repeated intervals (Jennison and Turnbull 1984; 1989): at each of the looks the interval is wide enough that all looks
together miss the true mean as rarely as one interval would. The first look that decides, decides.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtrit

from bnbench.analysis.intervals import MIN_VALUES, ROUNDING
from bnbench.analysis.look_levels import level_at

# From this look on, a question that cannot be decided any more is given up.
FUTILE_FROM = 8


@dataclass(frozen=True)
class Look:
    """What is known after some seeds.

    Attributes:
        n: seeds.
        mean, sd: of the differences; the SD has ddof 1.
        low, high: the repeated 95% interval.
        rope_low, rope_high: the repeated 90% interval, by which it is judged whether a difference is relevant.
    """

    n: int
    mean: float
    sd: float
    low: float
    high: float
    rope_low: float
    rope_high: float


def look_at(differences: ArrayLike, most: int) -> Look:
    """Return the repeated intervals after some seeds.

    There are none, and the ends are NaN, below three seeds, and if the differences are all equal or not finite.
    """
    values = np.asarray(differences, float)
    n = values.size
    with np.errstate(invalid="ignore"):
        mean = float(values.mean()) if n else math.nan
        sd = float(values.std(ddof=1)) if n > 1 else math.nan
    if n < MIN_VALUES or not (math.isfinite(mean) and math.isfinite(sd)) or sd <= ROUNDING * abs(mean):
        return Look(n, mean, sd, math.nan, math.nan, math.nan, math.nan)
    wide, narrow = (half_width_at(n, most, sd, confidence) for confidence in (0.95, 0.90))
    return Look(n, mean, sd, mean - wide, mean + wide, mean - narrow, mean + narrow)


def half_width_at(n: int, most: int, sd: float, confidence: float) -> float:
    """Return half of the width of the repeated interval at a look of n seeds with this SD."""
    return float(stdtrit(n - 1, 1 - level_at(n, most, confidence) / 2)) * sd / math.sqrt(n)


def is_futile(look: Look, most: int, bounds: Sequence[float], rope: float | None) -> bool:
    """Return whether not even the last look is likely to decide: the interval there, with the mean and SD of now.

    It is not binding: a run may go on, and the error of the verdicts stays as it is.

    Args:
        look: what is known now.
        most: seeds at the last look.
        bounds: the numbers that the claim compares with.
        rope: the largest difference from 0 that is of no practical relevance; None if there is none.
    """
    if look.n < FUTILE_FROM or math.isnan(look.low):
        return False
    wide, narrow = (half_width_at(most, most, look.sd, confidence) for confidence in (0.95, 0.90))
    excludes = any(abs(look.mean - bound) > wide for bound in bounds)
    inside = rope is not None and abs(look.mean) + narrow < rope
    return not (excludes or inside)
