"""An executor that trains in worker processes on this machine.

Each worker gets one trial at a time, preferably of the program that it has already compiled. So a worker that dies
costs only one trial, and the last trials of a sweep are spread evenly. A trial whose worker died, hung or ran out of
memory is tried again in another worker.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from bnbench.errors import WorkerError
from bnbench.execution import phases
from bnbench.execution.phases import OnPhase, ignore_phase
from bnbench.execution.pool_worker import PoolWorker, with_tries
from bnbench.execution.protocols import ExecutorRequest
from bnbench.execution.transport import Starter
from bnbench.execution.trial_queues import TrialQueues
from bnbench.execution.worker_ahead import make_starter
from bnbench.execution.worker_group import WorkerGroup
from bnbench.planning import resources
from bnbench.planning.compile_key import with_same_functions
from bnbench.planning.plan import Program, Trial
from bnbench.planning.resources import WorkerCount
from bnbench.planning.step_times import StepTimes, TimedPair
from bnbench.planning.trial import Fault, MayStart, OnEpoch, Result, Saving, start_always

# How often a trial is tried if its worker dies.
TRIES = 3
# A worker is replaced after this many programs, because each leaves about 6 MB in TensorFlow.
MAX_PROGRAMS = 50


@contextmanager
def open_process_pool(request: ExecutorRequest) -> Iterator["ProcessPool"]:
    """Open a pool with as many workers as were requested, or as fit the cores and memory of this machine."""
    wanted = request.jobs
    if wanted is None and request.cards:
        wanted = len(request.cards) * request.jobs_per_card
    capacity = resources.choose_worker_count(request.cohorts, wanted)
    starter = request.starter or make_starter(request.data_dirs, request.cards, request.portable)
    with ProcessPool(capacity, starter, request.trial_timeout) as pool:
        yield pool


class ProcessPool:
    """An `Executor` whose workers are processes, at most `capacity` of them. For the rest, see `WorkerGroup`."""

    def __init__(self, capacity: WorkerCount, starter: Starter, trial_timeout: float | None = None) -> None:
        self._capacity = capacity
        self._workers = WorkerGroup(starter, trial_timeout)
        # How many tasks wait or run.
        self._tasks = 0
        # How many workers were stopped on request.
        self._released = 0
        self._queues = TrialQueues()
        self._tries: Counter[str] = Counter()

    def __enter__(self) -> "ProcessPool":
        return self

    def __exit__(self, *_: object) -> None:
        self._workers.close()

    @property
    def capacity(self) -> WorkerCount:
        """The number of workers, and what limits it."""
        return self._capacity

    def devices(self) -> list[str]:
        """Return the devices that the last started worker reported; wait for one if none has."""
        # All of them, because there are trials for all.
        self._start_missing(self.capacity.count)
        with self._workers.looking(lambda: self._look(ignore_phase, phases.LOADING)):
            while not (self._workers.ready() or self._workers.devices):
                message = self._workers.next_message()
                if message and message[1] == "dead":
                    self._workers.start(1)
        return self._workers.devices

    def check(self, programs: Sequence[Program], on_phase: OnPhase = ignore_phase) -> None:
        """Have workers check programs at the same time, those with the same functions in one worker.

        Workers of an earlier sweep are used first. A worker that has nothing left to check compiles what it has
        checked, while others check.
        """
        waiting = deque(with_same_functions(programs))
        left = len(programs)
        # All of them, because there are trials for all.
        self._start_missing(self.capacity.count if programs else 0)
        for worker in self._workers.ready():
            self._check_next(worker, waiting)

        def look() -> None:
            """Let idle workers check what was meant for those that still load TensorFlow: they may never be ready."""
            self._look(on_phase, phases.checking(left) if self._workers.ready() else phases.LOADING)
            for worker in self._workers.ready():
                if not worker.checking and worker.preparing is None:
                    self._check_next(worker, waiting)

        with self._workers.looking(look):
            while left:
                on_phase(phases.checking(left) if self._workers.ready() else phases.LOADING)
                if message := self._workers.next_message():
                    left -= self._handle_check(*message, waiting)

    def _handle_check(self, worker: PoolWorker, kind: str, value: Any, waiting: deque[list[Program]]) -> int:
        """Act on a message of a worker that checks; return how many programs have been checked by it."""
        if kind == "dead":
            self._check_again(worker, value, waiting)
            self._workers.start(1)
        elif kind == "checked":
            if value:
                raise value
            count = len(worker.checking)
            self._end_check(worker, waiting)
            return count
        elif kind == "prepared":
            worker.end_preparing()
        else:
            self._check_next(worker, waiting)
        return 0

    def _check_again(self, worker: PoolWorker, fault: Fault, waiting: deque[list[Program]]) -> None:
        """Let another worker check what a lost one was checking; after the last try, raise."""
        if not worker.checking:
            return
        first = worker.checking[0]
        self._tries[first.key] += 1
        if self._tries[first.key] == TRIES:
            raise WorkerError(f"{first.where}: cannot be built, tried {TRIES} times: {fault.reason}\n{fault.traceback}")
        waiting.append(list(worker.checking))

    def _end_check(self, worker: PoolWorker, waiting: deque[list[Program]]) -> None:
        """Let a worker compile what it has checked, unless it has to check more."""
        checked, worker.checking = worker.checking, ()
        # Workers that still load TensorFlow check one group each.
        if len(waiting) > sum(not other.ready for other in self._workers):
            self._check_next(worker, waiting)
        else:
            worker.prepare(checked[-1])

    def _check_next(self, worker: PoolWorker, waiting: deque[list[Program]]) -> None:
        if waiting and self._fits(worker, waiting[0][0]):
            worker.check(waiting.popleft())

    def submit(self, program: Program, trial: Trial, saving: Saving) -> None:
        """Add a trial to the waiting trials."""
        self._queues.add(program, trial, saving)

    def cancel(self, trial_id: str) -> None:
        """Remove a waiting trial; stop the worker of a running one."""
        self._queues.remove(trial_id)
        self._tries.pop(trial_id, None)
        for worker in self._workers.busy():
            if worker.trial and worker.trial.id == trial_id:
                self._workers.stop(worker)

    def running(self) -> Mapping[str, str]:
        """Return the name of the worker of each running trial."""
        return {worker.trial.id: worker.process.name for worker in self._workers.busy() if worker.trial}

    def release(self, worker: str) -> bool:
        """Stop a worker, and keep one less from now on. Its trial is tried again, which counts as no try."""
        found = [one for one in self._workers if one.process.name == worker]
        if not found or self.capacity.count - self._released < 2:
            return False
        self._released += 1
        for one in found[:1]:
            if one.queue and one.trial:
                self._queues.put_back(one.queue, one.trial)
            self._workers.stop(one)
        return True

    def results(
        self, on_epoch: OnEpoch, on_phase: OnPhase = ignore_phase, may_start: MayStart = start_always
    ) -> Iterator[Result]:
        """Yield results until no trial waits or runs; on Ctrl-C, yield the results that have arrived."""
        try:
            with self._workers.looking(lambda: self._look(on_phase, self._phase())):
                while self._has_trials(may_start):
                    if len(self._workers) < self.capacity.count:
                        self._start_missing(len(self._queues) + len(self._workers.busy()))
                    self._feed()
                    on_phase(self._phase())
                    message = self._workers.next_message()
                    if message and (result := self._handle(*message, on_epoch)):
                        yield result
        except KeyboardInterrupt:
            yield from self._workers.stop_all()
            raise

    def _has_trials(self, may_start: MayStart) -> bool:
        """Return whether a trial runs or waits, after dropping what an idle worker would start now but may not."""
        # With a thousand workers, whatever looks at all of them takes longer than the rest of a turn.
        if any(worker.ready and not worker.trial for worker in self._workers):
            self._queues.drop_first(may_start)
        return bool(self._queues) or any(worker.trial for worker in self._workers)

    def _look(self, on_phase: OnPhase, phase: str) -> None:
        """Repeat the phase about once a second, also if no worker reports anything."""
        on_phase(phase)

    def time_steps(
        self, pairs: Sequence[TimedPair], meanwhile: Callable[[], bool] = lambda: False
    ) -> Iterator[StepTimes]:
        """Yield the times of each pair. One worker stays, so that its programs have the machine for themselves."""
        left, has_more = len(pairs), True
        try:
            self._keep_one_worker(pairs[0])
            while left:
                for worker in self._workers.ready():
                    if not worker.timing:
                        worker.time_steps(pairs)
                is_free = has_more and not any(worker.in_rounds for worker in self._workers)
                message = self._workers.poll() if is_free else self._workers.next_message()
                if message is None:
                    has_more = meanwhile() if is_free else has_more
                    continue
                worker, kind, value = message
                if kind == "compiled":
                    worker.begin_rounds()
                if kind == "timed":
                    left, worker.seconds, worker.in_rounds = left - 1, 0.0, False
                    yield value
                if kind == "dead":
                    _raise_if_timing(worker, value)
                    self._workers.start(1)
            worker.timing = False
        except KeyboardInterrupt:
            self._workers.stop_all()
            raise

    def _keep_one_worker(self, pair: TimedPair) -> None:
        """Stop all workers but one that may use the threads of a pair, and has one of its programs if there is such a
        worker; start one if there is none.
        """
        threads = pair.first.train.threads
        fitting = [one for one in self._workers.ready() if one.threads in (None, threads)]
        fitting.sort(key=lambda one: not (one.queue and one.queue.program.key in pair.key))
        for worker in list(self._workers):
            if worker not in fitting[:1]:
                self._workers.stop(worker)
        self._workers.start(1 - len(self._workers))
        for worker in self._workers:
            worker.threads = threads

    def _phase(self) -> str:
        """Return `training` as soon as one worker trains."""
        if any(worker.trial and not worker.compiling for worker in self._workers):
            return phases.TRAINING
        compiling = len(self._workers.busy())
        return phases.compiling(compiling) if compiling else phases.LOADING

    def _handle(self, worker: PoolWorker, kind: str, value: Any, on_epoch: OnEpoch) -> Result | None:
        """Act on a message; return a result if it ends a trial."""
        if kind == "prepared":
            worker.end_preparing()
        if kind == "epoch":
            worker.compiling = False
            on_epoch(*value)
        if kind == "result":
            return self._end_trial(worker, value)
        if kind == "dead" and (result := worker.failed_result(value)):
            return self._retry(worker, result)
        return None

    def _end_trial(self, worker: PoolWorker, result: Result) -> Result | None:
        if result.fault and result.fault.out_of_memory:
            # The memory that this worker still holds may be needed for the next try.
            self._workers.stop(worker)
            return self._retry(worker, result)
        worker.end_trial(result)
        self._tries.pop(result.trial, None)
        return result

    def _retry(self, worker: PoolWorker, result: Result) -> Result | None:
        """Put the trial of a lost worker back into its queue; after the last try, return its result."""
        self._tries[result.trial] += 1
        if self._tries[result.trial] == TRIES:
            del self._tries[result.trial]
            return with_tries(result, TRIES)
        if worker.queue and worker.trial:
            self._queues.put_back(worker.queue, worker.trial)
        return None

    def _feed(self) -> None:
        """Give each idle worker a trial of its own program, or of one with the same functions, or else of another."""
        idle = [worker for worker in self._workers if worker.ready and not worker.trial]
        workers: Counter[str] | None = None
        # The functions and threads of idle workers for which there is no trial that saves time.
        without: set[tuple[str, int | None]] = set()
        for worker in idle:
            queue, had = worker.queue, (worker.functions, worker.threads)
            if not (queue and queue.waiting):
                if had in without:
                    continue
                if workers is None:
                    workers = Counter(other.functions for other in self._workers)
                queue = self._queues.choose(*had, workers)
                if not queue:
                    without.add(had)
                    continue
            if queue.functions == worker.functions or self._fits(worker, queue.program):
                worker.train_next(queue)
            if worker.functions != had[0] or worker not in self._workers:
                workers = None
                without.clear()

    def _fits(self, worker: PoolWorker, program: Program) -> bool:
        """Return True if a worker can take a new program now; replace the worker if it can take no more programs."""
        if worker.threads in (None, program.train.threads) and worker.programs < MAX_PROGRAMS:
            worker.threads = program.train.threads
            return worker.ready
        self._workers.stop(worker)
        self._workers.start(1)
        return False

    def _start_missing(self, tasks: int) -> None:
        """Start workers, up to the capacity, if there are more tasks than workers."""
        self._tasks = tasks
        self._workers.start(min(self.capacity.count - self._released, tasks) - len(self._workers))


def _raise_if_timing(worker: PoolWorker, fault: Fault) -> None:
    if worker.timing:
        raise WorkerError(f"{fault.reason}\n{fault.traceback}")
