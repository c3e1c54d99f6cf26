import math

import numpy as np
import pytest

from bnbench.analysis import paired, variant_tables
from bnbench.analysis.cells import Cells
from bnbench.analysis.leave_one_out import WIDER, judged_rates, list_rates, widening
from support.tables import scores, trials

# Seed 2 is lucky at 1.0 only. The means are 0.82 at 0.1 and 0.8467 at 1.0.
LUCKY = ({0.1: 0.81, 1.0: 0.80}, {0.1: 0.82, 1.0: 0.79}, {0.1: 0.83, 1.0: 0.95})
EVEN = ({0.1: 0.7, 1.0: 0.5}, {0.1: 0.7, 1.0: 0.5}, {0.1: 0.7, 1.0: 0.5})


def rates_of(*by_rate: dict[float, float]) -> dict[int, float]:
    rows = [(rate, seed, score) for seed, found in enumerate(by_rate) for rate, score in found.items()]
    rates, seeds, values = np.array(rows, float).T
    return judged_rates(rates, seeds.astype(int), values)


def test_each_seed_is_judged_at_the_best_rate_of_the_others() -> None:
    # Without seed 2 the means are 0.815 and 0.795, so its luck does not choose its rate.
    assert rates_of(*LUCKY) == {0: 1.0, 1: 1.0, 2: 0.1}
    assert rates_of(*EVEN) == {0: 0.1, 1: 0.1, 2: 0.1}


def test_of_equal_rates_the_lowest_is_chosen() -> None:
    assert rates_of(*({1.0: 0.9, 0.1: 0.9} for _ in range(3))) == {0: 0.1, 1: 0.1, 2: 0.1}


def test_below_three_seeds_all_seeds_choose() -> None:
    # The means are 0.6 and 0.7.
    assert rates_of({0.1: 0.9, 1.0: 0.5}, {0.1: 0.3, 1.0: 0.9}) == {0: 1.0, 1: 1.0}


def test_a_missing_trial_is_no_vote() -> None:
    # Only seed 0 has a trial at 10, so for itself this rate does not exist.
    assert rates_of({0.1: 0.8, 10.0: 0.99}, {0.1: 0.8}, {0.1: 0.8}) == {0: 0.1, 1: 10.0, 2: 10.0}


def test_equal_rates_need_no_wider_interval() -> None:
    assert widening(10, False) == 1
    assert widening(10, True) == pytest.approx(1 + WIDER * math.log(10))
    assert widening(3, True) < widening(5, True) < widening(30, True)
    assert list_rates([1.0, 0.1, 1.0]) == [(1.0, 2), (0.1, 1)]


def test_a_difference_at_best_rates_has_the_values_of_the_judged_trials() -> None:
    cells = Cells(trials(*scores("plain", *EVEN), *scores("batchnorm", *LUCKY)))
    (row,) = paired.at_own_best(cells, "plain").to_dict("records")
    assert (row["learning_rate"], row["judged_at"], row["baseline_judged_at"]) == (1.0, (0.1, 1.0, 1.0), (0.1,) * 3)
    # 0.80, 0.79 and 0.83 minus 0.7: at the best rate of all seeds the mean would be 0.147.
    assert row["mean"] == pytest.approx((0.10 + 0.09 + 0.13) / 3)
    sd = np.std([0.10, 0.09, 0.13], ddof=1)
    half = (1 + WIDER * math.log(3)) * 4.302653 * sd / math.sqrt(3)
    assert (row["low"], row["high"]) == pytest.approx((row["mean"] - half, row["mean"] + half))
    (over,) = paired.at_own_best_over_cells(cells, "plain").to_dict("records")
    assert (over["low"], over["high"]) == pytest.approx((row["low"], row["high"]))


def test_there_is_no_sign_flip_test_if_the_rates_differ() -> None:
    plain = scores("plain", *EVEN, *EVEN)
    lucky = [*LUCKY[:2] * 2, {0.1: 0.83, 1.0: 0.99}, {0.1: 0.83, 1.0: 0.83}]
    differ, same = (
        paired.at_own_best(Cells(trials(*plain, *scores("batchnorm", *own))), "plain").to_dict("records")[0]
        for own in (lucky, [{0.1: 0.8, 1.0: 0.5}] * 5 + [{0.1: 0.6, 1.0: 0.5}])
    )
    assert differ["widened"] > 1
    assert math.isnan(differ["p"])
    assert same["widened"] == 1
    assert same["p"] == pytest.approx(14 / 64)


def test_a_variant_has_the_score_of_the_judged_trials_next_to_that_at_its_best_rate() -> None:
    (row,) = variant_tables.variant_table(Cells(trials(*scores("plain", *LUCKY))), "plain").to_dict("records")
    assert row["test_score_mean"] == pytest.approx((0.80 + 0.79 + 0.95) / 3 - 0.1)
    assert row["judged_mean"] == pytest.approx((0.80 + 0.79 + 0.83) / 3 - 0.1)
    assert (row["judged_n"], row["judged_at"]) == (3, "1 (2), 0.1 (1)")
    assert row["judged_low"] < row["judged_mean"] < row["judged_high"]
