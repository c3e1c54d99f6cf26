"""What a run does when its disk is full or can no longer be written.

The coordinator, the store and the report are the real ones; but for the last test, workers train nothing, as
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
LOUD = tuple(word for word in RUN if word != "-q")
PAUSE = 0.5  # seconds of a trial: the disk is changed long before the last of 12, on a busy machine too


def started(disk: Shell, place: Path, words: tuple[str, ...], told: Path, pause: float = 0.0) -> Forked:
    """A command that sees the disk, and appends what it says to a file."""
    make = partial(Lasting, pause)
    return Forked(partial(command, make, ("png",), words), place, told=told, out=told, beside=disk.pid)


def call(disk: Shell, place: Path, *words: str) -> tuple[int, str]:
    """The exit code of a command that sees the disk, and what it said."""
    told = place / "said"
    told.unlink(missing_ok=True)
    code = started(disk, place, words, told).wait(300)
    return code, told.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a config, a cache, and in `whole` what an undisturbed run gives."""
    folder = tmp_path_factory.mktemp("place")
    write_small(folder)
    (folder / "small").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BNBENCH_CACHE", str(folder / "cache"))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.delenv("BNBENCH_DATA", raising=False)
        with shell(folder) as opened:
            code, told = call(opened, folder, *RUN[:-1], "whole")
            assert code == 0, told
        yield folder


@pytest.fixture
def disk(place: Path) -> Iterator[Shell]:
    """A shell in that folder, where `disk` is of 3 MB and nobody else's."""
    (place / "disk").mkdir(exist_ok=True)
    with shell(place) as opened:
        assert opened.run("mount -t tmpfs -o size=3m none disk") == (0, "\n")
        yield opened


def same(disk: Shell, place: Path, name: str) -> None:
    """Whether the results on the disk are those of the undisturbed run."""
    assert disk.run(f"cp -r disk/small {name}")[0] == 0
    ours, theirs = bnbench.open(place / name), bnbench.open(place / "whole" / "small")
    pd.testing.assert_frame_equal(ours.trials.drop(columns=TIMES), theirs.trials.drop(columns=TIMES))
    pd.testing.assert_frame_equal(ours.history.drop(columns="seconds"), theirs.history.drop(columns="seconds"))
    assert (place / name / "report.html").is_file()


def kept(disk: Shell, place: Path) -> int:
    """How many trials lie on the disk; its database must be sound."""
    disk.run("rm -rf copy; mkdir copy; cp disk/small/trials.db* copy")
    with closing(sqlite3.connect(place / "copy" / store.DATABASE)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return int(connection.execute("SELECT count(*) FROM trials").fetchone()[0])


@pytest.mark.parametrize(
    ("room", "file", "trials"),
    [(72, r"trials\.db", range(1, 12)), (900, r"(plots/\w+\.\w+|report\.html)", range(12, 13))],
    ids=["a trial", "the report"],
)
def test_a_disk_that_is_full_keeps_what_was_done_and_the_same_command_goes_on(
    disk: Shell, place: Path, room: int, file: str, trials: range
) -> None:
    disk.run(f"dd if=/dev/zero of=disk/eaten bs=1k count={3072 - room}")
    code, told = call(disk, place, *RUN)
    assert code == 2
    assert re.fullmatch(
        rf"bnbench: disk/small/{file}: cannot be written: No space left on device \(0\.\d MB free\); "
        "finished trials are stored.* run the same command again",
        told.strip(),
    )
    assert kept(disk, place) in trials
    disk.run("rm disk/eaten")
    assert call(disk, place, *RUN)[0] == 0
    same(disk, place, f"after-{room}")


def begin(disk: Shell, place: Path) -> Forked:
    """A run on the disk that has ended two trials; the file `told` gets what it says."""
    told = place / "told"
    told.unlink(missing_ok=True)
    process = started(disk, place, LOUD, told, PAUSE)
    wait_for(lambda: told.exists() and len(told.read_text(encoding="utf-8").splitlines()) >= 3)
    return process


def test_a_disk_that_fills_up_while_trials_train_keeps_what_was_done(disk: Shell, place: Path) -> None:
    process = begin(disk, place)
    disk.run("dd if=/dev/zero of=disk/eaten bs=1k")
    assert process.wait(300) == 2
    told = (place / "told").read_text().splitlines()
    assert re.match(r"bnbench: disk/small/trials\.db: cannot be written: No space left.*run the same command", told[-1])
    before = kept(disk, place)
    assert before == sum(line.startswith("[") for line in told)  # no trial was told that was not kept
    disk.run("rm disk/eaten")
    code, told_after = call(disk, place, *LOUD)
    assert code == 0
    assert f"12 trials, {before} finished, {12 - before} to train" in told_after
    same(disk, place, "after-filling")


def test_a_disk_that_becomes_read_only_keeps_what_was_done_and_the_same_command_goes_on(
    disk: Shell, place: Path
) -> None:
    process = begin(disk, place)
    disk.run("mount --bind disk/small disk/small && mount -o remount,bind,ro disk/small")
    assert process.wait(300) == 2
    told = (place / "told").read_text().splitlines()[-1]
    assert re.match(r"bnbench: disk/small/\S+: cannot be written: [Rr]ead-only.*run the same command again", told)
    assert kept(disk, place) >= 2
    disk.run("umount disk/small")
    assert call(disk, place, *RUN)[0] == 0
    same(disk, place, "after-read-only")
    disk.run("mount -o remount,ro disk")
    code, told = call(disk, place, *RUN)
    assert (code, told.strip().count("\n")) == (2, 0)
    assert "disk/small: cannot be written: Read-only file system" in told
    code, told = call(disk, place, "show", "disk/small")
    assert code == 0
    assert "12 of 12 trials" in told


def test_caches_on_a_full_disk_are_done_without(disk: Shell) -> None:
    disk.run("dd if=/dev/zero of=disk/eaten bs=1k count=3060")
    few = "-o sweep.seeds=1 -o sweep.learning_rate=[0.1]"
    code, told = disk.run(f"BNBENCH_CACHE=disk bnbench run -v -j 1 small.yaml --results-dir uncached {few}")
    assert code == 0, told
    assert "2 of 2 trials" in told
    assert "the cache cannot be written" in told
    assert "compiled programs are not cached: [Errno 28] No space left on device" in told
