"""The section of the source's figures, in both reports."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import bnbench
from bnbench.report.document import UNSEEN, Document, Picture, SourcePicture, make_document, render_markdown
from bnbench.report.html import render_html
from bnbench.results.results import Results
from support.kept import Cells, compared

CELLS: Cells = {"plain": [[0.8], [0.9]], "batchnorm": [[0.8], [0.9]]}
HOSTILE = "<b>a</b> | [x](javascript:y)"
DRAWN = SourcePicture(
    "source 002, part A", HOSTILE, Picture("plots/source-1.png", "Ours: curves.", "aGVsbG8=", 300), ()
)
EMPTY = SourcePicture("source 004", "predictions", None, ("No trial of plain has finished.",))


@pytest.fixture
def document(tmp_path: Path) -> Document:
    return make_document(compared(tmp_path, CELLS), [], [DRAWN, EMPTY])


def test_markdown_has_each_figure_next_to_its_description(document: Document) -> None:
    text = render_markdown(document)
    section = text[text.index("## The source's figures") :]
    section = section[: section.index("\n## ", 5)]
    assert section.split("\n\n")[1] == UNSEEN
    parts = [line for line in section.splitlines() if line][2:]
    assert parts == [
        r"**source 002, part A**: \<b\>a\</b\> \| \[x\](javascript:y)",
        "![Ours: curves.](plots/source-1.png)",
        "**source 004**: predictions",
        "No trial of plain has finished.",
    ]


def test_the_page_has_each_figure_next_to_its_description(document: Document) -> None:
    page = render_html(document)
    section = page[page.index('<section id="sources"') :]
    section = section[: section.index("</section>")]
    text = re.sub(r"<[^>]*>", "", section).replace("&#39;", "'")
    assert text.count(UNSEEN) == 1
    assert (
        section.index("source 002") < section.index("&lt;b&gt;a") < section.index("<img") < section.index("source 004")
    )
    assert 'alt="Ours: curves."' in section
    assert section.count("<img") == 1
    assert "No trial of plain has finished." in text


def test_an_experiment_without_figures_of_a_source_has_no_such_section(document: Document) -> None:
    without = replace(document, sources=())
    assert "source's figures" not in render_markdown(without)
    assert 'id="sources"' not in render_html(without)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Results of a small network on generated distances, in meters."""
    folder = tmp_path_factory.mktemp("roads")
    config = folder / "roads.yaml"
    config.write_text(
        """
name: roads
data: {name: distance, limit: 40}
model: {layers: [{dense: 5}, norm, {activation: relu}, {dense: 1}, {activation: sigmoid}]}
variants: {plain: {norm: none}}
train: {epochs: 2, batch_size: 10, loss: mse, engine: graph}
sweep: {learning_rate: [0.01], seeds: 3}
claims:
  - {text: one number for all, metric: prediction_spread, of: plain, value: {at_most: 1}}
source_figures:
  - {source: source 004, description: one number for all rows, figure: predictions, points: [[13595, 26150.784]]}
  - {source: source 004, description: the loss stays the same, figure: all-curves, at: 0.01}
""",
        encoding="utf-8",
    )
    return bnbench.run(config, results_dir=folder, jobs=0)


def test_a_run_keeps_predictions_and_draws_them(trained: Results) -> None:
    assert (trained.folder / "plots" / "source-1.png").stat().st_size > 1000
    assert (trained.folder / "plots" / "source-2.svg").stat().st_size > 1000
    targets, predictions = trained.measurements("test_target"), trained.measurements("test_prediction")
    assert len(targets) == len(predictions) == 3 * 40
    # Meters, and a sigmoid.
    assert targets["value"].between(100, 60_000).all()
    assert predictions["value"].between(0, 1).all()
    spread = predictions.groupby("trial")["value"].agg(lambda values: values.max() - values.min())
    stored = trained.trials.set_index("trial")["prediction_spread"]
    assert stored.sort_index().tolist() == pytest.approx(spread.sort_index().tolist())
    text = (trained.folder / "report.md").read_text(encoding="utf-8")
    assert "(plots/source-1.png)" in text
    assert "**source 004**: the loss stays the same" in text
    assert 'alt="Ours: prediction against target' in (trained.folder / "report.html").read_text(encoding="utf-8")


def test_a_claim_about_the_spread_is_judged(trained: Results) -> None:
    (row,) = trained.claims.to_dict("records")
    assert (row["metric"], row["n"]) == ("prediction_spread", 3)
    assert 0 <= row["estimate"] < 1
