"""What runs trials, as the rest of bnbench sees it. Nothing here imports TensorFlow."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from bnbench.data.types import DataDirs
from bnbench.planning.plan import Cohort, Program, Trial
from bnbench.planning.trial import OnEpoch, Result, Saving


class Trainer(Protocol):
    """What one process can do."""

    def devices(self) -> list[str]:
        """What it may compute on."""

    def check(self, program: Program) -> None:
        """Raise ConfigError for a program that Keras refuses."""

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        """Yield the result of each trial as it ends; asks for the next trial only then."""


class Executor(Protocol):
    """What a sweep asks of one process or of many."""

    def check(self, programs: Sequence[Program]) -> None:
        """Raise ConfigError for a program that Keras refuses, before anything is written."""

    def devices(self) -> list[str]:
        """What a worker may compute on."""

    def run(
        self, cohorts: Sequence[Cohort], saving: Saving, on_epoch: OnEpoch, limit: float | None = None
    ) -> Iterator[Result]:
        """Yield a result for every trial, in any order, as each one ends, or has taken `limit` seconds."""


ExecutorFactory = Callable[[int, DataDirs], AbstractContextManager[Executor]]  # as `start` and `Kept` do
