"""The range test, on curves whose answer one can read off."""

import math
from collections.abc import Sequence

import pytest

from bnbench.planning.predictors import range_test
from bnbench.planning.predictors.range_test import SMOOTHED, STEPS, read_curve, rising_rates
from bnbench.planning.predictors.types import ALL_PASS, NONE_PASSES, Found

RATES = [10.0**i for i in range(-20, 20)]


def curve(*parts: tuple[float, int]) -> list[float]:
    """Return losses: each value so many times."""
    return [loss for loss, count in parts for _ in range(count)]


def test_rates_rise_by_the_same_factor_over_eight_decades() -> None:
    rates = rising_rates()
    assert (len(rates), rates[0], rates[-1]) == (STEPS, pytest.approx(1e-5), pytest.approx(1e3))
    assert rates[1] / rates[0] == pytest.approx(rates[-1] / rates[-2])


def test_the_edge_is_where_the_running_mean_is_back() -> None:
    # The mean of five losses is 2 again when three of them are 3 and two are 0.5: (9 + 1) / 5.
    losses = curve((2.5, 10), (0.5, 10), (3.0, 20))
    assert read_curve(RATES, losses, 2.0) == Found(RATES[22])


def test_noise_before_the_loss_falls_is_not_the_edge() -> None:
    losses = curve((1.99, SMOOTHED), (2.01, SMOOTHED), (1.0, 10), (3.0, 20))
    assert read_curve(RATES, losses, 2.0).rate == RATES[22]


def test_a_loss_that_is_not_finite_is_the_edge() -> None:
    assert read_curve(RATES, [*curve((1.0, 12)), math.nan], 2.0) == Found(RATES[12])
    assert read_curve(RATES, [*curve((1.0, 12)), math.inf], 2.0) == Found(RATES[12])


def test_nothing_is_made_up() -> None:
    assert read_curve(RATES, curve((2.0, 40)), 2.0) == Found(None, NONE_PASSES)
    assert read_curve(RATES, curve((2.5, 10), (1.0, 30)), 2.0) == Found(None, ALL_PASS)
    assert read_curve(RATES, [math.nan], 2.0) == Found(None, NONE_PASSES)
    assert read_curve(RATES, [], 2.0) == Found(None, NONE_PASSES)


def test_a_training_is_read_along_the_rising_rates() -> None:
    class UpTo:
        chance = 2.0

        def at(self, rate: float, steps: int) -> list[float]:
            raise NotImplementedError

        def along(self, rates: Sequence[float]) -> list[float]:
            return [1.0 if rate <= 0.5 else 100.0 for rate in rates]

    found = range_test.find(UpTo())
    assert found.rate is not None
    # One loss of 100 already lifts the mean of five: the first rate behind 0.5.
    assert 0.5 < found.rate <= 0.5 * 10 ** (8 / (STEPS - 1))
