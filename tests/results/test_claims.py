"""Claims judged by their intervals over seeds."""

import math
from typing import Any

import numpy as np
import pytest

from bnbench.analysis import registry
from bnbench.analysis.columns import CLAIMS, column_names
from bnbench.analysis.learning_curves import Curves
from bnbench.results import claims
from support.judged import AROUND_0, FAST, NO_HISTORY, NORMED, PLAIN, SLOW, claim, curves, judge
from support.tables import FAILED, NONFINITE, history, scores, trials


def test_a_difference_is_paired_with_each_variant_at_its_own_best_rate() -> None:
    row = judge(PLAIN + NORMED, metric="validation_score", difference={"at_least": 0.0})
    # .04, .05, .06
    assert row["estimate"] == pytest.approx(0.05)
    half = 4.302653 * 0.01 / math.sqrt(3)
    assert (row["low"], row["high"]) == pytest.approx((0.05 - half, 0.05 + half))
    assert (row["n"], row["verdict"], row["over"]) == (3, "supported", "plain")
    assert row["bound"] == "difference at least 0"
    assert row["reason"] == "the whole interval keeps within the bound; at rate 1 against 0.1"


def test_the_same_at_one_rate() -> None:
    row = judge(PLAIN + NORMED, metric="validation_score", difference={"at_least": 0.0}, at=0.1)
    # 0, -.01, -.02
    assert row["estimate"] == pytest.approx(-0.01)
    assert row["verdict"] == "inconclusive"
    assert row["reason"] == "the interval holds the bound; at rate 0.1"
    assert judge(PLAIN + NORMED, metric="ok", probability={"at_most": 0.5}, at=10.0)["n"] == 3


def test_at_best_rates_no_seed_is_judged_at_a_rate_that_it_chose() -> None:
    # Seed 2 is lucky at 1, so the others are judged there, and seed 2 at 0.1.
    lucky = scores("batchnorm", {0.1: 0.91, 1.0: 0.90}, {0.1: 0.92, 1.0: 0.89}, {0.1: 0.93, 1.0: 1.0})
    row = judge(PLAIN + lucky, metric="validation_score", difference={"at_least": -1})
    # 0.90 - 0.90, 0.89 - 0.91, 0.93 - 0.92
    assert row["estimate"] == pytest.approx((0 - 0.02 + 0.01) / 3)
    wide = 1 + 0.18 * math.log(3)
    assert row["high"] - row["estimate"] == pytest.approx(wide * 4.302653 * np.std([0, -0.02, 0.01], ddof=1) / 3**0.5)
    assert "each seed at the best rate of the others: 1 (2 seeds) and 0.1 (1 seed) against 0.1;" in row["reason"]
    assert "1.20 times as wide" in row["reason"]
    two = judge([row for row in PLAIN + lucky if row["seed"] < 2], metric="test_score", difference={"at_least": 0})
    assert "picked and judged on the same seeds" in two["reason"]


def test_ties_leave_a_sign_test_and_no_t_interval() -> None:
    plain = scores("plain", *({0.1: 0.9} for _ in range(5)))
    normed = scores("batchnorm", *({0.1: 0.9 + 0.01 * (seed > 2)} for seed in range(5)))
    row = judge(plain + normed, metric="validation_score", difference={"at_least": -0.5})
    assert (math.isnan(row["low"]), row["verdict"]) == (True, "inconclusive")
    assert row["reason"].startswith("equal in 3 of 5 seeds, so there is no t interval; sign test p = 0.5")


def test_most_scores_at_a_ceiling_leave_no_t_interval() -> None:
    normed = scores("batchnorm", *({0.1: 1.0 - 0.01 * (seed > 2)} for seed in range(5)))
    row = judge(PLAIN + normed, metric="validation_score", value={"at_least": 0.5})
    assert (math.isnan(row["low"]), row["verdict"]) == (True, "inconclusive")
    assert row["reason"].startswith("0% or 100% in 3 of 5 seeds, so there is no t interval; at rate")
    # No sign test: it would ask whether the scores are above 0.
    equal = scores("batchnorm", *({0.1: 1.0} for _ in range(5)))
    row = judge(PLAIN + equal, metric="validation_score", value={"at_least": 0.5})
    assert row["reason"].startswith("equal in 5 of 5 seeds, so there is no interval; at rate")


def test_a_regret_is_that_of_the_curve_of_means() -> None:
    plain = scores("plain", *({0.1: 0.9, 1.0: one} for one in (0.6, 0.7, 0.8)))
    # By seed the regret would be 0.05 each time, but on average both rates are equally good.
    normed = scores("batchnorm", *({0.1: 0.9 - d, 1.0: 0.9 + d} for d in (0.05, -0.05, 0.05, -0.05)))
    row = judge(plain, metric="score_regret", of="plain", value={"at_most": 1})
    # The mean curve is 0.9 and 0.7, and without a seed 0.75, 0.7 or 0.65.
    assert row["estimate"] == pytest.approx(0.1)
    pseudo = [3 * 0.1 - 2 * (0.9 - rest) / 2 for rest in (0.75, 0.7, 0.65)]
    assert row["low"] == pytest.approx(0.1 - 4.302653 * np.std(pseudo, ddof=1) / math.sqrt(3))
    own = judge(normed, metric="score_regret", value={"at_most": 1})
    # 4 times 0 minus 3 times 0.05 / 3: the bias of the highest of two noisy means is taken off.
    assert own["estimate"] == pytest.approx(-3 * (0.05 / 3))
    ratio = judge(plain + scores("batchnorm", *({0.1: 0.9, 1.0: 0.8} for _ in range(3))), metric="score_regret",
                  ratio={"at_most": 1})  # fmt: skip
    logs = [3 * math.log(0.5) - 2 * math.log(0.05 / ((0.9 - rest) / 2)) for rest in (0.75, 0.7, 0.65)]
    assert ratio["estimate"] == pytest.approx(math.exp(sum(logs) / 3))


def with_losses(plain: list[float], normed: list[float]) -> list[dict[str, object]]:
    rows = [*scores("plain", *[{0.1: 0.9}] * len(plain)), *scores("batchnorm", *[{0.1: 0.9}] * len(normed))]
    return [row | {"validation_loss": loss} for row, loss in zip(rows, [*plain, *normed], strict=True)]


def test_losses_are_averaged_in_logarithms() -> None:
    rows = with_losses([0.1, 0.2, 0.4], [0.1, 0.1, 0.1])
    row = judge(rows, metric="validation_loss", of="plain", value={"at_most": 9})
    factor = math.exp(4.302653 * math.log(2) / math.sqrt(3))
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx((0.2, 0.2 / factor, 0.2 * factor))
    assert "geometric mean" in row["reason"]


def test_a_difference_of_losses_has_the_sign_of_the_ratio() -> None:
    rows = with_losses([0.1, 0.2, 0.4], [0.05, 0.08, 0.15])
    ratio = judge(rows, metric="validation_loss", ratio={"at_most": 1})
    row = judge(rows, metric="validation_loss", difference={"at_most": 0})
    assert (ratio["verdict"], row["verdict"]) == ("supported", "supported")
    mean = (0.05 * 0.08 * 0.15) ** (1 / 3)
    assert row["estimate"] == pytest.approx(mean - 0.2)
    factor = math.exp(4.302653 * math.log(2) / math.sqrt(3))
    # The larger geometric mean of plain on the left, the smaller one on the right.
    assert row["low"] == pytest.approx(0.2 * factor * (ratio["low"] - 1))
    assert row["high"] == pytest.approx(0.2 / factor * (ratio["high"] - 1))
    assert "by the ratio of the geometric means" in row["reason"]
    assert row["p"] == pytest.approx(ratio["p"])
    small = judge(rows, metric="validation_loss", difference={"at_most": 0}, rope=1)
    assert small["verdict_text"] == "supported, too small to matter"
    equal = with_losses([0.1, 0.2, 0.3, 0.4, 0.5], [0.1, 0.2, 0.3, 0.4, 0.7])
    assert judge(equal, metric="validation_loss", difference={"at_most": 0}, rope=0.1)["verdict_text"] == "open"
    assert judge(equal, metric="validation_loss", difference={"at_most": 0}, rope=0.3)["verdict_text"] == (
        "no relevant difference"
    )


def judge_differences(*differences: float, **values: Any) -> dict[str, Any]:
    """Judge a claim about validation scores that differ so much at a seed each."""
    plain = scores("plain", *({0.1: 0.5} for _ in differences))
    normed = scores("batchnorm", *({0.1: 0.5 + difference} for difference in differences))
    return judge(plain + normed, metric="validation_score", **({"difference": {"at_least": 0}} | values))


# A mean of 1 point, SD 1 point.
AROUND_1 = tuple(0.01 + difference for difference in AROUND_0)


@pytest.mark.parametrize(
    ("differences", "rope", "verdict", "text"),
    [
        # The half-widths are 2.776 and 2.132 x 1 point / sqrt(5): 1.24 and 0.95 points.
        (AROUND_0, 0.01, "inconclusive", "no relevant difference"),
        (AROUND_0, 0.0095, "inconclusive", "open (about 9 seeds)"),
        # 1.5 points: 0.26 to 2.74, and 0.55 to 2.45 points at 90%.
        ([0.005 + difference for difference in AROUND_1], 0.03, "supported", "supported, too small to matter"),
        ([0.005 + difference for difference in AROUND_1], 0.02, "supported", "supported"),
        ([-0.005 - difference for difference in AROUND_1], 0.03, "refuted", "refuted, too small to matter"),
        # 6 points are neither within nor beyond.
        ([0.05 * difference / 0.01 for difference in AROUND_1], None, "inconclusive", "open (about 10 seeds)"),
    ],
)
def test_a_rope_says_which_differences_do_not_matter(
    differences: list[float], rope: float | None, verdict: str, text: str
) -> None:
    row = judge_differences(*differences, rope=rope)
    assert (row["verdict"], row["verdict_text"]) == (verdict, text)
    assert math.isnan(row["rope"]) if rope is None else row["rope"] == rope


def test_the_reason_names_the_interval_for_equivalence() -> None:
    row = judge_differences(*AROUND_0, rope=0.01)
    assert row["reason"] == ("the interval holds the bound; the 90% interval lies within \u00b11 points; at rate 0.1")


@pytest.mark.parametrize(
    ("differences", "text"),
    [
        # With 5 of 5 the 90% interval of the share begins at 0.05**(1/5) = 0.55, with 4 of 4 at 0.47.
        ([0.0] * 5, "no relevant difference"),
        ([0.01] * 5, "no relevant difference"),
        ([0.0] * 4, "open"),
        ([0.011] * 5, "open"),
        # Most are equal; 8 of 8 begin at 0.69, 7 of 8 at 0.53, 6 of 8 at 0.40.
        ([0.0] * 6 + [0.01, 0.01], "no relevant difference"),
        ([0.0] * 6 + [0.01, 0.1], "no relevant difference"),
        ([0.0] * 6 + [0.1, 0.1], "open"),
    ],
)
def test_ties_are_judged_by_how_many_are_within_the_rope(differences: list[float], text: str) -> None:
    row = judge_differences(*differences, rope=0.01)
    assert (row["verdict"], row["verdict_text"], row["n"]) == ("inconclusive", text, len(differences))
    assert math.isnan(row["low"])
    assert ("seeds are within \u00b11 points; equal" in row["reason"]) == (text != "open")


def test_the_level_and_the_seeds_of_a_claim() -> None:
    row = judge_differences(*AROUND_1, difference={"at_least": 0})
    # t = 1 / (1 / sqrt(5)) with four degrees of freedom.
    assert row["p"] == pytest.approx(0.0890, abs=1e-4)
    # As `sample_size.pairs_needed(0.01, 0.01)` says.
    assert (row["seeds_needed"], row["verdict_text"]) == (10, "open (about 10 seeds)")
    assert judge_differences(*AROUND_0)["verdict_text"] == "open (over 1,000 seeds)"
    assert math.isnan(judge_differences(*AROUND_0)["seeds_needed"])
    assert judge_differences(0.1, 0.2)["verdict_text"] == "open"


def test_the_mean_alone_decides_nothing() -> None:
    row = judge(PLAIN[:8] + NORMED[:8], metric="validation_score", difference={"at_least": 0.0})
    assert row["estimate"] == pytest.approx(0.045)
    assert math.isnan(row["low"])
    assert row["verdict"] == "inconclusive"
    assert "needs 3 seeds for an interval, has 2" in row["reason"]


def test_a_value_is_about_one_variant() -> None:
    row = judge(PLAIN + NORMED, metric="validation_score", of="plain", value={"at_least": 0.5}, at=0.1)
    assert (row["n"], row["verdict"], row["over"], row["bound"]) == (3, "supported", "", "value at least 0.5")
    assert row["estimate"] == pytest.approx(
        sum(one["validation_score"] for one in PLAIN if one["learning_rate"] == 0.1) / 3
    )


def test_all_diverged() -> None:
    rows = [row | NONFINITE for row in PLAIN + NORMED]
    assert judge(rows, metric="edge", ratio={"at_least": 3})["verdict"] == "inconclusive"
    assert judge(rows, metric="validation_score", difference={"at_least": -0.1})["estimate"] == 0.0
    # 0 / 0
    assert judge(rows, metric="lr_sensitivity", ratio={"at_most": 1})["verdict"] == "inconclusive"


def test_the_share_of_seeds_that_are_ok() -> None:
    row = judge(PLAIN + NORMED, metric="ok", probability={"at_least": 0.29}, at=1.0)
    assert (row["estimate"], row["n"], row["over"]) == (1.0, 3, "")
    assert (row["low"], row["verdict"]) == (pytest.approx(0.2924, abs=1e-4), "supported")
    assert row["reason"] == "the whole interval keeps within the bound; at rate 1"
    assert judge(PLAIN + NORMED, metric="ok", probability={"at_least": 0.4}, at=1.0, of="plain")["estimate"] == 0


def test_a_seed_without_its_pair_is_left_out_and_counted() -> None:
    rows = [row | (FAILED if (row["variant"], row["seed"]) == ("plain", 2) else {}) for row in PLAIN + NORMED]
    row = judge(rows, metric="validation_score", difference={"at_least": 0})
    assert (row["n"], row["verdict"]) == (2, "inconclusive")
    assert "1 of 3 seeds left out: not all of their trials have finished" in row["reason"]


def test_the_gap_compares_training_and_validation_rows() -> None:
    fits = {"fitted_score": 0.98, "fitted_loss": 0.1, "validation_loss": 0.4}
    rows = [row | fits for row in scores("plain", *({0.1: 0.8} for _ in range(3)))]
    rows += [row | fits for row in scores("batchnorm", {0.1: 0.9}, {0.1: 0.88}, {0.1: 0.86})]
    row = judge(rows, metric="score_gap", difference={"at_most": 0})
    assert (row["estimate"], row["verdict"]) == (pytest.approx(-0.08), "supported")
    row = judge(rows, metric="score_gap", probability={"at_least": 0.2})
    # The smaller gap is the better one
    assert row["estimate"] == 1
    # .3 of both
    assert judge(rows, metric="loss_gap", ratio={"at_most": 2})["estimate"] == pytest.approx(1)


def test_a_diverged_trial_has_no_gap() -> None:
    # Plain diverges there
    row = judge(PLAIN + NORMED, metric="score_gap", difference={"at_most": 0}, at=1.0)
    assert (row["verdict"], row["n"]) == ("inconclusive", 3)
    assert "unknown in 3 of 3 pairs: a value is missing" in row["reason"]


def test_a_variant_without_finished_trials() -> None:
    row = judge(PLAIN, metric="best_rate", ratio={"at_least": 1})
    assert (row["verdict"], row["n"], row["reason"]) == ("inconclusive", 0, "no seed has finished all of its trials")
    empty = trials({}).iloc[:0]
    curves = Curves(empty, NO_HISTORY)
    result = claims.judge_claims([claim(metric="aulc", ratio={"at_least": 1})], empty, curves, "")
    assert result["verdict"].tolist() == ["inconclusive"]
    assert claims.judge_claims([], empty, curves, "").columns.tolist() == column_names(CLAIMS)


@pytest.mark.parametrize("metric", registry.METRICS)
@pytest.mark.parametrize("rows", [PLAIN + NORMED, PLAIN[:1] + NORMED[:1], [r | NONFINITE for r in PLAIN + NORMED]])
def test_every_metric_can_be_judged_on_anything(rows: list[dict[str, object]], metric: str) -> None:
    record = registry.METRICS[metric]
    kind = "probability" if record.yes_or_no else "difference" if record.scale == "decades" else "ratio"
    epochs = curves([SLOW] * 3, [FAST] * 3)
    row = judge(rows, epochs, metric=metric, **{kind: {"at_least": 0.5}})
    assert row["verdict"] in claims.WHY
    assert row["reason"]
    if record.scale != "factor":
        judge(rows, epochs, metric=metric, probability={"at_least": 0.5})


def rising(score: float) -> dict[str, list[float]]:
    """Return curves of plain at rate 0.1 that have a score after epoch 2, and are at their final one after epoch 3."""
    return {f"plain 0.1 {seed} ": [0.1, 0.3, score + seed / 100, 0.9] for seed in range(3)}


def test_a_claim_about_an_epoch_takes_the_value_after_it_at_the_best_rate_of_the_end() -> None:
    row = judge(PLAIN, history(rising(0.5)), of="plain", metric="validation_score", epoch=2, value={"at_most": 0.6})
    assert (row["estimate"], row["n"], row["epoch"]) == (pytest.approx(0.51), 3, 2)
    assert row["verdict"] == "supported"
    assert row["reason"].endswith("; at rate 0.1")
    assert claims.claim_subject(row, "accuracy") == "validation accuracy after epoch 2 of plain"
    at_the_end = judge(PLAIN, history(rising(0.5)), of="plain", metric="validation_score", value={"at_most": 0.6})
    assert math.isnan(at_the_end["epoch"])
    assert claims.claim_subject(at_the_end, "accuracy") == "validation accuracy of plain"


def test_a_claim_about_an_epoch_compares_seeds() -> None:
    epochs = history(rising(0.5) | {f"batchnorm 1.0 {seed} ": [0.1, 0.5, 0.7, 0.9] for seed in range(3)})
    row = judge(PLAIN + NORMED, epochs, metric="validation_accuracy", epoch=2, difference={"at_least": 0})
    # .20, .19, .18
    assert (row["estimate"], row["verdict"]) == (pytest.approx(0.19), "supported")
    assert claims.claim_subject(row, "accuracy") == "validation accuracy after epoch 2 of batchnorm over plain"


def test_a_claim_says_where_it_comes_from() -> None:
    row = judge(
        PLAIN, metric="ok", of="plain", probability={"at_least": 0.1}, basis="said", source="source 002, part C"
    )
    assert (row["basis"], row["source"]) == ("said", "source 002, part C")
    row = judge(PLAIN, metric="ok", of="plain", probability={"at_least": 0.1})
    assert (row["basis"], row["source"]) == ("", "")


def test_the_first_epoch_of_a_flat_curve_is_judged_and_named() -> None:
    epochs = history({f"plain 0.1 {seed} ": [0.1, 0.3, *[0.89] * (seed + 1), 0.9, 0.95, 0.95] for seed in range(3)})
    row = judge(PLAIN, epochs, of="plain", metric="validation_score_flat_from", value={"at_most": 9})
    # The score is 0.95 from epoch 4, 5 and 6 on.
    assert (row["estimate"], row["verdict"]) == (5, "supported")
    assert claims.claim_subject(row, "accuracy") == "first epoch of a flat validation accuracy of plain"
