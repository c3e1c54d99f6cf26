import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bnbench.report.document import Document, Picture, make_document, render_markdown
from bnbench.report.tables.table import Cell, Table
from bnbench.results.diagnoses import Diagnosis
from bnbench.results.results import Results
from bnbench.store import results_dir
from support.kept import Cells, compared

CELLS: Cells = {"plain": [[0.8], [0.9]], "batchnorm": [[0.8], [0.9]]}
PICTURE = Picture("plots/rates.png", "Score against rate", "aGVsbG8=", 400, "rates")
HOSTILE = "<b>a</b> | [x](javascript:y) `c` *d* _e_ ~~f~~ &lt; $g$ \\h"
SAFE = r"\<b\>a\</b\> \| \[x\](javascript:y) \`c\` \*d\* \_e\_ \~\~f\~\~ \&lt; \$g\$ \\h"


def headings(text: str) -> list[str]:
    return re.findall(r"^## (.*)$", text, re.MULTILINE)


def test_it_says_which_experiment_and_how_much_of_it(tmp_path: Path) -> None:
    result = make_document(compared(tmp_path, CELLS, title="Two networks"), [PICTURE])
    assert (result.title, result.subtitle) == ("Two networks", "tiny: 4 of 4 trials, up to 1 seed a rate")
    assert len(result.answer.sentences) == 4
    assert result.pictures == [PICTURE]
    assert len(result.data["trials"]["seed"]) == 4
    assert "name: tiny" in result.config


def test_failed_trials_are_not_finished(tmp_path: Path) -> None:
    result = make_document(compared(tmp_path, {"plain": [[0.8, 0.9], ["failed", None]]}), [])
    assert result.subtitle == "tiny: 2 of 4 trials, up to 2 seeds a rate"


def test_without_a_title_it_is_the_name(tmp_path: Path) -> None:
    assert make_document(compared(tmp_path, CELLS), []).title == "tiny"


def test_without_a_config_it_is_the_folder(tmp_path: Path) -> None:
    compared(tmp_path, CELLS)
    (tmp_path / results_dir.CONFIG).unlink()
    result = make_document(Results(tmp_path), [])
    assert result.title == tmp_path.name
    assert result.config == "config.yaml cannot be read"


def test_the_environment_is_that_of_the_last_run_or_empty(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS)
    assert make_document(results, []).environment == "{}"
    results_dir.write_text(tmp_path / results_dir.ENVIRONMENT, '{"cpu": "Größe"}')
    assert json.loads(make_document(results, []).environment) == {"cpu": "Größe"}
    assert "Größe" in make_document(results, []).environment
    results_dir.write_text(tmp_path / results_dir.ENVIRONMENT, "[1, 2")
    assert make_document(results, []).environment == "{}"


def test_the_command_continues_in_the_same_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    here = compared(Path("results/tiny"), CELLS)
    assert make_document(here, []).command == "bnbench run results/tiny/config.yaml"
    elsewhere = compared(Path("my own/tiny"), CELLS)
    assert make_document(elsewhere, []).command == "bnbench run 'my own/tiny/config.yaml' --results-dir 'my own'"


def test_without_trials_there_is_no_data_and_one_sentence(tmp_path: Path) -> None:
    result = make_document(compared(tmp_path, {"plain": [[None]]}), [])
    assert (result.data, result.answer.sentences) == ({}, ["No trial has finished yet."])
    assert result.subtitle == "tiny: 0 of 1 trials, up to 0 seeds a rate"
    assert headings(render_markdown(result)) == ["Answer", "To keep in mind", "How to get this again"]


@pytest.fixture
def document(tmp_path: Path) -> Document:
    claim = {"text": HOSTILE, "metric": "test_score", "of": "batchnorm", "difference": {"at_least": 0.0}}
    published = {"source": HOSTILE, "variant": "plain", "metric": "test_score", "value": 0.8, "note": "a\nb"}
    results = compared(tmp_path, CELLS, title=f"{HOSTILE}\n# h", claims=[claim], published=[published])
    return make_document(results, [PICTURE, replace(PICTURE, path="plots/times.png", caption="a [b]", kind="times")])


def test_markdown_has_a_section_for_everything(document: Document) -> None:
    assert headings(render_markdown(document)) == [
        "Answer", "Claims", "Variants", "Differences, paired by seed", "Every learning rate",
        "Published values next to ours", "To keep in mind", "Figures", "How to get this again",
    ]  # fmt: skip
    assert render_markdown(replace(document, claims=None, published=None, caveats=[], main=[])).count("## ") == 5


def test_diagnoses_follow_the_caveats_with_lines_and_cures(document: Document) -> None:
    result = Diagnosis(
        "dead units", "Why?", "Half are.", [f"{HOSTILE}: 1 of 2 trials", "b"], ["a lower rate", "more rows"]
    )
    text = render_markdown(replace(document, diagnoses=[result, replace(result, symptom="chance level")]))
    assert headings(text)[6:8] == ["To keep in mind", "Diagnoses"]
    lines = f"\n\n- {SAFE}: 1 of 2 trials\n- b\n\nUsual cures: a lower rate; more rows.\n\n"
    assert (
        f"## Diagnoses\n\n**Dead units.** Why? Half are.{lines}**Chance level.** Why? Half are.{lines}## Figures"
        in text
    )


def test_only_trials_with_symptoms_have_a_diagnosis(tmp_path: Path) -> None:
    assert make_document(compared(tmp_path / "healthy", CELLS), []).diagnoses == []
    result = make_document(
        compared(tmp_path / "sick", {"plain": [[0.9], ["constant"]], "batchnorm": CELLS["batchnorm"]}), []
    )
    assert [one.symptom for one in result.diagnoses] == ["constant predictions", "dead units"]
    assert result.diagnoses[1].lines == ["plain at 0.1: 1 of 1 trials; 100.0% of the units of activation_0"]


def test_text_of_a_config_is_escaped_and_on_one_line(document: Document) -> None:
    lines = render_markdown(document).splitlines()
    assert lines[0] == f"# {SAFE} # h"
    # The source of the published value
    assert sum(line.startswith(f"| {SAFE} |") for line in lines) == 1
    # And the claim
    assert sum(f"| {SAFE} |" in line for line in lines) == 2
    assert HOSTILE not in render_markdown(document)


def test_every_row_of_a_table_has_the_cells_of_its_header(document: Document) -> None:
    table = Table("c", ["a", "b|c"], [[Cell("1\n2"), Cell("x|y")], [Cell(""), Cell("z")]])
    text = render_markdown(replace(document, claims=table, variants=table, rates=table, published=None))
    rows = ["| a | b\\|c |", "| --- | --- |", "| 1 2 | x\\|y |", "|  | z |"]
    assert text.count("\n".join(rows)) == 3


@pytest.mark.parametrize(("rates", "shown"), [(1, ["rates", "curves"]), (2, ["rates"])])
def test_with_one_rate_the_curves_are_shown(tmp_path: Path, rates: int, shown: list[str]) -> None:
    pictures = [replace(PICTURE, path=f"plots/{name}.png", kind=name) for name in ("rates", "curves", "heat")]
    result = make_document(compared(tmp_path, {"plain": [[0.9]] * rates}), pictures)
    assert [Path(one.path).stem for one in result.main] == shown
    assert result.pictures == pictures


def test_pictures_are_linked_by_relative_paths(document: Document) -> None:
    lines = render_markdown(document).splitlines()
    assert "![Score against rate](plots/rates.png)" in lines
    assert r"![a \[b\]](plots/times.png)" in lines


def test_it_ends_with_the_command(document: Document) -> None:
    assert render_markdown(document).endswith(f"\n\n    {document.command}\n")
