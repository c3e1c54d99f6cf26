"""Trials in fresh worker processes, side by side.

Each worker is fed one trial at a time, of the program that it has compiled for as long as there is one. So a worker
that dies costs the trial that it had, and the last trials of a sweep spread evenly. What a trial gives does not depend
on where it ran, and one whose worker died, hung or ran out of memory is tried again in another.
"""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

from bnbench.errors import WorkerError
from bnbench.execution.protocols import Trainer
from bnbench.execution.worker_handle import WorkerHandle
from bnbench.planning.plan import Cohort, Program, Trial
from bnbench.planning.trial import Fault, OnEpoch, Result, Saving

TRIES = 3  # of a trial whose worker does not survive it, and of starting a worker
PATIENCE = 20  # times the longest trial of its program are left to a trial where the user sets no limit, ...
MIN_LIMIT = 600.0  # ... and at least so many seconds
LOOK = 1.0  # seconds from one look for trials that hang to the next
MAX_PROGRAMS = 50  # in the life of a worker: each leaves some 6 MB behind in TensorFlow


@dataclass(eq=False)
class _Queue:
    """The trials of a cohort that wait, and what is known of how long they take."""

    program: Program
    waiting: deque[Trial]
    ended: int = 0
    seconds: float = 0.0  # of the trials that ended
    longest: float = 0.0  # of them
    setup: float = 0.0  # seconds to compile, at most

    def worth_joining(self, workers: int) -> bool:
        """Whether one worker more than those that have compiled its program, who must compile first, is a gain."""
        if not self.waiting or not workers or not self.ended:
            return bool(self.waiting)
        return len(self.waiting) * self.seconds / self.ended / workers > self.setup

    @property
    def limit(self) -> float:
        """Seconds after which a trial hangs, as far as the others tell."""
        return max(MIN_LIMIT, PATIENCE * self.longest) if self.ended else math.inf


@dataclass(eq=False)
class _Worker:
    """What the coordinator knows of a process."""

    process: WorkerHandle
    ready: bool = False
    threads: int | None = None  # TensorFlow takes one number for the life of a process
    programs: int = 0  # it has checked or compiled
    checking: Program | None = None
    queue: _Queue | None = None  # whose program it has compiled
    trial: Trial | None = None  # under way
    sent: float = 0.0  # when
    seconds: float = 0.0  # that the coordinator has seen it with the trial: none while it slept itself
    late: str = ""  # why it was ended

    def take(self, queue: _Queue, saving: Saving) -> None:
        """Train the next trial of a queue."""
        self.trial, self.sent, self.seconds = queue.waiting.popleft(), time.monotonic(), 0.0
        if queue is self.queue:
            self.process.send(("trial", self.trial))
        else:
            self.queue, self.programs = queue, self.programs + 1
            self.process.send(("train", queue.program, self.trial, saving))

    def end_trial(self, result: Result | None) -> None:
        """Learn from a trial that ended how long trials and compilation take."""
        self.trial = None
        if result and self.queue:
            self.queue.ended += 1
            self.queue.seconds += result.seconds
            self.queue.longest = max(self.queue.longest, result.seconds)
            self.queue.setup = max(self.queue.setup, time.monotonic() - self.sent - result.seconds)

    def end_if_late(self, limit: float | None) -> None:
        """End the process if its trial takes longer than the limit, or than the others of its program by far."""
        allowed = (self.queue.limit if self.queue else math.inf) if limit is None else limit
        if self.trial and self.seconds > allowed and not self.late:
            self.late = f"took more than {allowed:g} s and was ended" + " (--trial-timeout)" * (limit is not None)
            self.process.kill()


class ProcessPool:
    """`Workers` that are processes.

    Args:
        jobs: how many.
        make: called in each process for its `Trainer`; must be picklable.
        environment: variables to set for them.
    """

    def __init__(self, jobs: int, make: Callable[[], Trainer], environment: Mapping[str, str] | None = None) -> None:
        self._jobs, self._make, self._environment = jobs, make, environment or {}
        self._workers: dict[WorkerHandle, _Worker] = {}
        self._inbox: SimpleQueue[tuple[WorkerHandle, tuple[str, Any]]] = SimpleQueue()
        self._devices: list[str] = []
        self._failed_starts = 0  # since a worker was ready
        self._looked = time.monotonic()

    def __enter__(self) -> "ProcessPool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in list(self._workers.values()):
            self._stop(worker)

    def devices(self) -> list[str]:
        """As a worker told."""
        return self._devices

    def check(self, programs: Sequence[Program]) -> None:
        """Have the workers check programs side by side, those of an earlier run first.

        Raises:
            ConfigError: Keras refuses one.
            WorkerError: a worker cannot be started, or dies of a program.
        """
        waiting = deque(programs)
        left = len(waiting)
        self._start(min(self._jobs, left) - len(self._workers))
        for worker in [w for w in self._workers.values() if w.ready]:
            self._check_next(worker, waiting)
        while left:
            worker, kind, value = self._next()
            if kind == "checked":
                if value:
                    raise value
                left -= 1
                worker.checking = None
            if kind == "dead":
                if worker.checking:
                    what = f"{worker.checking.where}: cannot be built"
                    raise WorkerError(f"{what}: {value.reason}\n{value.traceback}")
                self._count_failed_start(value)
                self._start(1)
                continue
            self._check_next(worker, waiting)

    def _check_next(self, worker: _Worker, waiting: deque[Program]) -> None:
        """Have a worker check the next program, if there is one and it can take it."""
        if waiting and self._fits(worker, waiting[0]):
            worker.checking, worker.programs = waiting.popleft(), worker.programs + 1
            worker.process.send(("check", worker.checking))

    def run(
        self, cohorts: Sequence[Cohort], saving: Saving, on_epoch: OnEpoch, limit: float | None = None
    ) -> Iterator[Result]:
        """Yield a result for every trial as it ends; on an interrupt, what had ended and then KeyboardInterrupt.

        Args:
            limit: seconds for a trial, compilation included; None: what the others of its program tell.

        Raises:
            WorkerError: a worker cannot be started.
        """
        queues = [_Queue(cohort.program, deque(cohort.trials)) for cohort in cohorts]
        left = sum(len(queue.waiting) for queue in queues)
        tried: Counter[str] = Counter()
        self._start(min(self._jobs, left) - len(self._workers))
        self._feed(queues, saving)
        while left:
            try:
                worker, kind, value = self._next(limit)
            except KeyboardInterrupt:
                yield from self._rescue()
                raise
            if kind == "epoch":
                on_epoch(*value)
                continue
            gone = kind == "dead"
            if gone and not worker.ready:
                self._count_failed_start(value)
            if (trial := worker.trial) and (queue := worker.queue) and kind in {"result", "dead"}:
                result = _lost(worker, value) if gone else value
                if result.fault and result.fault.out_of_memory and not gone:
                    self._stop(worker)  # what it still holds would be in the way of the next try
                    gone = True
                tried[trial.id] += gone
                worker.end_trial(None if gone else result)
                if gone and tried[trial.id] < TRIES:
                    queue.waiting.append(trial)
                    queues = [other for other in queues if other is not queue] + [queue]
                else:
                    left -= 1
                    yield _tried(result) if gone else result
            queues = [queue for queue in queues if queue.waiting]
            if gone and queues:
                self._start(1)
            self._feed(queues, saving)

    def _count_failed_start(self, fault: Fault) -> None:
        """A worker died before it was ready; where that goes on, nothing can be trained."""
        self._failed_starts += 1
        if self._failed_starts == TRIES:
            raise WorkerError(f"cannot be started, tried {TRIES} times: {fault.reason}\n{fault.traceback}")

    def _feed(self, queues: Sequence[_Queue], saving: Saving) -> None:
        """Give idle workers a trial: of their own program, of one that nobody has, or of one worth joining."""
        for worker in [w for w in self._workers.values() if w.ready and not w.trial]:
            queue = worker.queue
            if not (queue and queue.waiting):
                have = Counter(id(other.queue) for other in self._workers.values())
                open_ones = [queue for queue in queues if queue.worth_joining(have[id(queue)])]
                if not open_ones:
                    continue
                queue = min(open_ones, key=lambda q: (have[id(q)], q.program.train.threads != worker.threads))
            if queue is worker.queue or self._fits(worker, queue.program):
                worker.take(queue, saving)

    def _fits(self, worker: _Worker, program: Program) -> bool:
        """Whether a worker can take a new program now; one that cannot at all makes place for a fresh one."""
        if worker.threads in (None, program.train.threads) and worker.programs < MAX_PROGRAMS:
            worker.threads = program.train.threads
            return worker.ready
        self._stop(worker)
        self._start(1)
        return False

    def _start(self, count: int) -> None:
        for _ in range(count):
            process = WorkerHandle(lambda *heard: self._inbox.put(heard), self._environment)
            self._workers[process] = _Worker(process)
            process.send(self._make)

    def _next(self, limit: float | None = None) -> tuple[_Worker, str, Any]:
        """The next message, with the worker that it is of; of a dead one, its last words."""
        while True:
            self._look(limit)
            try:
                process, (kind, value) = self._inbox.get(timeout=LOOK)
            except Empty:
                continue
            worker = self._workers.get(process)
            if worker is None:  # stopped since
                continue
            if kind == "hello":
                worker.ready, self._devices, self._failed_starts = True, value, 0
            if kind == "refused":
                raise value
            if kind == "dead":
                value = Fault(f"worker {process.name} {worker.late}", "") if worker.late else process.last_words()
                self._stop(worker)
            return worker, kind, value

    def _look(self, limit: float | None) -> None:
        """End the workers whose trials hang.

        Time counts from one look to the next, and little of it: a computer that slept, or a Ctrl-Z, lets nothing hang.
        """
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, 2 * LOOK), now
        for worker in self._workers.values():
            worker.seconds += passed
            worker.end_if_late(limit)

    def _rescue(self) -> Iterator[Result]:
        """Stop all workers; the results that had arrived by then."""
        known = set(self._workers)
        self.__exit__()
        while True:
            try:
                process, (kind, value) = self._inbox.get_nowait()
            except Empty:
                return
            if process in known and kind == "result":
                yield value

    def _stop(self, worker: _Worker) -> None:
        del self._workers[worker.process]
        worker.process.stop()


def _lost(worker: _Worker, fault: Fault) -> Result:
    """The result of the trial that a worker died of."""
    if not (worker.trial and worker.queue):
        raise WorkerError(fault.reason)
    program = worker.queue.program
    return Result(worker.trial.id, program.key, program.parameters, fault=fault, worker=worker.process.name)


def _tried(result: Result) -> Result:
    """The result of the last try."""
    fault = result.fault
    return replace(result, fault=fault and replace(fault, reason=f"{fault.reason}; tried {TRIES} times"))
