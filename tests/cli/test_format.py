import math
from pathlib import Path

import pytest

from bnbench.analysis.labels import format_duration
from bnbench.cli.format import _interval, _spread, format_answer, format_columns, format_verdicts
from support.kept import compared


def test_columns_line_up() -> None:
    assert format_columns(["a", "long"], [[1, "x"], ["wide", ""]]) == "a     long\n1     x\nwide"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (90, "2 min"), (3600, "60 min"), (9000, "2.5 h")]
)
def test_durations_have_the_unit_that_fits(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


def test_a_spread_is_shown_if_there_is_one() -> None:
    assert _spread(0.98141, 0.0016) == "0.9814 ± 0.0016"
    assert _spread(0.5, math.nan) == "0.5000"
    assert _spread(math.nan, math.nan) == "not finite"


def test_the_answer_ends_with_diagnoses(tmp_path: Path) -> None:
    healthy = format_answer(compared(tmp_path / "healthy", {"plain": [[0.8], [0.9]]}))
    assert "iagnos" not in healthy
    sick = format_answer(compared(tmp_path / "sick", {"plain": [[0.9], ["constant"]]})).splitlines()
    first = sick.index("Diagnoses (their usual cures are in the report):")
    assert sick[first + 1].startswith("- constant predictions: plain at 0.1: 1 of 1 trials; ")
    assert sick[first + 2].startswith("- dead units: plain at 0.1: 1 of 1 trials; ")


def test_an_estimate_with_and_without_its_interval() -> None:
    assert _interval(0.21, 0.18, 0.24) == "0.21, 0.18 .. 0.24"
    assert _interval(10.0, 1.0, math.inf) == "10, 1 .. inf"
    assert _interval(0.5, math.nan, math.nan) == "0.5"
    assert _interval(math.nan, math.nan, math.nan) == "unknown"


def test_verdicts_say_where_a_claim_comes_from(tmp_path: Path) -> None:
    claim = {"text": "x", "metric": "ok", "of": "plain", "probability": {"at_least": 0.5}}
    marked = [claim | {"basis": "said", "source": "source 002, part C"}, claim]
    results = compared(tmp_path / "marked", {"plain": [[0.8] * 3]}, claims=marked)
    header, first, second, explained = format_verdicts(results.claims, "accuracy").splitlines()
    assert header.split()[:3] == ["verdict", "claim", "basis"]
    assert "x      said (source 002, part C)  ok of plain" in first
    assert "said" not in second
    assert explained.startswith("Basis: said is in a source's own words")
    results = compared(tmp_path / "plain", {"plain": [[0.8] * 3]}, claims=[claim])
    assert "asis" not in format_verdicts(results.claims, "accuracy")
