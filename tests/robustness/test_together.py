"""Several commands on one folder at the same time, files that were deleted or edited, clocks that jump."""

import itertools
import json
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bnbench.commands.reproduce import PlannedExperiment
from bnbench.errors import ResultsError
from bnbench.report import write
from bnbench.results import digest
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from support import damage
from support.examples import make_plan
from support.forked import Forked, claim_and_die, try_repairs, write_report, write_trials
from support.kept import keep
from support.sweeps import Recorder, made_up_data, run, same

# The training here takes a moment, but XLA would take seconds to compile it.
QUICK: dict[str, Any] = {"sweep__seeds": 1, "train__engine": "graph"}


@pytest.fixture(scope="module", autouse=True)
def _made_up_data() -> Iterator[None]:
    with made_up_data():
        yield


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the results that `finished` copies."""
    return tmp_path_factory.mktemp("trained")


@pytest.fixture
def finished(trained: Path, tmp_path: Path) -> Results:
    """Return the results of a finished run in `tmp_path`, where `run` finds them. They are trained once."""
    if not (trained / "results").exists():
        run(trained, reported=True, **QUICK)
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    return Results(tmp_path / "results" / "tiny")


def begin(function: Callable[[Path], None], folder: Path) -> Forked:
    """Start a process that does something with a folder. Its stderr goes to the file `stderr`."""
    return Forked(partial(function, folder), folder, stderr=folder.parent / "stderr")


def test_commands_that_run_at_the_same_time_see_no_half_written_file(tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("together")
    tmp_path = place / "results"
    tmp_path.mkdir()
    damage.keep(tmp_path)
    before = damage.tables(tmp_path)
    others = [begin(function, tmp_path) for function in (write_trials, write_report, write_report, try_repairs)]
    reads = 0
    while any(other.poll() is None for other in others):
        with damage.warnings() as logged:
            assert all(ours.equals(theirs) for ours, theirs in zip(damage.tables(tmp_path), before, strict=True))
        assert not logged
        reads += 1
    for other in others:
        assert other.wait() == 0
    assert (place / "stderr").read_text(encoding="utf-8") == ""
    assert reads >= 2
    pages = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name[0] != "."}
    write.write_report(tmp_path, ("png",))
    assert {name: (next(tmp_path.rglob(name))).read_bytes() for name in pages} == pages
    assert not list(tmp_path.rglob("*.part"))


def test_the_lock_of_a_killed_process_blocks_nobody(tmp_path: Path) -> None:
    assert begin(claim_and_die, tmp_path).wait() == -signal.SIGKILL
    assert (tmp_path / ".owner").exists()
    with store.open_for_writing(tmp_path) as opened:
        assert opened.states() == {}


def test_deleted_or_edited_files_are_written_again_by_the_same_command(tmp_path: Path, finished: Results) -> None:
    # The report contains the path of the folder, and this folder is a copy.
    write.write_report(finished.folder)
    written = {path: path.read_bytes() for path in finished.folder.rglob("*") if path.name[0] != "." and path.is_file()}
    del written[finished.folder / store.DATABASE]
    for number, path in enumerate(written):
        if number % 2:
            path.unlink()
        else:
            path.write_bytes(b"\xff\0 edited")
    again, watcher = run(tmp_path, reported=True, **QUICK)
    assert watcher.trained == []
    assert same(again, finished)
    assert {path: path.read_bytes() for path in written} == written


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, finished: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jumping").mkdir()
    jumps = itertools.cycle([0.0, 4e9, 1.0, 2e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(next(jumps) * 1e9))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "jumping", Recorder(interrupt_after=1), **QUICK)
    jumping, watcher = run(tmp_path / "jumping", **QUICK)
    assert len(watcher.trained) == 3
    assert same(jumping, finished)
    seconds = [*jumping.trials["seconds"], *jumping.trials["seconds_per_step"], *jumping.history["seconds"]]
    assert all(0 <= second < 100 for second in seconds)
    with (
        store.open_for_writing(jumping.folder),
        pytest.raises(ResultsError, match="in use by process"),
        store.open_for_writing(jumping.folder),
    ):
        pass


def test_only_a_damaged_trial_is_trained_again(tmp_path: Path, finished: Results) -> None:
    with closing(sqlite3.connect(finished.folder / store.DATABASE)) as database, database:
        database.execute("UPDATE trials SET test_accuracy = 1 - test_accuracy WHERE id = (SELECT max(id) FROM trials)")
    again, watcher = run(tmp_path, **QUICK)
    assert len(watcher.trained) == 1
    assert same(again, finished)


DIGEST = {"name": "x", "title": "", "planned": 8, "ended": 2, "failed": 0, "seconds": 1.5}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (results_dir.RUN, json.dumps(DIGEST | {"planned": "many"}), r"not as bnbench writes it \(planned\)"),
        (results_dir.RUN, json.dumps(DIGEST | {"more": 1, "answer": ""}), r"not as bnbench writes it \(more\)"),
        (results_dir.RUN, "5", "cannot be read"),
        (results_dir.CLAIMS, "text,verdict\na,maybe\n", "no column"),
        (results_dir.ENVIRONMENT, '{"data": 5}', "not as bnbench writes it"),
        (results_dir.ENVIRONMENT, '{"commit": 5}', "not as bnbench writes it"),
    ],
)
def test_a_wrong_file_of_a_digest_is_refused(tmp_path: Path, file: str, text: str, message: str) -> None:
    results_dir.write_text(tmp_path / results_dir.RUN, json.dumps(DIGEST))
    assert digest.read_digest(tmp_path) is not None
    results_dir.write_text(tmp_path / file, text)
    with pytest.raises(ResultsError, match=message):
        digest.read_digest(tmp_path)


def test_results_with_an_edited_config_are_not_complete(tmp_path: Path) -> None:
    keep(tmp_path, [0.8, 0.9])
    write.write_report(tmp_path, ("png",))
    job = PlannedExperiment("tiny", make_plan(), tmp_path, [], None)
    assert job.completed
    (tmp_path / results_dir.CONFIG).write_bytes(b"\xff\xfe")
    assert not job.completed
