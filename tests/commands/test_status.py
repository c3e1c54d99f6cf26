"""What a run does can be seen, and stopped in part, from another terminal or in a copy of its folder."""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bnbench.cli.main import main
from bnbench.commands.status import read_status
from bnbench.data.types import DataDirs
from bnbench.errors import ResultsError
from bnbench.execution import beating, worker_group
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.progress import SilentProgress
from bnbench.execution.sweep import SweepOptions, run_sweep
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning.plan import Plan
from bnbench.planning.resources import WorkerCount
from bnbench.results.results import Results
from bnbench.store.cancellations import request_cancellation, take_cancellations
from bnbench.store.heartbeat import FILE, Heartbeat, RunningTrial, read_heartbeat, write_heartbeat
from support.examples import make_plan
from support.stored import finished
from support.trainers import Patient

TRIAL = RunningTrial("0a1b2c3d4e5f6071", "plain lr=0.1 seed=3", "pid 4711", 40, 100, 12.0)
STATUS = "training 3 of 8, 0.4 s a trial, 2 s left"
BEAT = Heartbeat(
    os.getpid(),
    socket.gethostname(),
    time.time() - 90,
    time.time(),
    STATUS,
    8,
    3,
    2.0,
    {"MemoryError: none left": 2},
    (TRIAL,),
)


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [*map(str, words)], prog_name="bnbench", catch_exceptions=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return finished(tmp_path / "tiny", [0.8, 0.9, None])


def test_a_run_is_described_with_its_trials(folder: Path) -> None:
    write_heartbeat(folder, BEAT)
    shown = call("status", folder).stdout
    assert "3 of 8 trials have ended" in shown
    assert f"training 3 of 8, 0.4 s a trial, 2 s left (process {os.getpid()} on {socket.gethostname()}" in shown
    (row,) = [line for line in shown.splitlines() if line.startswith("0a1b2c3d")]
    assert row.split() == ["0a1b2c3d", *["plain", "lr=0.1", "seed=3", "pid", "4711", "40", "of", "100", "12", "s"]]
    assert shown.splitlines()[-1] == "failed: 2 trials: MemoryError: none left"


def test_without_a_run_the_stored_trials_are_counted(folder: Path, tmp_path: Path) -> None:
    assert call("status", folder).stdout == "3 of 8 trials have ended\nno run is under way\n"
    done = call("status", tmp_path / "nothing")
    assert done.exit_code == 2
    assert "no results here" in done.stderr


def test_a_run_that_was_killed_and_a_copy_are_told_from_one_that_is_alive(folder: Path, tmp_path: Path) -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    write_heartbeat(folder, replace(BEAT, process=process.pid))
    assert "no run is under way" in call("status", folder).stdout
    assert not read_status(folder).running
    # On another machine only the time of the last sign counts.
    for age, alive in ((1, True), (3600, False)):
        write_heartbeat(folder, replace(BEAT, host="elsewhere", time=time.time() - age))
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        shutil.copytree(folder, tmp_path / "copy")
        assert read_status(tmp_path / "copy").running is alive
    assert "gave its last sign 60 min ago" in call("status", tmp_path / "copy").stdout


def test_json_has_everything(folder: Path) -> None:
    write_heartbeat(folder, BEAT)
    values = json.loads(call("status", folder, "--json").stdout)
    assert values["beat"]["running"][0]["worker"] == "pid 4711"
    assert values["counts"] == [8, 3, 0, 0]


def changed(**values: Any) -> str:
    return json.dumps({**vars(BEAT), **values}, default=vars)


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"process": 1}',
        changed(running=3),
        changed(time="now"),
        changed(left=float("nan")),
        changed(running=[{"trial": 3}]),
    ],
)
def test_a_damaged_heartbeat_is_none(folder: Path, damage: str) -> None:
    (folder / FILE).write_text(damage)
    assert read_heartbeat(folder) is None
    assert "no run is under way" in call("status", folder).stdout


def test_long_texts_of_a_heartbeat_are_cut(folder: Path) -> None:
    write_heartbeat(folder, replace(BEAT, status="x" * 10_000, reasons={"y" * 10_000: 1}))
    beat = read_heartbeat(folder)
    assert beat is not None
    assert len(beat.status) <= 300
    assert max(map(len, beat.reasons)) <= 300


def test_what_runs_is_named_if_a_word_names_nothing(folder: Path) -> None:
    done = call("cancel", folder, "0a1b")
    assert done.exit_code == 2
    assert "no run is under way" in done.stderr
    twin = replace(BEAT.running[0], trial="0a1bffffffffffff", worker="pid 4712")
    write_heartbeat(folder, replace(BEAT, running=(*BEAT.running, twin)))
    assert "2 running trials begin so" in call("cancel", folder, "0a1b").stderr
    shown = call("cancel", folder, "ffff").stderr
    assert "no running trial and no worker is called so; running: 0a1b2c3d4e5f6071, 0a1bffffffffffff, pid 4711" in shown
    assert take_cancellations(folder) == []
    assert call("cancel", folder, "0a1b2", "pid 4712").exit_code == 0
    assert take_cancellations(folder) == ["0a1b2c3d4e5f6071", "pid 4712"]
    assert take_cancellations(folder) == []


class Asking:
    """A watcher that asks, once, for what `choose` returns."""

    def __init__(self, folder: Path, choose: Any) -> None:
        self.folder, self.choose, self.asked, self.beats = folder, choose, "", 0

    def begin(self, *_: Any) -> None: ...
    def phase(self, *_: Any) -> None: ...
    def result(self, *_: Any) -> None: ...
    def end(self) -> None: ...

    def epoch(self, trial: Any, epoch: Any) -> None:
        beat = read_heartbeat(self.folder)
        self.beats += beat is not None
        if beat and not self.asked and (word := self.choose(beat)):
            self.asked = word
            request_cancellation(self.folder, [word])


@pytest.fixture
def quick_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beating, "INTERVAL", 0.0)
    monkeypatch.setattr(worker_group, "LOOK", 0.1)


def run(plan: Plan, folder: Path, watcher: Asking) -> None:
    @contextmanager
    def start(request: Any) -> Iterator[ProcessPool]:
        with ProcessPool(WorkerCount(2), WorkerStarter(Patient)) as pool:
            yield pool

    options = SweepOptions(
        folder, DataDirs(cache_dir=folder), lambda _: None, watcher, open_executor=start, time_steps=False
    )
    run_sweep(plan, options)


def test_a_cancelled_trial_is_not_stored_and_the_next_run_trains_it(tmp_path: Path, quick_beats: None) -> None:
    plan = make_plan(sweep__seeds=3)
    watcher = Asking(tmp_path, lambda beat: next((one.trial for one in beat.running), ""))
    run(plan, tmp_path, watcher)
    assert watcher.asked
    stored = set(Results(tmp_path).trials["trial"])
    assert watcher.asked not in stored or len(stored) == len(plan.trials) - 1
    run(plan, tmp_path, Asking(tmp_path, lambda beat: ""))
    assert set(Results(tmp_path).trials["trial"]) == {trial.id for trial in plan.trials}
    assert not (tmp_path / FILE).exists()


def test_what_was_asked_of_an_earlier_run_is_forgotten(tmp_path: Path, quick_beats: None) -> None:
    plan = make_plan()
    request_cancellation(tmp_path, [trial.id for trial in plan.trials])
    run(plan, tmp_path, Asking(tmp_path, lambda beat: ""))
    assert len(Results(tmp_path).trials) == len(plan.trials)


def test_a_released_worker_leaves_its_trial_to_the_others(tmp_path: Path, quick_beats: None) -> None:
    plan = make_plan(sweep__seeds=5)
    watcher = Asking(tmp_path, lambda beat: next((one.worker for one in beat.running if one.worker), ""))
    run(plan, tmp_path, watcher)
    trials = Results(tmp_path).trials
    assert watcher.asked.startswith("pid ")
    assert len(trials) == len(plan.trials)
    assert set(trials["status"]) == {"completed"}
    assert len(set(trials["worker"])) <= 2


def test_a_disk_that_cannot_be_written_stops_no_run(folder: Path) -> None:
    with pytest.raises(ResultsError, match="cannot be written"):
        request_cancellation(folder / "missing", ["x"])
    assert take_cancellations(folder / "missing") == []


class OneWorker:
    """An executor with a single worker, which runs one trial."""

    def __init__(self, trial: str = "") -> None:
        self.trial, self.cancelled = trial, list[str]()

    def running(self) -> dict[str, str]:
        return {self.trial: "pid 1"} if self.trial else {}

    def release(self, worker: str) -> bool:
        return False

    def cancel(self, trial_id: str) -> None:
        self.cancelled.append(trial_id)


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("pid 1", "pid 1 is not released: it is the only worker"),
        ("pid 2", "pid 2 was to be stopped, but does not run any more"),
        ("ended", "ended was to be stopped, but does not run any more"),
        ("here", "trial here is cancelled: the next run trains it"),
    ],
)
def test_what_becomes_of_a_request_is_said_as_it_is(
    tmp_path: Path, quick_beats: None, caplog: pytest.LogCaptureFixture, word: str, said: str
) -> None:
    executor = OneWorker("here")
    watcher = beating.BeatingProgress(SilentProgress(), tmp_path, executor)  # type: ignore[arg-type]
    watcher.begin(make_plan(), 8, WorkerCount(1))
    request_cancellation(tmp_path, [word])
    watcher.phase("training")
    watcher.end()
    assert [record.getMessage() for record in caplog.records] == [said]
    assert ("here" in executor.cancelled) == (word == "here")


def test_a_heartbeat_is_repeated_while_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beating, "SILENT", 0.2)
    watcher = beating.BeatingProgress(SilentProgress(), tmp_path, OneWorker())  # type: ignore[arg-type]
    watcher.begin(make_plan(), 8, WorkerCount(1))
    watcher.phase("checking 1 model")
    first = read_heartbeat(tmp_path)
    assert first
    assert "checking 1 model" in first.status
    deadline = time.monotonic() + 20
    while (beat := read_heartbeat(tmp_path)) and beat.time == first.time:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    # Another phase is written at once.
    watcher.phase("timing 1 pair")
    beat = read_heartbeat(tmp_path)
    assert beat
    assert "timing 1 pair" in beat.status
    watcher.end()
    time.sleep(0.3)
    assert read_heartbeat(tmp_path) is None


def test_an_empty_text_cancels_nothing(folder: Path) -> None:
    write_heartbeat(folder, BEAT)
    result = call("cancel", folder, " ")
    assert result.exit_code == 2
    assert "an empty text names no trial and no worker" in result.stderr
    assert take_cancellations(folder) == []
