"""Training in this process: what each worker does, and an executor that needs no worker."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, cached_property, partial

from threadpoolctl import threadpool_limits

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.types import DataDirs, Dataset, DatasetInfo
from bnbench.errors import BnbenchError
from bnbench.execution import phases
from bnbench.execution.phases import OnPhase, ignore_phase
from bnbench.execution.protocols import ExecutorRequest, Trainer
from bnbench.execution.trial_queues import ProgramQueue, TrialQueues
from bnbench.planning.compile_key import compile_key, with_same_functions
from bnbench.planning.machine import CPU, this_machine
from bnbench.planning.plan import Program, Trial
from bnbench.planning.predictors.types import Predictor
from bnbench.planning.rate_guess import RateGuess
from bnbench.planning.resources import WorkerCount
from bnbench.planning.step_times import StepTimes, TimedPair
from bnbench.planning.trial import Epoch, MayStart, OnEpoch, Result, Saving, start_always

# Returns the rows that a plan was made for, from the settings of the data and their description.
LoadData = Callable[[Data, DatasetInfo], Dataset]


class InProcessTrainer:
    """A `Trainer` that uses TensorFlow in this process. Creating it imports TensorFlow.

    Args:
        load: loads the rows of a program. They are kept.
        on_card: whether to use the graphics card that is visible, and not the processor.
        portable: whether to compute the same bits on all x86 processors with AVX2.
    """

    def __init__(self, load: LoadData, on_card: bool = False, portable: bool = False) -> None:
        from bnbench.training import startup

        startup.import_tensorflow(on_card, portable)
        from bnbench.training import check, check_rows, compiled_programs, loop, short_training, step_times, threads

        self._programs = compiled_programs.CompiledPrograms()
        self._loop, self._check, self._step_times = loop, check, step_times
        self._short_training = short_training
        self._use_threads = threads.use_threads
        self._portable = portable
        self._load = cache(load)
        self._load_handful = cache(lambda *of: check_rows.handful_of_rows(self._load(*of)))

    def devices(self) -> list[str]:
        """Return the devices that TensorFlow can use, for example `CPU` or `GPU NVIDIA H200`."""
        return self._loop.list_devices()

    def check(self, program: Program) -> None:
        """Train the program for two steps on a handful of rows.

        Raises:
            ConfigError: Keras rejects a part of it.
        """
        self._use_threads(program.train.threads)
        self.check_with_any_threads(program)

    def check_with_any_threads(self, program: Program) -> None:
        """Check a program, with other threads than it wants if TensorFlow already computes with those here."""
        with suppress(BnbenchError):
            self._use_threads(program.train.threads)
        alike = self._programs.checked(program)
        # The memory of another one is free before the next one is built.
        self._programs.drop()
        rows = self._load_handful(program.data, program.facts)
        self._programs.keep(program, self._check.check_program(program, rows, alike))

    def prepare(self, program: Program) -> None:
        """Compile a program that has been checked, so that its first trial can start at once."""
        with suppress(Exception):
            # The first trial meets the same problem, and stores it.
            self._loop.compile_program(program, self._load(program.data, program.facts), self._programs)

    def free_memory(self) -> None:
        """Free what checked programs leave in Keras and TensorFlow: 0.4 MB each."""
        self._programs.drop()
        self._check.free_memory()

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        """Train trial after trial on the program that was compiled last, if it has the same functions, or a new one.

        Raises:
            DataError: the data are missing, damaged, or other data than the plan was made for.
        """
        dataset = self._load(program.data, program.facts)
        results = _on_one_thread(self._loop.train_trials(program, trials, dataset, saving, on_epoch, self._programs))
        fingerprint, threads = dataset.facts.fingerprint, program.train.threads
        machine = this_machine(program.device or CPU, self._portable)
        return (replace(one, fingerprint=fingerprint, machine=machine, threads=threads) for one in results)

    def time_steps(self, pairs: Sequence[TimedPair]) -> Iterator[StepTimes | None]:
        """Train the two programs of each pair by turns, and yield their times; None before the rounds of a pair."""
        return self._step_times.time_pairs(
            pairs, lambda program: self._load(program.data, program.facts), self._programs
        )

    def guess_rates(self, program: Program, seed: int, predictors: Sequence[Predictor]) -> list[RateGuess]:
        """Return what each predictor says about the edge of a program, from a few short trainings.

        Raises:
            ConfigError: Keras rejects a part of the program.
            DataError: the data are missing, damaged, or other data than the plan was made for.
        """
        self._programs.drop()
        dataset = self._load(program.data, program.facts)
        return self._short_training.guess_rates(program, dataset, seed, predictors)


def _on_one_thread(results: Iterator[Result]) -> Iterator[Result]:
    """Yield results; NumPy uses one thread for each, as TensorFlow does.

    The workers share the cores, and the number of threads changes the order in which a product of vectors adds up.
    """
    while True:
        with threadpool_limits(1, user_api="blas"):
            result = next(results, None)
        if result is None:
            return
        yield result


def load_from(data_dirs: DataDirs) -> LoadData:
    """Return what loads rows from the files on this machine."""
    return lambda settings, planned: access.load_planned(settings, data_dirs, planned)


@contextmanager
def open_serial_executor(request: ExecutorRequest) -> Iterator["SerialExecutor"]:
    """Open an executor that trains in this process, for example for a debugger or a test."""
    make = partial(InProcessTrainer, load_from(request.data_dirs), bool(request.cards), request.portable)
    yield SerialExecutor(make)


class SerialExecutor:
    """An `Executor` with a single trainer in this process. It cannot stop a running trial, so it has no time limit.

    Args:
        make_trainer: called once, when a trainer is needed for the first time.
    """

    capacity = WorkerCount(0)

    def __init__(self, make_trainer: Callable[[], Trainer]) -> None:
        self._make_trainer, self._is_loaded = make_trainer, False
        self._queues = TrialQueues()
        self._cancelled: set[str] = set()
        # The key of the functions that the trainer has, or has checked.
        self._ready = ""

    @cached_property
    def _trainer(self) -> Trainer:
        self._is_loaded = True
        return self._make_trainer()

    def check(self, programs: Sequence[Program], on_phase: OnPhase = ignore_phase) -> None:
        """Check one program after another, those with the same functions in turn. What is trained first comes last."""
        if programs and not self._is_loaded:
            on_phase(phases.LOADING)
        ordered = [program for group in reversed(with_same_functions(programs)) for program in group]
        for left, program in zip(range(len(ordered), 0, -1), ordered, strict=True):
            trainer = self._trainer
            on_phase(phases.checking(left))
            trainer.check(program)
            self._ready = compile_key(program)

    def devices(self) -> list[str]:
        """Return the devices that TensorFlow can use."""
        return self._trainer.devices()

    def submit(self, program: Program, trial: Trial, saving: Saving) -> None:
        """Add a trial to the waiting trials."""
        self._cancelled.discard(trial.id)
        self._queues.add(program, trial, saving)

    def cancel(self, trial_id: str) -> None:
        """Remove a waiting trial; drop the result of a running one."""
        self._cancelled.add(trial_id)
        self._queues.remove(trial_id)

    def results(
        self, on_epoch: OnEpoch, on_phase: OnPhase = ignore_phase, may_start: MayStart = start_always
    ) -> Iterator[Result]:
        """Train program after program, those with the same functions in turn, each until none of its trials is left."""

        def note_epoch(trial: Trial, epoch: Epoch) -> None:
            on_phase(phases.TRAINING)
            on_epoch(trial, epoch)

        compiled = ""
        while queue := self._choose(may_start):
            trainer = self._trainer
            if queue.functions != compiled:
                on_phase(phases.compiling(1))
            self._ready = compiled = queue.functions
            waiting = queue.take_until_empty(may_start)
            for result in trainer.train(queue.program, waiting, queue.saving, note_epoch):
                on_phase(phases.TRAINING)
                if result.trial not in self._cancelled:
                    yield result

    def _choose(self, may_start: MayStart) -> ProgramQueue | None:
        """Return the queue with the next trial that may start."""
        self._queues.drop_first(may_start)
        return self._queues.choose(self._ready, None, {})

    def running(self) -> Mapping[str, str]:
        """Return nothing: there is only this process."""
        return {}

    def release(self, worker: str) -> bool:
        """Do nothing: there is only this process."""
        return False

    def time_steps(
        self, pairs: Sequence[TimedPair], meanwhile: Callable[[], bool] = lambda: False
    ) -> Iterator[StepTimes]:
        """Train the two programs of each pair by turns in this process, which can do nothing meanwhile."""
        return (times for times in self._trainer.time_steps(pairs) if times is not None)
