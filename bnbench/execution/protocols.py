"""The interfaces between a sweep and the code that runs its trials. Nothing here imports TensorFlow."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from bnbench.data.types import DataDirs
from bnbench.execution.phases import OnPhase, ignore_phase
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning.machine import MachineKind
from bnbench.planning.plan import Cohort, Program, Trial
from bnbench.planning.resources import WorkerCount
from bnbench.planning.step_times import StepTimes, TimedPair
from bnbench.planning.trial import MayStart, OnEpoch, Result, Saving, start_always


class Trainer(Protocol):
    """Trains trials in its own process, one after another."""

    def devices(self) -> list[str]:
        """Return the devices that TensorFlow can use."""

    def check(self, program: Program) -> None:
        """Raise ConfigError if Keras rejects the program."""

    def prepare(self, program: Program) -> None:
        """Do now what the first trial of a program needs, if it has been checked. Nothing is raised."""

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        """Yield the result of each trial when it ends, and only then ask for the next trial."""

    def time_steps(self, pairs: Sequence[TimedPair]) -> Iterator[StepTimes | None]:
        """Train the two programs of each pair by turns, and yield their times.

        It may yield None before the rounds of a pair, when both programs are compiled.
        """


class Executor(Protocol):
    """Runs trials, in this process or in others, and returns one result for each.

    An executor is opened by an `ExecutorFactory` and closed with that context. Opening is cheap: no TensorFlow is
    imported and no worker is started before the first call of `check` or `results`.

    - Threads: one thread, the coordinator's, calls all methods. `on_epoch` and `on_phase` are called in that thread.
    - Order: trials of one program start in the order in which they were submitted, but a trial that is tried again
      goes to the end. Which program comes first, and the order of the results, is the executor's choice.
    - Same bits: a result does not depend on where or when a trial runs.
    - Faults: if a trial raises an error, its result has a `fault`. If a worker dies, hangs or runs out of memory, the
      executor tries the trial again elsewhere; after the last try its result has a `fault`. Other trials go on.
    - Errors: any other exception ends the work. The executor can then only be closed.
    """

    @property
    def capacity(self) -> WorkerCount:
        """How many trials can run at the same time, and what limits that. Known as soon as the executor is open."""

    def check(self, programs: Sequence[Program], on_phase: OnPhase = ignore_phase) -> None:
        """Let Keras build programs, while no trial is running.

        Raises:
            ConfigError: Keras rejects a program.
            WorkerError: no worker can be started, or a worker dies while it builds a program.
        """

    def devices(self) -> list[str]:
        """Return the devices that TensorFlow can use. A pool asks a worker, and starts one if there is none."""

    def submit(self, program: Program, trial: Trial, saving: Saving) -> None:
        """Add a trial to the waiting trials, and return at once.

        Trials start while the caller iterates over `results`.
        """

    def results(
        self, on_epoch: OnEpoch, on_phase: OnPhase = ignore_phase, may_start: MayStart = start_always
    ) -> Iterator[Result]:
        """Yield a result when a trial ends, until no submitted trial is left.

        Between two results the caller may submit further trials and cancel others. On Ctrl-C no further trial starts;
        the results that have arrived are yielded first, then KeyboardInterrupt is raised.

        Args:
            on_epoch: called while this waits, with the latest epoch of a running trial. It may skip epochs.
            on_phase: called while this waits, with what the executor does.
            may_start: asked right before a trial starts. If it says no, the trial is dropped, and has no result.

        Raises:
            BnbenchError: no trial can run, for example because the data are missing or no worker can be started.
        """

    def time_steps(
        self, pairs: Sequence[TimedPair], meanwhile: Callable[[], bool] = lambda: False
    ) -> Iterator[StepTimes]:
        """Let one worker train the two programs of each pair by turns, while no trial is running and nothing else is.

        Args:
            pairs: at least one; all have the same number of threads.
            meanwhile: may be called, again and again, while a worker compiles. It does a small piece of other work for
                one core, and returns whether more is left.

        Raises:
            BnbenchError: the worker died or cannot be started, or the data are missing.
        """

    def running(self) -> Mapping[str, str]:
        """Return the name of the worker of each running trial, by the id of the trial."""

    def release(self, worker: str) -> bool:
        """Stop the worker with this name, and start none in its place. Its trial waits for another one.

        Nothing happens, and the answer is False, if no worker has this name, or if it is the only one.
        """

    def cancel(self, trial_id: str) -> None:
        """Yield no result for a trial that has been submitted.

        A waiting trial never starts. A running trial is stopped if the executor can do that; if not, it runs to its end
        and its result is dropped. Nothing happens if the trial is unknown or its result has been yielded.
        """


@dataclass(frozen=True)
class ExecutorRequest:
    """What an executor is opened for."""

    data_dirs: DataDirs
    # The expected work, from which an executor derives its capacity. Trials are submitted separately.
    cohorts: Sequence[Cohort] = ()
    # The number of workers. By default the executor chooses it; with 0, this process trains.
    jobs: int | None = None
    # Time limit of a trial in seconds, compilation included. By default it depends on the other trials of the program.
    trial_timeout: float | None = None
    # A name in `executors.EXECUTORS`. By default worker processes, or this process for 0 jobs.
    executor: str | None = None
    # May have started a worker already.
    starter: WorkerStarter | None = None
    # Of the cluster, for an executor that has one: `auto` or HOST:PORT.
    address: str | None = None
    # The kinds of machines that trained the stored trials, and whether others may train, too.
    kinds: frozenset[MachineKind] = frozenset()
    mixed: bool = False
    # The numbers of the graphics cards that train, and how many trials each has at a time; none for the processor.
    cards: Sequence[int] = ()
    jobs_per_card: int = 1
    # Whether trials have the same bits on all x86 processors with AVX2.
    portable: bool = False


ExecutorFactory = Callable[[ExecutorRequest], AbstractContextManager[Executor]]
