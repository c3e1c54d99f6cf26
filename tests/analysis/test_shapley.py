"""What each player adds: games that one can solve in the head, and the intervals."""

import math
from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest

from bnbench.analysis.edge import THETA_STEP, EdgePosterior, Outcome
from bnbench.analysis.shapley import Estimate, find_shares, order_weights, shapley_weights
from bnbench.config.credit import needed_subsets

ABC = ("a", "b", "c")
Subset = frozenset[str]


def at(value: float, spread: int = 0, is_open: bool = False) -> EdgePosterior:
    """Return a posterior that is uniform over so many steps on either side of a value, which must be one of theta."""
    outcome = Outcome(-1, math.inf) if is_open else Outcome(-1, 0)
    posterior = EdgePosterior({0: outcome, 1: outcome, 2: outcome}, -2, 1)
    near = np.abs(posterior.theta - value) < (spread + 0.5) * THETA_STEP
    posterior.density = near / near.sum()
    return posterior


def game(value: Callable[[Subset], float], players: tuple[str, ...] = ABC) -> dict[Subset, EdgePosterior]:
    return {frozenset(one): at(value(frozenset(one))) for one in needed_subsets(players)}


def credits_of(edges: dict[Subset, EdgePosterior], **options: list[tuple[str, ...]]) -> dict[str, Estimate]:
    shares = find_shares(ABC, edges, **options)
    return {share.player: share.credit for share in shares.shares}


def test_the_weights_of_two_players() -> None:
    subsets = [frozenset(one) for one in ("", "a", "b", "ab")]
    assert shapley_weights(("a", "b"), subsets).tolist() == [[-0.5, 0.5, -0.5, 0.5], [-0.5, -0.5, 0.5, 0.5]]


def test_the_weights_of_three_players_are_those_of_all_orders() -> None:
    subsets = [frozenset(one) for one in needed_subsets(ABC)]
    orders = [order_weights(ABC, subsets, order) for order in permutations(ABC)]
    assert shapley_weights(ABC, subsets) == pytest.approx(np.mean(orders, axis=0))
    # A third for the first place, a sixth for each way to be second, a third for the last place.
    assert sorted(shapley_weights(ABC, subsets)[0]) == pytest.approx(
        [-1 / 3, -1 / 3, -1 / 6, -1 / 6, 1 / 6, 1 / 6, 1 / 3, 1 / 3]
    )


def test_in_an_additive_game_each_player_gets_what_it_adds() -> None:
    adds = {"a": 0.1, "b": 0.2, "c": 0.4}
    shares = find_shares(ABC, game(lambda subset: -1 + sum(adds[one] for one in subset)))
    for share in shares.shares:
        for found in (share.credit, share.alone, share.last):
            assert found
            assert found.value == pytest.approx(adds[share.player])
    assert shares.total.value == pytest.approx(0.7)
    assert shares.overlap
    assert shares.overlap.value == pytest.approx(0)
    assert shares.orders == 0


def test_players_that_can_replace_each_other_share_alike() -> None:
    # Any of them is enough.
    shares = find_shares(ABC, game(lambda subset: 0.6 if subset else 0.0))
    assert [share.credit.value for share in shares.shares] == pytest.approx([0.2] * 3)
    assert [share.alone.value for share in shares.shares if share.alone] == pytest.approx([0.6] * 3)
    assert [share.last.value for share in shares.shares if share.last] == pytest.approx([0.0] * 3)
    assert shares.overlap
    assert shares.overlap.value == pytest.approx(0.6 - 3 * 0.6)


def test_a_pair_that_is_needed_shares_and_a_bystander_gets_nothing() -> None:
    found = credits_of(game(lambda subset: 0.6 if {"a", "b"} <= subset else 0.0))
    assert [found[one].value for one in ABC] == pytest.approx([0.3, 0.3, 0.0])


def test_the_values_of_the_study_on_digits() -> None:
    edges = {"": 0.18, "a": 0.22, "b": 0.34, "c": 0.67, "ab": 0.34, "ac": 0.75, "bc": 0.71, "abc": 0.65}
    shares = find_shares(ABC, {frozenset(key): at(round(math.log10(x) / 0.02) * 0.02) for key, x in edges.items()})
    values = [share.credit.value for share in shares.shares]
    assert values == pytest.approx([0.03, 0.11, 0.43], abs=0.02)
    assert sum(values) == pytest.approx(shares.total.value)


def test_an_interval_is_that_of_the_sum_of_independent_edges() -> None:
    # Uniform over 21 steps of 0.02: an SD of 0.42 / sqrt(12). The difference of two has a triangular distribution.
    edges = {frozenset[str](): at(-1, 10), frozenset("a"): at(0, 10)}
    (share,) = find_shares(("a",), edges).shares
    width = 0.42
    end = width * (1 - math.sqrt(2 * 0.025))
    assert share.credit.value == pytest.approx(1)
    assert (share.credit.low, share.credit.high) == pytest.approx((1 - end, 1 + end), abs=0.004)


def test_the_weights_narrow_the_interval() -> None:
    edges = {subset: at(0, 10) for subset in map(frozenset, needed_subsets(ABC))}
    share = find_shares(ABC, edges).shares[0]
    assert share.alone
    half, alone = (one.high - one.low for one in (share.credit, share.alone))
    # The squares of the weights sum to 5/9, and to 2.
    assert half / alone == pytest.approx(math.sqrt(5 / 18), abs=0.03)


def test_an_edge_that_no_training_bounds_opens_the_interval() -> None:
    edges = {frozenset[str](): at(-1), frozenset("a"): at(0, is_open=True)}
    shares = find_shares(("a",), edges)
    assert (shares.total.low, shares.total.high) == (pytest.approx(1, abs=0.05), math.inf)
    swapped = {frozenset[str](): at(0, is_open=True), frozenset("a"): at(-1)}
    assert find_shares(("a",), swapped).total.low == -math.inf


def test_all_orders_are_the_exact_values() -> None:
    edges = game(lambda subset: 0.1 * len(subset) ** 2)
    orders = [order for pair in zip(permutations(ABC), permutations(ABC), strict=True)
              for order in (pair[0], pair[1][::-1])]  # fmt: skip
    exact, sampled = credits_of(edges), credits_of(edges, orders=orders)
    for player in ABC:
        assert sampled[player].value == pytest.approx(exact[player].value)


def test_sampled_orders_widen_the_interval_by_what_they_differ_by() -> None:
    # In each order, only the first player adds something. A pair of orders has two first players.
    edges = {frozenset(one): at(0.6 if one else 0.0) for one in needed_subsets(ABC)}
    orders = [("a", "b", "c"), ("c", "b", "a"), ("b", "a", "c"), ("c", "a", "b")]
    found = credits_of(edges, orders=orders)
    assert [found[one].value for one in ABC] == pytest.approx([0.15, 0.15, 0.3])
    # Pairs: a 0.3 and 0, c 0.3 and 0.3. The t quantile with one degree of freedom is 12.71.
    error = 12.706 * 0.3 / math.sqrt(2) / math.sqrt(2)
    assert found["a"].high == pytest.approx(0.15 + error, abs=0.01)
    assert found["c"].high == pytest.approx(0.3, abs=0.03)


def test_one_pair_of_orders_says_nothing_about_the_error() -> None:
    edges = game(lambda subset: 0.1 * len(subset))
    found = credits_of(edges, orders=[ABC, ABC[::-1]])
    assert found["a"].value == pytest.approx(0.1)
    assert (found["a"].low, found["a"].high) == (-math.inf, math.inf)


def test_intervals_cover_the_truth_in_simulated_games() -> None:
    # Ten seeds of each subset, one training each near the edge, seeds differ by 0.1 decades.
    generator, held = np.random.default_rng(1), []
    for _ in range(60):
        truth = {frozenset(one): generator.uniform(-1, 0) for one in needed_subsets(ABC)}
        edges = {subset: _searched(value, generator) for subset, value in truth.items()}
        values = shapley_weights(ABC, list(truth)) @ np.array(list(truth.values()))
        found = credits_of(edges)
        held += [found[one].low <= value <= found[one].high for one, value in zip(ABC, values, strict=True)]
    # 95% of 180; below 162 in one of a hundred repetitions at most.
    assert sum(held) >= 162


def _searched(edge: float, generator: np.random.Generator) -> EdgePosterior:
    rates = edge + generator.uniform(-0.2, 0.2, 10)
    trains = rates < generator.normal(edge, 0.1, 10)
    outcomes = [Outcome(x, math.inf) if good else Outcome(-math.inf, x) for x, good in zip(rates, trains, strict=True)]
    return EdgePosterior(dict(enumerate(outcomes)), -1.5, 0.5)
