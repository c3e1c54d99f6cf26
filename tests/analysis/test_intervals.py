import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from bnbench.analysis.intervals import clopper_pearson, holm, pooled, sign_flip, t_interval

NAN, INF = math.nan, math.inf
shares = st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(("successes", "n"), [(0, 3), (3, 3), (1, 5), (7, 10), (28, 30)])
def test_the_exact_interval_of_a_share_is_that_of_scipy(successes: int, n: int) -> None:
    wanted = binomtest(successes, n).proportion_ci(method="exact")
    assert clopper_pearson(successes, n) == pytest.approx((wanted.low, wanted.high))


@pytest.mark.parametrize("n", [3, 5, 10, 30])
def test_the_exact_interval_of_a_share_covers_at_least_as_often_as_it_says(n: int) -> None:
    shares = np.linspace(0.01, 0.99, 99)
    ends = [clopper_pearson(count, n) for count in range(n + 1)]
    for share in shares:
        held = sum(binom.pmf(count, n, share) for count, (low, high) in enumerate(ends) if low <= share <= high)
        assert held >= 0.95 - 1e-9


@given(shares)
def test_an_exact_interval_contains_the_share_and_is_within_0_and_1(share: tuple[int, int]) -> None:
    successes, n = share
    low, high = clopper_pearson(successes, n)
    assert 0 <= low <= successes / n + 1e-12
    assert successes / n - 1e-12 <= high <= 1
    assert low < high


def test_the_t_interval_of_three() -> None:
    result = t_interval([1.0, 2.0, 3.0])
    assert (result.mean, result.sd, result.n) == (2.0, 1.0, 3)
    # Student's t, 2 degrees of freedom, 97.5%
    half = 4.302653 / math.sqrt(3)
    assert (result.low, result.high) == pytest.approx((2 - half, 2 + half), abs=1e-5)


@pytest.mark.parametrize("value", [0.5, 0.1, 0.0])
def test_equal_values_have_no_interval(value: float) -> None:
    result = t_interval([value] * 4)
    assert (result.mean, result.n) == (pytest.approx(value), 4)
    assert math.isnan(result.low)
    assert math.isnan(result.high)


@pytest.mark.parametrize(
    ("values", "mean", "n"),
    [([], NAN, 0), ([1.0], 1.0, 1), ([1.0, 2.0], 1.5, 2), ([1.0, NAN, 2.0, 3.0], NAN, 4), ([1.0, 2.0, INF], INF, 3)],
)
def test_no_interval_below_three_values_or_with_an_unknown_value(values: list[float], mean: float, n: int) -> None:
    result = t_interval(values)
    assert result.mean == pytest.approx(mean, nan_ok=True)
    assert result.n == n
    assert math.isnan(result.low)
    assert math.isnan(result.high)


def test_the_sign_flip_test_counts_sums_that_are_as_large() -> None:
    # All plus, all minus
    assert sign_flip([1.0] * 6) == pytest.approx(2 / 2**6)
    # At most one sign differs: 2 x (1 + 6)
    assert sign_flip([1.0] * 5 + [-1.0]) == pytest.approx(14 / 2**6)
    assert sign_flip([0.0] * 6) == 1.0


def test_no_test_below_six_differences() -> None:
    assert math.isnan(sign_flip([1.0] * 5))
    assert math.isnan(sign_flip([1.0] * 6 + [NAN]))


def test_sampling_of_many_differences_is_reproducible() -> None:
    differences = np.random.default_rng(0).normal(0.3, 1, 30)
    assert sign_flip(differences) == sign_flip(differences)
    assert 0 < sign_flip(differences) < 1
    assert sign_flip([1.0] * 30) < 0.001


def test_holm_multiplies_by_the_number_of_remaining_tests() -> None:
    # 3 x .01; 2 x .03; 1 x .04, not below
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.01, NAN, 0.03]) == pytest.approx([0.02, NAN, 0.03], nan_ok=True)
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]).size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_the_order_and_lowers_no_p(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    assert (adjusted >= np.array(p_values)).all()
    assert (adjusted <= 1).all()
    assert all(a <= b for a, b in pairwise(adjusted[np.argsort(p_values)]))


def test_the_interquartile_mean_leaves_out_a_quarter_at_either_end() -> None:
    result = pooled([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 700.0]])
    # Of 2, 3, 4, 5
    assert result.mean == 3.5
    assert result.n == 8
    assert 0 <= result.low < 3.5 < result.high <= 700


def test_the_bootstrap_draws_within_each_cell() -> None:
    # Resampling leaves cells of equal values as they are.
    result = pooled([[1.0] * 3, [2.0] * 3])
    assert (result.mean, result.low, result.high) == (1.5, 1.5, 1.5)
    assert pooled([[1.0, 2.0, 3.0]]) == pooled([[1.0, 2.0, 3.0]])


@pytest.mark.parametrize("cells", [[], [[1.0, 2.0]], [[1.0, 2.0, 3.0], [1.0]], [[1.0, NAN, 2.0]]])
def test_no_pooled_interval_with_a_small_or_unknown_cell(cells: list[list[float]]) -> None:
    assert math.isnan(pooled(cells).low)
