import math

import pytest
from scipy.stats import binom, ttest_1samp

from bnbench.analysis.evidence import (
    MeanEvidence,
    ScaledEvidence,
    ShareEvidence,
    scaled_difference,
    seeds_to_decide,
    smallest_level,
)
from bnbench.analysis.intervals import clopper_pearson, t_interval
from bnbench.analysis.sample_size import pairs_needed

VALUES = [1.0, 2.0, 3.0, 4.0, 5.0]


def mean_of(values: list[float]) -> MeanEvidence:
    interval = t_interval(values)
    return MeanEvidence(interval.mean, interval.low, interval.high, interval.n)


def test_a_mean_has_its_t_interval_at_any_confidence() -> None:
    evidence = mean_of(VALUES)
    for confidence in (0.5, 0.9, 0.95, 0.99):
        wanted = t_interval(VALUES, confidence)
        assert evidence.interval(confidence, 5) == pytest.approx((wanted.low, wanted.high))


def test_more_seeds_keep_the_mean_and_the_spread() -> None:
    # t = 2.093 with 19 degrees of freedom, SD = sqrt(2.5)
    half = 2.093024 * math.sqrt(2.5 / 20)
    assert mean_of(VALUES).interval(0.95, 20) == pytest.approx((3 - half, 3 + half))


def test_a_ratio_has_the_interval_of_its_logarithms() -> None:
    evidence = MeanEvidence(2.0, 1.0, 4.0, 5, logs=True)
    assert evidence.interval(0.95, 5) == pytest.approx((1.0, 4.0))
    low, high = evidence.interval(0.9, 5)
    assert low * high == pytest.approx(4.0)
    # 2.132 / 2.776 of the distance, in logarithms
    assert low == pytest.approx(2 / 2 ** (2.131847 / 2.776445))
    assert evidence.interval(1 - 1e-12, 3)[1] > 1e100


def test_the_two_sides_of_an_interval_may_differ() -> None:
    assert MeanEvidence(1.0, 0.0, 3.0, 5).interval(0.0, 5) == pytest.approx((1.0, 1.0))
    low, high = MeanEvidence(1.0, 0.0, 3.0, 5).interval(0.9, 5)
    assert (high - 1) == pytest.approx(2 * (1 - low))


def test_the_level_that_excludes_a_number_is_the_p_value_of_students_test() -> None:
    level = smallest_level(mean_of(VALUES), lambda low, high: low > 0.5)
    assert level == pytest.approx(ttest_1samp(VALUES, 0.5).pvalue, rel=1e-6)
    assert smallest_level(mean_of(VALUES), lambda low, high: low > 3.5) == 1.0
    assert smallest_level(mean_of(VALUES), lambda low, high: low < 100) == 1e-12


def test_the_level_of_a_share_is_twice_its_tail() -> None:
    level = smallest_level(ShareEvidence(9, 10), lambda low, high: low > 0.5)
    # 2 x (10 + 1) / 1,024
    assert level == pytest.approx(22 / 1024, rel=1e-6)
    assert level == pytest.approx(2 * binom.sf(8, 10, 0.5), rel=1e-6)
    assert ShareEvidence(9, 10).interval(0.95, 10) == pytest.approx(clopper_pearson(9, 10))


@pytest.mark.parametrize(("mean", "sd"), [(1.0, 1.0), (0.25, 1.0), (3.0, 2.0)])
def test_the_seeds_that_decide_are_those_of_the_sample_size(mean: float, sd: float) -> None:
    half = 2.776445 * sd / math.sqrt(5)
    evidence = MeanEvidence(mean, mean - half, mean + half, 5)
    needed = pairs_needed(mean, sd)
    assert seeds_to_decide(evidence, lambda wide, narrow: wide[0] > 0) == max(needed or 0, 6)


def test_the_seeds_for_a_share() -> None:
    # 8 of 10 against 0.5: by the normal distribution ((1.96 x 0.5 + 0.84 x 0.4) / 0.3)^2 = 19.
    seeds = seeds_to_decide(ShareEvidence(8, 10), lambda wide, narrow: wide[0] > 0.5)
    assert 18 <= seeds <= 26
    assert seeds_to_decide(ShareEvidence(5, 10), lambda wide, narrow: wide[0] > 0.5) == math.inf


def test_the_interval_for_equivalence_is_narrower() -> None:
    half = 2.776445 / math.sqrt(5)
    evidence = MeanEvidence(0.0, -half, half, 5)
    wide = seeds_to_decide(evidence, lambda wide, narrow: wide[1] < 1)
    narrow = seeds_to_decide(evidence, lambda wide, narrow: narrow[1] < 1)
    # (1.96 + 0.84)^2 = 7.8 and (1.64 + 0.84)^2 = 6.2, and more with the quantiles of t
    assert (wide, narrow) == (10, 8)


def test_a_difference_of_geometric_means_is_known_by_their_ratio() -> None:
    ratio, mean = MeanEvidence(0.5, 0.25, 1.0, 5, logs=True), MeanEvidence(0.2, 0.1, 0.4, 5, logs=True)
    evidence = ScaledEvidence(ratio, mean, 0.2)
    # 0.4 (0.25 - 1)
    assert evidence.interval(0.95, 5) == pytest.approx((-0.3, 0.0))
    assert ScaledEvidence(ratio, None, 0.2).interval(0.95, 5) == pytest.approx((-0.15, 0.0))
    # At 0 it decides as the ratio does at 1.
    levels = [
        smallest_level(one, lambda low, high, end=end: high < end)  # type: ignore[misc]
        for one, end in ((evidence, 0.0), (ratio, 1.0))
    ]
    assert levels[0] == pytest.approx(levels[1])
    assert levels[0] == pytest.approx(0.05)
    assert scaled_difference((2.0, 3.0), (0.1, 0.4)) == pytest.approx((0.1, 0.8))


def test_more_seeds_may_not_help() -> None:
    evidence = MeanEvidence(1.0, 0.0, 2.0, 5, narrows=False)
    assert math.isnan(seeds_to_decide(evidence, lambda wide, narrow: wide[0] > 1))
    assert seeds_to_decide(evidence, lambda wide, narrow: wide[0] > 0.5) < 1000
