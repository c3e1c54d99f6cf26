"""The second stage: trainings, each with a seed of its own, at the rates that say most about where the edge is."""

import math
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from bnbench.analysis.edge import Edge, EdgePosterior, seed_outcomes
from bnbench.config.adaptive import MIN_EDGE_TRAININGS, AdaptiveEdge
from bnbench.planning.adaptive.place import DesignPlace, Wanted
from bnbench.planning.adaptive.record import ABOVE, AT_MOST, BELOW, EDGE, JUDGE, NO_RATE, WITHIN, EdgeEnd
from bnbench.planning.plan import EARLY, SHORT

# Rates are on a lattice of so many points a decade, so that trainings of several designs may be the same ones.
PER_DECADE = 20
# The next rate is so near to the mean of the posterior: in its standard deviations, and at least in decades.
NEAR_SDS, NEAR_DECADES = 1.5, 0.12
# Decades beyond the swept rates, if the design may extend them.
EXTENSION = 2.0
# So many trainings in a row at an end of the range, all with the same outcome, say that the edge is beyond it.
BEYOND_TRAININGS = 4


def search_edge(place: DesignPlace, variant: str, running: int) -> Wanted | None:
    """Return the next training for the edge of a variant, or None. At the end of the search, record how it ended.

    Args:
        place: what is known. Best rates and the score that counts as trained have been recorded.
        variant: its name.
        running: the number of trainings that have been chosen and have not ended.
    """
    settings = place.settings.edge
    if settings is None or variant in place.record.edges:
        return None
    if variant not in (place.record.best or {}):
        place.record.edges[variant] = EdgeEnd(reason=NO_RATE)
        return None
    posterior = edge_posterior(place, variant)
    edge = posterior.edge()
    reason = _end_of(place, settings, variant, edge)
    if reason is None:
        rate = _next_rate(place, variant, posterior, edge)
        return Wanted(variant, rate, next(place.unused_seeds([variant])), EARLY)
    if not running:
        place.record.edges[variant] = _described(reason, edge)
    return None


def edge_posterior(place: DesignPlace, variant: str) -> EdgePosterior:
    """Return the posterior of an edge, from its `edge_trainings`."""
    rates, seeds, trains = edge_trainings(place, variant)
    outcomes = seed_outcomes(rates, seeds, trains, _start(place, variant)) if len(rates) else {}
    return EdgePosterior(outcomes, math.log10(place.rates[0]), math.log10(place.rates[-1]))


def edge_trainings(
    place: DesignPlace, variant: str
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return what says something about an edge: all trainings but the short ones and those that judge.

    Returns:
        Their learning rates, their seeds, and whether they trained, each (trainings,).
    """
    known = [
        (entry, outcome)
        for entry in place.record.entries
        if entry.variant == variant and entry.form != SHORT and entry.stage != JUDGE
        if (outcome := place.outcome(entry.trial)) and not outcome.failed
    ]
    rates = np.array([entry.rate for entry, _ in known], float)
    seeds = np.array([entry.seed for entry, _ in known], int)
    return rates, seeds, np.array([place.trains(outcome) for _, outcome in known], bool)


def target_half_width(within: float) -> float:
    """Return how wide half of the interval of one edge may be, so that the ratio of two has the width that is asked."""
    return within / math.sqrt(2)


def _end_of(place: DesignPlace, settings: AdaptiveEdge, variant: str, edge: Edge) -> str | None:
    """Return why the search is over; None if it is not."""
    own = list(place.entries(EDGE, variant))
    if edge.n >= MIN_EDGE_TRAININGS and edge.half_width <= target_half_width(settings.within):
        return WITHIN
    if len(own) >= settings.at_most:
        return AT_MOST
    low, high = _range(place, variant)
    if _all_at(place, variant, high, trained=True):
        return ABOVE
    if _all_at(place, variant, low, trained=False):
        return BELOW
    return None


def _all_at(place: DesignPlace, variant: str, end: float, trained: bool) -> bool:
    """Return whether the last few trainings were at one end of the range and all of them had this outcome."""
    last = list(islice(reversed(list(place.entries(EDGE, variant))), BEYOND_TRAININGS))
    if len(last) < BEYOND_TRAININGS or any(abs(math.log10(entry.rate) - end) > 1e-9 for entry in last):
        return False
    outcomes = [place.outcome_of(Wanted(variant, entry.rate, entry.seed, entry.form)) for entry in last]
    return all(one is not None and not one.failed and place.trains(one) == trained for one in outcomes)


def _start(place: DesignPlace, variant: str) -> float:
    """Return the lowest rate of the search: the best one, because far below it a network may fail, too.

    Where the best rate is the lowest of the sweep, and the design may extend it, the edge may be below it.
    """
    best, lowest = (place.record.best or {})[variant], place.rates[0]
    extends = place.settings.edge is not None and place.settings.edge.extend
    return lowest / 10**EXTENSION if extends and best == lowest else best


def _range(place: DesignPlace, variant: str) -> tuple[float, float]:
    """Return log10 of the lowest and the highest rate that may be trained."""
    further = EXTENSION if place.settings.edge and place.settings.edge.extend else 0.0
    return math.log10(_start(place, variant)), math.log10(place.rates[-1]) + further


def _next_rate(place: DesignPlace, variant: str, posterior: EdgePosterior, edge: Edge) -> float:
    """Return the rate near the edge whose training is expected to say most."""
    near = max(NEAR_SDS * edge.sd, NEAR_DECADES)
    low, high = _range(place, variant)
    first, last = (math.ceil((edge.mean - near) * PER_DECADE), math.floor((edge.mean + near) * PER_DECADE))
    lattice = [i / PER_DECADE for i in range(first, last + 1)]
    inside = [x for x in lattice if low <= x <= high]
    # Beyond the range, its end says most.
    x = posterior.next_rate(inside) if inside else min(max(edge.mean, low), high)
    return float(f"{10**x:.12g}")


def _described(reason: str, edge: Edge) -> EdgeEnd:
    low, high = (None if math.isinf(end) else 10**end for end in (edge.low, edge.high))
    return EdgeEnd(reason=reason, n=edge.n, edge=edge.rate, low=low, high=high)
