"""The store knows what a trial was planned as after its plan was replaced."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bnbench.store import former_plans, store
from support.kept import keep

ENDS = [0.8, 0.9, 0.85, 0.95]


def stored_outside(folder: Path) -> list[dict[str, Any]]:
    with store.open_for_reading(folder) as opened:
        table = opened.outside()
        return [dict(row) for row in table[["trial", "variant", "learning_rate", "seed", "axes"]].to_dict("records")]


def keep_two_plans(folder: Path) -> Path:
    keep(folder, ENDS, sweep__learning_rate=[0.3], sweep__seeds=2)
    return keep(folder, ENDS, sweep__learning_rate=[0.1], sweep__seeds=2)


def test_a_trial_outside_the_plan_is_listed_as_it_was_planned(tmp_path: Path) -> None:
    rows = stored_outside(keep_two_plans(tmp_path / "tiny"))
    assert sorted((row["variant"], row["learning_rate"], row["seed"]) for row in rows) == [
        ("batchnorm", 0.3, 0), ("batchnorm", 0.3, 1), ("plain", 0.3, 0), ("plain", 0.3, 1),
    ]  # fmt: skip
    with store.open_for_reading(tmp_path / "tiny") as opened:
        assert set(opened.history(outside=True)["trial"]) == {row["trial"] for row in rows}
        assert opened.planned_values()["learning_rate"] == {0.1}


def test_a_trial_that_is_planned_again_is_no_longer_outside(tmp_path: Path) -> None:
    folder = keep_two_plans(tmp_path / "tiny")
    keep(folder, [], sweep__learning_rate=[0.1, 0.3], sweep__seeds=2)
    assert stored_outside(folder) == []
    with closing(sqlite3.connect(folder / store.DATABASE)) as database:
        assert former_plans.read_former(database) == {}


def test_names_survive_several_plans(tmp_path: Path) -> None:
    folder = keep_two_plans(tmp_path / "tiny")
    keep(folder, [], sweep__learning_rate=[1.0], sweep__seeds=1)
    assert {row["learning_rate"] for row in stored_outside(folder)} == {0.1, 0.3}


def test_a_planned_trial_that_never_ended_is_not_outside(tmp_path: Path) -> None:
    keep(tmp_path / "tiny", [0.8], sweep__learning_rate=[0.3])
    keep(tmp_path / "tiny", ENDS, sweep__learning_rate=[0.1])
    assert [row["variant"] for row in stored_outside(tmp_path / "tiny")] == ["plain"]


@pytest.mark.parametrize(
    "text",
    ["no json", "[1]", "{}", '[{"trial": "x"}]', json.dumps([{"trial": 1, "variant": None}])],
)
@pytest.mark.parametrize("sealed", [True, False])
def test_a_note_that_cannot_be_used_leaves_the_settings_unknown(tmp_path: Path, text: str, sealed: bool) -> None:
    folder = keep_two_plans(tmp_path / "tiny")
    with closing(sqlite3.connect(folder / store.DATABASE)) as database, database:
        checksum = store.integrity.rows_checksum([(text,)]) if sealed else "other"
        database.execute("UPDATE notes SET text = ?, checksum = ? WHERE name = 'former_plans'", (text, checksum))
    # The program of the made-up trials is not stored, so they are only counted.
    assert stored_outside(folder) == []
    with store.open_for_reading(folder) as opened:
        assert len(opened.states()) == 8


def test_a_database_of_an_earlier_version_lists_trials_without_their_settings(tmp_path: Path) -> None:
    folder = keep_two_plans(tmp_path / "tiny")
    with closing(sqlite3.connect(folder / store.DATABASE)) as database, database:
        database.execute("DELETE FROM notes WHERE name = 'former_plans'")
        database.execute("UPDATE trials SET program = (SELECT key FROM programs)")
        for (trial,) in database.execute("SELECT id FROM trials").fetchall():
            store.seal_trial(database, trial)
    rows = stored_outside(folder)
    assert len(rows) == 4
    assert {(row["variant"], row["axes"]) for row in rows} == {(None, "{}")}
