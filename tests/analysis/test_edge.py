"""The edge: what seeds say about it, its posterior, and how often its interval holds the truth."""

import math

import numpy as np
import pytest

from bnbench.analysis.edge import Edge, EdgePosterior, Outcome, edge_ratio, seed_outcomes
from bnbench.analysis.lr_metrics import half_level

INF = math.inf


def outcomes(*rows: tuple[float, int, bool], start: float = 1e-9) -> dict[int, Outcome]:
    rates, seeds, trains = (np.array(column) for column in zip(*rows, strict=True))
    return seed_outcomes(rates, seeds, trains, start)


def test_each_seed_says_one_thing() -> None:
    found = outcomes(
        (0.1, 0, True), (1.0, 0, True), (10.0, 0, False), (100.0, 0, False),
        # It recovers at 10: its first failure counts.
        (0.1, 1, True), (1.0, 1, False), (10.0, 1, True),
        (0.1, 2, False), (1.0, 2, False),
        (0.1, 3, True), (1.0, 3, True),
    )  # fmt: skip
    assert found == {0: Outcome(0, 1), 1: Outcome(-1, 0), 2: Outcome(-INF, -1), 3: Outcome(0, INF)}


def test_rates_below_the_best_one_do_not_count() -> None:
    rows = [(0.001, 0, False), (0.1, 0, True), (1.0, 0, False)]
    assert outcomes(*rows, start=0.1) == {0: Outcome(-1, 0)}


def test_a_seed_without_an_outcome_from_the_best_rate_on_says_nothing() -> None:
    assert outcomes((0.001, 0, True), (0.1, 1, True), start=0.1) == {1: Outcome(-1, INF)}


def posterior(*given: Outcome, low: float = -2, high: float = 1) -> EdgePosterior:
    return EdgePosterior(dict(enumerate(given)), low, high)


def test_the_posterior_equals_the_formula_at_every_point_of_the_lattice() -> None:
    given = [Outcome(-1, -0.5), Outcome(-0.5, 0), Outcome(-1, -0.5), Outcome(-INF, -1), Outcome(0, INF)]
    found = posterior(*given)
    slow = np.ones_like(found.lattice)
    sigmas, lapses = np.geomspace(0.008, 0.25, 9), (0.0, 0.03)
    for i, theta in enumerate(found.theta):
        for j, sigma in enumerate(sigmas):
            for k, lapse in enumerate(lapses):
                for one in given:
                    # The share of seeds that train at a rate, and at none or at all.
                    up_to, fails_at = (
                        1.0 if x == -INF else 0.0 if x == INF
                        else (1 - lapse) / (1 + math.exp(min(700.0, (x - theta) / sigma)))
                        for x in (one.trained, one.failed)
                    )  # fmt: skip
                    slow[i, j, k] *= up_to - fails_at
    assert found.lattice == pytest.approx(slow / slow.sum(), abs=1e-9)


def test_the_edge_is_between_what_trained_and_what_failed() -> None:
    edge = posterior(*[Outcome(-0.5, -0.25)] * 5).edge()
    assert -0.55 < edge.low < -0.45 < edge.mean < -0.3 < edge.high < -0.2
    assert edge.n == 5
    assert edge.rate == pytest.approx(10**-0.375, rel=0.01)


@pytest.mark.parametrize(("outcome", "low", "high"), [(Outcome(-INF, -1), -INF, None), (Outcome(0, INF), None, INF)])
def test_an_end_that_no_training_bounds_is_infinite(outcome: Outcome, low: float | None, high: float | None) -> None:
    edge = posterior(*[outcome] * 5).edge()
    assert (edge.low == low) if low is not None else math.isfinite(edge.low)
    assert (edge.high == high) if high is not None else math.isfinite(edge.high)


def test_more_rates_of_the_same_seeds_do_not_make_it_surer_than_the_seeds() -> None:
    generator = np.random.default_rng(3)
    tops = generator.normal(-0.5, 0.2, 5)

    def width(step: float) -> float:
        grid = np.arange(-2, 1.001, step)
        rows = [(10**x, seed, bool(x < top)) for seed, top in enumerate(tops) for x in grid]
        return posterior(*outcomes(*rows).values()).edge().half_width

    # The seeds differ by 0.2 decades, which five of them do not hide.
    assert width(0.02) > 0.1


def test_the_curve_falls_through_one_half_at_the_edge() -> None:
    found = posterior(*[Outcome(-0.5, -0.25), Outcome(-0.25, 0)] * 4)
    x = np.linspace(-2, 1, 61)
    mean, low, high = found.curve(x)
    assert np.all(np.diff(mean) <= 1e-9)
    assert np.all((low <= mean + 1e-9) & (mean <= high + 1e-9))
    assert np.interp(found.edge().mean, x, mean) == pytest.approx(0.5, abs=0.1)
    assert mean[0] > 0.95
    assert mean[-1] < 0.05


def test_the_next_rate_is_where_the_outcome_is_open() -> None:
    found = posterior(*[Outcome(-1.0, -0.5)] * 2)
    assert -1.0 < found.next_rate([-2.0, -0.75, 1.0]) < -0.5


def test_a_ratio_adds_up_the_distances_to_the_ends() -> None:
    own, other = Edge(1.0, 0.1, 0.7, 1.3, 9), Edge(0.0, 0.1, -0.4, 0.4, 9)
    assert edge_ratio(own, other) == pytest.approx((10, 10**0.5, 10**1.5))
    assert edge_ratio(own, Edge(0.0, 0.1, -0.4, INF, 9))[1] == 0
    assert edge_ratio(own, Edge(0.0, 0.1, -INF, 0.4, 9))[2] == INF


def test_half_is_halfway_from_chance_to_the_best() -> None:
    assert half_level(0.1, 0.9) == pytest.approx(0.5)


@pytest.mark.parametrize(("step", "sd"), [(0.25, 0.09), (0.1, 0.2)])
def test_the_interval_holds_the_truth_as_often_as_it_says(step: float, sd: float) -> None:
    generator, held, repetitions = np.random.default_rng(0), 0, 200
    grid = np.arange(-2, 1.001, step)
    for _ in range(repetitions):
        truth = generator.uniform(-1, 0)
        tops = generator.normal(truth, sd, 5)
        rows = [(10**x, seed, bool(x < top)) for seed, top in enumerate(tops) for x in grid]
        edge = posterior(*outcomes(*rows).values()).edge()
        held += edge.low <= truth <= edge.high
    # 95% nominal; less than 90% of 200 happens once in a thousand times.
    assert held / repetitions >= 0.9


def test_seeds_that_contradict_each_other_leave_a_posterior() -> None:
    # One trains where another one fails twenty decades below.
    edge = posterior(Outcome(10, INF), Outcome(-INF, -10), Outcome(-1, 0), low=-10, high=10).edge()
    assert edge.low < edge.mean < edge.high
