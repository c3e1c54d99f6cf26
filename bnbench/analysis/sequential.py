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

# Numbers of seeds at which the interval is looked at.
LOOKS = (3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50)
# N, the largest number of seeds, fixed beforehand -> k: the two-sided level at a look of n seeds is k sqrt(n / N). This
# makes 95% or 90% for all looks together. `benchmarks/sequential.py` simulates the constants.
CONSTANTS = {
    0.95: {5: 0.0254, 8: 0.0189, 10: 0.0172, 12: 0.0159, 15: 0.0149, 20: 0.0143, 30: 0.0133, 50: 0.0128},
    0.90: {5: 0.0546, 8: 0.0417, 10: 0.0380, 12: 0.0354, 15: 0.0334, 20: 0.0320, 30: 0.0297, 50: 0.0284},
}
MOST_SEEDS = tuple(CONSTANTS[0.95])
DEFAULT_MOST = 30
# From this look on, a question that cannot be decided any more is given up.
FUTILE_FROM = 8


def looks_up_to(most: int) -> list[int]:
    """Return the numbers of seeds at which a design of at most so many seeds is looked at; the last one is `most`."""
    return [n for n in LOOKS if n < most] + [most]


def level_at(n: int, most: int, confidence: float = 0.95) -> float:
    """Return the two-sided level of the interval at a look.

    Args:
        n: seeds at this look.
        most: seeds at the last look, one of MOST_SEEDS.
        confidence: of all looks together, 0.95 or 0.9.

    Raises:
        KeyError: there is no constant for `most` or `confidence`.
    """
    return CONSTANTS[confidence][most] * math.sqrt(n / most)


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
    wide, narrow = (_half_width(n, most, sd, confidence) for confidence in (0.95, 0.90))
    return Look(n, mean, sd, mean - wide, mean + wide, mean - narrow, mean + narrow)


def _half_width(n: int, most: int, sd: float, confidence: float) -> float:
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
    wide, narrow = (_half_width(most, most, look.sd, confidence) for confidence in (0.95, 0.90))
    excludes = any(abs(look.mean - bound) > wide for bound in bounds)
    inside = rope is not None and abs(look.mean) + narrow < rope
    return not (excludes or inside)
