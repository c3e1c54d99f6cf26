"""What a notebook shows for results."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import bnbench
from bnbench.report import notebook
from bnbench.report.headline.answer import make_answer
from bnbench.results.results import Results
from support.figures import CELLS
from support.kept import compared

CLAIM = {"text": "it <b>helps</b> & more", "metric": "ok", "of": "plain", "probability": {"at_least": 0.5}}
VOID = {"br"}


class Page(HTMLParser):
    """Collects the tags and the text of a part of a page, and checks that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert {name for name, _ in attributes} <= {"class", "scope"}
        if tag == "tr":
            self.rows.append([])
        if tag in {"th", "td"}:
            self.rows[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data
        if self.open and self.open[-1] in {"th", "td"}:
            self.rows[-1][-1] += data


def shown(folder: Path, *cells: Any, **changes: Any) -> tuple[Results, Page]:
    compared(folder, *(cells or (CELLS,)), **changes)
    results = bnbench.open(folder)
    html = results._repr_html_()
    assert html
    return results, Page(html)


def test_the_answer_the_variants_and_the_files_are_shown(tmp_path: Path) -> None:
    results, page = shown(tmp_path, title="My title")
    assert "My title" in page.text
    assert "tiny: 8 of 8 trials, up to 2 seeds a rate" in page.text
    assert all(sentence in page.text for sentence in make_answer(results).sentences)
    assert page.rows == [
        [
            "variant",
            "test accuracy",
            "95% interval",
            "minus plain, points",
            "95% interval of that",
            "best rate",
            "trains well up to",
            "at all up to",
        ],
        ["batchnorm", "92.5%", "needs 3 seeds", "+2.5", "needs 3 seeds", "0.1", "0.1", "0.1"],
        ["plain", "90.0%", "needs 3 seeds", "baseline", "baseline", "0.1", "0.1", "0.1"],
    ]
    assert f"In {tmp_path}: config.yaml, trials.db" in page.text


def test_claims_are_shown_and_text_of_a_config_is_escaped(tmp_path: Path) -> None:
    _, page = shown(tmp_path, title="</style><script>alert(1)</script>", claims=[CLAIM])
    assert "</style><script>alert(1)</script>" in page.text
    assert [row[1] for row in page.rows[3:]] == ["claim", "it <b>helps</b> & more"]
    assert not {"script", "b", "img", "a", "link", "iframe"} & set(page.tags)


def test_nothing_is_loaded_and_colors_are_those_of_the_notebook(tmp_path: Path) -> None:
    compared(tmp_path, CELLS)
    html = bnbench.open(tmp_path)._repr_html_()
    assert not re.search(r"https?:|url\(|@import|src=|href=| on\w+=", html)
    style = html[html.index("<style>") : html.index("</style>")]
    # Text inherits its color, also in tables, which would else be black on some pages. Lines are a transparent gray.
    assert set(re.findall(r"(?<![\w-])(?:color|background)[\w-]*: *(\w+)", style)) == {"inherit"}
    assert "#" not in style
    assert all(line.startswith((".bnbench-results", "<style>")) for line in style.strip().splitlines())


def test_long_tables_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notebook, "MAX_ROWS", 1)
    _, page = shown(tmp_path, CELLS, CELLS)
    assert len(page.rows) == 1 + 1
    assert page.rows[0][0] == "units"
    assert "1 of 2 rows; the report has all" in page.text


@pytest.mark.parametrize("end", [None, "failed", "nonfinite"])
def test_results_without_scores_are_shown(tmp_path: Path, end: str | None) -> None:
    _, page = shown(tmp_path, {"plain": [[end, end]], "batchnorm": [[end, end]]})
    assert "tiny: " in page.text


def test_a_missing_config_is_no_problem(tmp_path: Path) -> None:
    compared(tmp_path, CELLS)
    (tmp_path / "config.yaml").unlink()
    assert "8 of 8 trials" in Page(bnbench.open(tmp_path)._repr_html_()).text
