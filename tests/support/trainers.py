"""Trainers that train nothing, for tests of executors. Worker processes can import them."""

import ctypes
import os
import resource
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from bnbench.errors import ConfigError, DataError
from bnbench.planning.plan import Program, Trial
from bnbench.planning.step_times import StepTimes, TimedPair
from bnbench.planning.trial import Epoch, Fault, OnEpoch, Result, Saving
from support.turns import made_up_times


class Quick:
    """Ends every trial at once; `seconds_per_step` of a result counts the programs that this process has compiled."""

    programs = 0

    def devices(self) -> list[str]:
        return ["none"]

    def check(self, program: Program) -> None:
        pass

    def prepare(self, program: Program) -> None:
        pass

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        self.programs += 1
        for trial in trials:
            yield self.result(program, trial, on_epoch)

    def time_steps(self, pairs: Sequence[TimedPair]) -> Iterator[StepTimes]:
        return made_up_times(pairs)

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        epochs = (Epoch(0, 0, None, None, 1.0, 0.5, 0.0), Epoch(1, 1, 1.0, 0.5, trial.learning_rate, 0.5, 0.0))
        on_epoch(trial, epochs[-1])
        losses = np.ones(1, np.float32)
        worker = f"pid {os.getpid()}"
        return Result(
            trial.id, program.key, 3, epochs, losses,
            seconds_per_step=self.programs, worker=worker, fingerprint=program.facts.fingerprint,
        )  # fmt: skip


class Diary(Quick):
    """Writes down what it does: a line `worker what program` in the file `path`. A check takes 0.2 seconds."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def note(self, what: str, program: Program) -> None:
        with self.path.open("a") as file:
            file.write(f"{os.getpid()} {what} {program.key}\n")

    def check(self, program: Program) -> None:
        time.sleep(0.2)
        self.note("check", program)

    def prepare(self, program: Program) -> None:
        self.note("prepare", program)

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        self.note("train", program)
        return super().train(program, trials, saving, on_epoch)


class Steady(Quick):
    """Takes 0.02 seconds for each trial, so that all workers get some."""

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        time.sleep(0.02)
        return replace(super().result(program, trial, on_epoch), seconds=0.02)


class Lasting(Quick):
    """Takes `pause` seconds for each trial and gives 60 epochs, so that a trial takes 4 kB to keep."""

    def __init__(self, pause: float) -> None:
        self.pause = pause

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        time.sleep(self.pause)
        draw = np.random.default_rng(trial.number)
        scores = [draw.random(4).tolist() for _ in range(61)]
        epochs = tuple(Epoch(number, 3 * number, *four, 0.0) for number, four in enumerate(scores))
        return replace(
            super().result(program, trial, on_epoch), epochs=epochs, step_losses=draw.random(180, np.float32)
        )


class Mortal(Quick):
    """Is killed by trials with learning rate 1."""

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        if trial.learning_rate == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().result(program, trial, on_epoch)


class Fleeting(Quick):
    """Dies of a trial with learning rate 1, but only of its first try; `folder` records the tries."""

    def __init__(self, folder: Path, death: Callable[[], object]) -> None:
        self.folder, self.death = folder, death

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        if trial.learning_rate == 1:
            with suppress(FileExistsError):
                (self.folder / trial.id).touch(exist_ok=False)
                self.death()
        return super().result(program, trial, on_epoch)


def segfault() -> None:
    """Read from address 0."""
    ctypes.string_at(0)


def exhaust() -> None:
    """Ask for more memory than the process may have."""
    resource.setrlimit(resource.RLIMIT_AS, (2**32, 2**32))
    np.ones(2**33)


def hang() -> None:
    """Wait for an hour."""
    time.sleep(3600)


class Starved(Quick):
    """Runs out of memory in trials with learning rate 1, with the fault that TensorFlow causes."""

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        result = super().result(program, trial, on_epoch)
        fault = Fault("ResourceExhaustedError: OOM when allocating", "")
        return replace(result, fault=fault) if trial.learning_rate == 1 else result


class Slow(Quick):
    """Needs an hour for a trial."""

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        # A line that a library prints must not get between the messages.
        print("from a library", flush=True)
        on_epoch(trial, Epoch(0, 0, None, None, None, None, 0.0))
        time.sleep(3600)
        raise AssertionError


class SlowAtRate1(Slow):
    """Needs an hour for a trial with learning rate 1; ends other trials at once."""

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        if trial.learning_rate == 1:
            # A worker drops epochs that come too soon after the last one.
            time.sleep(0.2)
            return super().result(program, trial, on_epoch)
        return Quick.result(self, program, trial, on_epoch)


class Unstartable(Quick):
    """Cannot be created."""

    def __init__(self) -> None:
        raise ImportError("no TensorFlow here")


class Stillborn(Quick):
    """Dies while it is created, the given number of times; `folder` counts them."""

    def __init__(self, folder: Path, times: int) -> None:
        for number in range(times):
            with suppress(FileExistsError):
                (folder / str(number)).touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)


class Choosy(Quick):
    """Rejects programs with batch normalization."""

    def check(self, program: Program) -> None:
        if any(layer.class_name == "BatchNormalization" for layer in program.layers):
            raise ConfigError(program.where, "not this one")


class Fragile(Quick):
    """Dies while it checks a program."""

    def check(self, program: Program) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)


class Dataless(Quick):
    """Finds no data."""

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        raise DataError("the file is gone")


class Untimeable(Quick):
    """Dies while it times the second pair; `folder` records the pids of the workers that tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def time_steps(self, pairs: Sequence[TimedPair]) -> Iterator[StepTimes]:
        (self.folder / str(os.getpid())).touch()
        yield next(super().time_steps(pairs))
        os.kill(os.getpid(), signal.SIGKILL)


class Jammed(Quick):
    """Hangs while it times the first pair."""

    def time_steps(self, pairs: Sequence[TimedPair]) -> Iterator[StepTimes]:
        time.sleep(3600)
        yield from super().time_steps(pairs)


class Compiling(Quick):
    """Takes half a second to compile each pair; the file `rounds` in `folder` has when its rounds began and ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def time_steps(self, pairs: Sequence[TimedPair]) -> Iterator[StepTimes | None]:  # type: ignore[override]
        for times in super().time_steps(pairs):
            time.sleep(0.5)
            yield None
            began = time.time()
            time.sleep(0.3)
            with (self.folder / "rounds").open("a") as file:
                file.write(f"{began} {time.time()}\n")
            yield times


class Patient(Quick):
    """Reports an epoch of each trial, and takes 0.15 seconds more to end it."""

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        ended = super().result(program, trial, on_epoch)
        time.sleep(0.15)
        return replace(ended, seconds=0.15)
