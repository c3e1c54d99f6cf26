"""A report scores the edges that were predicted before the sweep."""

from pathlib import Path
from typing import Any

import pytest

from bnbench.cli.format import format_answer
from bnbench.planning.predictors.types import NONE_PASSES
from bnbench.planning.rate_guess import RateGuess
from bnbench.report.document import make_document, render_markdown
from bnbench.report.headline.answer import make_answer
from bnbench.report.html import render_html
from bnbench.report.tables.guesses import guesses_table
from bnbench.report.tables.table import Table
from bnbench.results.results import Results
from bnbench.store import store
from support.examples import make_plan
from support.kept import Cells, compared

# Plain trains up to 0.1 in all three seeds, and batchnorm at all four rates: no training bounds its edge.
CELLS: Cells = {
    "plain": [[0.9] * 3, [0.8] * 3, [0.4] * 3, [0.4] * 3],
    "batchnorm": [[0.8] * 3, [0.9] * 3, [0.9] * 3, [0.9] * 3],
}
TITLE = "Predicted before the sweep"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with trials, without guesses."""
    made = tmp_path_factory.mktemp("results")
    compared(made, CELLS)
    return made


def guessed(folder: Path, *found: tuple[str, float | None, float | None]) -> Results:
    """Return the results with guesses: a predictor, and what it found for both variants; None: no rate passes."""
    programs = {row["variant"]: row["program"] for row in _planned(folder)}
    with store.open_for_writing(folder) as opened:
        for predictor, *rates in found:
            for variant, rate in zip(("plain", "batchnorm"), rates, strict=True):
                reason = NONE_PASSES if rate is None else ""
                guess = RateGuess(programs[variant], predictor, 0, rate, reason, 0.0, 700, 1000, 1.5)
                opened.add_rate_guesses([guess])
    return Results(folder)


def _planned(folder: Path) -> list[dict[str, Any]]:
    with store.open_for_reading(folder) as opened:
        return [{"variant": row["variant"], "program": row["program"]} for row in opened.known_rows()]


def texts(table: Table | None, name: str) -> list[str]:
    assert table is not None
    at = list(table.header).index(name)
    return [row[at].text for row in table.rows]


def test_without_guesses_nothing_is_shown(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS)
    assert guesses_table(results) is None
    assert results.rate_guesses.empty
    assert results.guess_scores.empty
    for shown in (render_markdown(make_document(results, [])), format_answer(results)):
        assert TITLE not in shown
        assert "Before the sweep" not in shown


def test_each_guess_is_next_to_the_edge_of_the_sweep(folder: Path) -> None:
    results = guessed(folder, ("constant", 1.0, 10.0), ("range-test", None, 0.1))
    table = guesses_table(results)
    assert texts(table, "variant") == ["plain", "plain", "batchnorm", "batchnorm"]
    assert texts(table, "predictor") == ["100 steps at constant rates", "range test"] * 2
    assert texts(table, "predicted edge") == ["1", "not known: no rate passes", "10", "0.1"]
    edge = results.variants.set_index("variant").loc["plain", "edge"]
    # Halfway between 0.1 and 1, within a step of the lattice.
    assert edge == pytest.approx(0.32, rel=0.1)
    assert texts(table, "off by, decades")[1:] == ["no prediction", "edge not bounded", "edge not bounded"]
    assert results.rate_guesses["edge_error"].iloc[0] == pytest.approx(0.5, abs=0.04)
    # The best rates are 0.01 and 0.1; at 1 plain is 50 points worse.
    assert texts(table, "above it, decades") == ["+2.00", "no prediction", "+2.00", "+0.00"]
    assert texts(table, "regret") == ["50.0", "no prediction", "0.0", "0.0"]
    assert texts(table, "steps (trainings)") == ["700 (0.7)"] * 4


def test_the_scores_of_each_predictor_are_in_the_caption_and_one_line_is_in_the_answer(folder: Path) -> None:
    results = guessed(folder, ("constant", 1.0, 10.0), ("range-test", None, 0.1))
    table = guesses_table(results)
    assert table is not None
    assert "100 steps at constant rates: against the edge (n = 1) bias +0." in table.caption
    assert "mean regret 25.0 points" in table.caption
    # No edge that the range test predicted is bounded.
    assert "Range test" not in table.caption
    (line,) = [one for one in make_answer(results).sentences if one.startswith("Before the sweep")]
    assert "100 steps at constant rates predicted 1 edge to a factor of 3." in line


def test_all_forms_of_a_report_have_the_section(folder: Path) -> None:
    results = guessed(folder, ("constant", 1.0, 10.0))
    document = make_document(results, [])
    for shown in (render_markdown(document), render_html(document), format_answer(results)):
        assert TITLE in shown
        assert "100 steps at constant rates" in shown


def test_guesses_of_each_value_of_an_axis(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS, CELLS)
    plan = make_plan(
        variants={"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
        sweep__learning_rate=[0.01, 0.1, 1.0, 10.0],
        sweep__seeds=3,
        sweep__grid={"model.params.units": [4, 5]},
    )
    keys = {(one.variant, one.axes["model.params.units"]): one.program.key for one in plan.cohorts}
    with store.open_for_writing(tmp_path) as opened:
        guess = RateGuess(keys["plain", 5], "constant", 0, 0.1, "", 0.0, 700, 1000, 1.5)
        opened.add_rate_guesses([guess])
    results = Results(tmp_path)
    table = guesses_table(results)
    assert texts(table, "units") == ["5"]
    assert results.rate_guesses["edge_error"].notna().all()
    assert any("predicted 1 edge" in one for one in make_answer(results).sentences)
