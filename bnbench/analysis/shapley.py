"""What each of several slots or ingredients adds to a number: Shapley values, with intervals from posteriors.

A value of each subset is given: here log10 of its edge. The Shapley value of a player is the mean, over all orders in
which players can be added one after the other, of what the value rises by when it is added (Shapley 1953). The Shapley
values of all players sum to the value of all of them minus that of none.

They are sums of the values of subsets with fixed weights. So draws from the posteriors of the subsets, which come from
different trainings, give draws of all Shapley values at once.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bnbench.analysis.edge import CONFIDENCE, EdgePosterior

Numbers = NDArray[np.float64]
Subset = frozenset[str]

# With so many draws that are spread evenly over each posterior, ends of intervals are known to a thousandth.
DRAWS = 8000
# Orders come in pairs, the second one backward. The spread of one pair is unknown.
PAIR, MIN_PAIRS = 2, 2


@dataclass(frozen=True)
class Estimate:
    """A number of decades with its 95% interval; an end is infinite where no training bounds it."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Share:
    """What one player adds.

    Attributes:
        player: its name.
        credit: its Shapley value.
        alone: what it adds to none of the others.
        last: what it adds to all of the others.
    """

    player: str
    credit: Estimate
    alone: Estimate | None
    last: Estimate | None


@dataclass(frozen=True)
class Shares:
    """What all players add.

    Attributes:
        shares: one for each player, in their order.
        total: what they add together; the Shapley values sum to it.
        overlap: `total` minus what each adds alone: below 0 they replace each other, above 0 they need each other.
        orders: the number of sampled orders; 0 if all subsets are known.
    """

    shares: tuple[Share, ...]
    total: Estimate
    overlap: Estimate | None
    orders: int


def shapley_weights(players: Sequence[str], subsets: Sequence[Subset]) -> Numbers:
    """Return the weight of the value of each subset in the Shapley value of each player, (players, subsets).

    Args:
        players: all of them.
        subsets: all of theirs, in any order.
    """
    position, n = {subset: i for i, subset in enumerate(subsets)}, len(players)
    weights = np.zeros((n, len(subsets)))
    for row, player in enumerate(players):
        others = [other for other in players if other != player]
        for size in range(n):
            weight = 1 / (n * math.comb(n - 1, size))
            for chosen in combinations(others, size):
                without = frozenset(chosen)
                weights[row, position[without | {player}]] += weight
                weights[row, position[without]] -= weight
    return weights


def order_weights(players: Sequence[str], subsets: Sequence[Subset], order: Sequence[str]) -> Numbers:
    """Return the weights of what each player adds when it is added in one order, (players, subsets)."""
    position = {subset: i for i, subset in enumerate(subsets)}
    weights = np.zeros((len(players), len(subsets)))
    for place, player in enumerate(order):
        row, before = players.index(player), frozenset(order[:place])
        weights[row, position[before | {player}]] += 1
        weights[row, position[before]] -= 1
    return weights


def find_shares(
    players: Sequence[str], edges: Mapping[Subset, EdgePosterior], orders: Sequence[Sequence[str]] = ()
) -> Shares:
    """Return what each player adds to log10 of the edge.

    Args:
        players: all of them.
        edges: of all subsets, or of those that the orders pass through.
        orders: sampled ones; each second one is the one before it backward.
    """
    game = _Game(edges)
    by_order = np.array([order_weights(players, game.subsets, order) for order in orders])
    weights = by_order.mean(axis=0) if len(orders) else shapley_weights(players, game.subsets)
    errors = _sampling_errors(by_order @ game.means) if len(orders) else np.zeros(len(players))
    none, everyone = frozenset[str](), frozenset(players)
    shares = tuple(
        Share(
            player,
            _widened(game.estimate(row), error),
            game.rise(none, frozenset([player])),
            game.rise(everyone - {player}, everyone),
        )
        for player, row, error in zip(players, weights, errors, strict=True)
    )
    total = game.rise(none, everyone)
    if total is None:
        raise ValueError("the edge with none of the players, or with all of them, is missing")
    return Shares(shares, total, game.overlap(players), len(orders))


class _Game:
    """The values of all known subsets, with draws from their posteriors."""

    def __init__(self, edges: Mapping[Subset, EdgePosterior]) -> None:
        self.subsets = list(edges)
        self._edges = [posterior.edge() for posterior in edges.values()]
        self.means = np.array([edge.mean for edge in self._edges])
        generator = np.random.default_rng(0)
        # The posteriors come from different trainings, so their draws are shuffled against each other.
        self._draws = np.array([generator.permutation(posterior.draws(DRAWS)) for posterior in edges.values()])

    def estimate(self, weights: Numbers) -> Estimate:
        """Return a sum of values with these weights."""
        ends = np.quantile(weights @ self._draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        signed = [(weight, edge) for weight, edge in zip(weights, self._edges, strict=True) if abs(weight) > 1e-12]
        low_open = any(math.isinf(edge.low if weight > 0 else edge.high) for weight, edge in signed)
        high_open = any(math.isinf(edge.high if weight > 0 else edge.low) for weight, edge in signed)
        low, high = -math.inf if low_open else float(ends[0]), math.inf if high_open else float(ends[1])
        return Estimate(float(weights @ self.means), low, high)

    def rise(self, start: Subset, end: Subset) -> Estimate | None:
        """Return how much higher the value of one subset is than that of another; None if one is unknown."""
        return self._sum([(end, 1), (start, -1)])

    def overlap(self, players: Sequence[str]) -> Estimate | None:
        """Return what all players add together minus what each adds alone; None if some subset is unknown."""
        none, everyone = frozenset[str](), frozenset(players)
        singles = [(frozenset([player]), -1) for player in players]
        return self._sum([(everyone, 1), (none, len(players) - 1), *singles])

    def _sum(self, terms: Collection[tuple[Subset, int]]) -> Estimate | None:
        if any(subset not in self.subsets for subset, _ in terms):
            return None
        weights = np.zeros(len(self.subsets))
        for subset, weight in terms:
            weights[self.subsets.index(subset)] += weight
        return self.estimate(weights)


def _sampling_errors(added: Numbers) -> Numbers:
    """Return half of the width of the t interval of the mean over pairs of orders, (players,).

    What the pairs differ by is partly the uncertainty of the edges, so this errs on the wide side.

    Args:
        added: what each player adds in each order, (orders, players).
    """
    pairs = np.array([added[i : i + PAIR].mean(axis=0) for i in range(0, len(added), PAIR)])
    if len(pairs) < MIN_PAIRS:
        return np.full(added.shape[1], math.inf)
    quantile = float(stdtrit(len(pairs) - 1, (1 + CONFIDENCE) / 2))
    return np.asarray(quantile * pairs.std(axis=0, ddof=1) / math.sqrt(len(pairs)))


def _widened(estimate: Estimate, error: float) -> Estimate:
    """Return an estimate whose interval has a further, independent error in it."""
    below, above = (math.hypot(end - estimate.value, error) for end in (estimate.low, estimate.high))
    return Estimate(estimate.value, estimate.value - below, estimate.value + above)
