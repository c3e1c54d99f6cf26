"""Where trials run: in this process or in fresh ones. Nothing below here imports TensorFlow before it must."""

import importlib
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Protocol

from bnbench.data import Places
from bnbench.plan import Cohort, Program, Trial
from bnbench.records import OnEpoch, Result, Saving

# Before TensorFlow is imported, which only happens below this package.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # faults arrive as exceptions
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


class Trainer(Protocol):
    """What one process can do."""

    def devices(self) -> list[str]:
        """What it may compute on."""

    def check(self, program: Program) -> None:
        """Raise ConfigError for a program that Keras refuses."""

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        """Yield the result of each trial as it ends; asks for the next trial only then."""


class Workers(Protocol):
    """What a sweep asks of one process or of many."""

    def check(self, programs: Sequence[Program]) -> None:
        """Raise ConfigError for a program that Keras refuses, before anything is written."""

    def devices(self) -> list[str]:
        """What a worker may compute on."""

    def run(
        self, cohorts: Sequence[Cohort], saving: Saving, on_epoch: OnEpoch, limit: float | None = None
    ) -> Iterator[Result]:
        """Yield a result for every trial, in any order, as each one ends, or has taken `limit` seconds."""


Start = Callable[[int, Places], AbstractContextManager[Workers]]  # as `start` and `Kept` do


@contextmanager
def start(jobs: int, places: Places) -> Iterator[Workers]:
    """So many worker processes; 0: this process, as a debugger or a test may want it."""
    from bnbench.workers import compiled_cache, here, processes

    if jobs:
        make = partial(here.Here, places)
        with compiled_cache.opened(places.cache_dir) as more, processes.Processes(jobs, make, more) as started:
            yield started
    else:
        yield here.OneProcess(here.Here(places))


class Kept:
    """A `start` whose workers stay for the next sweep, until the block ends; a sweep that fails leaves none.

    Importing TensorFlow takes as long as ten trials of a smoke run.
    """

    def __init__(self) -> None:
        self._open = ExitStack()
        self._asked: tuple[int, Places] | None = None

    def __enter__(self) -> "Kept":
        return self

    def __exit__(self, *_: object) -> None:
        self._asked = None
        self._open.close()

    @contextmanager
    def __call__(self, jobs: int, places: Places) -> Iterator[Workers]:
        """The workers of the sweep before, if it had as many; else new ones."""
        if self._asked != (jobs, places):
            self.__exit__()
            self._started = self._open.enter_context(start(jobs, places))
            self._asked = (jobs, places)
        try:
            yield self._started
        except BaseException:
            self.__exit__()
            raise


def import_tensorflow() -> None:
    """Import TensorFlow without the lines that its libraries write to stderr as they load, whatever the log level.

    They are shown after all where the import fails.
    """
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            importlib.import_module("tensorflow")
        except BaseException:
            held.seek(0)
            os.write(screen, held.read())
            raise
        finally:
            os.dup2(screen, 2)
            os.close(screen)
