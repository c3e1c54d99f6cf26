import csv
import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from bnbench.errors import ResultsError
from bnbench.report.write import write_report
from bnbench.results import compare
from bnbench.results.recorded import RecordedTrials, axis_value
from bnbench.results.results import Results
from support.kept import keep


def recorded(place: Path, scores: list[float | str], **changes: Any) -> tuple[Path, Path]:
    """A results folder, and a copy of it as a repository has it: without the database."""
    folder = keep(place / "full", scores, **changes)
    write_report(folder)
    copy = place / "recorded"
    shutil.copytree(folder, copy)
    (copy / "trials.db").unlink()
    return folder, copy


def alter(folder: Path, column: str, value: str) -> None:
    """Set one cell of the first trial in trials.csv."""
    path = folder / "trials.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    rows[0][column] = value
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_recorded_trials_equal_those_of_the_database_to_the_last_bit(tmp_path: Path) -> None:
    scores: list[float | str] = [1 / 3, 0.1 + 0.2, "nonfinite", 0.5, "failed", 0.8, 0.7, 0.6]
    folder, copy = recorded(tmp_path, scores)
    result = compare.compare_results(copy, folder, "test_score")
    # The failed trial has nothing to compare.
    assert (result.equal, result.common, result.changed) == (7, 7, ())
    # Diverged trials count at chance on both sides, and the failed one not at all.
    assert (result.pairs, set(result.rates["difference"])) == (7, {0.0})
    assert RecordedTrials(copy).scored_trials["chance"].tolist() == Results(folder).scored_trials["chance"].tolist()


def test_one_other_bit_is_one_unequal_trial(tmp_path: Path) -> None:
    folder, copy = recorded(tmp_path, [0.8] * 8)
    before = Results(folder).trials["test_loss"].iloc[0]
    alter(copy, "test_loss", repr(math.nextafter(before, 1)))
    assert compare.compare_results(copy, folder, "test_score").equal == 7


@pytest.mark.parametrize("column", ["seconds", "seconds_per_step", "worker", "engine"])
def test_time_and_place_of_a_training_are_no_outcome(tmp_path: Path, column: str) -> None:
    folder, copy = recorded(tmp_path, [0.8] * 8)
    alter(copy, column, "graph" if column == "engine" else "0.5" if column != "worker" else "pid 7")
    assert compare.compare_results(copy, folder, "test_score").equal == 8


def test_axes_and_names_that_look_like_numbers_are_paired(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "sweep__grid": {"train.batch_size": [8, 16]},
        "variants": {"200": {}, "NA": {}},
        "sweep__seeds": 1,
        "sweep__learning_rate": [0.1],
    }
    folder, copy = recorded(tmp_path, [0.8, 0.7, 0.6, 0.5], **changes)
    result = compare.compare_results(copy, folder, "test_score")
    assert (result.equal, result.pairs, result.only_a) == (4, 4, 0)
    assert RecordedTrials(copy).axes == ["train.batch_size"]
    assert RecordedTrials(copy).trials["train.batch_size"].tolist() == [8, 8, 16, 16]
    assert set(result.rates["variant"]) == {"200", "NA"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("trial,variant\n1,plain\n", "no column learning_rate"),
        ("", "cannot be read"),
        (
            "trial,variant,learning_rate,seed,status,outcome,score_name\na,b,c,0,completed,ok,accuracy\n",
            "could not convert",
        ),
        ("trial,variant,learning_rate,seed,status,outcome,score_name\na,b,1,0,completed,ok,f1\n", "neither accuracy"),
    ],
)
def test_a_damaged_table_is_named(tmp_path: Path, text: str, message: str) -> None:
    folder, copy = recorded(tmp_path, [0.8] * 8)
    (copy / "trials.csv").write_text(text)
    with pytest.raises(ResultsError, match=rf"trials\.csv: .*{message}"):
        compare.compare_results(copy, folder, "test_score")


def test_a_column_that_an_earlier_version_did_not_write_is_not_compared(tmp_path: Path) -> None:
    folder, copy = recorded(tmp_path, [0.8] * 8)
    path = copy / "trials.csv"
    with path.open(newline="") as file:
        rows = [{name: cell for name, cell in row.items() if name != "dead_share"} for row in csv.DictReader(file)]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert compare.compare_results(copy, folder, "test_score").equal == 8


def test_changed_trials_have_the_names_that_a_database_gives_them(tmp_path: Path) -> None:
    folder, copy = recorded(tmp_path, [0.8] * 8)
    alter(copy, "outcome", "chance")
    (changed,) = compare.compare_results(copy, folder, "test_score").changed
    assert changed.trial.endswith("lr=0.01 seed=0")


@pytest.mark.parametrize("text", ["1_000", "007", "nan", "inf", "1e999", "[1]", "1" + "0" * 400, "[" * 100_000])
def test_a_setting_that_only_looks_like_a_number_is_a_text(text: str) -> None:
    assert axis_value(text) == text
