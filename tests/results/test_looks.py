"""Looks at claims: what the repeated interval decides, and when it is given up."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bnbench.analysis.sequential import half_width_at
from bnbench.config.expectations import Claim
from bnbench.planning.adaptive.record import ClaimLook, Judging, Look
from bnbench.planning.seed_claims import SeedClaim, is_for_seeds, seed_claims
from bnbench.results.looks import _collapses, _look, _Values, _why_open, decisive_looks, look_text
from support.designs import make_design_plan
from support.tables import scores, trials

DIFFERENCE = {"text": "better", "metric": "test_score", "of": "batchnorm", "difference": {"at_least": 0.0}}


def judging(most: int = 12, rope: float | None = None) -> Judging:
    return Judging(most=most, rope=rope, seeds=list(range(most)), rates={"plain": [0.1], "batchnorm": [0.1]})


def look(
    differences: Any, most: int = 12, rope: float | None = None, collapses: bool = False, **changes: Any
) -> ClaimLook:
    claim = SeedClaim("0", Claim(**{**DIFFERENCE, **changes}), "plain")
    values = _Values(np.asarray(differences, float) + 0.5, np.full(len(differences), 0.5))
    return _look(claim, values, judging(most, rope), len(differences), collapses)


def test_a_clear_difference_is_decided_by_the_repeated_interval() -> None:
    found = look([0.03, 0.031, 0.029, 0.03])
    assert (found.verdict, found.decided) == ("supported", True)
    sd = float(np.std([0.03, 0.031, 0.029, 0.03], ddof=1))
    half = half_width_at(4, 12, sd, 0.95)
    assert found.low == pytest.approx(0.03 - half)
    assert found.high == pytest.approx(0.03 + half)
    assert look([-0.03, -0.031, -0.029, -0.03]).verdict == "refuted"


def test_an_interval_that_an_ordinary_t_interval_would_decide_stays_open() -> None:
    differences = [0.01, 0.004, 0.0075, 0.0115]
    mean, sd = np.mean(differences), np.std(differences, ddof=1)
    # Student's t with 3 degrees of freedom.
    assert mean - 3.182 * sd / 2 > 0
    assert look(differences).verdict == "inconclusive"


def test_a_difference_inside_the_rope_is_not_relevant_and_one_outside_0_may_be_too_small() -> None:
    spread = [0.001, -0.001, 0.0005, -0.0005, 0.0]
    assert look_text(look(spread, rope=0.01)) == "no relevant difference"
    assert look(spread, rope=0.01).decided
    assert look_text(look([0.004, 0.0041, 0.0039, 0.004], rope=0.01)) == "supported, too small to matter"
    assert look_text(look([-0.004, -0.0041, -0.0039, -0.004], rope=0.01)) == "refuted, too small to matter"
    assert look(spread).verdict == "inconclusive"
    # A rope is about a difference from 0.
    assert look(spread, rope=0.01, difference={"at_least": 0.5}).verdict == "refuted"


def test_a_question_that_the_seeds_that_are_left_cannot_decide_is_given_up() -> None:
    noise = [0.02, -0.02, 0.021, -0.019, 0.018, -0.02, 0.02, -0.021]
    assert look(noise[:6]).futile is False
    assert look(noise).futile is True
    assert look_text(look(noise)).startswith("open")
    assert look(noise, most=50, rope=0.02).futile is False


def test_no_t_interval_where_a_training_collapsed_or_all_values_are_equal() -> None:
    found = look([0.4, 0.01, 0.01, 0.02], collapses=True)
    assert found.low is not None
    assert found.low < 0 < found.high  # type: ignore[operator]
    assert found.decided is False
    # With 30 seeds of which most gain a lot, betting decides.
    assert look([0.4, 0.45, 0.42, 0.4, 0.01] * 6, most=30, collapses=True).verdict == "supported"
    assert look([0.01, 0.01, 0.01, 0.01]).low is None


def test_a_ratio_is_compared_in_logarithms_and_a_share_has_an_exact_interval() -> None:
    ratio = Claim(text="half", metric="test_loss", of="batchnorm", ratio={"at_most": 0.9})
    values = _Values(np.array([0.5, 0.51, 0.49, 0.5]), np.ones(4))
    found = _look(SeedClaim("0", ratio, "plain"), values, judging(), 4, False)
    assert found.estimate == pytest.approx(math.exp(np.mean(np.log([0.5, 0.51, 0.49, 0.5]))))
    assert found.verdict == "supported"
    share = Claim(text="wins", metric="test_score", of="batchnorm", probability={"at_least": 0.1})
    won = _look(SeedClaim("0", share, "plain"), _Values(np.full(8, 0.9), np.full(8, 0.5)), judging(), 8, False)
    assert won.estimate == 1.0
    assert won.low is not None
    assert 0.5 < won.low < 0.7
    assert won.verdict == "supported"


def test_the_first_look_that_decides_counts() -> None:
    looks = [
        Look(n=3, claims=[ClaimLook(claim="0", text="x", verdict="inconclusive")]),
        Look(n=4, claims=[ClaimLook(claim="0", text="x", verdict="supported", decided=True)]),
        Look(n=5, claims=[ClaimLook(claim="0", text="x", verdict="inconclusive")]),
    ]
    (found,) = decisive_looks(judging().model_copy(update={"looks": looks}))
    assert (found[0].n, found[1].verdict) == (4, "supported")
    (last,) = decisive_looks(judging().model_copy(update={"looks": looks[:1]}))
    assert last[0].n == 3


def test_a_rope_that_all_seeds_could_not_decide_names_how_many_would() -> None:
    differences = np.array([0.01, -0.01, 0.012, -0.008, 0.0, 0.004])
    assert "set at_most: 20" in _why_open(differences, 0.004, 12)
    assert _why_open(differences, 0.05, 12) == ""
    assert "no design of at most 50 seeds can" in _why_open(differences, 0.0004, 12)
    # A large difference is decided whatever the rope.
    assert _why_open(differences + 1, 0.0004, 12) == ""


def test_claims_for_seeds_are_those_about_scores_at_a_rate() -> None:
    claims = [
        DIFFERENCE,
        {"text": "edge", "metric": "edge", "of": "batchnorm", "ratio": {"at_least": 2.0}},
        {"text": "over rates", "metric": "lr_sensitivity", "of": "batchnorm", "ratio": {"at_most": 1.0}},
        {"text": "at a rate", "metric": "test_score", "of": "batchnorm", "difference": {"at_least": 0.0}, "at": 0.1},
        {"text": "time", "metric": "epochs_to_target", "of": "batchnorm", "ratio": {"at_most": 1.0}},
    ]
    experiment = SimpleNamespace(claims=[Claim(**one) for one in claims], baseline="plain", variants={"batchnorm": 0})
    assert [is_for_seeds(claim) for claim in experiment.claims] == [True, False, False, True, False]
    assert [one.key for one in seed_claims(experiment)] == ["0", "3"]  # type: ignore[arg-type]
    assert [one.rate for one in seed_claims(experiment)] == [None, 0.1]  # type: ignore[arg-type]


def test_without_claims_each_variant_is_compared_with_the_baseline() -> None:
    plan = make_design_plan({"seeds": {"at_most": 5}})
    (one,) = seed_claims(plan.experiment)
    assert (one.key, one.claim.of, one.over, one.claim.kind) == ("main:batchnorm", "batchnorm", "plain", "difference")


def test_a_value_has_a_betting_interval_where_a_training_collapsed() -> None:
    claim = Claim(text="learns", metric="test_score", of="batchnorm", value={"at_least": 0.2})
    values = _Values(np.array([0.9, 0.91, 0.1, 0.92] * 3), None)
    found = _look(SeedClaim("0", claim, ""), values, judging(), 12, collapses=True)
    assert found.low is not None
    assert (found.verdict, 0 < found.low < 0.71) == ("supported", True)


def test_what_is_measured_before_a_training_can_collapse_does_not_collapse() -> None:
    claim = Claim(text="grows", metric="gradient_growth", of="batchnorm", value={"at_most": 2})
    rows = trials(*scores("batchnorm", *({0.1: value} for value in (0.9, 0.9, 0.1))))
    rates = Judging(most=12, seeds=[0, 1, 2], rates={"batchnorm": [0.1]})
    assert not _collapses(SeedClaim("0", claim, ""), rows, rates, 0.5)
    score = claim.model_copy(update={"metric": "test_score"})
    assert _collapses(SeedClaim("0", score, ""), rows, rates, 0.5)
