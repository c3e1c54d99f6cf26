"""Writes the heartbeat of a run, and obeys requests from other terminals, while it passes the progress on."""

import logging
import math
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from bnbench.errors import ResultsError
from bnbench.execution.phases import phase_of
from bnbench.execution.progress import ProgressWatcher
from bnbench.execution.protocols import Executor
from bnbench.execution.status import SweepStatus
from bnbench.planning.plan import Plan, Trial
from bnbench.planning.resources import WorkerCount
from bnbench.planning.trial import Epoch, Result
from bnbench.store.cancellations import take_cancellations
from bnbench.store.heartbeat import FILE, MAX_RUNNING, SILENT, Heartbeat, RunningTrial, write_heartbeat

log = logging.getLogger(__name__)
# Seconds between two heartbeats.
INTERVAL = 2.0


class BeatingProgress:
    """A `ProgressWatcher` that passes everything on to another one.

    Args:
        watcher: the other one.
        folder: the results folder.
        executor: says where trials run, and cancels them.
        clock: returns the present time in seconds since 1970.
    """

    def __init__(
        self, watcher: ProgressWatcher, folder: Path, executor: Executor, clock: Callable[[], float] = time.time
    ) -> None:
        self._watcher, self._folder, self._executor, self._clock = watcher, folder, executor, clock
        self._begun, self._beaten = clock(), 0.0
        self._epochs: dict[str, tuple[Trial, Epoch]] = {}
        self._since: dict[str, float] = {}
        self._reasons: Counter[str] = Counter()
        self._phase = ""
        self._beat: Heartbeat | None = None
        self._lock, self._has_ended = threading.Lock(), threading.Event()

    def begin(self, plan: Plan, todo: int, workers: WorkerCount) -> None:
        """Begin to count."""
        self._plan, self._status = plan, SweepStatus(todo)
        # What was asked of an earlier run is not about this one.
        take_cancellations(self._folder)
        threading.Thread(target=self._keep_alive, daemon=True).start()
        self._watcher.begin(plan, todo, workers)

    def phase(self, phase: str) -> None:
        """Note the phase; executors repeat it about once a second."""
        self._status.note_phase(phase)
        phase_of(self._watcher)(phase)
        if phase != self._phase:
            # The next one may take long, and nothing be heard of it.
            self._phase, self._beaten = phase, -math.inf
        self._beat_now_and_then()

    def epoch(self, trial: Trial, epoch: Epoch) -> None:
        """Note the epoch of a running trial."""
        self._epochs[trial.id] = trial, epoch
        self._since.setdefault(trial.id, self._clock())
        self._status.note_epoch(trial.id, epoch.epoch / self._count_epochs(trial))
        self._watcher.epoch(trial, epoch)
        self._beat_now_and_then()

    def result(self, trial: Trial, result: Result) -> None:
        """Note the end of a trial."""
        self._status.note_result(result)
        self._forget(trial.id)
        if result.fault:
            self._reasons[result.fault.reason.partition("\n")[0]] += 1
        self._watcher.result(trial, result)
        self._beat_now_and_then()

    def end(self) -> None:
        """Remove the heartbeat."""
        self._has_ended.set()
        self._watcher.end()
        with self._lock, suppress(OSError):
            (self._folder / FILE).unlink(missing_ok=True)

    def _count_epochs(self, trial: Trial) -> int:
        return self._plan.cohort_of(trial).program.train.epochs

    def _forget(self, trial: str) -> None:
        self._epochs.pop(trial, None)
        self._since.pop(trial, None)

    def _beat_now_and_then(self) -> None:
        if self._status.todo and self._clock() - self._beaten >= INTERVAL:
            self._beaten = self._clock()
            for word in take_cancellations(self._folder):
                self._cancel(word)
            self._write(self._describe())

    def _write(self, beat: Heartbeat) -> None:
        # A full disk ends the run where a trial is stored, with a better message.
        with self._lock, suppress(ResultsError):
            if not self._has_ended.is_set():
                self._beat = beat
                write_heartbeat(self._folder, beat)

    def _keep_alive(self) -> None:
        """Repeat the last heartbeat while nothing happens: a check or an epoch may take minutes."""
        while not self._has_ended.wait(SILENT / 4):
            if self._beat and self._clock() - self._beat.time > SILENT / 5:
                self._write(replace(self._beat, time=self._clock()))

    def _describe(self) -> Heartbeat:
        now, workers = self._clock(), self._executor.running()
        running = [
            RunningTrial(
                key, trial.name, workers.get(key, ""), epoch.epoch, self._count_epochs(trial), now - self._since[key]
            )
            for key, (trial, epoch) in list(self._epochs.items())[:MAX_RUNNING]
        ]
        return Heartbeat(
            os.getpid(), socket.gethostname(), self._begun, now, self._status.describe(), self._status.todo,
            self._status.finished, self._status.seconds_left, dict(self._reasons), running,
        )  # fmt: skip

    def _cancel(self, word: str) -> None:
        """Stop the trial with this id, or the worker with this name."""
        running = self._executor.running()
        if word in running.values():
            if self._executor.release(word):
                log.warning("%s is released: its trial is trained elsewhere", word)
            else:
                log.warning("%s is not released: it is the only worker", word)
            return
        # An executor without workers does not say what it runs.
        if word in running or word in self._epochs:
            log.warning("trial %s is cancelled: the next run trains it", word)
        else:
            log.warning("%s was to be stopped, but does not run any more", word)
        self._forget(word)
        self._executor.cancel(word)
