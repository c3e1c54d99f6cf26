"""Commands on one folder at once, files that were deleted or edited, clocks that jump."""

import itertools
import json
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from test_sweep import Recorder, _made_up_data, run, same  # noqa: F401  a fixture

from bnbench.commands.reproduce import Job
from bnbench.errors import ResultsError
from bnbench.report import write
from bnbench.results import digest
from bnbench.store import results_dir, store
from support import damage
from support.examples import make_plan
from support.kept import keep
from support.paths import ROOT


def begin(code: str, *words: object) -> "subprocess.Popen[str]":
    lines = f"import sys\nfrom pathlib import Path\nfolder = Path(sys.argv[1])\n{code}"
    paths = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    return subprocess.Popen(
        [sys.executable, "-c", lines, *map(str, words)], stderr=subprocess.PIPE, text=True, env=paths
    )


WRITE = """
from support import damage
from bnbench.store import store
for _ in range(2):
    with store.open_for_writing(folder) as opened:
        for number in range(24): opened.add(damage.ended(damage.experiment(), number))
"""
REPORT = "from bnbench.report import write as report\nreport.write_report(folder, ('png',))"
REPAIR = """
from bnbench.store import repair
from bnbench.errors import ResultsError
for _ in range(20):
    try: repair.repair_database(folder)
    except ResultsError as error: assert 'in use by process' in str(error), error
"""


def test_who_looks_reports_or_repairs_beside_a_run_sees_nothing_half(tmp_path: Path) -> None:
    damage.keep(tmp_path)
    before = damage.tables(tmp_path)
    others = [begin(code, tmp_path) for code in (WRITE, REPORT, REPORT, REPAIR)]
    looks = 0
    while any(other.poll() is None for other in others):
        with damage.warnings() as told:
            assert all(ours.equals(theirs) for ours, theirs in zip(damage.tables(tmp_path), before, strict=True))
        assert not told
        looks += 1
    for other in others:
        assert (other.returncode, other.communicate()[1]) == (0, "")
    assert looks >= 2
    pages = {path.name: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name[0] != "."}
    write.write_report(tmp_path, ("png",))
    assert {name: (next(tmp_path.rglob(name))).read_bytes() for name in pages} == pages
    assert not list(tmp_path.rglob("*.part"))


def test_the_lock_of_a_killed_process_holds_nobody_up(tmp_path: Path) -> None:
    code = "import os; from bnbench.store import store\nwith store.open_for_writing(folder): os.kill(os.getpid(), 9)"
    with begin(code, tmp_path) as process:
        assert process.wait() == -9
    assert (tmp_path / ".owner").exists()
    with store.open_for_writing(tmp_path) as opened:
        assert opened.states() == {}


def test_files_that_are_gone_or_edited_are_made_anew_by_the_same_command(tmp_path: Path) -> None:
    results, _ = run(tmp_path, sweep__seeds=1)
    written = {path: path.read_bytes() for path in results.folder.rglob("*") if path.name[0] != "." and path.is_file()}
    del written[results.folder / store.DATABASE]
    for number, path in enumerate(written):
        if number % 2:
            path.unlink()
        else:
            path.write_bytes(b"\xff\0 edited")
    again, watcher = run(tmp_path, sweep__seeds=1)
    assert watcher.trained == []
    assert same(again, results)
    assert {path: path.read_bytes() for path in written} == written


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("steady", "jumping"):
        (tmp_path / name).mkdir()
    steady, _ = run(tmp_path / "steady", sweep__seeds=1)
    jumps = itertools.cycle([0.0, 4e9, 1.0, 2e9])
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    monkeypatch.setattr(time, "time_ns", lambda: int(next(jumps) * 1e9))
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "jumping", Recorder(interrupt_after=1), sweep__seeds=1)
    jumping, watcher = run(tmp_path / "jumping", sweep__seeds=1)
    assert len(watcher.trained) == 3
    assert same(jumping, steady)
    seconds = [*jumping.trials["seconds"], *jumping.trials["seconds_per_step"], *jumping.history["seconds"]]
    assert all(0 <= second < 100 for second in seconds)
    with (
        store.open_for_writing(jumping.folder),
        pytest.raises(ResultsError, match="in use by process"),
        store.open_for_writing(jumping.folder),
    ):
        pass


def test_a_damaged_trial_is_trained_anew_and_no_other(tmp_path: Path) -> None:
    whole, _ = run(tmp_path, sweep__seeds=1)
    with closing(sqlite3.connect(whole.folder / store.DATABASE)) as database, database:
        database.execute("UPDATE trials SET test_accuracy = 1 - test_accuracy WHERE id = (SELECT max(id) FROM trials)")
    again, watcher = run(tmp_path, sweep__seeds=1)
    assert len(watcher.trained) == 1
    assert same(again, whole)


TOLD = {"name": "x", "title": "", "planned": 8, "ended": 2, "failed": 0, "seconds": 1.5}


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        (results_dir.RUN, json.dumps(TOLD | {"planned": "many"}), r"not as bnbench writes it \(planned\)"),
        (results_dir.RUN, json.dumps(TOLD | {"more": 1}), r"not as bnbench writes it \(more\)"),
        (results_dir.RUN, "5", "cannot be read"),
        (results_dir.CLAIMS, "text,verdict\na,maybe\n", "no column"),
        (results_dir.ENVIRONMENT, '{"data": 5}', "not as bnbench writes it"),
        (results_dir.ENVIRONMENT, '{"commit": 5}', "not as bnbench writes it"),
    ],
)
def test_what_was_edited_without_a_database_is_told(tmp_path: Path, file: str, text: str, message: str) -> None:
    results_dir.write_text(tmp_path / results_dir.RUN, json.dumps(TOLD))
    assert digest.read_digest(tmp_path) is not None
    results_dir.write_text(tmp_path / file, text)
    with pytest.raises(ResultsError, match=message):
        digest.read_digest(tmp_path)


def test_an_edited_config_is_not_done(tmp_path: Path) -> None:
    keep(tmp_path, [0.8, 0.9])
    write.write_report(tmp_path, ("png",))
    job = Job("tiny", make_plan(), tmp_path, [], None)
    assert job.completed
    (tmp_path / results_dir.CONFIG).write_bytes(b"\xff\xfe")
    assert not job.completed
