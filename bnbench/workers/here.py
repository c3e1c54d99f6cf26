"""Cohorts run in this process, one after another."""

from collections.abc import Callable, Iterable, Iterator

from bnbench import engine
from bnbench.config import Data
from bnbench.data import Dataset
from bnbench.engine import OnEpoch, Saving
from bnbench.plan import Cohort, Program
from bnbench.records import Result


def check(programs: Iterable[Program]) -> None:
    """Have Keras build every model once.

    Raises:
        ConfigError: it refuses one.
    """
    for program in programs:
        engine.check(program)


def devices() -> list[str]:
    """What TensorFlow may compute on."""
    return engine.devices()


def run(
    cohorts: Iterable[Cohort], load: Callable[[Data], Dataset], saving: Saving, on_epoch: OnEpoch
) -> Iterator[Result]:
    """Train every trial of every cohort."""
    for cohort in cohorts:
        yield from engine.train(cohort, load(cohort.program.data), saving, on_epoch)
