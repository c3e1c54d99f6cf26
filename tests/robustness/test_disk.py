"""What a run does when its disk is full or becomes read-only.

The coordinator, the store and the report are the real ones. Except in the last test, the workers train nothing, because
TensorFlow takes seconds to start.
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

import bnbench
from bnbench.store import store
from support.disks import Shell, shell
from support.forked import Forked, command, wait_for
from support.paths import ROOT
from support.small_config import write_small
from support.sweeps import TIMES
from support.trainers import Lasting

RUN = ("run", "-q", "-j", "1", "small.yaml", "--results-dir", "disk")
LOUD = (*(word for word in RUN if word != "-q"), "-v")
# Kilobytes of the disk: two reports have room, and the database.
SIZE = 8192
# A line about a trial that has ended.
ENDED = re.compile(r"\[[\d:]+\] \d+ of \d+: ")
# Seconds of a trial: the disk changes long before the last of 12 trials, even on a busy machine.
PAUSE = 0.5


def started(disk: Shell, place: Path, words: tuple[str, ...], output: Path, pause: float = 0.0) -> Forked:
    """Start a command that sees the disk. Its output is appended to a file."""
    make = partial(Lasting, pause)
    return Forked(partial(command, make, ("png",), words), place, stderr=output, stdout=output, mounts_of=disk.pid)


def call(disk: Shell, place: Path, *words: str) -> tuple[int, str]:
    """Run a command that sees the disk; return its exit code and its output."""
    output = place / "call_output"
    output.unlink(missing_ok=True)
    code = started(disk, place, words, output).wait(300)
    return code, output.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return a folder with a config, a cache, and the results of an undisturbed run in `undisturbed`."""
    folder = tmp_path_factory.mktemp("place")
    write_small(folder)
    (folder / "small").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNBENCH_CACHE", str(folder / "cache"))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.delenv("BNBENCH_DATA", raising=False)
        with shell(folder) as opened:
            code, output = call(opened, folder, *RUN[:-1], "undisturbed")
            assert code == 0, output
        yield folder


@pytest.fixture
def disk(place: Path) -> Iterator[Shell]:
    """Open a shell in that folder. There `disk` has 8 MB, and no other process sees it."""
    (place / "disk").mkdir(exist_ok=True)
    with shell(place) as opened:
        assert opened.run(f"mount -t tmpfs -o size={SIZE}k none disk") == (0, "\n")
        yield opened


def same(disk: Shell, place: Path, name: str) -> None:
    """Check that the results on the disk equal those of the undisturbed run."""
    assert disk.run(f"cp -r disk/small {name}")[0] == 0
    ours, theirs = bnbench.open(place / name), bnbench.open(place / "undisturbed" / "small")
    pd.testing.assert_frame_equal(ours.trials.drop(columns=TIMES), theirs.trials.drop(columns=TIMES))
    pd.testing.assert_frame_equal(ours.history.drop(columns="seconds"), theirs.history.drop(columns="seconds"))
    assert (place / name / "report.html").is_file()


def stored_trials(disk: Shell, place: Path) -> int:
    """Return the number of trials on the disk; check that SQLite finds no damage in its database."""
    disk.run("rm -rf copy; mkdir copy; cp disk/small/trials.db* copy")
    with closing(sqlite3.connect(place / "copy" / store.DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM trials").fetchone()[0])


@pytest.mark.parametrize(
    ("room", "file", "trials"),
    [(72, r"trials\.db", range(1, 12)), (900, r"(plots/\w+\.\w+|report\.html)", range(12, 13))],
    ids=["a trial", "the report"],
)
def test_on_a_full_disk_finished_trials_are_stored_and_the_same_command_continues(
    disk: Shell, place: Path, room: int, file: str, trials: range
) -> None:
    disk.run(f"dd if=/dev/zero of=disk/filler bs=1k count={SIZE - room}")
    code, output = call(disk, place, *RUN)
    assert code == 2
    assert re.fullmatch(
        rf"bnbench: disk/small/{file}: cannot be written: No space left on device \(0\.\d MB free\); "
        "finished trials are stored.* run the same command again",
        output.strip(),
    )
    assert stored_trials(disk, place) in trials
    disk.run("rm disk/filler")
    assert call(disk, place, *RUN)[0] == 0
    same(disk, place, f"after-{room}")


def ended(lines: list[str]) -> int:
    """Return how many trials have ended, by the output of a command."""
    return sum(bool(ENDED.match(line)) for line in lines)


def begin(disk: Shell, place: Path) -> Forked:
    """Start a run on the disk and wait until it has finished two trials. Its output goes to the file `output`."""
    output = place / "output"
    output.unlink(missing_ok=True)
    process = started(disk, place, LOUD, output, PAUSE)
    wait_for(lambda: output.exists() and ended(output.read_text(encoding="utf-8").splitlines()) >= 2)
    return process


def test_when_the_disk_fills_up_during_training_finished_trials_are_stored(disk: Shell, place: Path) -> None:
    process = begin(disk, place)
    disk.run("dd if=/dev/zero of=disk/filler bs=1k")
    assert process.wait(300) == 2
    output = (place / "output").read_text().splitlines()
    assert re.match(
        r"bnbench: disk/small/trials\.db: cannot be written: No space left.*run the same command", output[-1]
    )
    before = stored_trials(disk, place)
    # Every trial that the output reports is stored.
    assert before == ended(output)
    disk.run("rm disk/filler")
    code, output_after = call(disk, place, *LOUD)
    assert code == 0
    assert f"12 trials, {before} finished, {12 - before} to train" in output_after
    same(disk, place, "after-filling")


def test_when_the_disk_becomes_read_only_finished_trials_are_stored_and_the_same_command_continues(
    disk: Shell, place: Path
) -> None:
    process = begin(disk, place)
    disk.run("mount --bind disk/small disk/small && mount -o remount,bind,ro disk/small")
    assert process.wait(300) == 2
    output = (place / "output").read_text().splitlines()[-1]
    assert re.match(r"bnbench: disk/small/\S+: cannot be written: [Rr]ead-only.*run the same command again", output)
    assert stored_trials(disk, place) >= 2
    disk.run("umount disk/small")
    assert call(disk, place, *RUN)[0] == 0
    same(disk, place, "after-read-only")
    disk.run("mount -o remount,ro disk")
    code, output = call(disk, place, *RUN)
    assert (code, output.strip().count("\n")) == (2, 0)
    assert "disk/small: cannot be written: Read-only file system" in output
    code, output = call(disk, place, "show", "disk/small")
    assert code == 0
    assert "12 of 12 trials" in output


def test_a_run_needs_no_cache_when_the_disk_is_full(disk: Shell) -> None:
    disk.run(f"dd if=/dev/zero of=disk/filler bs=1k count={SIZE - 12}")
    few = "-o sweep.seeds=1 -o sweep.learning_rate=[0.1]"
    code, output = disk.run(f"BNBENCH_CACHE=disk bnbench run -v -j 1 small.yaml --results-dir uncached {few}")
    assert code == 0, output
    assert "2 of 2 trials" in output
    assert "the cache cannot be written" in output
    assert "compiled programs are not cached: [Errno 28] No space left on device" in output
