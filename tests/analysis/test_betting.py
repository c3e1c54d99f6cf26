import math

import numpy as np
import pytest

from bnbench.analysis.betting import betting_interval
from bnbench.analysis.mean_interval import count_ties, mean_interval, sign_test
from bnbench.analysis.registry import DIFFERENCE_BOUNDS


def test_a_bet_against_a_mean_grows_by_the_product_of_its_gains() -> None:
    """Three values of 1, by hand: what is kept has never multiplied the bettor's capital by 20."""
    low, high = betting_interval([1.0, 1.0, 1.0], 0, 1)
    kept = []
    for m in np.linspace(0, 1, 2001).tolist():
        mean, spread, up, most = 0.5, 0.25, 1.0, 0.0
        for i in range(1, 4):
            bet = math.sqrt(2 * math.log(2 / 0.05) / (3 * spread / i))
            up *= 1 + min(bet, 0.75 / m if m else math.inf) * (1 - m)
            most = max(most, up / 2)
            mean = (0.5 + i) / (i + 1)
            spread += (1 - mean) ** 2
        if most < 20:
            kept.append(m)
    assert (low, high) == (pytest.approx(kept[0] - 0.0005), 1.0)


def test_it_narrows_with_the_number_of_values() -> None:
    widths = [high - low for low, high in (betting_interval([0.8] * n, -1, 1) for n in (3, 5, 10, 30))]
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.5


@pytest.mark.parametrize("values", [[0.5, math.nan, 0.5], [0.5, 1.5, 0.5]])
def test_values_beyond_the_bounds_have_no_interval(values: list[float]) -> None:
    assert all(map(math.isnan, betting_interval(values, 0, 1)))


@pytest.mark.parametrize(("share", "n"), [(0.05, 5), (0.2, 5)])
def test_it_covers_where_seeds_collapse_and_t_does_not(share: float, n: int) -> None:
    generator, found = np.random.default_rng(1), np.zeros(2)
    for _ in range(300):
        values = np.where(generator.random(n) < share, 0.8, 0) + generator.normal(0.01, 0.01, n)
        t = mean_interval(values)
        for i, (low, high) in enumerate([(t.low, t.high), betting_interval(values, *DIFFERENCE_BOUNDS)]):
            found[i] += low <= 0.8 * share + 0.01 <= high
    assert found[0] < 0.9 * 300
    assert found[1] >= 0.95 * 300


def test_one_kind_of_seeds_has_a_t_interval() -> None:
    values = [0.1, 0.2, 0.3]
    same = mean_interval(values, kinds=[1, 1, 1], bounds=(-1, 1))
    assert same.low == pytest.approx(0.2 - 4.302653 * 0.1 / math.sqrt(3))
    mixed = mean_interval(values, kinds=[1, 1, 0], bounds=(-1, 1))
    assert (mixed.low, mixed.high) == pytest.approx(betting_interval(values, -1, 1))
    assert math.isnan(mean_interval(values, kinds=[1, 1, 0]).low)


def test_ties_are_counted_and_tested_by_their_signs() -> None:
    assert count_ties(np.array([0.0, 1.0, 0.5]), (0.0, 1.0)) == 2
    assert math.isnan(mean_interval([0, 0, 0, 0.1], ties_at=(0.0,)).low)
    assert not math.isnan(mean_interval([0, 0, 0.2, 0.1], ties_at=(0.0,)).low)
    assert sign_test([0.1, 0.2, 0.3, 0.0]) == pytest.approx(2 / 2**3)
    assert sign_test([0.1, -0.2, 0.3, 0.1]) == pytest.approx(2 * 5 / 2**4)
    assert sign_test([0, 0, 0]) == 1
