"""Which trainings at which rates trained -> the posterior of the edge, the highest learning rate that trains.

At a rate of 10**x a training trains with probability (1 - lapse) / (1 + exp((x - theta) / sigma)), a psychometric
function (Wichmann and Hill 2001): its threshold theta is log10 of the edge, sigma says how far seeds differ, and lapses
have nothing to do with the rate. The prior is uniform over a lattice of theta, sigma and lapse, and the posterior of
theta is that of the lattice, summed over the others.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.analysis.cells import Place
from bnbench.analysis.lr_metrics import ROUNDING
from bnbench.analysis.lr_metrics import half_level as half_level

Numbers = NDArray[np.float64]

# Decades between two values of theta, and how far theta may be beyond the rates of the sweep.
THETA_STEP = 0.02
BEYOND = 2.0
SIGMAS = np.geomspace(0.008, 0.25, 9)
LAPSES = np.array([0.0, 0.03])
CONFIDENCE = 0.95
# What counts as a training that trains.
HALF, OK = "half", "ok"


@dataclass(frozen=True, order=True)
class Outcome:
    """What one seed says about the edge, in log10 of the rate.

    Attributes:
        trained: the highest rate up to which it trained; -inf if it failed at its lowest rate.
        failed: its lowest rate above, at which it failed; inf if it trained at all of its rates.
    """

    trained: float
    failed: float


def seed_outcomes(rates: Numbers, seeds: NDArray[Any], trains: NDArray[np.bool_], start: float) -> dict[int, Outcome]:
    """Return what each seed says about the edge, by seed: one outcome, whatever the number of its rates.

    A seed has a single threshold. Counted rate by rate, a dense grid would count it many times.

    Args:
        rates: the learning rate of each training, (trainings,).
        seeds: the seed of each.
        trains: whether each trained.
        start: the best rate. Below it a network may fail, too, for another reason.
    """
    outcomes = {}
    logs = np.log10(rates)
    keep = logs >= math.log10(start) - ROUNDING
    for seed in np.unique(seeds[keep]):
        own = np.flatnonzero(keep & (seeds == seed))
        own = own[np.argsort(logs[own], kind="stable")]
        failures = np.flatnonzero(~trains[own])
        first = int(failures[0]) if len(failures) else len(own)
        trained = float(logs[own[first - 1]]) if first else -math.inf
        failed = float(logs[own[first]]) if first < len(own) else math.inf
        outcomes[int(seed)] = Outcome(trained, failed)
    return outcomes


@dataclass(frozen=True)
class Edge:
    """An edge with its 95% interval, as log10 of the rate. An end is infinite where no training bounds it.

    Attributes:
        mean: of the posterior.
        sd: of the posterior.
        low, high: the ends of the central interval.
        n: number of outcomes.
    """

    mean: float
    sd: float
    low: float
    high: float
    n: int

    @property
    def rate(self) -> float:
        """The edge itself."""
        return float(10**self.mean)

    @property
    def rates(self) -> tuple[float, float, float]:
        """The edge and the ends of its interval as rates; 0 or infinite where no training bounds it."""
        return self.rate, 0.0 if self.low == -math.inf else float(10**self.low), float(10**self.high)

    @property
    def half_width(self) -> float:
        """Half of the width of the interval, in decades."""
        return (self.high - self.low) / 2


class EdgePosterior:
    """The posterior of an edge, given what some seeds said.

    Args:
        by_seed: from `seed_outcomes`.
        low, high: log10 of the lowest and the highest rate of the sweep.
    """

    def __init__(self, by_seed: Mapping[int, Outcome], low: float, high: float) -> None:
        self.by_seed, self.outcomes = by_seed, list(by_seed.values())
        self.low, self.high = low, high
        self.theta = np.arange(low - BEYOND, high + BEYOND + THETA_STEP / 2, THETA_STEP)

    def trains(self, x: float) -> Numbers:
        """Return the probability that a training at a rate trains, for each point of the lattice.

        Args:
            x: log10 of the rate. At -inf all train, and at inf none.

        Returns:
            (theta, sigma, lapse).
        """
        shape = (len(self.theta), len(SIGMAS), len(LAPSES))
        if math.isinf(x):
            return np.full(shape, 1.0 if x < 0 else 0.0)
        z = (x - self.theta[:, None, None]) / SIGMAS[:, None]
        # exp of more than 700 overflows.
        return np.asarray((1 - LAPSES) / (1 + np.exp(np.clip(z, -700, 700))))

    @cached_property
    def lattice(self) -> Numbers:
        """The probability of each point of the lattice, (theta, sigma, lapse)."""
        known: dict[float, Numbers] = {}

        def trains(x: float) -> Numbers:
            if x not in known:
                known[x] = self.trains(x)
            return known[x]

        logs = np.zeros((len(self.theta), len(SIGMAS), len(LAPSES)))
        with np.errstate(divide="ignore"):
            for outcome, count in Counter(self.outcomes).items():
                logs += count * np.log(np.maximum(trains(outcome.trained) - trains(outcome.failed), 0.0))
        weights = np.exp(logs - logs.max())
        return np.asarray(weights / weights.sum())

    @cached_property
    def density(self) -> Numbers:
        """The probability of each theta, (theta,)."""
        return np.asarray(self.lattice.sum(axis=(1, 2)))

    def edge(self, confidence: float = CONFIDENCE) -> Edge:
        """Return the edge with its central interval."""
        weights = self.density
        mean = float(weights @ self.theta)
        sd = math.sqrt(max(float(weights @ (self.theta - mean) ** 2), 0.0))
        ends = [self._quantile((1 - confidence) / 2), self._quantile((1 + confidence) / 2)]
        if all(outcome.trained == -math.inf for outcome in self.outcomes):
            ends[0] = -math.inf
        if all(outcome.failed == math.inf for outcome in self.outcomes):
            ends[1] = math.inf
        return Edge(mean, sd, ends[0], ends[1], len(self.outcomes))

    def _quantile(self, share: float) -> float:
        return float(self._quantiles(np.array([share]))[0])

    def _quantiles(self, shares: Numbers) -> Numbers:
        """Return the thetas below which these shares of the posterior lie; each value covers the step around it."""
        total = np.concatenate([[0.0], np.cumsum(self.density)])
        borders = np.concatenate([self.theta - THETA_STEP / 2, [self.theta[-1] + THETA_STEP / 2]])
        return np.asarray(np.interp(shares, total / total[-1], borders))

    def draws(self, count: int) -> Numbers:
        """Return so many values of theta, ascending, that are spread as the posterior is."""
        return self._quantiles((np.arange(count) + 0.5) / count)

    def curve(self, x: Numbers, confidence: float = CONFIDENCE) -> tuple[Numbers, Numbers, Numbers]:
        """Return P(trains) at some rates, with the ends of its pointwise interval.

        Args:
            x: log10 of the rates, (rates,).
            confidence: of the interval.

        Returns:
            The mean, the low and the high end, each (rates,).
        """
        weights = self.lattice.ravel()
        kept = np.flatnonzero(weights > weights.max() * 1e-6)
        weights = weights[kept] / weights[kept].sum()
        rows = []
        for one in x.tolist():
            trains = self.trains(one).ravel()[kept]
            order = np.argsort(trains)
            total = np.cumsum(weights[order])
            ends = [trains[order[min(int(np.searchsorted(total, share)), len(order) - 1)]]
                    for share in ((1 - confidence) / 2, (1 + confidence) / 2)]  # fmt: skip
            rows.append((float(trains @ weights), *map(float, ends)))
        mean, low, high = np.array(rows).reshape(-1, 3).T
        return mean, low, high

    def next_rate(self, candidates: Sequence[float]) -> float:
        """Return the candidate whose training is expected to leave the smallest variance of theta.

        Kontsevich and Tyler 1999, with the variance in the place of the entropy.

        Args:
            candidates: log10 of rates.
        """

        def variance_after(x: float) -> float:
            expected, trains = 0.0, self.trains(x)
            for chances in (trains, 1 - trains):
                weights = (self.lattice * chances).sum(axis=(1, 2))
                total = float(weights.sum())
                if total > 0:
                    mean = float(weights @ self.theta) / total
                    expected += float(weights @ (self.theta - mean) ** 2)
            return expected

        return min(candidates, key=variance_after)


def edge_ratio(own: Edge, other: Edge) -> tuple[float, float, float]:
    """Return how many times as high one edge is as another, with the ends of the 95% interval.

    The two edges come from independent trainings, so the distances to the ends add up as squares (Zou and Donner 2008).
    """
    estimate = own.mean - other.mean
    low = estimate - math.hypot(own.mean - own.low, other.high - other.mean)
    high = estimate + math.hypot(own.high - own.mean, other.mean - other.low)
    return tuple(0.0 if x == -math.inf else 10**x for x in (estimate, low, high))  # type: ignore[return-value]


def trained_at(place: Place, variant: str, trains: str = HALF) -> tuple[Numbers, NDArray[np.bool_]]:
    """Return the learning rate of each trial of a variant, and whether it trains.

    Args:
        place: the trials of all variants at one value of the further axes.
        variant: its name.
        trains: `half`: a trial trains if its validation score is at least halfway from chance to the highest mean of
            any variant; `ok`: if its outcome is.
    """
    cell = place.cells[variant]
    rates = np.asarray(cell.values("learning_rate"))
    if trains == OK:
        return rates, np.asarray(cell.values("outcome") == "ok")
    return rates, cell.half


def place_edges(place: Place, trains: str = HALF) -> dict[str, EdgePosterior]:
    """Return the posterior of the edge of each variant at one value of the further axes.

    Args:
        place: the trials.
        trains: as for `trained_at`.
    """
    edges = {}
    for name, cell in place.cells.items():
        rates, good = trained_at(place, name, trains)
        outcomes = seed_outcomes(rates, cell.values("seed"), good, cell.best_rate)
        edges[name] = EdgePosterior(outcomes, float(np.log10(rates.min())), float(np.log10(rates.max())))
    return edges
