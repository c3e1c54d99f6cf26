import math

import numpy as np
import pytest

from bnbench.analysis.sample_size import detectable, half_width, pairs_needed, pairs_within, sd_bounds


def test_a_difference_of_one_standard_deviation_takes_ten_pairs() -> None:
    # n = 10: (2.262 + 0.883)² = 9.9 <= 10; n = 9: (2.306 + 0.889)² = 10.2 > 9
    assert pairs_needed(1.0, 1.0) == 10
    assert pairs_needed(-2.0, 2.0) == 10


def test_a_smaller_difference_takes_about_as_many_times_more_as_its_square() -> None:
    # 7.85 / 0.25² = 125.6 by the normal distribution
    needed = pairs_needed(0.25, 1.0)
    assert needed is not None
    assert 126 <= needed <= 129


def test_it_takes_at_least_three() -> None:
    assert pairs_needed(1.0, 0.0) == pairs_needed(1.0, 0.01) == 3


@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (math.nan, 1.0), (1.0, math.nan), (0.01, 1.0)])
def test_what_cannot_be_shown_has_no_number(mean: float, sd: float) -> None:
    assert pairs_needed(mean, sd) is None


@pytest.mark.parametrize(("n", "wanted"), [(3, 2.48), (5, 1.24), (10, 0.72), (20, 0.47), (30, 0.37)])
def test_the_interval_of_some_pairs_is_so_wide(n: int, wanted: float) -> None:
    assert half_width(1.0, n) == pytest.approx(wanted, abs=0.006)


@pytest.mark.parametrize(("n", "wanted"), [(3, 3.26), (5, 1.68), (10, 1.00), (20, 0.66), (30, 0.53)])
def test_so_large_a_difference_is_shown_four_times_in_five(n: int, wanted: float) -> None:
    assert detectable(1.0, n) == pytest.approx(wanted, abs=0.006)
    generator = np.random.default_rng(0)
    values = generator.normal(detectable(1.0, n), 1.0, (20_000, n))
    shown = values.mean(axis=1) > half_width(1.0, n) * values.std(axis=1, ddof=1)
    assert shown.mean() == pytest.approx(0.8, abs=0.012)


def test_the_true_spread_is_within_its_bounds_four_times_in_five_on_each_side() -> None:
    sds = np.random.default_rng(1).normal(size=(20_000, 5)).std(axis=1, ddof=1)
    low, high = np.array([sd_bounds(sd, 5) for sd in sds]).T
    assert (low <= 1).mean() == pytest.approx(0.8, abs=0.012)
    assert (high >= 1).mean() == pytest.approx(0.8, abs=0.012)


def test_so_many_pairs_make_the_interval_narrow_enough() -> None:
    assert pairs_within(0.5, 1.0) == 18
    assert half_width(1.0, 18) <= 0.5 < half_width(1.0, 17)
    assert pairs_within(10.0, 1.0) == 3
    assert pairs_within(0.001, 1.0) is None
    assert pairs_within(0.0, 1.0) is None
    assert pairs_within(0.1, math.nan) is None
