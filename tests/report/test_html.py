import base64
import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bnbench.report import write
from bnbench.report.document import Picture, make_document
from bnbench.report.html import mark_code, render_html
from bnbench.results.results import Results
from bnbench.store import results_dir
from support.kept import Cells, compared
from support.stored import MIXED, finished

CELLS: Cells = {"plain": [[0.8], [0.9]], "batchnorm": [[0.8], [0.9]]}
PICTURE = Picture("plots/rates.png", "Score against rate", "aGVsbG8=", 400)
PACKED = re.compile(r'<script type="application/gzip" id="plotly">(.*?)</script>', re.DOTALL)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    published = {"source": "https://example.org/a", "variant": "plain", "metric": "test_score", "value": 0.8}
    return compared(
        tmp_path_factory.mktemp("stored"), CELLS, published=[published | {"note": "<img src=http://x/y.png>"}]
    )


@pytest.fixture(scope="module")
def html(results: Results) -> str:
    return render_html(make_document(results, [PICTURE]))


def held(html: str) -> Any:
    """The data of the figure."""
    result = re.search(r'<script type="application/json" id="data">(.*?)</script>', html, re.DOTALL)
    assert result
    return json.loads(result[1])


def test_nothing_on_the_page_is_fetched(html: str) -> None:
    own = PACKED.sub("", html)
    assert own != html
    assert (
        re.findall(r"(?:src|href|action|poster)\s*=\s*[\"']?((?!#|data:)[^\"'>\s]+)", re.sub("&lt;.*?&gt;", "", own))
        == []
    )
    assert not re.search(r"<(?:link|iframe|object|embed|base|meta http-equiv=.refresh)", own)
    assert not re.search(r"@import|url\(", own)
    assert not re.search(r"\b(?:fetch|XMLHttpRequest|WebSocket|importScripts|import)\s*\(", own)


def test_the_content_policy_refuses_everything_from_elsewhere(html: str) -> None:
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="(.*?)"', html)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert not re.search(r"https?:|\*", policy)
    assert html.index("Content-Security-Policy") < html.index("<style>") < html.index("<script")


def test_text_of_a_config_is_escaped(html: str) -> None:
    assert "&lt;img src=http://x/y.png&gt;" in html
    assert "<img src=http" not in html


def test_code_between_backticks_is_marked_and_all_else_is_escaped() -> None:
    assert mark_code("`a b` <b>") == "<code>a b</code> &lt;b&gt;"
    assert mark_code("`<i>` and one ` alone") == "<code>&lt;i&gt;</code> and one ` alone"


def test_the_packed_library_is_that_of_its_package(html: str) -> None:
    (packed,) = PACKED.findall(html)
    assert b"plotly.js v" in gzip.decompress(base64.b64decode(packed))[:200]


def test_the_page_holds_the_data_of_its_figure(html: str, results: Results) -> None:
    assert held(html) == make_document(results, []).data
    assert "of 4 trials are in this page" not in html


def test_a_script_in_a_name_does_not_end_the_data(tmp_path: Path) -> None:
    named = "</script><script>"
    found = compared(tmp_path, {"plain": [[0.9]]}, {"plain": [[0.9]]}, sweep__grid={"model.params.units": [4, 5]})
    document = make_document(found, [])
    document.data["settings"][0] = named
    assert held(render_html(document))["settings"] == [named, "units 5"]


def test_trials_without_curves_are_counted(html: str, results: Results) -> None:
    document = make_document(results, [])
    document.data["curves"][1:] = [None] * 3
    assert "The curves of 1 of 4 trials are in this page; history.csv has all." in render_html(document)


def test_pictures_are_embedded_and_have_alternative_text(html: str) -> None:
    assert '<img src="data:image/png;base64,aGVsbG8=" alt="Score against rate" width="400">' in html
    assert all(f'id="{part}"' in html for part in ("answer", "figure", "variants", "rates", "published", "figures"))


def test_diagnoses_are_linked_from_the_answer(html: str, tmp_path: Path) -> None:
    assert "iagnos" not in PACKED.sub("", html)
    result = render_html(make_document(compared(tmp_path, {"plain": [[0.9], ["constant"]]}), []))
    assert '<a href="#diagnosis-1">constant predictions</a>, <a href="#diagnosis-2">dead units</a>' in result
    assert '<h3 id="diagnosis-2">Dead units</h3>' in result
    assert "<li>plain at 0.1: 1 of 1 trials; 100.0% of the units of activation_0</li>" in result
    assert result.count("Usual cures: ") == 2
    assert result.index('id="care"') < result.index('id="diagnoses"')


def test_the_same_results_give_the_same_page(html: str, results: Results) -> None:
    assert render_html(make_document(Results(results.folder), [PICTURE])) == html


def test_a_page_with_all_figures_is_small_enough_to_send(tmp_path: Path) -> None:
    write.write_report(finished(tmp_path, MIXED), kinds=("png",))
    assert (tmp_path / results_dir.REPORT).stat().st_size < 6e6


@pytest.mark.parametrize("end", [None, "failed"])
def test_an_empty_experiment_gives_a_page_with_a_sentence(tmp_path: Path, end: str | None) -> None:
    result = render_html(make_document(compared(tmp_path, {"plain": [[end]]}), []))
    assert '<p class="answer lead">No trial has finished yet.</p>' in result
    assert held(result) == {}
    assert not PACKED.search(result)
    assert 'id="figure"' not in result
    assert "1 thing to keep in mind" in result


def test_cells_have_the_number_that_they_are_sorted_by(html: str) -> None:
    assert '<td class="number" data-value="0.01">0.01</td>' in html
    assert "nan" not in re.findall(r'data-value="(.*?)"', html)
