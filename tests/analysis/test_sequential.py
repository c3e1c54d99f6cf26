"""Intervals that may be looked at after every few seeds, and what they say."""

import math

import numpy as np
import pytest
from scipy import stats

from bnbench.analysis.look_levels import CONSTANTS, MOST_SEEDS, level_at, looks_up_to
from bnbench.analysis.sequential import is_futile, look_at


def test_the_last_look_is_that_of_the_most_seeds() -> None:
    assert looks_up_to(10) == [3, 4, 5, 6, 8, 10]
    assert looks_up_to(30)[-3:] == [20, 25, 30]
    assert looks_up_to(50)[-2:] == [40, 50]
    for most in MOST_SEEDS:
        looks = looks_up_to(most)
        assert looks == sorted(set(looks))
        assert looks[-1] == most


def test_a_look_is_a_t_interval_of_a_smaller_level() -> None:
    values = [0.01, 0.02, 0.04, 0.03, 0.02]
    look = look_at(values, 30)
    level = 0.0133 * math.sqrt(5 / 30)
    assert level_at(5, 30) == pytest.approx(level)
    wanted = stats.t.interval(1 - level, 4, np.mean(values), stats.sem(values))
    assert (look.low, look.high) == pytest.approx(wanted)
    narrower = stats.t.interval(1 - 0.0297 * math.sqrt(5 / 30), 4, np.mean(values), stats.sem(values))
    assert (look.rope_low, look.rope_high) == pytest.approx(narrower)
    assert (look.n, look.mean, look.sd) == (5, pytest.approx(0.024), pytest.approx(np.std(values, ddof=1)))


@pytest.mark.parametrize("values", [[], [0.1], [0.1, 0.2], [0.1, 0.1, 0.1], [0.1, math.nan, 0.2], [0.1, math.inf, 0]])
def test_without_spread_there_is_no_interval(values: list[float]) -> None:
    look = look_at(values, 10)
    assert math.isnan(look.low)
    assert math.isnan(look.rope_high)
    assert not is_futile(look, 10, [0.0], None)


def test_a_number_of_seeds_without_a_constant_is_an_error() -> None:
    with pytest.raises(KeyError):
        level_at(5, 7)


@pytest.mark.parametrize(
    ("mean", "bounds", "rope", "futile"),
    [
        # With an SD of 1, the interval at 30 seeds is 0.48 wide on either side.
        (1.0, [0.0], None, False),
        (0.1, [0.0], None, True),
        (0.1, [0.0], 0.9, False),
        (0.1, [0.0], 0.2, True),
        (0.1, [0.0, 1.0], None, False),
    ],
)
def test_it_is_given_up_if_the_last_look_would_not_decide(
    mean: float, bounds: list[float], rope: float | None, futile: bool
) -> None:
    values = np.array([-1.0, 1.0] * 5)
    values = mean + values / values.std(ddof=1)
    assert is_futile(look_at(values, 30), 30, bounds, rope) == futile
    # It is too early to say.
    assert not is_futile(look_at(values[:6], 30), 30, bounds, rope)


@pytest.mark.parametrize(("most", "confidence"), [(10, 0.95), (30, 0.95), (10, 0.9)])
def test_all_looks_together_err_as_rarely_as_one_interval_should(most: int, confidence: float) -> None:
    generator, paths = np.random.default_rng(1), 2_000
    erred = 0
    for values in generator.standard_normal((paths, most)):
        looks = [look_at(values[:n], most) for n in looks_up_to(most)]
        ends = [(one.low, one.high) if confidence == 0.95 else (one.rope_low, one.rope_high) for one in looks]
        erred += any(not low <= 0 <= high for low, high in ends)
    # Within four standard errors.
    error = 1 - confidence
    assert erred / paths == pytest.approx(error, abs=4 * math.sqrt(error * (1 - error) / paths))


def test_the_table_has_both_levels_for_every_number_of_seeds() -> None:
    assert CONSTANTS[0.95].keys() == CONSTANTS[0.90].keys()
    assert all(CONSTANTS[0.95][n] < CONSTANTS[0.90][n] < 0.1 for n in MOST_SEEDS)
