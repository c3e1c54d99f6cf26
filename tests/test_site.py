"""What the site makes from files of the repository: links, pages, the gallery, and one sentence for each experiment."""

import math
import os
import re
from pathlib import Path

import pandas as pd
import pytest

from bnbench.commands.experiment_files import list_experiments
from bnbench.config.smoke import SUFFIX
from bnbench.results.digest import Digest
from bnbench_docs.command_help import help_markup
from bnbench_docs.finding import describe_claim, describe_finding, describe_scores
from bnbench_docs.links import move_links, site_links
from bnbench_docs.pages import rendered_pages, site_pages, write_pages
from support.paths import CONFIGS, ROOT

GALLERY = ROOT / "docs" / "experiments" / "index.md"
TARGET = re.compile(r"\]\(([^()\s#]+)(?:#[^()\s]*)?\)")
CLAIM = {
    "text": "It allows higher rates.",
    "metric": "edge",
    "of": "batchnorm",
    "over": "plain",
    "across": "",
    "epoch": math.nan,
    "rounds": math.nan,
    "bound": "ratio at least 1",
    "estimate": 5.5556,
    "low": 3.0864,
    "high": 10.0,
    "n": 5.0,
    "verdict": "supported",
    "verdict_text": "supported",
}


@pytest.fixture(scope="module")
def pages() -> dict[Path, str]:
    return rendered_pages(ROOT)


def test_a_moved_text_links_to_the_same_files() -> None:
    text = "[a](b.md#c) ![d](plots/e.png) [f](https://g.org/h) [i](#j) `[k](l)`\n\n```sh\n[m](n)\n```\n"
    moved = move_links(text, Path("/r/results/leaf/report.md"), Path("/r/docs/experiments/leaf.md"))
    assert moved == (
        "[a](../../results/leaf/b.md#c) ![d](../../results/leaf/plots/e.png) [f](https://g.org/h) [i](#j) `[k](l)`"
        "\n\n```sh\n[m](n)\n```\n"
    )


def test_links_to_files_of_the_repository_lead_to_their_pages() -> None:
    pages = {Path("/r/README.md"): "/r/docs/index.md", Path("/r/configs/leaf.yaml"): "/r/docs/experiments/leaf.md#file"}
    text = "[a](../README.md#b) [c](../configs/leaf.yaml) [d](../LICENSE)"
    assert (
        site_links(text, Path("/r/docs/x.md"), pages) == "[a](index.md#b) [c](experiments/leaf.md#file) [d](../LICENSE)"
    )


def test_every_experiment_has_a_page_and_is_in_the_gallery(pages: dict[Path, str]) -> None:
    gallery = pages[GALLERY]
    for name, config in list_experiments(CONFIGS).items():
        assert f"({name}.md)" in gallery, name
        page = pages[GALLERY.parent / f"{name}.md"]
        assert f"{os.path.relpath(config, GALLERY.parent)}\n:language: yaml" in page, name


def test_every_experiment_with_results_has_a_figure_and_a_finding(pages: dict[Path, str]) -> None:
    run = [path.parent.name for path in (ROOT / "results").glob("*/run.json")]
    run = [name for name in run if not name.endswith(SUFFIX)]
    assert len(run) > 30
    cards = pages[GALLERY].split(":::{container} card\n")[1:]
    assert len(cards) == len(run)
    for card in cards:
        figure, title, finding, counts, *_ = card.strip().split("\n\n")
        # The folder of the gallery exists only where the site has been built.
        target = os.path.normpath(GALLERY.parent / TARGET.search(figure)[1])  # type: ignore[index]
        assert Path(target).is_file(), card
        assert TARGET.search(title)[1].removesuffix(".md") in run, card  # type: ignore[index]
        assert finding.startswith(("Supported: ", "Refuted: ", "Open", "Mean test ")), card
        assert finding.endswith("."), card
        assert " trials" in counts, card


def test_the_links_of_made_pages_lead_to_files(pages: dict[Path, str]) -> None:
    known = {*pages, ROOT / "docs" / "index.md"}
    for page, text in pages.items():
        shown = re.sub(
            r"^```.*?^```$|`[^`\n]*`", "", site_links(text, page, site_pages(ROOT)), flags=re.DOTALL | re.MULTILINE
        )
        for target in TARGET.findall(shown):
            path = Path(os.path.normpath(page.parent / target))
            assert re.match(r"[a-z]+:", target) or path in known or path.exists(), (page.name, target)


def test_the_front_page_links_to_pages(pages: dict[Path, str]) -> None:
    front = ROOT / "docs" / "index.md"
    targets = [front.parent / target for target in TARGET.findall(front.read_text(encoding="utf-8"))]
    assert len(targets) > 5
    assert [target for target in targets if not target.is_file() and target not in pages] == []


def test_pages_are_written_once_and_removed_with_their_experiment(tmp_path: Path) -> None:
    for file in ("CONTRIBUTING.md", "CHANGELOG.md", "results/README.md", "benchmarks/results/README.md"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text("# A\n\n[b](CHANGELOG.md)\n", encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "configs").mkdir()
    for name in ("a", "b"):
        (tmp_path / "configs" / f"{name}.yaml").write_text(f"title: About {name}\n", encoding="utf-8")
    write_pages(tmp_path)
    page = tmp_path / "docs" / "experiments" / "a.md"
    written = page.stat().st_mtime_ns
    (tmp_path / "configs" / "b.yaml").unlink()
    write_pages(tmp_path)
    assert page.stat().st_mtime_ns == written
    assert [path.name for path in sorted(page.parent.iterdir())] == ["a.md", "index.md", "results.md"]
    assert (tmp_path / "docs" / "contributing.md").read_text(encoding="utf-8") == "# A\n\n[b](../CHANGELOG.md)\n"
    assert "About a" in page.read_text(encoding="utf-8")


def test_a_claim_is_told_with_its_metric_and_interval() -> None:
    told = (
        "Supported: It allows higher rates (edge of batchnorm over plain: 5.6 times, 95% interval 3.1 to 10, 5 seeds)."
    )
    assert describe_claim(CLAIM, "accuracy") == told


def test_scores_are_percentages_and_their_differences_are_points() -> None:
    score = {"metric": "test_score", "estimate": 0.0081, "low": -0.0062, "high": 0.0223}
    score |= {"verdict": "inconclusive", "verdict_text": "open (about 19 seeds)"}
    told = describe_claim({**CLAIM, **score, "text": "It is better", "bound": "difference at least 0"}, "accuracy")
    assert (
        told == "Open (about 19 seeds): It is better (test accuracy of batchnorm over plain: "
        "+0.8 points, 95% interval -0.6 to 2.2, 5 seeds)."
    )
    told = describe_claim({**CLAIM, **score, "text": "It is good", "over": "", "bound": "value at least 0"}, "R²")
    assert told == "Open (about 19 seeds): It is good (test R² of batchnorm: 0.8%, 95% interval -0.6 to 2.2%, 5 seeds)."


def test_a_claim_without_an_interval_or_a_value_has_none() -> None:
    one_seed = {"low": math.nan, "high": math.nan, "n": 1.0}
    assert describe_claim({**CLAIM, **one_seed}, "accuracy").endswith(
        "(edge of batchnorm over plain: 5.6 times, 1 seed)."
    )
    assert describe_claim({**CLAIM, **one_seed, "estimate": math.nan}, "").endswith("It allows higher rates.")
    assert "3.09 to inf" in describe_claim({**CLAIM, "high": math.inf}, "accuracy")


def test_the_first_decided_claim_is_told() -> None:
    rows = [
        {**CLAIM, "text": "First", "verdict": "inconclusive", "verdict_text": "open"},
        {**CLAIM, "text": "Second", "verdict": "refuted", "verdict_text": "refuted"},
    ]
    digest = Digest("x", "", 1, 1, 0, 1.0, claims=pd.DataFrame(rows))
    assert describe_finding(digest, pd.DataFrame()).startswith("Refuted: Second (")


def test_scores_are_those_of_the_rate_that_validation_chose() -> None:
    cells = [("plain", 0.1, 0.90, 0.91), ("plain", 1.0, 0.80, 0.99), ("bn", 0.1, 0.70, 0.71), ("bn", 1.0, 0.95, 0.94)]
    columns = ["variant", "learning_rate", "validation_score_mean", "test_score_mean"]
    summary = pd.DataFrame(cells, columns=columns).assign(n=5)
    told = "Mean test accuracy, each at its own best rate: plain 91.0%, bn 94.0% (5 seeds)."
    assert describe_scores(summary, "accuracy") == told


def test_scores_with_a_further_axis_are_a_range() -> None:
    cells = [("plain", 1, 0.1, 0.9, 0.91), ("plain", 2, 0.1, 0.5, 0.52)]
    columns = ["variant", "model.params.depth", "learning_rate", "validation_score_mean", "test_score_mean"]
    summary = pd.DataFrame(cells, columns=columns).assign(n=1)
    told = "Mean test accuracy, each at its own best rate over 2 settings of depth: plain 52.0% to 91.0% (1 seed)."
    assert describe_scores(summary, "accuracy") == told


def test_examples_in_a_help_are_code_and_the_rest_is_text() -> None:
    lines = ["Reads *.csv and `a*b`, never name_.", "", "| bnbench run a.yaml    one", "| bnbench run *.yaml", ""]
    assert help_markup(lines) == [
        "Reads \\*.csv and ``a*b``, never name\\_.",
        "",
        "",
        ".. code-block:: text",
        "",
        "   bnbench run a.yaml    one",
        "   bnbench run *.yaml",
        "",
        "",
    ]


def test_a_notebook_is_a_page() -> None:
    pytest.importorskip("myst_parser", reason="the extra `docs` is not installed")
    from bnbench_docs.notebook import notebook_markdown

    cells = '[{"cell_type": "markdown", "source": ["# A\\n", "b"]}, {"cell_type": "code", "source": "c = 1"}]'
    assert notebook_markdown(f'{{"cells": {cells}}}') == "# A\nb\n\n```python\nc = 1\n```\n"
    assert notebook_markdown("# A\n") == "# A\n"
