"""Two variants by seed -> pairs of their values, and the words for pairs that collapsed or are equal."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.analysis.intervals import clopper_pearson, t_interval
from bnbench.analysis.labels import format_count, format_percent, format_percents
from bnbench.analysis.mean_interval import count_ties, sign_test
from bnbench.analysis.per_seed import PerSeedScores
from bnbench.analysis.registry import Metric
from bnbench.results.measures import format_measure, format_measures


@dataclass(frozen=True)
class Pairs:
    """The values of two variants at the seeds that both have, in the order of the seeds.

    Attributes:
        metric: its name.
        names: of the two variants.
        own, other: the values, (seeds,).
        kinds: for each seed, whether the first failed, and whether the second did; empty if that is not known.
        wide: how many times as wide as Student's t an interval is, from `leave_one_out.widening`.
        bounds: between which the differences must lie; None if they have no bounds.
        ties_at: the differences that count as ties.
        uncertainty: what the grid leaves uncertain, in decades.
        skewed: whether the values are averaged and compared in logarithms.
    """

    metric: str
    names: tuple[str, str]
    own: NDArray[Any]
    other: NDArray[Any]
    kinds: tuple[tuple[bool, bool], ...] = ()
    wide: float = 1.0
    bounds: tuple[float, float] | None = None
    ties_at: tuple[float, ...] = (0.0,)
    uncertainty: float = 0.0
    skewed: bool = False


def pair_up(metric: Metric, own: PerSeedScores, other: PerSeedScores, names: tuple[str, str]) -> Pairs:
    """Return the pairs of two variants, or of one with itself, at the seeds that both have."""
    seeds = own.values.index.intersection(other.values.index).sort_values()
    kinds = tuple((seed in own.failed, seed in other.failed) for seed in seeds)
    first, second = (sample.values[seeds].to_numpy(float) for sample in (own, other))
    wide = own.widening(len(seeds), other)
    return Pairs(metric.name, names, first, second, kinds, wide, metric.difference_bounds, skewed=metric.skewed)


def note_collapse(kind: str, pairs: Pairs, values: NDArray[Any]) -> Iterator[str]:
    """Say how many trainings of each variant collapsed, and what the healthy pairs say alone.

    Args:
        kind: `difference` or `ratio`.
        pairs: of which some collapsed and others did not.
        values: the differences, or the logarithms of the ratios.
    """
    failed, n = np.array(pairs.kinds, bool), len(values)
    shares = []
    for name, own in dict(zip(pairs.names, failed.T, strict=True)).items():
        if name:
            times = int(own.sum())
            interval = format_percents(*clopper_pearson(times, n))
            shares.append(f"of {name} {times} of {n} fail ({format_percent(times / n)}, {interval})")
    bounded = pairs.bounds and kind == "difference"
    how = "the interval is a wide one that assumes no distribution" if bounded else "there is no sound interval"
    yield f"some seeds collapse, so {how}: {', '.join(shares)}"
    yield _healthy(kind, pairs, values[~failed.any(axis=1)])


def _healthy(kind: str, pairs: Pairs, values: NDArray[Any]) -> str:
    if not len(values):
        return "no pair is healthy"
    back = np.exp if kind == "ratio" else np.positive
    found = t_interval(values, widening=pairs.wide)
    # The value of a variant alone is a difference to 0.
    shown = "value" if not pairs.names[1] and kind == "difference" else kind
    mean = format_measure(float(back(found.mean)), pairs.metric, shown)
    interval = format_measures(float(back(found.low)), float(back(found.high)), pairs.metric, shown, "no interval")
    which = format_count(len(values), "healthy pair" if pairs.names[1] else "healthy seed")
    return f"the {which} alone: {mean} ({interval})"


def note_ties(values: NDArray[Any], ties_at: Collection[float], paired: bool) -> str:
    """Say that pairs are equal, and what the sign test says, or that most values are 0% or 100%.

    Args:
        values: of the seeds: differences of pairs, or scores.
        ties_at: the values that count as ties.
        paired: whether they are differences.
    """
    n, tied = len(values), count_ties(values, ties_at)
    test = f"; sign test p = {sign_test(values):.2g}" if paired else ""
    if np.ptp(values) == 0 or (paired and tied == n):
        return f"equal in {n} of {n} seeds, so there is no interval{test}"
    return f"{'equal' if paired else '0% or 100%'} in {tied} of {n} seeds, so there is no t interval{test}"
