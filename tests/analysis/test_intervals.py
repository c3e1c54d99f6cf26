import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bnbench.analysis.intervals import holm, pooled, sign_flip, t_interval, wilson

NAN, INF = math.nan, math.inf
shares = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_wilson_interval() -> None:
    # Newcombe 1998, table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)
    assert wilson(3, 3)[1] == 1.0
    assert all(wilson(0, n)[0] == 0.0 and wilson(n, n)[1] == 1.0 for n in range(1, 100))


@given(shares)
def test_a_wilson_interval_lies_around_the_share_within_0_and_1(share: tuple[int, int]) -> None:
    successes, n = share
    low, high = wilson(successes, n)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1
    assert low < high


def test_the_t_interval_of_three() -> None:
    found = t_interval([1.0, 2.0, 3.0])
    assert (found.mean, found.sd, found.n) == (2.0, 1.0, 3)
    half = 4.302653 / math.sqrt(3)  # Student's t, 2 degrees of freedom, 97.5%
    assert (found.low, found.high) == pytest.approx((2 - half, 2 + half), abs=1e-5)


@pytest.mark.parametrize("value", [0.5, 0.1, 0.0])
def test_values_that_agree_have_no_interval(value: float) -> None:
    found = t_interval([value] * 4)
    assert (found.mean, found.n) == (pytest.approx(value), 4)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize(
    ("values", "mean", "n"),
    [([], NAN, 0), ([1.0], 1.0, 1), ([1.0, 2.0], 1.5, 2), ([1.0, NAN, 2.0, 3.0], NAN, 4), ([1.0, 2.0, INF], INF, 3)],
)
def test_no_interval_below_three_values_or_where_one_is_not_known(values: list[float], mean: float, n: int) -> None:
    found = t_interval(values)
    assert found.mean == pytest.approx(mean, nan_ok=True)
    assert found.n == n
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_the_sign_flip_test_counts_signs_that_give_as_much() -> None:
    assert sign_flip([1.0] * 6) == pytest.approx(2 / 2**6)  # all plus, all minus
    assert sign_flip([1.0] * 5 + [-1.0]) == pytest.approx(14 / 2**6)  # at most one sign differs: 2 x (1 + 6)
    assert sign_flip([0.0] * 6) == 1.0


def test_no_test_where_it_could_not_reach_a_twentieth() -> None:
    assert math.isnan(sign_flip([1.0] * 5))
    assert math.isnan(sign_flip([1.0] * 6 + [NAN]))


def test_many_differences_are_sampled_the_same_each_time() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, 30)
    assert sign_flip(differences) == sign_flip(differences)
    assert 0 < sign_flip(differences) < 1
    assert sign_flip([1.0] * 30) < 0.001


def test_holm_multiplies_by_the_tests_that_are_left() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # 3 x .01; 2 x .03; 1 x .04, not below
    assert holm([0.01, NAN, 0.03]) == pytest.approx([0.02, NAN, 0.03], nan_ok=True)
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_lowers_nothing(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert (adjusted >= np.array(p_values)).all()
    assert (adjusted <= 1).all()
    assert all(a <= b for a, b in pairwise(adjusted[np.argsort(p_values)]))


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end() -> None:
    found = pooled([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 700.0]])
    assert found.mean == 3.5  # of 2, 3, 4, 5
    assert found.n == 8
    assert 0 <= found.low < 3.5 < found.high <= 700


def test_the_bootstrap_draws_within_each_cell() -> None:
    found = pooled([[1.0] * 3, [2.0] * 3])  # drawn anew each cell stays as it is
    assert (found.mean, found.low, found.high) == (1.5, 1.5, 1.5)
    assert pooled([[1.0, 2.0, 3.0]]) == pooled([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("cells", [[], [[1.0, 2.0]], [[1.0, 2.0, 3.0], [1.0]], [[1.0, NAN, 2.0]]])
def test_no_pooled_interval_where_a_cell_is_too_small_or_unknown(cells: list[list[float]]) -> None:
    assert math.isnan(pooled(cells).low)
