"""Values of a metric over seeds -> what is known about it: an estimate, its 95% interval, and notes."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.analysis.evidence import Evidence, MeanEvidence, ScaledEvidence, ShareEvidence, scaled_difference
from bnbench.analysis.intervals import MIN_VALUES, clopper_pearson
from bnbench.analysis.lr_metrics import ROUNDING
from bnbench.analysis.mean_interval import mean_interval, mixes_kinds
from bnbench.analysis.per_seed import PerSeedScores
from bnbench.analysis.registry import Metric
from bnbench.analysis.step_times import PairTimes
from bnbench.results.pairs import Pairs, note_collapse, note_ties

ONE_RATE = "a grid of one rate says nothing about rates"


@dataclass(frozen=True)
class Finding:
    """What is known about a claim at one value of the further axes. If there is no interval, the notes say why.

    Attributes:
        n: number of seeds, or of pairs of seeds.
        rounds: number of rounds in which two variants were timed by turns; NaN if the claim is not about times.
        tied: the values if there is no interval because they are equal or most of them are ties; else empty.
        evidence: the interval at any confidence; None if it is known at 95% only, or if there is none.
    """

    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    rounds: float = math.nan
    notes: tuple[str, ...] = ()
    tied: tuple[float, ...] = ()
    evidence: Evidence | None = None

    def noted(self, *notes: str) -> "Finding":
        """Return the same finding with further notes; empty notes are left out."""
        return replace(self, notes=(*self.notes, *filter(None, notes)))


def note_left_out(planned: int, known: int) -> str:
    """Say how many seeds are left out; an empty text if none is."""
    missing = planned - known
    return f"{missing} of {planned} seeds left out: not all of their trials have finished" if missing else ""


def grid_uncertainty(metric: Metric, grid: NDArray[Any]) -> float:
    """Return how many decades apart two values of a metric can be although the grid cannot tell them apart.

    It is 0 for a metric that is not read off the grid. A largest stable rate is between the rate found on the grid and
    the next rate: one step for two values. A best rate may be on either side of the rate found on the grid, and a width
    has two ends: two steps. The step is the widest of the grid; a grid of one rate says nothing.
    """
    if not metric.grid_steps:
        return 0.0
    step = float(np.diff(np.log10(grid)).max()) if len(grid) > 1 else math.inf
    return metric.grid_steps * step


def find_share(holds: NDArray[Any]) -> Finding:
    """Return the share of seeds at which something holds, with its Clopper-Pearson interval."""
    n, times = len(holds), int(holds.sum())
    return Finding(times / n, *clopper_pearson(times, n), n, evidence=ShareEvidence(times, n))


def find_share_between(least: int, most: int, n: int) -> Finding:
    """Return a share of n pairs of which some are undecided, with an interval that allows for both outcomes of those.

    Args:
        least: how many pairs are decided for it.
        most: the same, with all undecided ones.
        n: number of pairs.
    """
    if not n:
        return Finding()
    undecided = most - least
    note = f"the grid does not tell {undecided} of {n} pairs apart" if undecided else ""
    ends = clopper_pearson(least, n)[0], clopper_pearson(most, n)[1]
    return Finding(least / n, *ends, n, evidence=None if undecided else ShareEvidence(least, n)).noted(note)


def find_wins(metric: Metric, own: NDArray[Any], other: NDArray[Any], uncertainty: float) -> Finding:
    """Return the share of pairs in which the first value is strictly better.

    If the grid cannot tell the two values apart, the interval allows for both outcomes of the pair.
    """
    n, unknown = len(own), int((np.isnan(own) | np.isnan(other)).sum())
    if unknown:
        return Finding(n=n).noted(f"{metric.name} is missing in {unknown} of {n} pairs")
    if metric.needs_target:
        return _find_sooner(own, other)
    if not uncertainty:
        return find_share(own > other if metric.higher_is_better else own < other)
    gain = np.log10(own / other) if metric.scale == "factor" else own - other
    gain = gain if metric.higher_is_better else -gain
    wins, undecided = gain > uncertainty + ROUNDING, np.abs(gain) <= uncertainty + ROUNDING
    return find_share_between(int(wins.sum()), int((wins | undecided).sum()), n)


def _find_sooner(own: NDArray[Any], other: NDArray[Any]) -> Finding:
    """Return the share of pairs in which the first reaches the target sooner.

    A pair that never reaches it is undecided: with more training, either might be the first.
    """
    wins, never = own < other, np.isinf(own) & np.isinf(other)
    found = find_share_between(int(wins.sum()), int((wins | never).sum()), len(own))
    known = replace(found, notes=())
    return known.noted(f"neither reaches the target in {never.sum()} of {len(own)} pairs" if never.any() else "")


def find_comparison(kind: str, pairs: Pairs) -> Finding:
    """Return the mean paired difference with its interval; for a ratio, the same of the logarithms.

    The interval is that of `mean_interval`. If all pairs are equal, there is one only if the grid leaves the metric
    uncertain. A difference of losses is that of their geometric means.
    """
    if pairs.skewed and kind == "difference":
        return find_skewed_difference(pairs)
    # What is not finite is reported below.
    with np.errstate(all="ignore"):
        values = np.log(pairs.own) - np.log(pairs.other) if kind == "ratio" else pairs.own - pairs.other
    back = np.exp if kind == "ratio" else np.positive
    n, infinite = len(values), np.isinf(values)
    bounds = None if kind == "ratio" else pairs.bounds
    # Ranks of rates and widths tie because the grid is coarse, which `widen_by_grid` allows for.
    ties = () if pairs.uncertainty else pairs.ties_at
    interval = mean_interval(values, pairs.kinds, bounds, ties, pairs.wide)
    estimate, low, high = (float(back(x)) for x in (interval.mean, interval.low, interval.high))
    finding = Finding(estimate, low, high, n)
    if np.isnan(values).any():
        return finding.noted(
            f"the {kind} is unknown in {np.isnan(values).sum()} of {n} pairs: a value is missing, or both are 0 or "
            "infinite"
        )
    if n < MIN_VALUES:
        return finding.noted(f"needs {MIN_VALUES} seeds for an interval, has {n}")
    if infinite.all() and len(set(values)) == 1:
        return replace(finding, low=finding.estimate, high=finding.estimate)
    if infinite.any():
        return finding.noted(f"0 or infinite in {infinite.sum()} of {n} pairs: no interval")
    if mixes_kinds(pairs.kinds):
        return finding.noted(*note_collapse(kind, pairs, values))
    if math.isnan(interval.low):
        known = replace(finding, low=finding.estimate, high=finding.estimate)
        tied = replace(finding, tied=tuple(values.tolist()))
        return known if pairs.uncertainty else tied.noted(note_ties(values, ties, paired=bool(pairs.names[1])))
    return replace(finding, evidence=MeanEvidence(estimate, low, high, n, logs=kind == "ratio"))


def find_skewed_difference(pairs: Pairs) -> Finding:
    """Return the difference of two geometric means, with an interval from that of their ratio.

    The ratio r is known with its interval, and so is the geometric mean g of the other variant. The difference is
    g (r - 1), which has the sign of r - 1: at a bound of 0 the interval decides as the ratio does. At others, each end
    takes the end of g that makes the interval wider.
    """
    ratio = find_comparison("ratio", pairs)
    ones = np.ones(len(pairs.other))
    base = find_comparison("ratio", replace(pairs, own=pairs.other, other=ones, kinds=()))
    estimate = base.estimate * (ratio.estimate - 1)
    if math.isnan(ratio.low):
        tied = tuple((pairs.own - pairs.other).tolist()) if ratio.tied else ()
        return replace(ratio, estimate=estimate, tied=tied)
    # A loss that is equal at every seed has no interval, and its own mean.
    known = (base.estimate, base.estimate) if math.isnan(base.low) else (base.low, base.high)
    low, high = scaled_difference((ratio.low, ratio.high), known)
    evidence = ratio.evidence and ScaledEvidence(ratio.evidence, base.evidence, base.estimate)
    by = f"by the ratio of the geometric means, {ratio.estimate:.3g} ({ratio.low:.3g} to {ratio.high:.3g})"
    return replace(ratio, estimate=estimate, low=low, high=high, evidence=evidence).noted(by)


def find_in_rounds(kind: str, metric: Metric, own: NDArray[Any], other: NDArray[Any]) -> Finding:
    """Return the median over rounds with their range; of a probability the share of rounds with its exact interval."""
    n = len(own)
    if kind == "probability":
        return replace(find_wins(metric, own, other, 0.0), rounds=n)
    values = own / other if kind == "ratio" else own - other
    return Finding(float(np.median(values)), float(values.min()), float(values.max()), n, rounds=n)


def find_over_rounds(kind: str, metric: Metric, pairs: Pairs, pair: PairTimes) -> Finding:
    """Return what is known about two times that are numbers of steps by seed, times the seconds per step of a round.

    Each round has an interval over the seeds. The estimate is the median over the rounds, and the interval reaches from
    the lowest to the highest end.

    Args:
        kind: the kind of the claim.
        metric: the time.
        pairs: the steps of the two variants of the pair, by seed.
        pair: the seconds per step of each round.
    """
    timed = [
        replace(pairs, own=pairs.own * first, other=pairs.other * second, ties_at=())
        for first, second in zip(pair.seconds, pair.over_seconds, strict=True)
    ]
    found = [
        find_wins(metric, one.own, one.other, 0.0) if kind == "probability" else find_comparison(kind, one)
        for one in timed
    ]
    estimate = float(np.median([one.estimate for one in found]))
    low, high = (float(np.min([one.low for one in found])), float(np.max([one.high for one in found])))
    return Finding(estimate, low, high, len(pairs.own), len(found), found[0].notes)


def find_value(metric: Metric, own: PerSeedScores, pairs: Pairs) -> Finding:
    """Return the mean of a metric with its interval; of rates and losses the geometric mean.

    It is compared with a known value: a difference to 0, or a ratio to a rate of 1.

    Args:
        metric: what is judged.
        own: the values by seed.
        pairs: the same as pairs with themselves, from `pair_up`.
    """
    in_logs = metric.scale == "factor" or metric.skewed
    kind, neutral = ("ratio", np.ones) if in_logs else ("difference", np.zeros)
    known = replace(pairs, other=neutral(len(pairs.own)), bounds=metric.bounds, ties_at=metric.ties_at)
    finding = find_comparison(kind, known)
    finding = finding.noted("geometric mean over the seeds" if metric.skewed else "")
    return widen_by_grid(kind, finding, own, PerSeedScores(), pairs.uncertainty)


def widen_by_grid(kind: str, finding: Finding, own: PerSeedScores, other: PerSeedScores, uncertainty: float) -> Finding:
    """Return the finding about a metric that is read off the grid, widened by what the grid leaves uncertain."""
    if not uncertainty or math.isnan(finding.low):
        return finding
    if kind == "ratio":
        least, low, high = 0.0, finding.low / 10**uncertainty, finding.high * 10**uncertainty
    else:
        least, low, high = -math.inf, finding.low - uncertainty, finding.high + uncertainty
    if own.open_below or other.open_above:
        low = least
    if own.open_above or other.open_below:
        high = math.inf
    wider = f"{uncertainty:.2g} decade(s) wider at either end, as the grid is not finer"
    at_end = own.open_below or own.open_above or other.open_below or other.open_above
    notes = (wider if uncertainty < math.inf else ONE_RATE, "open where the grid ends" if at_end else "")
    return replace(finding, low=low, high=high, evidence=None).noted(*notes)
