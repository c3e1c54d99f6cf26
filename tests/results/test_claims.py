import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnbench.analysis import registry
from bnbench.analysis.columns import CLAIMS, column_names
from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.step_times import PairTimes
from bnbench.config.expectations import Claim
from bnbench.results import claims
from support.tables import FAILED, NONFINITE, history, scores, trials

INF, NAN = math.inf, math.nan
NO_HISTORY = history({})
PLAIN = scores("plain", *({0.01: 0.8, 0.1: top, 1.0: None, 10.0: None} for top in (0.9, 0.91, 0.92)))
NORMED = scores("batchnorm", *({0.01: 0.8, 0.1: 0.9, 1.0: top, 10.0: None} for top in (0.94, 0.96, 0.98)))


def claim(**values: Any) -> Claim:
    return Claim.model_validate({"text": "x", "of": "batchnorm"} | values)


def judge(rows: list[dict[str, object]], epochs: pd.DataFrame = NO_HISTORY, **values: Any) -> dict[str, Any]:
    table = trials(*rows)
    (row,) = claims.judge_claims([claim(**values)], table, Curves(table, epochs), "plain").to_dict("records")
    return row


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


def collapsing(n: int, failing: int, top: float = 0.9) -> list[dict[str, object]]:
    """Return trials of plain of which some collapse, and of batchnorm, which scores 0.05 more."""
    plain = scores("plain", *({0.1: 0.12 if seed < failing else top + 0.001 * seed} for seed in range(n)))
    return plain + scores("batchnorm", *({0.1: top + 0.05} for _ in range(n)))


def test_where_seeds_collapse_the_interval_is_that_of_betting() -> None:
    row = judge(collapsing(5, 1), metric="validation_score", difference={"at_least": 0.0})
    # 0.83, 0.049, 0.048, 0.047, 0.046: a t interval would reach from -0.24 to 0.64.
    assert row["estimate"] == pytest.approx((0.83 + 0.049 + 0.048 + 0.047 + 0.046) / 5)
    assert row["low"] < -0.5
    assert row["high"] > 0.7
    assert row["verdict"] == "inconclusive"
    assert "of batchnorm 0 of 5 fail (0.0%, 0.0 to 52.2%)" in row["reason"]
    assert "of plain 1 of 5 fail (20.0%, 0.5 to 71.6%)" in row["reason"]
    assert "the 4 healthy pairs alone: +4.8 points (4.5 to 5.0)" in row["reason"]


def test_betting_decides_where_most_seeds_collapse() -> None:
    row = judge(collapsing(30, 20), metric="validation_score", difference={"at_least": 0.2})
    assert (row["verdict"], row["low"] > 0.2) == ("supported", True)
    whole = judge(collapsing(5, 5), metric="validation_score", difference={"at_least": 0.2}, at=0.1)
    # All seeds are of one kind, and equal.
    assert "equal in 5 of 5 seeds" in whole["reason"]


@pytest.mark.parametrize("metric", ["score_gap", "bn_mode_gap"])
def test_what_is_made_of_scores_has_bounds_and_so_an_interval_where_seeds_collapse(metric: str) -> None:
    rows = collapsing(12, 3)
    for row in rows:
        row |= {"fitted_score": float(str(row["validation_score"])) + 0.02, "bn_mode_gap": 0.02}
    row = judge(rows, metric=metric, of="plain", at=0.1, value={"at_most": 0.5})
    assert "the interval is that of betting" in row["reason"]
    assert -1.0 < row["low"] < row["estimate"] < row["high"] < 0.5
    assert (row["estimate"], row["verdict"]) == (pytest.approx(0.02), "supported")


def test_losses_have_no_interval_where_seeds_collapse() -> None:
    rows = collapsing(5, 1)
    row = judge([one | {"validation_loss": 0.1 + 0.1 * i} for i, one in enumerate(rows)],
                metric="validation_loss", ratio={"at_most": 1})  # fmt: skip
    assert math.isnan(row["low"])
    assert "some seeds collapse, so there is no sound interval" in row["reason"]


@pytest.mark.parametrize("metric", ["gradient_growth", "first_worse_length"])
def test_what_is_measured_before_a_training_can_fail_keeps_its_interval(metric: str) -> None:
    rows = [one | {metric: 1.4 + 0.01 * i} for i, one in enumerate(collapsing(5, 1))]
    row = judge(rows, metric=metric, of="plain", value={"at_most": 2})
    assert row["low"] < row["estimate"] < row["high"] < 2
    assert (row["verdict"], "collapse" in row["reason"]) == ("supported", False)


def test_ties_leave_a_sign_test_and_no_t_interval() -> None:
    plain = scores("plain", *({0.1: 0.9} for _ in range(5)))
    normed = scores("batchnorm", *({0.1: 0.9 + 0.01 * (seed > 2)} for seed in range(5)))
    row = judge(plain + normed, metric="validation_score", difference={"at_least": -0.5})
    assert (math.isnan(row["low"]), row["verdict"]) == (True, "inconclusive")
    assert "in 3 of 5 seeds, so there is no t interval; sign test p = 0.5" in row["reason"]


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


FINE = [round(10 ** (i / 10), 3) for i in range(-10, 11)]
# Means of 0 and 1 point, SD 1 point.
AROUND_0 = (-0.01, -0.01, 0.0, 0.01, 0.01)
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


def test_where_seeds_collapse_no_level_is_known() -> None:
    row = judge(collapsing(5, 1), metric="validation_score", difference={"at_least": 0}, rope=0.5)
    assert (row["verdict_text"], math.isnan(row["p"])) == ("open", True)
    decided = judge(collapsing(30, 20), metric="validation_score", difference={"at_least": 0.2})
    assert (decided["verdict_text"], math.isnan(decided["p"])) == ("supported", True)


def test_the_level_and_the_seeds_of_a_claim() -> None:
    row = judge_differences(*AROUND_1, difference={"at_least": 0})
    # t = 1 / (1 / sqrt(5)) with four degrees of freedom.
    assert row["p"] == pytest.approx(0.0890, abs=1e-4)
    # As `sample_size.pairs_needed(0.01, 0.01)` says.
    assert (row["seeds_needed"], row["verdict_text"]) == (10, "open (about 10 seeds)")
    assert judge_differences(*AROUND_0)["verdict_text"] == "open (over 1,000 seeds)"
    assert math.isnan(judge_differences(*AROUND_0)["seeds_needed"])
    assert judge_differences(0.1, 0.2)["verdict_text"] == "open"


def test_the_level_of_a_claim_about_several_values_is_that_of_the_last_to_be_decided() -> None:
    def at_depths(*shifts: float) -> dict[str, Any]:
        rows = [
            row
            for depth, shift in enumerate(shifts)
            for name, change in (("plain", 0.0), ("batchnorm", shift))
            for row in scores(name, *({0.1: 0.5 + (change and change + d)} for d in AROUND_0), axes=f'{{"d": {depth}}}')
        ]
        return judge(rows, metric="validation_score", difference={"at_least": 0})

    alone = [at_depths(shift)["p"] for shift in (0.02, 0.03)]
    assert at_depths(0.02, 0.03)["p"] == pytest.approx(max(alone))
    # It is refuted as soon as it is refuted at one value.
    assert at_depths(-0.02, -0.03)["p"] == pytest.approx(min(alone))


def test_an_edge_has_a_level_and_a_number_of_seeds() -> None:
    row = judge(PLAIN + NORMED, metric="edge", ratio={"at_least": 2})
    assert row["verdict"] == "supported"
    assert 1e-6 < row["p"] < 0.05
    # Seeds that fail at 0.3, 0.4 and 0.5, and at ten times as high rates.
    plain = scores("plain", *({rate: 0.9 if rate < top else None for rate in FINE} for top in (0.3, 0.4, 0.5)))
    normed = scores("batchnorm", *({rate: 0.9 if rate < top else None for rate in FINE} for top in (3, 4, 5)))
    near = judge(plain + normed, metric="edge", ratio={"at_least": 7})
    assert near["verdict"] == "inconclusive"
    assert near["p"] > 0.05
    assert 10 < near["seeds_needed"] < 100
    # More seeds do not help on a grid that is too coarse, nor where no rate was too high.
    coarse = judge(PLAIN + NORMED, metric="edge", ratio={"at_least": 7})
    assert (coarse["verdict_text"], claims.MORE_RATES in coarse["reason"]) == ("open", True)
    assert claims.MORE_RATES not in near["reason"]
    normed = scores("batchnorm", *({0.1: 0.9, 1.0: 0.9} for _ in range(3)))
    assert judge(PLAIN + normed, metric="edge", ratio={"at_least": 50})["verdict_text"] == "open"


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


def test_an_edge_has_an_interval_from_all_seeds() -> None:
    row = judge(PLAIN + NORMED, metric="edge", of="plain", value={"at_least": 0.05})
    # All seeds train at 0.1 and fail at 1.
    assert 0.05 < row["low"] < 0.2 < row["estimate"] < 0.5 < row["high"] < 2
    assert (row["n"], row["verdict"]) == (3, "supported")
    assert "a training trains if its score is at least halfway from chance to the best mean" in row["reason"]


def test_a_ratio_is_a_geometric_mean() -> None:
    plain = scores("plain", *({0.1: 0.5} for _ in range(3)))
    normed = scores("batchnorm", {0.1: 0.5}, {0.1: 0.6}, {0.1: 0.72})
    row = judge(plain + normed, metric="validation_score", ratio={"at_most": 100})
    # 1, 1.2, 1.44
    assert row["estimate"] == pytest.approx(1.2)
    factor = math.exp(4.302653 * math.log(1.2) / math.sqrt(3))
    assert (row["low"], row["high"]) == pytest.approx((1.2 / factor, 1.2 * factor), rel=1e-5)


def test_edges_are_compared_by_their_ratio() -> None:
    row = judge(PLAIN + NORMED, metric="edge", ratio={"at_least": 2})
    assert row["estimate"] == pytest.approx(10, rel=0.01)
    assert 2 < row["low"] < 5 < 20 < row["high"] < 50
    assert (row["n"], row["verdict"], row["metric"]) == (3, "supported", "edge")
    # What the metric was called before; there, `ok` was what counted.
    former = judge(PLAIN + NORMED, metric="max_stable_rate", ratio={"at_least": 2})
    assert former["metric"] == "edge"
    assert "a training trains if its outcome is ok" in former["reason"]


def test_more_seeds_and_a_finer_grid_give_a_narrower_interval() -> None:
    def width(seeds: int, step: float) -> float:
        grid = [round(float(10**x), 6) for x in np.arange(-2, 1.01, step)]
        tops = {"plain": 0.1, "batchnorm": 1.0}
        rows = [
            row
            for name, top in tops.items()
            for row in scores(name, *({rate: 0.9 if rate <= top * 1.01 else None for rate in grid},) * seeds)
        ]
        row = judge(rows, metric="edge", ratio={"at_least": 2})
        return math.log10(row["high"] / row["low"])

    assert width(3, 1.0) > width(6, 1.0) > width(6, 0.25)


@pytest.mark.parametrize(
    ("plain_top", "normed_top", "low", "high"),
    [(None, 0.95, True, False), (0.85, None, False, True), (0.85, 0.95, False, False)],
)
def test_an_edge_that_no_training_bounds_leaves_the_interval_open(
    plain_top: float | None, normed_top: float | None, low: bool, high: bool
) -> None:
    plain = scores("plain", *({0.1: 0.9, 1.0: plain_top} for _ in range(3)))
    normed = scores("batchnorm", *({0.1: 0.9, 1.0: normed_top} for _ in range(3)))
    row = judge(plain + normed, metric="edge", ratio={"at_least": 0.001})
    assert ((row["low"] > 0), (row["high"] < INF)) == (low, high)
    assert "open where no training bounds it" in row["reason"]


def test_a_best_rate_may_lie_beyond_either_edge() -> None:
    plain = scores("plain", *({0.1: 0.9, 1.0: 0.8, 10.0: 0.7} for _ in range(3)))
    normed = scores("batchnorm", *({0.1: 0.8, 1.0: 0.9, 10.0: 0.7} for _ in range(3)))
    row = judge(plain + normed, metric="best_rate", ratio={"at_least": 0.5})
    assert (row["low"], row["high"]) == (
        pytest.approx(0.1),
        INF,
        # Either may be a step off, and that of plain may be below the grid.
    )
    assert row["verdict"] == "inconclusive"


def test_a_width_has_two_ends() -> None:
    grid = (0.01, 0.1, 1.0, 10.0, 100.0)
    plain = scores("plain", *(dict(zip(grid, (0.5, 0.9, 0.5, 0.5, 0.5), strict=True)) for _ in range(3)))
    normed = scores("batchnorm", *(dict(zip(grid, (0.5, 0.9, 0.9, 0.9, 0.5), strict=True)) for _ in range(3)))
    row = judge(plain + normed, metric="stable_width", difference={"at_least": -1})
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx((2, 0, 4))
    assert row["verdict"] == "supported"


def test_a_grid_of_one_rate_gives_an_open_interval() -> None:
    rows = [row for row in PLAIN + NORMED if row["learning_rate"] == 0.1]
    row = judge(rows, metric="edge", ratio={"at_least": 0.5})
    assert row["verdict"] == "inconclusive"
    assert (row["low"], row["high"]) == (0, INF)
    row = judge(rows, metric="best_rate", ratio={"at_least": 0.5})
    assert (row["low"], row["high"]) == (0, INF)
    assert "a grid of one rate says nothing about rates" in row["reason"]


def test_a_seed_that_trains_nowhere_counts() -> None:
    plain = [row | (NONFINITE if row["seed"] == 1 else {}) for row in PLAIN]
    row = judge(plain + NORMED, metric="edge", ratio={"at_least": 1})
    whole = judge(PLAIN + NORMED, metric="edge", ratio={"at_least": 1})
    # The edge of plain is lower, and less sure.
    assert row["n"] == 3
    assert row["estimate"] > whole["estimate"]
    assert row["high"] / row["low"] > 1.3 * whole["high"] / whole["low"]


def test_a_variant_that_trains_nowhere_has_an_edge_below_all_rates() -> None:
    plain = [row | NONFINITE for row in PLAIN]
    row = judge(plain + NORMED, metric="edge", ratio={"at_least": 1})
    assert (row["high"], row["verdict"]) == (INF, "supported")
    assert judge(plain + NORMED, metric="edge", of="plain", value={"at_most": 1})["low"] == 0


def test_all_diverged() -> None:
    rows = [row | NONFINITE for row in PLAIN + NORMED]
    assert judge(rows, metric="edge", ratio={"at_least": 3})["verdict"] == "inconclusive"
    assert judge(rows, metric="validation_score", difference={"at_least": -0.1})["estimate"] == 0.0
    # 0 / 0
    assert judge(rows, metric="lr_sensitivity", ratio={"at_most": 1})["verdict"] == "inconclusive"


def curves(plain: list[list[float]], normed: list[list[float]]) -> pd.DataFrame:
    named = {"plain 0.1": plain, "batchnorm 1.0": normed}
    return history({f"{name} {seed} ": curve for name, all_ in named.items() for seed, curve in enumerate(all_)})


NEVER, SLOW, FAST = [0.1, 0.2, 0.2, 0.2, 0.2], [0.1, 0.2, 0.2, 0.2, 0.9], [0.1, 0.2, 0.9, 0.9, 0.9]
FASTER = [0.1, 0.9, 0.9, 0.9, 0.9]


def time_to_target(plain: list[list[float]], normed: list[list[float]], **values: Any) -> dict[str, Any]:
    values = {"ratio": {"at_most": 0.6}, "target": 0.8} | values
    return judge(PLAIN + NORMED, curves(plain, normed), metric="epochs_to_target", **values)


def test_time_to_target() -> None:
    row = time_to_target([SLOW] * 3, [FAST, FAST, FASTER])
    assert (row["estimate"], row["verdict"]) == (pytest.approx((1 / 2 * 1 / 2 * 1 / 4) ** (1 / 3)), "inconclusive")
    assert time_to_target([SLOW] * 3, [FAST, FAST, FASTER], ratio={"at_most": 2})["verdict"] == "supported"
    row = time_to_target([SLOW] * 3, [FAST] * 3, target=None)
    assert (row["estimate"], row["verdict"]) == (pytest.approx(0.5), "inconclusive")
    assert row["reason"].startswith("equal in 3 of 3 seeds, so there is no interval; sign test p = 0.25")
    assert judge(PLAIN + NORMED, curves([SLOW] * 3, [FAST] * 3), metric="aulc", ratio={"at_least": 1})["estimate"] > 1


def test_infinite_at_every_seed_is_an_interval() -> None:
    row = time_to_target([NEVER] * 3, [FAST] * 3)
    assert (row["estimate"], row["low"], row["high"], row["verdict"]) == (0, 0, 0, "supported")
    row = time_to_target([SLOW] * 3, [NEVER] * 3)
    assert (row["estimate"], row["verdict"]) == (INF, "refuted")
    row = time_to_target([NEVER] * 3, [FAST] * 3, ratio=None, difference={"at_most": 0})
    assert (row["high"], row["verdict"]) == (-INF, "supported")


def test_infinite_at_some_seeds_is_no_interval() -> None:
    row = time_to_target([SLOW, NEVER, SLOW], [FAST] * 3)
    assert row["verdict"] == "inconclusive"
    assert "0 or infinite in 1 of 3 pairs" in row["reason"]
    row = time_to_target([SLOW, NEVER, SLOW], [FAST, NEVER, FAST])
    assert "unknown in 1 of 3 pairs" in row["reason"]
    # The lowest trial of plain reaches .2
    row = time_to_target([NEVER, NEVER, SLOW], [FAST] * 3, target=None)
    assert row["estimate"] == 1


def test_the_share_of_pairs_in_which_one_beats_the_other() -> None:
    row = time_to_target([SLOW, NEVER, NEVER], [FAST, FAST, NEVER], ratio=None, probability={"at_least": 0.05})
    # Sooner is better; never is not sooner than never
    assert row["estimate"] == pytest.approx(2 / 3)
    # Clopper-Pearson, 2 of 3 and 3 of 3: with more training, either of the third pair might be the first.
    assert (row["low"], row["high"]) == pytest.approx((0.0943, 1), abs=1e-4)
    assert "neither reaches the target in 1 of 3 pairs" in row["reason"]
    assert row["verdict"] == "supported"
    row = judge(PLAIN + NORMED, metric="validation_score", probability={"at_least": 0.9}, at=0.1)
    # A tie beats nobody
    assert (row["estimate"], row["verdict"]) == (0.0, "refuted")


def test_an_edge_is_higher_if_it_trains_where_the_other_fails() -> None:
    row = judge(PLAIN + NORMED, metric="edge", probability={"at_least": 0.29})
    assert (row["estimate"], row["high"], row["verdict"]) == (1, 1, "supported")
    row = judge(PLAIN + [row | {"variant": "batchnorm"} for row in PLAIN], metric="edge", probability={"at_least": 0.5})
    assert (row["estimate"], row["low"], row["high"], row["verdict"]) == (0, 0, 1, "inconclusive")
    assert "the grid does not tell 3 of 3 pairs apart" in row["reason"]
    plain = scores("plain", *({0.1: 0.9, 1.0: None, 10.0: None} for _ in range(3)))
    normed = scores("batchnorm", *({0.1: 0.9, 1.0: 0.9, 10.0: 0.9} for _ in range(3)))
    row = judge(plain + normed, metric="edge", probability={"at_least": 0.29})
    assert (row["estimate"], row["high"], row["verdict"]) == (1, 1, "supported")


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


def test_a_metric_over_rates_needs_every_rate() -> None:
    rows = [row for row in PLAIN + NORMED if (row["variant"], row["seed"], row["learning_rate"]) != ("plain", 2, 0.01)]
    row = judge(rows, metric="score_regret", difference={"at_most": 0})
    assert row["n"] == 2
    assert "1 of 3 seeds left out" in row["reason"]


def turns(*ratios: float, **changes: Any) -> PairTimes:
    """Return rounds in which plain takes 0.1 s for a step, and batchnorm so many times as long."""
    plain = np.full(len(ratios), 0.1)
    return PairTimes("batchnorm", "plain", **{"seconds": plain * ratios, "over_seconds": plain, **changes})


def judge_turns(pair: PairTimes, rows: list[dict[str, object]] = PLAIN + NORMED, **values: Any) -> dict[str, Any]:
    table = trials(*rows)
    judged = claims.judge_claims([claim(**values)], table, Curves(table, NO_HISTORY), "plain", [pair])
    return dict(judged.to_dict("records")[0])


def test_seconds_of_a_step_are_compared_by_rounds() -> None:
    row = judge_turns(turns(1.4, 1.5, 1.6, 1.5, 1.7), metric="seconds_per_step", ratio={"at_most": 2})
    assert (row["estimate"], row["low"], row["high"]) == pytest.approx((1.5, 1.4, 1.7))
    assert (row["n"], row["rounds"], row["verdict"]) == (5, 5, "supported")
    assert "the range over the rounds" in row["reason"]
    row = judge_turns(turns(1.4, 1.5, 2.1, 1.5, 1.7), metric="seconds_per_step", ratio={"at_most": 2})
    assert row["verdict"] == "inconclusive"
    row = judge_turns(turns(*[2.5] * 5), metric="seconds_per_step", difference={"at_most": 0.1})
    assert (row["estimate"], row["verdict"]) == (pytest.approx(0.15), "refuted")
    row = judge_turns(turns(0.9, 0.9, 1.1, 0.9, 0.9), metric="seconds_per_step", probability={"at_least": 0.2})
    assert (row["estimate"], row["rounds"], row["verdict"]) == (0.8, 5, "supported")


def test_the_times_of_trials_decide_nothing() -> None:
    row = judge(PLAIN + NORMED, metric="seconds_per_step", ratio={"at_most": 2})
    assert (row["verdict"], row["reason"]) == ("inconclusive", "not measured in pairs: run again")
    assert math.isnan(row["estimate"])
    assert math.isnan(row["rounds"])
    row = judge_turns(PairTimes("batchnorm", "plain", reason="why"), metric="seconds_to_target", ratio={"at_most": 2})
    assert (row["verdict"], row["reason"]) == ("inconclusive", "why")


def test_few_rounds_give_no_verdict() -> None:
    row = judge_turns(turns(1.5, 1.5), metric="seconds_per_step", ratio={"at_most": 2})
    assert (row["verdict"], row["reason"]) == ("inconclusive", "needs 5 rounds by turns, has 2")


def test_the_seconds_of_one_variant_need_no_pair() -> None:
    row = judge(PLAIN + NORMED, metric="seconds_per_step", value={"at_most": 0.03})
    assert row["estimate"] == pytest.approx(0.02)
    assert math.isnan(row["rounds"])


def test_a_claim_about_the_baseline_uses_the_same_rounds() -> None:
    row = judge_turns(
        turns(*[2.0] * 5), metric="seconds_per_step", of="plain", over="batchnorm", ratio={"at_most": 0.6}
    )
    assert (row["estimate"], row["verdict"]) == (pytest.approx(0.5), "supported")


def test_seconds_to_a_target_are_steps_times_the_seconds_of_a_step() -> None:
    rows = [*scores("plain", *[{0.1: 0.9}] * 3), *scores("batchnorm", *[{0.1: 0.9}] * 3)]
    # Ten steps an epoch. plain needs 2, 4 and 6 epochs, batchnorm 1, 2 and 2.
    needed = zip([str(row["trial"]) for row in rows], (2, 4, 6, 1, 2, 2), strict=False)
    epochs = history({trial: [0.1] * epoch + [0.9] * (7 - epoch) for trial, epoch in needed})
    asked = claim(metric="seconds_to_target", target=0.8, ratio={"at_most": 1})
    table = trials(*rows).assign(trial=[str(row["trial"]) for row in rows])
    curves = Curves(table, epochs)
    in_steps = claim(metric="steps_to_target", target=0.8, ratio={"at_most": 1})
    steps, seconds = (
        claims.judge_claims([one], table, curves, "plain", [turns(1.0, 1.5, 2.0, 1.5, 1.5)]).to_dict("records")[0]
        for one in (in_steps, asked)
    )
    assert steps["estimate"] == pytest.approx((1 / 12) ** (1 / 3))
    assert (seconds["estimate"], seconds["low"], seconds["high"]) == pytest.approx(
        (1.5 * steps["estimate"], steps["low"], 2 * steps["high"])
    )
    assert (seconds["n"], seconds["rounds"]) == (3, 5)
    assert math.isnan(steps["rounds"])


def at_axes(*places: tuple[int, float]) -> list[dict[str, object]]:
    rows = []
    for units, gain in places:
        axes = f'{{"model.params.units": {units}}}'
        rows += scores("plain", *({0.1: 0.5} for _ in range(3)), axes=axes)
        rows += scores("batchnorm", *({0.1: 0.5 + gain + off} for off in (-0.01, 0.0, 0.01)), axes=axes)
    return rows


def test_a_claim_must_hold_at_every_value_of_the_further_axes() -> None:
    values = {"metric": "validation_score", "difference": {"at_least": 0}}
    row = judge(at_axes((50, 0.1), (100, -0.1)), **values)
    assert (row["verdict"], row["estimate"]) == ("refuted", pytest.approx(-0.1))
    assert row["reason"].endswith("at units 100")
    assert judge(at_axes((50, 0.1), (100, 0.0)), **values)["verdict"] == "inconclusive"
    assert judge(at_axes((50, 0.1), (100, 0.2)), **values)["verdict"] == "supported"
    row = judge(at_axes((50, 0.1), (100, -0.1)), where={"model.params.units": 50}, **values)
    assert (row["verdict"], row["estimate"]) == ("supported", pytest.approx(0.1))
    assert (
        judge(at_axes((50, 0.1)), where={"model.params.units": 7}, **values)["reason"] == "no trial has finished there"
    )


@pytest.mark.parametrize(("gains", "shown"), [((0.2, 0.1), 0.1), ((-0.05, -0.1), -0.1), ((0.002, 0.001), 0.001)])
def test_of_equal_verdicts_the_numbers_are_those_that_speak_most_against_the_claim(
    gains: tuple[float, float], shown: float
) -> None:
    # Supported, refuted and open at both values.
    for places in (gains, gains[::-1]):
        row = judge(
            at_axes(*zip((50, 100), places, strict=True)), metric="validation_score", difference={"at_least": 0.0}
        )
        assert row["estimate"] == pytest.approx(shown)
        row = judge(
            at_axes(*zip((50, 100), places, strict=True)), metric="validation_score", difference={"at_most": 0.0}
        )
        assert row["estimate"] == pytest.approx(sum(gains) - shown)


def test_where_nothing_trains_at_one_of_the_values_its_numbers_are_shown() -> None:
    # Five seeds decide neither: 0 of 5 is 0 to 52%.
    rows = [
        row
        for units, score in ((50, 0.9), (100, 0.1))
        for row in scores("batchnorm", *({0.1: score} for _ in range(5)), axes=f'{{"model.params.units": {units}}}')
    ]
    row = judge(rows, metric="ok", probability={"at_least": 0.5})
    assert (row["verdict"], row["estimate"]) == ("inconclusive", 0.0)
    assert row["reason"].endswith("at units 100")


def test_ranges_of_a_score_across_an_axis_are_compared() -> None:
    rows = []
    # At its own best rate each
    for units, low, high in ((4, 0.3, 0.7), (5, 0.6, 0.8), (6, 0.9, 0.9)):
        axes = f'{{"model.params.units": {units}}}'
        rows += scores("plain", *({0.1: low + 0.001 * units * seed, 1.0: 0.2} for seed in range(3)), axes=axes)
        tops = (high, high, high - 0.03) if units == 4 else (high, high, high)
        normed = ({0.1: 0.2, 1.0: top + 0.001 * units * seed} for seed, top in enumerate(tops))
        rows += scores("batchnorm", *normed, axes=axes)
    values = {"metric": "validation_score", "across": "model.params.units"}
    row = judge(rows, difference={"at_most": 0}, **values)
    # The means are 0.694 and 0.906 of batchnorm, 0.304 and 0.906 of plain.
    assert row["estimate"] == pytest.approx(0.212 - 0.602)
    assert (row["n"], row["verdict"]) == (3, "supported")
    assert row["metric"] == "validation_score"
    assert row["across"] == "model.params.units"
    assert "less sensitive may only mean less noisy" in row["reason"]
    row = judge(rows, value={"at_least": 0.1}, **values)
    assert (row["estimate"], row["over"], row["verdict"]) == (pytest.approx(0.212), "", "supported")
    row = judge(
        [row for row in rows if row["seed"] != 2 or "4}" not in str(row["axes"])], ratio={"at_most": 1}, **values
    )
    # A seed must have finished at every value.
    assert row["n"] == 2
    assert judge([row | FAILED for row in rows], ratio={"at_most": 1}, **values)["n"] == 0


def test_across_one_axis_a_claim_must_still_hold_at_each_value_of_the_others() -> None:
    rows = []
    for depth, spread in ((1, 0.1), (2, 0.4)):
        for units, off in ((4, 0.0), (5, 1.0)):
            axes = f'{{"model.params.units": {units}, "model.params.depth": {depth}}}'
            rows += scores("plain", *({0.1: 0.5 + (0.2 + seed / 1000) * off} for seed in range(3)), axes=axes)
            tops = (0.5 + off * (spread + seed / 100) for seed in range(3))
            rows += scores("batchnorm", *({0.1: top} for top in tops), axes=axes)
    values = {"metric": "test_score", "across": "model.params.units", "difference": {"at_most": 0}}
    row = judge(rows, **values)
    assert (row["verdict"], row["estimate"]) == ("refuted", pytest.approx(0.41 - 0.201))
    assert row["reason"].endswith("; at depth 2")
    assert judge(rows, where={"model.params.depth": 1}, **values)["estimate"] == pytest.approx(0.11 - 0.201)


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
    assert "unknown in 3 of 3 pairs: missing" in row["reason"]


def test_an_axis_of_mappings_is_found() -> None:
    rows = scores("plain", *({0.1: 0.5} for _ in range(3)), axes='{"train.optimizer": {"name": "adam"}}')
    row = judge(
        rows, metric="ok", of="plain", probability={"at_least": 0.1}, where={"train.optimizer": {"name": "adam"}}
    )
    assert row["verdict"] == "supported"


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
