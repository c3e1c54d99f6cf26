from pathlib import Path
from typing import Any

import pytest

from bnbench.cli.format import format_answer
from bnbench.report.document import make_document, render_markdown
from bnbench.report.headline.answer import make_answer
from bnbench.report.html import render_html
from bnbench.report.notebook import render_summary
from support.kept import Cells, compared

PLAIN = [[0.90, 0.91, 0.92, 0.93, 0.94]]
# -1 to 3 points better: SD 1.58 points, half-width 1.96 points.
UNSURE: Cells = {"plain": PLAIN, "batchnorm": [[0.89, 0.91, 0.93, 0.95, 0.97]]}
# 4 points more.
BETTER: Cells = {"plain": PLAIN, "batchnorm": [[0.93, 0.95, 0.97, 0.99, 1.01]]}
LINE = (
    "5 seeds: differences of 2.7 points or more are found four times in five. For an interval of ±1 points: 13 seeds, "
    "probably 9 to 26."
)
SCORE: dict[str, Any] = {"text": "x", "metric": "test_score", "of": "batchnorm", "difference": {"at_least": 0}}


def test_the_line_says_what_the_seeds_can_show_and_what_half_the_width_takes(tmp_path: Path) -> None:
    found = make_answer(compared(tmp_path, UNSURE))
    # As `bnbench power --within 0.01` says: tests/commands/test_power.py.
    assert found.power == LINE
    assert found.is_open


def test_every_report_has_the_line_and_a_run_that_leaves_something_open(tmp_path: Path) -> None:
    results = compared(tmp_path / "unsure", UNSURE)
    document = make_document(results, [])
    assert "found four times in five" in render_html(document)
    assert "found four times in five" in render_markdown(document)
    assert "found four times in five" in render_summary(results)
    assert LINE in format_answer(results)
    decided = compared(tmp_path / "better", BETTER)
    assert "found four times in five" in render_markdown(make_document(decided, []))
    assert "found four times in five" not in format_answer(decided)
    # A claim is open.
    claim = SCORE | {"difference": {"at_least": 0.04}}
    assert "found four times in five" in format_answer(compared(tmp_path / "claim", BETTER, claims=[claim]))


def test_the_width_is_that_of_a_rope(tmp_path: Path) -> None:
    found = make_answer(compared(tmp_path / "narrow", UNSURE, claims=[SCORE | {"rope": 0.015}]))
    assert "For an interval of ±1.5 points: 7 seeds" in found.power
    # The interval is narrower already.
    wide = make_answer(compared(tmp_path / "wide", UNSURE, claims=[SCORE | {"rope": 0.02}]))
    assert "For an interval of ±1 points" in wide.power


def test_of_several_variants_the_line_names_the_best(tmp_path: Path) -> None:
    cells: Cells = {**UNSURE, "layernorm": [[0.90, 0.92, 0.94, 0.96, 0.99]]}
    found = make_answer(compared(tmp_path, cells, variants={name: NORMS[name] for name in cells}))
    assert "points or more between layernorm and plain are found" in found.power


NORMS = {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}, "layernorm": {"norm": "layer"}}


@pytest.mark.parametrize("seeds", [1, 2])
def test_without_a_spread_there_is_no_line(tmp_path: Path, seeds: int) -> None:
    cells: Cells = {name: [rows[0][:seeds]] for name, rows in UNSURE.items()}
    assert make_answer(compared(tmp_path, cells)).power == ""
    assert make_answer(compared(tmp_path / "alone", {"plain": PLAIN})).power == ""


def test_the_headline_says_that_a_difference_is_too_small_to_matter(tmp_path: Path) -> None:
    # 1 point, SD 1.58 points: -0.5 to 2.5 points at 90%.
    same = make_answer(compared(tmp_path / "same", UNSURE, claims=[SCORE | {"rope": 0.03}]))
    assert same.sentences[0].startswith("batchnorm and plain show no relevant difference: 93.0% against 92.0%")
    assert "a difference of +1.0 points (rope ±3 points; 95% interval -1.0 to 3.0, 5 paired seeds)" in same.sentences[0]
    assert not [line for line in same.open if "better than plain" in line]
    assert not same.is_open
    small = make_answer(compared(tmp_path / "small", BETTER, claims=[SCORE | {"rope": 0.1}]))
    assert small.sentences[0].startswith(
        "batchnorm is better than plain by 5.0 points, too little to matter (rope ±10 points; 95% interval"
    )
    # A rope of another comparison changes nothing.
    other = make_answer(compared(tmp_path / "other", UNSURE, claims=[SCORE | {"rope": 0.03, "at": 0.01}]))
    assert other.sentences[0].startswith("batchnorm is not shown to be better or worse than plain")
