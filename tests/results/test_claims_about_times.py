"""Claims about times: epochs and seconds to a target, and the seconds of a step."""

import math
from typing import Any

import numpy as np
import pytest

from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.step_times import PairTimes
from bnbench.results import claims
from support.judged import FAST, NEVER, NO_HISTORY, NORMED, PLAIN, SLOW, claim, curves, judge
from support.tables import history, scores, trials

INF = math.inf


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
