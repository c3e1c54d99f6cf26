"""Stored trials that the present plan does not contain are counted, named and never mixed with the others."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import bnbench
from bnbench.cli.format import format_trials
from bnbench.report import write
from bnbench.report.document import make_document, render_markdown
from bnbench.report.html import render_html
from bnbench.results.caveats import list_caveats, outside_sentence
from bnbench.results.compare import compare_results
from bnbench.results.results import Results
from bnbench.store import store
from support.kept import keep
from support.stored import change

ENDS = [0.8, 0.9, 0.85, 0.95]
# The plan of the small experiment with one rate has four trials.
BEFORE: dict[str, Any] = {"sweep__learning_rate": [0.3]}
AFTER: dict[str, Any] = {"sweep__learning_rate": [0.1]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place: Path = tmp_path_factory.mktemp("results") / "tiny"
    keep(place, ENDS, **BEFORE)
    return keep(place, ENDS, **AFTER)


def test_results_without_such_trials_say_nothing(tmp_path: Path) -> None:
    results = Results(keep(tmp_path / "tiny", ENDS, **AFTER))
    assert results.outside.empty
    assert outside_sentence(results) == ""
    assert "outside" not in repr(results)


def test_they_are_counted_and_named(folder: Path) -> None:
    results = Results(folder)
    sentence = outside_sentence(results)
    assert sentence.startswith("4 stored trials are outside this plan: 4 with learning rate 0.3.")
    assert "`bnbench show` with `--all` lists them" in sentence
    assert sentence in list_caveats(results)
    assert "4 outside the plan" in repr(results)


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ({**AFTER, "variants": {"plain": {"norm": "none"}, "rms": {"norm": "rms"}}}, "2 with variant rms"),
        ({**AFTER, "sweep__seeds": [0, 1, 5, 7]}, "4 with seeds 5, 7"),
        ({**AFTER, "train__epochs": 4}, "4 with other settings or data"),
        ({**AFTER, "sweep__grid": {"model.params.units": [4]}}, "4 with other values of the further axes"),
    ],
)
def test_the_reason_is_what_the_plan_lacks(tmp_path: Path, before: dict[str, Any], reason: str) -> None:
    keep(tmp_path / "tiny", [0.8] * 8, **before)
    assert Results(keep(tmp_path / "tiny", ENDS, **AFTER)).outside_reasons == [reason]


def test_a_trial_counts_under_one_reason_only(tmp_path: Path) -> None:
    keep(tmp_path / "tiny", [0.8] * 12, sweep__learning_rate=[0.1, 0.3], sweep__seeds=3)
    reasons = Results(keep(tmp_path / "tiny", ENDS, **AFTER)).outside_reasons
    assert reasons == ["6 with learning rate 0.3", "2 with seed 2"]


def test_no_table_of_the_results_mixes_them_with_the_others(folder: Path) -> None:
    for results in (Results(folder), bnbench.open(folder, all_trials=True)):
        assert results.summary["learning_rate"].tolist() == [0.1, 0.1]
        assert results.summary["n"].tolist() == [2, 2]
        assert len(results.scored_trials) == 4
        assert len(results.variants) == 2


def test_all_trials_are_there_if_asked_for(folder: Path) -> None:
    plan_alone, results = Results(folder), Results(folder, all_trials=True)
    assert len(plan_alone.trials) == 4
    assert "planned" not in plan_alone.trials
    assert results.trials["planned"].tolist() == [True] * 4 + [False] * 4
    assert results.trials["learning_rate"].tolist() == [0.1] * 4 + [0.3] * 4
    assert len(results.history) == 2 * len(plan_alone.history)
    assert list(results.trials.columns[:-1]) == list(plan_alone.trials.columns)


def test_an_axis_that_only_one_of_the_plans_has_is_a_column(tmp_path: Path) -> None:
    keep(tmp_path / "tiny", ENDS, **AFTER, sweep__grid={"model.params.units": [4]})
    table = Results(keep(tmp_path / "tiny", ENDS, **AFTER), all_trials=True).trials
    assert list(table.columns[3:6]) == ["seed", "model.params.units", "status"]
    assert table["model.params.units"].isna().tolist() == [True] * 4 + [False] * 4


def test_trials_of_an_earlier_version_are_listed_without_their_settings(tmp_path: Path) -> None:
    keep(tmp_path / "tiny", ENDS, **BEFORE)
    folder = keep(tmp_path / "tiny", ENDS, **AFTER)
    with closing(sqlite3.connect(folder / store.DATABASE)) as database, database:
        database.execute("DELETE FROM notes WHERE name = 'former_plans'")
    # An earlier version stored the program with each trial, as this one does.
    change(folder, "UPDATE trials SET program = (SELECT key FROM programs)")
    results = Results(folder, all_trials=True)
    assert results.outside_reasons == ["4 of an earlier version, whose settings are unknown"]
    assert results.trials["variant"].isna().tolist() == [False] * 4 + [True] * 4
    shown = format_trials(results.trials).splitlines()
    assert all("unknown" in line for line in shown[5:])
    assert not any("unknown" in line for line in shown[:5])
    write.write_report(folder)
    assert "whose settings are unknown" in (folder / "report.md").read_text(encoding="utf-8")


def test_the_reports_say_so(folder: Path) -> None:
    document = make_document(Results(folder), [])
    assert "4 stored trials outside this plan" in document.subtitle
    for text in (render_markdown(document), render_html(document)):
        assert "4 stored trials are outside this plan: 4 with learning rate 0.3" in text


def test_a_comparison_counts_them(folder: Path, tmp_path: Path) -> None:
    comparison = compare_results(folder, keep(tmp_path / "other", ENDS, **AFTER), "test_score")
    assert (comparison.pairs, comparison.outside_a, comparison.outside_b) == (4, 4, 0)
