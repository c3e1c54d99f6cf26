from pathlib import Path

import pytest

from bnbench.cli.format import format_repaired
from bnbench.errors import ResultsError
from bnbench.results.results import Results
from bnbench.store import repair, store
from support import damage

PAGE = repair.PAGE


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The content of a store of 24 trials."""
    folder = tmp_path_factory.mktemp("intact")
    damage.keep(folder)
    return (folder / store.DATABASE).read_bytes()


def put(folder: Path, content: bytes) -> Path:
    (folder / store.DATABASE).write_bytes(content)
    return folder / store.DATABASE


def same(folder: Path, content: bytes) -> None:
    """Check that the remaining trials have the values of the intact store."""
    (folder / "intact").mkdir()
    put(folder / "intact", content)
    ours, theirs = damage.tables(folder), damage.tables(folder / "intact")
    assert all(damage.part_of(*pair) for pair in zip(ours, theirs, strict=True))


def test_intact_results_are_unchanged(tmp_path: Path, intact: bytes) -> None:
    path = put(tmp_path, intact)
    done = repair.repair_database(tmp_path)
    assert (done.kept, done.lost, done.aside) == (24, 0, None)
    assert path.read_bytes() == intact
    assert format_repaired(done, tmp_path).endswith("nothing to repair, all 24 trials are intact")


def test_intact_trials_are_saved_and_the_damaged_file_is_moved_aside(tmp_path: Path, intact: bytes) -> None:
    damaged = intact[: len(intact) * 9 // 10]
    put(tmp_path, damaged)
    with pytest.raises(ResultsError, match=r"damaged .*`bnbench repair"):
        Results(tmp_path)
    done = repair.repair_database(tmp_path)
    assert 0 < done.kept < 24
    assert done.aside == tmp_path / "trials.damaged.db"
    assert done.aside.read_bytes() == damaged
    same(tmp_path, intact)
    assert len(Results(tmp_path).trials) == done.kept
    assert f"{done.kept} of {done.kept + done.lost} trials" in format_repaired(done, tmp_path)
    assert repair.repair_database(tmp_path).aside is None


@pytest.mark.parametrize(
    ("text", "letter"), [(b"tabletrialstrials", 5), (b"CREATE TABLE trials", 5), (b"CREATE TABLE trials", 24)], ids=str
)
def test_a_damaged_table_name_costs_no_trial(tmp_path: Path, intact: bytes, text: bytes, letter: int) -> None:
    changed = bytearray(intact)
    changed[intact.index(text) + letter] ^= 128
    put(tmp_path, bytes(changed))
    with pytest.raises(ResultsError, match=r"damaged \(.*\); `bnbench repair .*` keeps what can be read$"):
        Results(tmp_path)
    assert repair.repair_database(tmp_path).kept == 24
    same(tmp_path, intact)


def test_a_second_damaged_file_gets_a_name_of_its_own(tmp_path: Path, intact: bytes) -> None:
    for name in ("trials.damaged.db", "trials.damaged-2.db"):
        put(tmp_path, intact[:-PAGE])
        done = repair.repair_database(tmp_path)
        assert done.aside == tmp_path / name


@pytest.mark.parametrize("page", [0, 1, 2])
def test_a_damaged_first_page_costs_no_trial_but_a_root_page_all(tmp_path: Path, intact: bytes, page: int) -> None:
    """The first page names the tables; the second and third are the roots of `trials` and `history`."""
    put(tmp_path, intact[: page * PAGE] + bytes(PAGE) + intact[(page + 1) * PAGE :])
    if page == 0:
        done = repair.repair_database(tmp_path)
        assert (done.kept, done.lost, done.plan) == (24, 0, True)
        same(tmp_path, intact)
    # No row can be found.
    else:
        with pytest.raises(ResultsError, match="no trial of bnbench can be read in it; move it away"):
            repair.repair_database(tmp_path)


def test_a_damaged_inner_page_costs_only_its_own_trials(tmp_path: Path, intact: bytes) -> None:
    for page in range(6, len(intact) // PAGE, 5):
        (tmp_path / str(page)).mkdir()
        put(tmp_path / str(page), intact[: page * PAGE] + b"\xff" * PAGE + intact[(page + 1) * PAGE :])
        assert repair.repair_database(tmp_path / str(page)).kept >= 12
        same(tmp_path / str(page), intact)


def test_a_trial_with_a_changed_score_is_left_out_with_a_warning(
    tmp_path: Path, intact: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path, intact)
    caplog.set_level("WARNING")
    with store.open_for_writing(tmp_path) as opened:
        opened._db.execute("UPDATE history SET validation_accuracy = 0.99 WHERE trial = (SELECT min(id) FROM trials)")
        opened._db.commit()
    with store.open_for_reading(tmp_path) as opened:
        # So a run trains it again.
        assert len(opened.states()) == 23
    assert len(Results(tmp_path).trials) == 23
    assert "1 of 24 trials are damaged (" in caplog.text
    done = repair.repair_database(tmp_path)
    assert (done.kept, done.lost, done.plan) == (23, 1, True)
    same(tmp_path, intact)


def test_a_changed_plan_is_an_error_until_the_next_run(tmp_path: Path, intact: bytes) -> None:
    put(tmp_path, intact)
    with store.open_for_writing(tmp_path) as opened:
        opened._db.execute("UPDATE plan SET learning_rate = 0.5 WHERE number = 1")
        opened._db.commit()
    with pytest.raises(ResultsError, match="its plan is damaged; `bnbench run` with its config"):
        Results(tmp_path)
    # A run does the same.
    damage.keep(tmp_path)
    same(tmp_path, intact)


def test_a_file_that_is_not_a_database_is_refused_and_unchanged(tmp_path: Path) -> None:
    path = put(tmp_path, b"not a database" * 1000)
    with pytest.raises(ResultsError, match="no trial of bnbench can be read"):
        repair.repair_database(tmp_path)
    assert path.read_bytes() == b"not a database" * 1000
    assert not list(tmp_path.glob("*damaged*"))


def test_a_newer_format_is_unchanged(tmp_path: Path, intact: bytes) -> None:
    path = put(tmp_path, intact[:60] + (99).to_bytes(4, "big") + intact[64:])
    with pytest.raises(ResultsError, match="format 99, but this bnbench reads format 9"):
        repair.repair_database(tmp_path)
    assert path.read_bytes()[64:] == intact[64:]


def test_a_folder_in_use_is_not_repaired(tmp_path: Path, intact: bytes) -> None:
    put(tmp_path, intact)
    with store.open_for_writing(tmp_path), pytest.raises(ResultsError, match=r"in use by process \d+"):
        repair.repair_database(tmp_path)


def test_an_older_format_is_repaired_too(tmp_path: Path, intact: bytes) -> None:
    path = put(tmp_path, intact)
    with store.open_for_writing(tmp_path) as opened:
        opened._db.executescript(
            "ALTER TABLE trials DROP COLUMN checksum; DROP TABLE notes; "
            "DROP TABLE measurements; PRAGMA user_version = 5"
        )
    older = path.read_bytes()
    path.write_bytes(older[: len(older) * 9 // 10])
    done = repair.repair_database(tmp_path)
    assert 0 < done.kept < 24
    # Format 5 has no checksum of the trial.
    assert not done.plan
    assert damage.tables(tmp_path)[0].empty
    damage.keep(tmp_path)
    same(tmp_path, intact)
