import math

import pytest

from bnbench.analysis.sample_size import pairs_needed


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
