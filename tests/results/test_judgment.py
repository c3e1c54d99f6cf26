import math
from typing import Any

import pytest

from bnbench.analysis.evidence import MeanEvidence
from bnbench.analysis.sample_size import pairs_needed
from bnbench.config.expectations import Bound
from bnbench.results.findings import Finding
from bnbench.results.judgment import (
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
    Judgment,
    fits,
    is_negligible,
    is_open,
    joint_p,
    judge,
    lies_within,
    margin,
    parse_bound,
    verdict_of,
    verdict_text,
)

INF, NAN = math.inf, math.nan
AT_LEAST_0 = Bound(at_least=0)


@pytest.mark.parametrize(
    ("bound", "low", "high", "wanted"),
    [
        ({"at_least": 3}, 3.1, 9.0, "supported"),
        ({"at_least": 3}, 1.0, 2.9, "refuted"),
        ({"at_least": 3}, 2.0, 9.0, "inconclusive"),
        # The interval holds the bound
        ({"at_least": 3}, 3.0, 9.0, "inconclusive"),
        ({"at_least": 3}, 1.0, 3.0, "inconclusive"),
        # 0.10000000000000009
        ({"at_least": 0.1}, 0.8 - 0.7, 9.0, "inconclusive"),
        ({"at_least": 3}, 4.0, INF, "supported"),
        ({"at_least": 3}, INF, INF, "supported"),
        ({"at_least": 3}, NAN, NAN, "inconclusive"),
        ({"at_most": 3}, 1.0, 2.0, "supported"),
        ({"at_most": 3}, 4.0, 5.0, "refuted"),
        ({"at_least": 1, "at_most": 3}, 1.5, 2.5, "supported"),
        ({"at_least": 1, "at_most": 3}, 0.5, 2.5, "inconclusive"),
        ({"at_least": 1, "at_most": 3}, 0.5, 3.5, "inconclusive"),
        ({"at_least": 1, "at_most": 3}, 3.5, 4.0, "refuted"),
    ],
)
def test_the_verdict_follows_from_the_interval(bound: dict[str, float], low: float, high: float, wanted: str) -> None:
    assert verdict_of(Bound.model_validate(bound), low, high) == wanted


@pytest.mark.parametrize(
    ("verdict", "negligible", "seeds", "text"),
    [
        ("supported", False, NAN, "supported"),
        ("supported", True, NAN, "supported, too small to matter"),
        ("refuted", True, NAN, "refuted, too small to matter"),
        ("inconclusive", True, NAN, "no relevant difference"),
        ("inconclusive", False, 19.0, "open (about 19 seeds)"),
        ("inconclusive", False, 1000.0, "open (about 1000 seeds)"),
        ("inconclusive", False, INF, "open (over 1,000 seeds)"),
        ("inconclusive", False, NAN, "open"),
    ],
)
def test_a_verdict_has_words(verdict: str, negligible: bool, seeds: float, text: str) -> None:
    assert verdict_text(verdict, negligible, seeds) == text
    assert fits(verdict, text)
    assert not any(fits(other, text) for other in {"supported", "refuted", "inconclusive"} - {verdict})
    row = {"verdict": verdict, "verdict_text": text}
    assert (is_negligible(row), is_open(row)) == (negligible, text.startswith("open"))


@pytest.mark.parametrize("text", ["", "<img src=x>", "open (about seeds)", "supported, perhaps", "open\nx"])
def test_other_words_fit_no_verdict(text: str) -> None:
    assert not any(fits(verdict, text) for verdict in ("supported", "refuted", "inconclusive", "maybe"))


def test_an_interval_that_ends_at_the_end_of_the_rope_is_not_within() -> None:
    assert lies_within((-0.01, 0.01), 0.02)
    assert not lies_within((-0.01, 0.02), 0.02)
    assert not lies_within((NAN, NAN), 0.02)
    assert not lies_within((-INF, 0.0), 0.02)


def test_the_weakest_of_several_verdicts() -> None:
    ordered = [
        Judgment("refuted"), Judgment("refuted", True), Judgment("inconclusive"), Judgment("inconclusive", True),
        Judgment("supported", True), Judgment("supported"),
    ]  # fmt: skip
    assert sorted([*ordered[3:], *ordered[:3]], key=lambda one: one.strength) == ordered


def test_the_margin_is_the_distance_to_the_nearest_end_of_what_is_claimed() -> None:
    assert margin(Bound(at_least=0.5), 0.7) == pytest.approx(0.2)
    assert margin(Bound(at_most=0.5), 0.7) == pytest.approx(-0.2)
    assert margin(Bound(at_least=-0.1, at_most=0.5), 0.4) == pytest.approx(0.1)
    assert margin(Bound(at_least=0.5), NAN) == -INF


def test_without_other_levels_the_interval_itself_shows_equivalence() -> None:
    judged = judge(AT_LEAST_0, Finding(0.0, -0.01, 0.01, 5), rope=0.02)
    assert judged.text == "no relevant difference"
    assert math.isnan(judged.p_supported)
    assert judge(AT_LEAST_0, Finding(0.0, -0.01, 0.02, 5), rope=0.02).text == "open"


def test_the_seeds_are_those_for_the_bound_or_for_the_rope() -> None:
    def found(mean: float) -> Finding:
        # An SD of 1 point: the 95% interval is 1.24 points wide on either side.
        ends = mean - 2.776445 / math.sqrt(5), mean + 2.776445 / math.sqrt(5)
        return Finding(mean, *ends, 5, evidence=MeanEvidence(mean, *ends, 5))

    assert judge(AT_LEAST_0, found(1.0)).seeds == pairs_needed(1.0, 1.0) == 10
    assert judge(AT_LEAST_0, found(0.2)).seeds == pairs_needed(0.2, 1.0)
    # ((1.64 + 0.84) / (1.1 - 0.2))^2 = 7.6, and more with the quantiles of t
    assert 8 <= judge(AT_LEAST_0, found(0.2), rope=1.1).seeds <= 10


@pytest.mark.parametrize(
    ("verdicts", "supported", "refuted", "p"),
    [
        ((SUPPORTED, SUPPORTED), (0.01, 0.02), (1.0, 1.0), 0.02),
        # Where the level at one value is unknown, so is that of a claim that must hold at each of them.
        ((SUPPORTED, SUPPORTED), (0.01, NAN), (1.0, NAN), NAN),
        ((SUPPORTED, REFUTED), (0.01, 1.0), (1.0, 0.03), 0.03),
        # One value with a known level suffices to refute it, a value that does not refute it does not.
        ((REFUTED, REFUTED), (1.0, NAN), (0.03, NAN), 0.03),
        ((INCONCLUSIVE, REFUTED), (0.9, NAN), (0.6, NAN), NAN),
        ((SUPPORTED, INCONCLUSIVE), (0.01, 0.2), (1.0, 0.9), 0.2),
        ((SUPPORTED, INCONCLUSIVE), (0.01, NAN), (0.99, NAN), 0.99),
        ((INCONCLUSIVE,), (NAN,), (NAN,), NAN),
    ],
)
def test_one_level_for_several_values(verdicts: Any, supported: Any, refuted: Any, p: float) -> None:
    judged = [
        Judgment(verdict, False, NAN, *levels) for verdict, *levels in zip(verdicts, supported, refuted, strict=True)
    ]
    assert joint_p(judged) == pytest.approx(p, nan_ok=True)


def test_a_bound_is_read_from_its_words() -> None:
    for bound in (Bound(at_least=0.5), Bound(at_most=-1e-6), Bound(at_least=1, at_most=3)):
        assert parse_bound(f"difference {bound}") == ("difference", bound)
    assert parse_bound("") is None
