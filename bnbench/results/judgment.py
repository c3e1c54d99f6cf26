"""What is known about a claim -> its verdict, the words for it, and how many seeds are likely to decide it."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bnbench.analysis.evidence import (
    EQUIVALENCE,
    Ends,
    Evidence,
    seeds_to_decide,
    smallest_level,
)
from bnbench.analysis.intervals import clopper_pearson
from bnbench.analysis.lr_metrics import ROUNDING
from bnbench.analysis.sample_size import MAX_PAIRS
from bnbench.config.expectations import Bound
from bnbench.results.findings import Finding

# What a column `verdict` may hold.
SUPPORTED, REFUTED, INCONCLUSIVE = "supported", "refuted", "inconclusive"
VERDICTS = (SUPPORTED, REFUTED, INCONCLUSIVE)
# What a column `verdict_text` says in addition.
NO_DIFFERENCE, TOO_SMALL, OPEN = "no relevant difference", "too small to matter", "open"
_TEXTS = {
    SUPPORTED: rf"{SUPPORTED}(, {TOO_SMALL})?",
    REFUTED: rf"{REFUTED}(, {TOO_SMALL})?",
    INCONCLUSIVE: rf"{NO_DIFFERENCE}|{OPEN}( \((about|over) [\d,]+ seeds\))?",
}
# Where most differences are ties, there is no interval of their mean, and the share of seeds within the rope is judged.
# It must be more than this, so that the difference of a typical seed is.
TYPICAL = 0.5
_BOUND = re.compile(r"at (least|most) (\S+)")


@dataclass(frozen=True)
class Judgment:
    """What follows from a finding.

    Attributes:
        verdict: one of VERDICTS.
        negligible: whether the difference is shown to be within the rope.
        seeds: how many seeds are likely to decide an open claim; infinite if more than MAX_PAIRS, NaN if unknown.
        p_supported, p_refuted: the smallest level at which the claim would be supported, and refuted; NaN if the
            interval is known at one level only.
    """

    verdict: str
    negligible: bool = False
    seeds: float = math.nan
    p_supported: float = math.nan
    p_refuted: float = math.nan

    @property
    def text(self) -> str:
        """The verdict as people read it."""
        return verdict_text(self.verdict, self.negligible, self.seeds)

    @property
    def strength(self) -> tuple[int, bool]:
        """What the weakest of several judgments has least of."""
        rank = (REFUTED, INCONCLUSIVE, SUPPORTED).index(self.verdict)
        return rank, self.negligible if self.verdict != SUPPORTED else not self.negligible


def judge(bound: Bound, finding: Finding, rope: float | None = None) -> Judgment:
    """Return the judgment on a claim.

    Args:
        bound: what is claimed.
        finding: what is known. If its interval is known at one level only, it is the interval for equivalence, too,
            for which it is too wide.
        rope: the largest difference from 0 that does not matter; None if there is none.
    """
    ends, evidence = (finding.low, finding.high), finding.evidence
    narrow = evidence.interval(EQUIVALENCE, evidence.n) if evidence else ends
    negligible = rope is not None and (lies_within(narrow, rope) or _are_ties_within(finding, rope))
    verdict = verdict_of(bound, *ends)
    if evidence is None:
        return Judgment(verdict, negligible)

    def decides(wide: Ends, narrow: Ends) -> bool:
        return verdict_of(bound, *wide) != INCONCLUSIVE or (rope is not None and lies_within(narrow, rope))

    left_open = verdict == INCONCLUSIVE and not negligible
    seeds = seeds_to_decide(evidence, decides) if left_open else math.nan
    return Judgment(verdict, negligible, seeds, *(_level(bound, evidence, wanted) for wanted in (SUPPORTED, REFUTED)))


def _level(bound: Bound, evidence: Evidence, verdict: str) -> float:
    return smallest_level(evidence, lambda low, high: verdict_of(bound, low, high) == verdict)


def joint_p(judgments: Sequence[Judgment]) -> float:
    """Return the smallest level that gives the verdict on a claim that must hold at each of several values.

    The claim is supported once it is supported at all of them, and refuted once it is refuted at one. A supported claim
    has NaN if any of its levels is unknown, a refuted one if no value that refutes it has a known level. If the claim
    is open, the level at which it would be decided, from the values with a known level.
    """
    supported = max((one.p_supported for one in judgments), key=_unknown_as_highest)
    verdicts = [one.verdict for one in judgments]
    if REFUTED in verdicts:
        return _smallest_known(one.p_refuted for one in judgments if one.verdict == REFUTED)
    if all(verdict == SUPPORTED for verdict in verdicts):
        return supported
    return _smallest_known((supported, *(one.p_refuted for one in judgments)))


def _smallest_known(levels: Iterable[float]) -> float:
    return min((p for p in levels if not math.isnan(p)), default=math.nan)


def _unknown_as_highest(p: float) -> float:
    return math.inf if math.isnan(p) else p


def verdict_of(bound: Bound, low: float, high: float) -> str:
    """Return `supported` or `refuted` if the whole interval says so, else `inconclusive`."""
    if math.isnan(low) or math.isnan(high):
        return INCONCLUSIVE
    above = [math.inf if bound.at_least is None else _beyond(end - bound.at_least) for end in (low, high)]
    below = [math.inf if bound.at_most is None else _beyond(bound.at_most - end) for end in (low, high)]
    if above[1] < 0 or below[0] < 0:
        return REFUTED
    return SUPPORTED if above[0] > 0 and below[1] > 0 else INCONCLUSIVE


def margin(bound: Bound, estimate: float) -> float:
    """Return how far an estimate is from the nearest end of what is claimed; negative outside.

    The estimate is NaN if nothing is known, which counts as farthest outside.
    """
    if math.isnan(estimate):
        return -math.inf
    above = math.inf if bound.at_least is None else estimate - bound.at_least
    below = math.inf if bound.at_most is None else bound.at_most - estimate
    return min(above, below)


def _beyond(distance: float) -> float:
    """Return a distance to a bound. A mere rounding error counts as 0: 0.8 - 0.7 is a little more than 0.1."""
    return 0.0 if abs(distance) < ROUNDING else distance


def lies_within(ends: Ends, rope: float) -> bool:
    """Return True if a whole interval is within a rope around 0; an interval that ends on its end is not."""
    return verdict_of(Bound(at_least=-rope, at_most=rope), *ends) == SUPPORTED


def _are_ties_within(finding: Finding, rope: float) -> bool:
    within = count_within(finding, rope)
    return within > 0 and clopper_pearson(within, finding.n, EQUIVALENCE)[0] > TYPICAL


def count_within(finding: Finding, rope: float) -> int:
    """Return how many differences are within a rope, where there is no interval because most of them are ties."""
    return sum(_beyond(abs(difference) - rope) <= 0 for difference in finding.tied)


def verdict_text(verdict: str, negligible: bool = False, seeds: float = math.nan) -> str:
    """Return a verdict as people read it.

    Args:
        verdict: one of VERDICTS.
        negligible: whether the difference is shown to be within the rope.
        seeds: how many seeds are likely to decide an open claim, as in `Judgment`.
    """
    if verdict != INCONCLUSIVE:
        return f"{verdict}, {TOO_SMALL}" if negligible else verdict
    if negligible:
        return NO_DIFFERENCE
    if math.isnan(seeds):
        return OPEN
    return f"{OPEN} ({f'over {MAX_PAIRS:,}' if math.isinf(seeds) else f'about {seeds:.0f}'} seeds)"


def is_negligible(row: Mapping[Any, Any]) -> bool:
    """Return True if the row of a claim says that the difference is too small to matter."""
    text = str(row["verdict_text"])
    return text == NO_DIFFERENCE or text.endswith(TOO_SMALL)


def is_open(row: Mapping[Any, Any]) -> bool:
    """Return True if the row of a claim says that it is not decided."""
    return row["verdict"] == INCONCLUSIVE and not is_negligible(row)


def fits(verdict: str, text: str) -> bool:
    """Return True if a text is one that a verdict may have."""
    return verdict in _TEXTS and re.fullmatch(_TEXTS[verdict], text) is not None


def parse_bound(text: str) -> tuple[str, Bound] | None:
    """Return the kind and the bound from the column `bound` of a claim, `difference at least 0`; None without one."""
    numbers = {f"at_{side}": float(number) for side, number in _BOUND.findall(text)}
    return (text.partition(" ")[0], Bound.model_validate(numbers)) if numbers else None
