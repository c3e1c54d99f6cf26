"""100 steps at constant rates, on losses whose edges one can compute in the head."""

import math
from collections.abc import Callable, Sequence

import pytest

from bnbench.planning.predictors import constant_rates
from bnbench.planning.predictors.constant_rates import LAST, STEPS, bisect_edge, find
from bnbench.planning.predictors.types import ALL_PASS, NONE_PASSES, Found


class MadeUp:
    """A training whose losses are a function of rate and step. It counts the rates that were tried."""

    def __init__(self, loss: Callable[[float, int], float], chance: float = 2.0) -> None:
        self.loss, self.chance = loss, chance
        self.tried: list[float] = []

    def at(self, rate: float, steps: int) -> list[float]:
        self.tried.append(rate)
        return [self.loss(rate, step) for step in range(steps)]

    def along(self, rates: Sequence[float]) -> list[float]:
        raise NotImplementedError


def up_to(edge: float) -> MadeUp:
    """Return a training whose loss is below chance up to an edge, and above chance behind it."""
    return MadeUp(lambda rate, step: 1.0 if rate <= edge else 3.0)


@pytest.mark.parametrize("edge", [0.2, 0.034, 1.0, 7.0, 1e-4, 500.0])
def test_the_edge_is_found_to_a_thirty_second_of_a_decade(edge: float) -> None:
    found = find(up_to(edge))
    assert found.rate is not None
    assert abs(math.log10(found.rate / edge)) <= 1 / 32 + 1e-9


def test_an_edge_near_the_start_takes_about_seven_rates() -> None:
    # 1 fails, 0.1 passes, and the decade between them is halved four times.
    training = up_to(0.2)
    find(training)
    assert len(training.tried) == 6
    assert training.tried[:2] == [1.0, 0.1]
    assert training.tried[2] == pytest.approx(10**-0.5)


def test_only_the_last_steps_count() -> None:
    late = MadeUp(lambda rate, step: 1.0 if step >= STEPS - LAST and rate <= 1 else 3.0)
    early = MadeUp(lambda rate, step: 3.0 if step >= STEPS - LAST else 1.0)
    assert find(late).rate == pytest.approx(10 ** (1 / 32))
    assert find(early) == Found(None, NONE_PASSES)


def test_a_loss_at_chance_does_not_pass() -> None:
    assert find(MadeUp(lambda rate, step: 2.0)) == Found(None, NONE_PASSES)


def test_a_training_that_ends_early_or_is_not_finite_does_not_pass() -> None:
    class Broken(MadeUp):
        def at(self, rate: float, steps: int) -> list[float]:
            losses = super().at(rate, steps)
            return losses if rate <= 1 else [*losses[:50], math.nan]

    assert find(Broken(lambda rate, step: 1.0)).rate == pytest.approx(10 ** (1 / 32))
    assert find(MadeUp(lambda rate, step: math.nan)) == Found(None, NONE_PASSES)


def test_no_number_is_made_up_where_every_rate_passes() -> None:
    assert find(MadeUp(lambda rate, step: 1.0)) == Found(None, ALL_PASS)


def test_a_network_that_needs_a_high_rate_is_found_above_the_start() -> None:
    # 100 steps below 20 are too few for it.
    found = bisect_edge(lambda x: math.log10(20) <= x <= math.log10(300))
    assert found.rate is not None
    assert abs(math.log10(found.rate / 300)) <= 1 / 32 + 1e-9


def test_less_than_a_decade_that_passes_is_found_between_the_decades() -> None:
    tried = []

    def passes(x: float) -> bool:
        tried.append(x)
        return -1.7 <= x <= -1.2

    found = bisect_edge(passes)
    assert found.rate is not None
    assert abs(math.log10(found.rate) + 1.2) <= 1 / 32 + 1e-9
    assert len(set(tried)) == len(tried)


def test_all_decades_and_the_rates_between_them_are_tried_before_giving_up() -> None:
    tried = []
    assert bisect_edge(lambda x: bool(tried.append(x))) == Found(None, NONE_PASSES)
    assert sorted(tried) == [-5 + i / 2 for i in range(17)]
    assert tried[0] == constant_rates.START


def test_the_highest_half_decade_ends_below_the_top() -> None:
    found = bisect_edge(lambda x: 2.4 <= x < 3)
    assert found.rate == pytest.approx(10 ** (3 - 1 / 64))
