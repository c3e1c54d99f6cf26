import math

import pytest

from bnbench.analysis import paired
from bnbench.analysis.cells import Cells
from support.tables import FAILED, scores, trials


def test_pairs_are_by_seed_at_equal_rate() -> None:
    plain = scores("plain", {0.1: 0.5}, {0.1: 0.6}, {0.1: 0.7})
    normed = scores("batchnorm", {0.1: 0.6}, {0.1: 0.8}, {0.1: 1.0})
    (row,) = paired.at_equal_rate(Cells(trials(*plain, *normed)), "plain").to_dict("records")
    assert (row["variant"], row["learning_rate"], row["score"], row["n"]) == (
        "batchnorm",
        0.1,
        "validation_score",
        3,
    )
    # .1, .2, .3
    assert row["mean"] == pytest.approx(0.2)
    assert row["sd"] == pytest.approx(0.1)
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert (row["low"], row["high"]) == pytest.approx((0.2 - half, 0.2 + half))
    # Three pairs cannot reach .05
    assert math.isnan(row["p"])
    assert math.isnan(row["p_holm"])


def test_losses_are_compared_by_their_ratio() -> None:
    plain = scores("plain", *[{0.1: 0.9}] * 3, validation_loss=0.1)
    normed = [row | {"validation_loss": loss} for row, loss in zip(scores("batchnorm", *[{0.1: 0.9}] * 3),
              (0.1, 0.2, 0.4), strict=True)]  # fmt: skip
    (row,) = paired.at_equal_rate(Cells(trials(*plain, *normed)), "plain", "validation_loss").to_dict("records")
    factor = math.exp(4.302653 * math.log(2) / math.sqrt(3))
    assert (row["ratio"], row["ratio_low"], row["ratio_high"]) == pytest.approx((2, 2 / factor, 2 * factor))
    assert (row["mean"], math.isnan(row["low"])) == (pytest.approx(0.4 / 3), True)


def test_p_is_adjusted_for_the_rates_of_a_variant() -> None:
    plain = scores("plain", *({0.1: 0.5, 1.0: 0.5} for _ in range(6)))
    normed = scores("batchnorm", *({0.1: 0.6, 1.0: 0.6 - 0.2 * (seed == 0)} for seed in range(6)))
    result = paired.at_equal_rate(Cells(trials(*plain, *normed)), "plain")
    assert result["p"].tolist() == pytest.approx([2 / 64, 14 / 64])
    assert result["p_holm"].tolist() == pytest.approx([4 / 64, 14 / 64])


def test_a_failed_trial_removes_its_pair() -> None:
    plain = scores("plain", {0.1: 0.5, 1.0: 0.5}, {0.1: 0.6, 1.0: 0.5})
    normed = scores("batchnorm", {0.1: 0.6, 1.0: 0.5}, {0.1: 0.8, 1.0: 0.5})
    # Seed 1 of plain at .1; batchnorm at 1
    for row in (plain[2], normed[1], normed[3]):
        row |= FAILED
    result = paired.at_equal_rate(Cells(trials(*plain, *normed)), "plain")
    assert result[["learning_rate", "n"]].to_numpy().tolist() == [[0.1, 1]]
    assert result["mean"].tolist() == pytest.approx([0.1])


def test_a_diverged_trial_is_paired_at_chance() -> None:
    rows = [*scores("plain", {0.1: None}), *scores("batchnorm", {0.1: 0.9})]
    assert paired.at_equal_rate(Cells(trials(*rows)), "plain")["mean"].tolist() == pytest.approx([0.8])


def test_each_variant_at_its_own_best_rate() -> None:
    plain = scores("plain", {0.1: 0.8, 1.0: None}, {0.1: 0.7, 1.0: None})
    normed = scores("batchnorm", {0.1: 0.6, 1.0: 0.9}, {0.1: 0.6, 1.0: 0.9})
    (row,) = paired.at_own_best(Cells(trials(*plain, *normed)), "plain").to_dict("records")
    assert (row["learning_rate"], row["baseline_rate"], row["score"]) == (1.0, 0.1, "test_score")
    assert (row["n"], row["mean"]) == (2, pytest.approx(0.15))


def test_one_row_per_variant_and_axis_value() -> None:
    rows = [
        row
        for axis in (1, 2)
        for variant in ("plain", "batchnorm", "layernorm")
        for row in scores(variant, {0.1: 0.9, 1.0: 0.8}, axes=f'{{"a": {axis}}}')
    ]
    result = paired.at_own_best(Cells(trials(*rows)), "plain")
    assert result[["variant", "a"]].to_numpy().tolist() == [
        ["batchnorm", 1], ["layernorm", 1], ["batchnorm", 2], ["layernorm", 2],
    ]  # fmt: skip
    assert len(paired.at_equal_rate(Cells(trials(*rows)), "plain")) == 8


def test_pooled_over_axis_values() -> None:
    rows = []
    for axis, gains in ((1, (0.0, 0.1, 0.2)), (2, (0.1, 0.2, 0.3))):
        rows += scores("plain", *({0.1: 0.5} for _ in gains), axes=f'{{"a": {axis}}}')
        rows += scores("batchnorm", *({0.1: 0.5 + gain} for gain in gains), axes=f'{{"a": {axis}}}')
    (row,) = paired.pooled_at_own_best(Cells(trials(*rows)), "plain").to_dict("records")
    assert (row["variant"], row["cells"], row["n"]) == ("batchnorm", 2, 6)
    # 0 and .3 are cut off
    assert row["mean"] == pytest.approx((0.1 + 0.1 + 0.2 + 0.2) / 4)
    assert row["low"] < row["mean"] < row["high"]


@pytest.mark.parametrize("compare", [paired.at_equal_rate, paired.at_own_best, paired.pooled_at_own_best])
def test_nothing_to_compare_is_an_empty_table(compare: type) -> None:
    assert compare(Cells(trials(*scores("plain", {0.1: 0.9}))), "plain").empty
    assert compare(Cells(trials(*scores("batchnorm", {0.1: 0.9}))), "plain").empty
    assert compare(Cells(trials({}).iloc[:0]), "").empty


def test_a_seed_that_the_other_variant_lacks_does_not_change_what_collapsed() -> None:
    plain = scores("plain", *({0.1: value} for value in (0.1, 0.49, 0.48, 0.47, 0.55)))
    normed = scores("batchnorm", *({0.1: value} for value in (0.9, 0.91, 0.92, 0.9, 0.91)))
    normed[4] |= FAILED
    (row,) = paired.at_equal_rate(Cells(trials(*plain, *normed)), "plain").to_dict("records")
    # Only the first seed of plain collapsed: the last one trains, although its pair is missing.
    assert (row["n"], row["mixed"]) == (4, True)
    assert row["low"] < 0
