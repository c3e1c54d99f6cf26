"""Edges of variants -> what is known about a claim, a published value or the headline."""

import math
from dataclasses import dataclass

import pandas as pd

from bnbench.analysis.cells import Cells
from bnbench.analysis.edge import CONFIDENCE, HALF, EdgePosterior, edge_ratio, place_edges
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.sample_size import MAX_PAIRS
from bnbench.results.findings import Finding, find_share_between

METRIC = "edge"
MEANINGS = {
    HALF: "a training trains if its score is at least halfway from chance to the best mean",
    "ok": "a training trains if its outcome is ok",
}
OPEN = "open where no training bounds it"


def find_edge(kind: str, trials: pd.DataFrame, of: str, over: str, trains: str = HALF) -> Finding:
    """Return what is known about the edge of a variant, or about two edges compared.

    Args:
        kind: `value`, `ratio`, or `probability`: the share of seeds at which the edge of the first is higher.
        trials: of all variants at one value of the further axes.
        of, over: the variants; `over` is not used for a value.
        trains: as for `place_edges`.
    """
    places = Cells(trials).places
    posteriors = place_edges(places[0], trains) if places else {}
    missing = [name for name in dict.fromkeys([of, over]) if name and name not in posteriors]
    if missing:
        return Finding().noted(f"no trial of {missing[0]} has finished")
    own = posteriors[of]
    other = posteriors[over] if kind != "value" else own
    if kind == "probability":
        return find_higher_edges(own, other).noted(MEANINGS[trains])
    n = min(len(own.outcomes), len(other.outcomes))
    if n < MIN_VALUES:
        return Finding(n=n).noted(f"needs {MIN_VALUES} seeds for an interval, has {n}")
    edges = own.edge(), other.edge()
    numbers = edges[0].rates if kind == "value" else edge_ratio(*edges)
    is_open = any(math.isinf(end) for edge in edges for end in (edge.low, edge.high))
    evidence = EdgeEvidence(own, None if kind == "value" else other, n)
    return Finding(*numbers, n, evidence=evidence).noted(MEANINGS[trains], OPEN if is_open else "")


@dataclass(frozen=True)
class EdgeEvidence:
    """What the seeds say about an edge, or about how many times as high it is as another one."""

    own: EdgePosterior
    other: EdgePosterior | None
    n: int

    @property
    def narrows(self) -> bool:
        """Whether many seeds would make the interval less than half as wide; if not, other rates are needed.

        Where all seeds train at one rate and fail at the next, the edge is somewhere between, with any number of seeds.
        """
        many, now = (_decades(self.interval(CONFIDENCE, seeds)) for seeds in (MAX_PAIRS, self.n))
        return many < now / 2

    def interval(self, confidence: float, seeds: int) -> tuple[float, float]:
        """Return the ends of the interval, as rates or as factors."""
        times = seeds / self.n
        own = _repeated(self.own, times).edge(confidence)
        return (edge_ratio(own, _repeated(self.other, times).edge(confidence)) if self.other else own.rates)[1:]

    def degrees(self, seeds: int) -> float:
        """Return infinity: a posterior has no degrees of freedom."""
        return math.inf


def _decades(ends: tuple[float, float]) -> float:
    """Return the width of an interval of rates or factors."""
    low, high = ends
    return math.log10(high / low) if low > 0 else math.inf


def _repeated(posterior: EdgePosterior, times: float) -> EdgePosterior:
    """Return the posterior as if each outcome had been seen so many times. The prior is uniform."""
    if times == 1:
        return posterior
    repeated = EdgePosterior(posterior.by_seed, posterior.low, posterior.high)
    weights = (posterior.lattice / posterior.lattice.max()) ** times
    repeated.lattice = weights / weights.sum()
    return repeated


def find_higher_edges(own: EdgePosterior, other: EdgePosterior) -> Finding:
    """Return the share of seeds that train with one variant at a rate at which they fail with the other.

    The interval allows for both outcomes of a seed that the rates do not tell apart.
    """
    pairs = [(own.by_seed[seed], other.by_seed[seed]) for seed in own.by_seed.keys() & other.by_seed.keys()]
    wins = sum(a.trained >= b.failed for a, b in pairs)
    losses = sum(b.trained >= a.failed for a, b in pairs)
    return find_share_between(wins, len(pairs) - losses, len(pairs))
