"""Scores of numbers are R² in every text, and words of the user that contain "accuracy" stay as they are."""

import json
from pathlib import Path

import pytest
from matplotlib.text import Text

from bnbench.cli.format import format_answer, format_comparison, format_trials, format_verdicts
from bnbench.errors import ResultsError
from bnbench.report import write
from bnbench.report.document import make_document, render_markdown
from bnbench.report.figures.gallery import draw_figures
from bnbench.report.html import render_html
from bnbench.results import compare, query
from bnbench.results.digest import make_digest, read_digest
from bnbench.results.results import Results
from support.examples import facts
from support.kept import compared

VARIANT = "high-accuracy"
TITLE, TEXT = "accuracy of high-accuracy", "high-accuracy has the higher accuracy"
SOURCE, NOTE = "Table of accuracy", "an accuracy, read off a figure"
WORDS = (TITLE, TEXT, SOURCE, NOTE, VARIANT)
SETTINGS = {
    "of": facts(rows=75, classes=0),
    "title": TITLE,
    "model": {"layers": [{"dense": 4}, "norm", {"dense": 1}]},
    "train__loss": "mse",
    "claims": [{"text": TEXT, "metric": "test_score", "of": VARIANT, "difference": {"at_least": 0.0}}],
    "published": [{"source": SOURCE, "variant": VARIANT, "metric": "test_score", "value": 0.7, "note": NOTE}],
}
CELLS = {"plain": [[0.7, 0.75, 0.8], [0.8, 0.9, 0.7]], VARIANT: [[0.8, 0.85, 0.9], [0.9, 0.95, 0.99]]}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return compared(tmp_path_factory.mktemp("numbers"), CELLS, **SETTINGS)


def assert_named(text: str, *words: str) -> None:
    """The words of the user are there, all other text speaks of R²."""
    for word in words:
        assert word in text
        text = text.replace(word, "")
    assert "R²" in text
    assert "accuracy" not in text


def test_tables_say_which_score_they_have(results: Results) -> None:
    assert results.score_name == "R²"
    assert set(results.trials["score_name"]) == set(results.summary["score_name"]) == {"R²"}
    assert results.trials["variant"].unique().tolist() == ["plain", VARIANT]


def test_the_answer_of_a_run(results: Results) -> None:
    assert_named(format_answer(results), TEXT, VARIANT)


def test_claims_and_trials_in_a_terminal(results: Results) -> None:
    assert_named(format_verdicts(results.claims, results.score_name), TEXT, VARIANT)
    table = format_trials(results.trials[query.shown_columns(results.trials)])
    assert VARIANT in table
    assert "accuracy" not in table.replace(VARIANT, "")


def test_the_report_as_markdown(results: Results) -> None:
    document = make_document(results, [])
    text = render_markdown(document).replace("\\", "")
    assert_named(text.partition("## How to get this again")[0], *WORDS)


def test_the_report_as_html(results: Results) -> None:
    page = render_html(make_document(results, []))
    assert all(word in page for word in WORDS)
    assert "high-R²" not in page
    assert "R² regret" in page


def test_figures(results: Results) -> None:
    texts = [one.caption for one in draw_figures(results)]
    texts += [text.get_text() for one in draw_figures(results) for text in one.figure.findobj(Text)]
    assert_named("\n".join(texts), VARIANT)


def test_comparisons(results: Results, tmp_path: Path) -> None:
    other = compared(tmp_path, CELLS, **SETTINGS)
    comparison = compare.compare_results(results.folder, other.folder, "validation_score")
    assert_named(format_comparison(comparison, "a", "b"), VARIANT)
    assert json.loads(compare.comparison_as_json(comparison))["score_name"] == "R²"


def test_the_digest(results: Results) -> None:
    write.write_report(results.folder, ["png"])
    digest = read_digest(results.folder)
    assert digest is not None
    assert (digest.score_name, digest.title) == ("R²", TITLE)
    assert digest.claims["text"].tolist() == make_digest(results).claims["text"].tolist() == [TEXT]


def test_scores_of_two_kinds_are_not_compared(results: Results, tmp_path: Path) -> None:
    of_classes = compared(tmp_path, CELLS)
    with pytest.raises(ResultsError, match=r"are R² and those of .* are accuracy: wanted scores of one kind"):
        compare.compare_results(results.folder, of_classes.folder, "validation_score")
