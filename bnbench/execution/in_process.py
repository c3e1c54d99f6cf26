"""Training in this process: what each worker does, and all there is where no worker is wanted."""

from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.types import DataDirs, Dataset
from bnbench.execution import protocols
from bnbench.planning.plan import Cohort, Program, Trial
from bnbench.planning.trial import OnEpoch, Result, Saving
from bnbench.training import startup


class InProcessTrainer:
    """A `Trainer` with TensorFlow in this process."""

    def __init__(self, places: DataDirs) -> None:
        startup.import_tensorflow()
        from bnbench.training import check, loop

        self._loop, self._check, self._places = loop, check, places
        self._load = cache(self._load_once)

    def _load_once(self, settings: Data) -> Dataset:
        return access.load_dataset(settings, self._places)

    def devices(self) -> list[str]:
        """As `CPU`, `GPU NVIDIA H200`."""
        return self._loop.list_devices()

    def check(self, program: Program) -> None:
        """Have Keras build the model and all that trains it.

        Raises:
            ConfigError: it refuses.
        """
        self._check.check_program(program)

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        """Compile once, then train trial by trial."""
        return self._loop.train_trials(program, trials, self._load(program.data), saving, on_epoch)


class SerialExecutor:
    """`Workers` that are a single trainer in this process, cohort after cohort."""

    def __init__(self, trainer: protocols.Trainer) -> None:
        self._trainer = trainer
        self.devices = trainer.devices

    def check(self, programs: Sequence[Program]) -> None:
        """Each in turn; the first that Keras refuses raises."""
        for program in programs:
            self._trainer.check(program)

    def run(
        self, cohorts: Sequence[Cohort], saving: Saving, on_epoch: OnEpoch, limit: float | None = None
    ) -> Iterator[Result]:
        """In the order of the plan; nothing can end a trial here, whatever the limit."""
        for cohort in cohorts:
            yield from self._trainer.train(cohort.program, cohort.trials, saving, on_epoch)
