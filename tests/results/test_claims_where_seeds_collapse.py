"""Claims where some trainings collapse and others do not."""

import math

import pytest

from support.judged import judge
from support.tables import scores


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
        row |= {"fitted_score": row["validation_score"] + 0.02, "bn_mode_gap": 0.02}
    row = judge(rows, metric=metric, of="plain", at=0.1, value={"at_most": 0.5})
    assert "the interval is a wide one that assumes no distribution" in row["reason"]
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


def test_where_seeds_collapse_no_level_is_known() -> None:
    row = judge(collapsing(5, 1), metric="validation_score", difference={"at_least": 0}, rope=0.5)
    assert (row["verdict_text"], math.isnan(row["p"])) == ("open", True)
    decided = judge(collapsing(30, 20), metric="validation_score", difference={"at_least": 0.2})
    assert (decided["verdict_text"], math.isnan(decided["p"])) == ("supported", True)
