import math

import numpy as np
import pandas as pd
import pytest

from bnbench.analysis.axis_ranges import AxisRange, compare_ranges, range_across
from bnbench.analysis.per_seed import PerSeedScores


def sample(*values: float, failed: frozenset[int] = frozenset()) -> PerSeedScores:
    return PerSeedScores(pd.Series(values), failed=failed)


def test_two_values_have_the_t_interval_of_their_difference() -> None:
    found = range_across([sample(0.5, 0.6, 0.7), sample(0.8, 0.8, 0.8)])
    # 0.3, 0.2, 0.1
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert (found.estimate, found.n) == (pytest.approx(0.2), 3)
    assert (found.low, found.high) == (0, pytest.approx(0.2 + half))
    assert range_across([sample(0.5, 0.6, 0.7), sample(0.91, 1.0, 1.09)]).low == pytest.approx(0.4 - half / 10)


def test_more_values_and_two_ranges_make_it_wider() -> None:
    generator = np.random.default_rng(0)
    samples = [sample(*generator.normal(0.1 * i, 0.01, 5)) for i in range(3)]
    two, three, both = (range_across(one, families=n) for one, n in ((samples[::2], 1), (samples, 1), (samples, 2)))
    assert both.low < three.low < two.low < 0.2 < two.high < three.high < both.high


def test_a_variant_that_the_axis_does_not_change_has_a_range_of_zero() -> None:
    assert range_across([sample(0.5, 0.6, 0.7)] * 3) == AxisRange(0, 0, 0, 3)


def test_there_is_no_interval_where_it_would_not_be_sound() -> None:
    equal = range_across([sample(0.5, 0.6, 0.7), sample(0.6, 0.7, 0.8)])
    assert (equal.estimate, math.isnan(equal.low)) == (pytest.approx(0.1), True)
    assert "equal at every seed" in equal.why
    mixed = [sample(0.5, 0.6, 0.1, failed=frozenset({2})), sample(0.6, 0.7, 0.85)]
    assert "collapse" in range_across(mixed).why
    # Scores have bounds, so there is a bet.
    assert range_across(mixed, bounds=(-1, 1)).high > 0.9
    assert math.isnan(range_across([sample(0.5, 0.6), sample(0.7, 0.8)]).low)


def test_two_ranges_are_compared_by_their_ends() -> None:
    own, other = AxisRange(0.3, 0.2, 0.4, 5), AxisRange(0.1, 0.0, 0.2, 4)
    assert compare_ranges("difference", own, other) == AxisRange(pytest.approx(0.2), 0.0, 0.4, 4)
    assert compare_ranges("ratio", own, other) == AxisRange(pytest.approx(3), pytest.approx(1), math.inf, 4)


def test_six_equal_values_have_a_true_range_of_zero() -> None:
    generator = np.random.default_rng(2)
    lows = [range_across([sample(*one) for one in generator.normal(0.9, 0.01, (6, 5))]).low for _ in range(200)]
    assert sum(low == 0 for low in lows) >= 190
