"""What seeds say about one number: its interval at any confidence, and with any number of seeds.

From this follow the p-value of a claim, which is the smallest level at which the interval would decide it, and how many
seeds are likely to decide it. Knows nothing about trials.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from scipy.special import ndtr, ndtri, stdtr, stdtrit

from bnbench.analysis.intervals import clopper_pearson
from bnbench.analysis.sample_size import MAX_PAIRS, POWER

Ends = tuple[float, float]
# The confidence of an interval that decides a claim, and of one that shows a difference to be too small to matter: two
# one-sided tests at 5% each (Schuirmann 1987).
DECIDING, EQUIVALENCE = 0.95, 0.9
# The search for a level ends here: rounding errors of quantiles are not much smaller.
MIN_LEVEL = 1e-12
HALVINGS = 40


class Evidence(Protocol):
    """What some seeds say about a number."""

    @property
    def n(self) -> int:
        """The number of seeds."""

    @property
    def narrows(self) -> bool:
        """Whether many more seeds would make the interval as narrow as one likes."""

    def interval(self, confidence: float, seeds: int) -> Ends:
        """Return the interval that so many seeds would give if they came out as these did."""

    def degrees(self, seeds: int) -> float:
        """Return the degrees of freedom of the interval: infinite if it is not of Student's t."""


@dataclass(frozen=True)
class MeanEvidence:
    """A mean with its t interval.

    Attributes:
        estimate: the mean; of logarithms the geometric mean.
        low, high: the ends of the 95% interval, which may be farther away on one side.
        n: number of seeds, at least two.
        logs: whether the interval is of the logarithms.
    """

    estimate: float
    low: float
    high: float
    n: int
    logs: bool = False
    narrows: bool = True

    def interval(self, confidence: float, seeds: int) -> Ends:
        """Return the ends, each at its distance times the quotient of the half-widths."""
        there, back = (math.log, _exp) if self.logs else (float, float)
        estimate, low, high = map(there, (self.estimate, self.low, self.high))
        factor = _half_width(confidence, seeds) / _half_width(DECIDING, self.n)
        return back(estimate - factor * (estimate - low)), back(estimate + factor * (high - estimate))

    def degrees(self, seeds: int) -> float:
        """Return the number of seeds less one."""
        return seeds - 1


@dataclass(frozen=True)
class ShareEvidence:
    """A share of seeds with its Clopper-Pearson interval."""

    times: int
    n: int
    narrows: bool = True

    def interval(self, confidence: float, seeds: int) -> Ends:
        """Return the interval of the same share; the number of times need not be whole."""
        return clopper_pearson(self.times * seeds / self.n, seeds, confidence)

    def degrees(self, seeds: int) -> float:
        """Return infinity."""
        return math.inf


@dataclass(frozen=True)
class ScaledEvidence:
    """A difference g (r - 1) of two means, known by their ratio r and by the mean g of the second.

    Attributes:
        ratio: what the seeds say about the ratio.
        mean: the same about the second mean; None if it is equal at every seed.
        estimate: the second mean.
    """

    ratio: Evidence
    mean: Evidence | None
    estimate: float
    narrows: bool = True

    @property
    def n(self) -> int:
        """The number of seeds."""
        return self.ratio.n

    def interval(self, confidence: float, seeds: int) -> Ends:
        """Return the widest interval by the two that have this confidence."""
        means = self.mean.interval(confidence, seeds) if self.mean else (self.estimate, self.estimate)
        return scaled_difference(self.ratio.interval(confidence, seeds), means)

    def degrees(self, seeds: int) -> float:
        """Return those of the ratio."""
        return self.ratio.degrees(seeds)


def scaled_difference(ratio: Ends, means: Ends) -> Ends:
    """Return the interval of g (r - 1): each end of r with the g that makes it wider.

    Args:
        ratio: the interval of r.
        means: the interval of g, which is positive.
    """
    (low, high), (least, most) = ratio, means
    return (low - 1) * (most if low < 1 else least), (high - 1) * (most if high > 1 else least)


def smallest_level(evidence: Evidence, holds: Callable[[float, float], bool]) -> float:
    """Return the smallest level (1 - confidence) at which something holds of the interval; 1 if it never does.

    Args:
        evidence: what the seeds say.
        holds: what must hold of the two ends. If it holds of an interval, it must hold of all narrower ones.
    """

    def holds_at(level: float) -> bool:
        return holds(*evidence.interval(1 - level, evidence.n))

    if not holds_at(1.0):
        return 1.0
    low, high = math.log10(MIN_LEVEL), 0.0
    if holds_at(MIN_LEVEL):
        return MIN_LEVEL
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if holds_at(10**middle) else (middle, high)
    return 10**high


def seeds_to_decide(evidence: Evidence, decides: Callable[[Ends, Ends], bool]) -> float:
    """Return how many seeds are likely to decide a claim, if the estimate and the spread stay as they are.

    Likely means in 80% of repetitions. This is so where a wider interval decides, too: its half-width is as many
    standard errors as those of the deciding interval and of the power together (Dixon and Massey 1983, sec. 14-2; see
    `sample_size.pairs_needed`).

    Args:
        evidence: what the seeds say so far.
        decides: whether the claim is decided, from the interval for the verdict and from that for equivalence.

    Returns:
        The number of seeds; infinity if it takes more than MAX_PAIRS, and NaN if it is not a matter of seeds.
    """

    def decided_by(seeds: int) -> bool:
        wide, narrow = (
            evidence.interval(_with_power(confidence, evidence.degrees(seeds)), seeds)
            for confidence in (DECIDING, EQUIVALENCE)
        )
        return decides(wide, narrow)

    few, many = evidence.n, MAX_PAIRS
    if few >= many or not decided_by(many):
        return math.inf if evidence.narrows else math.nan
    while many - few > 1:
        middle = (few + many) // 2
        few, many = (few, middle) if decided_by(middle) else (middle, many)
    return many


def _half_width(confidence: float, seeds: int) -> float:
    """Return half of the width of a t interval, in standard deviations."""
    return float(stdtrit(seeds - 1, (1 + confidence) / 2)) / math.sqrt(seeds)


def _exp(logarithm: float) -> float:
    # exp of more than 709 overflows.
    return math.exp(min(logarithm, 700.0))


def _with_power(confidence: float, degrees: float) -> float:
    """Return the confidence of the interval that is wider by the quantile of the power."""
    tail = (1 + confidence) / 2
    if math.isinf(degrees):
        return float(2 * ndtr(ndtri(tail) + ndtri(POWER)) - 1)
    return float(2 * stdtr(degrees, stdtrit(degrees, tail) + stdtrit(degrees, POWER)) - 1)
