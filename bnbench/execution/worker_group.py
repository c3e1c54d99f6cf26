"""The worker processes of a pool: starts them, receives their messages, and kills those that hang."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty
from typing import Any

from bnbench.errors import WorkerError
from bnbench.execution.pool_worker import PoolWorker
from bnbench.execution.transport import Handle, Starter
from bnbench.planning.trial import Fault, Result

# The number of attempts to start a worker.
TRIES = 3
# Seconds between two searches for hanging trials.
LOOK = 1.0


def _nothing() -> None:
    """Do nothing."""


class WorkerGroup:
    """Worker processes that are started and stopped one by one.

    Args:
        starter: starts them, on this machine or elsewhere, and is closed with them.
        trial_timeout: seconds for a trial, compilation included; by default the limit of its queue.
    """

    def __init__(self, starter: Starter, trial_timeout: float | None = None) -> None:
        self.devices: list[str] = []
        self._starter, self._trial_timeout = starter, trial_timeout
        self._workers: dict[Handle, PoolWorker] = {}
        # After so many failed starts in a row an error is raised; 0: never.
        self.tries = TRIES
        # Called about once a second while the group waits for messages.
        self.on_look: Callable[[], None] = _nothing
        # Since the last worker became ready.
        self._failed_starts = 0
        self._looked = time.monotonic()

    def __len__(self) -> int:
        return len(self._workers)

    def __iter__(self) -> Iterator[PoolWorker]:
        return iter(self._workers.values())

    def __contains__(self, worker: object) -> bool:
        return isinstance(worker, PoolWorker) and self._workers.get(worker.process) is worker

    def ready(self) -> list[PoolWorker]:
        """Return the workers that have imported TensorFlow."""
        return [worker for worker in self if worker.ready]

    def busy(self) -> list[PoolWorker]:
        """Return the workers that have a trial."""
        return [worker for worker in self if worker.trial]

    @contextmanager
    def looking(self, on_look: Callable[[], None]) -> Iterator[None]:
        """Inside the block, call a function about once a second while the group waits for messages."""
        self.on_look = on_look
        try:
            yield
        finally:
            self.on_look = _nothing

    def start(self, count: int) -> None:
        """Start workers; they report when they are ready. Nothing happens if `count` is not positive."""
        for _ in range(count):
            process = self._starter.start()
            self._workers[process] = PoolWorker(process)

    def stop(self, worker: PoolWorker) -> None:
        """Kill a worker; its messages are ignored from now on."""
        del self._workers[worker.process]
        worker.process.stop()

    def stop_all(self) -> list[Result]:
        """Kill all workers; return the results that had arrived by then."""
        stopped = set(self._workers)
        for worker in list(self):
            self.stop(worker)
        results: list[Result] = []
        while True:
            try:
                process, (kind, value) = self._starter.inbox.get_nowait()
            except Empty:
                return results
            if process in stopped and kind == "result":
                results.append(value)

    def close(self) -> None:
        """Kill all workers and leave their environment."""
        self.stop_all()
        self._starter.close()

    def poll(self) -> tuple[PoolWorker, str, Any] | None:
        """Return the next message of a worker if it has arrived, as `next_message` does; otherwise None."""
        while True:
            try:
                process, (kind, value) = self._starter.inbox.get_nowait()
            except Empty:
                return None
            if worker := self._workers.get(process):
                return worker, kind, self._note_message(worker, kind, value)

    def next_message(self) -> tuple[PoolWorker, str, Any] | None:
        """Wait for the next message of a worker; after about a second without one, look around and return None.

        Whoever looks may stop workers and start others, so the caller must see if it still has something to wait for.
        The last message of a worker is `dead`, with a `Fault`.

        Raises:
            BnbenchError: a worker reports an error that concerns all trials, or no worker can be started.
        """
        self._kill_late_workers()
        try:
            process, (kind, value) = self._starter.inbox.get(timeout=LOOK)
        except Empty:
            self.on_look()
            return None
        # A worker that has been stopped is not in the table.
        worker = self._workers.get(process)
        return (worker, kind, self._note_message(worker, kind, value)) if worker else None

    def _note_message(self, worker: PoolWorker, kind: str, value: Any) -> Any:
        """Update the state of the worker, and return the value of the message."""
        if kind == "hello":
            worker.ready, self.devices, self._failed_starts = True, value, 0
        if kind == "refused":
            raise value
        if kind == "dead":
            value = worker.cause_of_death()
            self.stop(worker)
            if not worker.ready:
                self._count_failed_start(value)
        return value

    def _count_failed_start(self, fault: Fault) -> None:
        self._failed_starts += 1
        if self._failed_starts == self.tries:
            raise WorkerError(f"cannot be started, tried {self.tries} times: {fault.reason}\n{fault.traceback}")

    def _kill_late_workers(self) -> None:
        """Kill the workers whose trials hang.

        Time is counted from one call to the next, and at most two intervals of it. So no trial seems to hang after the
        computer slept or the coordinator was suspended by Ctrl-Z.
        """
        now = time.monotonic()
        if now - self._looked < LOOK:
            return
        passed, self._looked = min(now - self._looked, 2 * LOOK), now
        for worker in self:
            worker.seconds += passed
            worker.kill_if_late(self._trial_timeout)
