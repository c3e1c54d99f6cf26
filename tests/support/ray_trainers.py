"""Trainers for the seats of a Ray cluster, which train nothing."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from bnbench.execution.protocols import Trainer
from bnbench.planning.plan import Program, Trial
from bnbench.planning.trial import OnEpoch, Result, Saving
from support.trainers import Quick

Load = Callable[..., Any]


def quick_trainer(load: Load) -> Trainer:
    """Make a trainer that ends every trial at once."""
    return Quick()


class _Slow(Quick):
    def __init__(self, load: Load, seconds: float) -> None:
        self.load, self.seconds = load, seconds

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        # The data of the program must be there.
        assert self.load(program.data, program.facts) == program.facts.fingerprint
        time.sleep(self.seconds)
        # Otherwise no further seat would be worth its start.
        return replace(super().result(program, trial, on_epoch), seconds=self.seconds)


def slow_trainer(load: Load, seconds: float = 0.2, start: float = 0.0) -> Trainer:
    """Make a trainer that takes some seconds to start, and some for each trial."""
    time.sleep(start)
    return _Slow(load, seconds)


class _Deadly(Quick):
    def __init__(self, victim: str) -> None:
        self.victim = victim

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        if trial.id == self.victim:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().result(program, trial, on_epoch)


def deadly_trainer(victim: str, load: Load) -> Trainer:
    """Make a trainer whose process one trial kills."""
    return _Deadly(victim)


class _Saving(Quick):
    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        for trial in trials:
            for name in (f"models/{trial.id}.keras", f"checkpoints/{trial.id}-1.h5"):
                path = saving.folder / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(f"weights of {trial.id}")
            yield self.result(program, trial, on_epoch)


def saving_trainer(load: Load) -> Trainer:
    """Make a trainer that writes a model and a checkpoint for each trial."""
    return _Saving()
