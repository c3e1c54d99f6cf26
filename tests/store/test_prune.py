"""Pruning removes what it has shown, and whatever interrupts it, no other trial is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bnbench.errors import ResultsError
from bnbench.store import prune, store
from bnbench.store.prune import Prunable, find_prunable, prune_folder
from support.kept import keep

ENDS = [0.8, 0.9, 0.85, 0.95]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four trials of the plan and four outside it; one of each kind has a saved model."""
    place = tmp_path / "tiny"
    keep(place, ["failed", *ENDS[1:]], sweep__learning_rate=[0.3])
    keep(place, [*ENDS[:3], "failed"], sweep__learning_rate=[0.1])
    with store.open_for_reading(place) as opened:
        outside, planned = opened.outside_ids()[0], sorted(opened.known_ids() - set(opened.outside_ids()))[0]
    (place / "models").mkdir()
    for trial in (outside, planned, "0" * 16):
        (place / "models" / f"{trial}.keras").write_bytes(bytes(1000))
        (place / "models" / f"{trial}.json").write_bytes(bytes(10))
    (place / "models" / "notes.txt").write_text("mine", encoding="utf-8")
    (place / "tensorboard" / outside).mkdir(parents=True)
    (place / "tensorboard" / outside / "events").write_bytes(bytes(90))
    return place


def states(folder: Path) -> dict[str, str]:
    with store.open_for_reading(folder) as opened:
        return opened.states()


def names(folder: Path) -> set[str]:
    return {path.name for path in (folder / "models").iterdir()}


def test_what_is_found_is_counted_and_nothing_is_changed(folder: Path) -> None:
    before = (folder / store.DATABASE).read_bytes()
    found = find_prunable(folder)
    assert (len(found.outside), found.failed) == (4, ())
    # Two of a trial outside the plan and two of a trial that is not stored, and the logs.
    assert (len(found.files), found.file_bytes) == (5, 2 * 1010 + 90)
    assert (folder / store.DATABASE).read_bytes() == before
    assert len(names(folder)) == 7


def test_trials_and_their_files_go_and_all_others_stay(folder: Path) -> None:
    found = find_prunable(folder)
    kept = states(folder).keys() - {*found.outside}
    removed = prune_folder(folder, found)
    assert (set(removed.outside), removed.file_bytes) == ({*found.outside}, found.file_bytes)
    assert states(folder).keys() == kept
    assert "notes.txt" in names(folder)
    assert len(names(folder)) == 3
    assert list((folder / "tensorboard").iterdir()) == []
    assert not find_prunable(folder)
    with closing(sqlite3.connect(folder / store.DATABASE)) as database:
        for table in ("history", "measurements"):
            rows = database.execute(f"SELECT DISTINCT trial FROM {table}")  # noqa: S608
            assert {trial for (trial,) in rows} <= kept


def test_failed_trials_of_the_plan_go_only_if_asked_for(folder: Path) -> None:
    assert len(find_prunable(folder, failed=True).failed) == 1
    prune_folder(folder, find_prunable(folder))
    assert sorted(states(folder).values()) == ["completed"] * 3 + ["failed"]
    prune_folder(folder, find_prunable(folder, failed=True))
    assert sorted(states(folder).values()) == ["completed"] * 3


def test_the_database_gets_smaller(folder: Path) -> None:
    with store.open_for_writing(folder) as opened, opened._transaction():
        trial = opened.outside_ids()[0]
        opened._db.execute("UPDATE trials SET traceback = ? WHERE id = ?", ("x" * 100_000, trial))
        store.seal_trial(opened._db, trial)
    assert prune_folder(folder, find_prunable(folder)).database_bytes >= 90_000


def test_a_trial_that_is_planned_again_meanwhile_stays(folder: Path) -> None:
    found = find_prunable(folder)
    keep(folder, [], sweep__learning_rate=[0.1, 0.3])
    assert prune_folder(folder, found).outside == ()
    assert len(states(folder)) == 8
    assert f"{found.outside[0]}.keras" in names(folder)


def test_what_was_not_shown_stays(folder: Path) -> None:
    assert prune_folder(folder, Prunable()) == Prunable()
    assert len(states(folder)) == 8
    assert len(names(folder)) == 7


def test_an_interrupt_while_trials_are_removed_removes_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store.former_plans, "keep_former", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prune_folder(folder, find_prunable(folder))
    assert len(states(folder)) == 8
    assert len(names(folder)) == 7


def test_after_an_interrupt_while_files_are_removed_the_next_prune_finds_the_rest(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    found = find_prunable(folder)
    with monkeypatch.context() as patch:
        patch.setattr(prune, "_remove_file", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prune_folder(folder, found)
    assert len(states(folder)) == 4
    found = find_prunable(folder)
    assert (found.trials, len(found.files)) == ((), 5)
    prune_folder(folder, found)
    assert len(names(folder)) == 3


def test_a_model_of_a_planned_trial_that_is_not_stored_stays(folder: Path) -> None:
    keep(folder, [], sweep__learning_rate=[0.1], sweep__seeds=3)
    with store.open_for_reading(folder) as opened:
        new = sorted(opened.known_ids() - opened.states().keys())[0]
    (folder / "models" / f"{new}.keras").write_bytes(b"x")
    prune_folder(folder, find_prunable(folder))
    assert f"{new}.keras" in names(folder)


def test_a_folder_with_links_or_a_running_writer_is_refused(folder: Path, tmp_path: Path) -> None:
    found = find_prunable(folder)
    with store.lock_folder(folder), pytest.raises(ResultsError, match="in use by process"):
        prune_folder(folder, found)
    (folder / "models" / f"{found.outside[0]}.link").symlink_to(tmp_path)
    with pytest.raises(ResultsError, match="a link"):
        prune_folder(folder, found)
    assert len(states(folder)) == 8
