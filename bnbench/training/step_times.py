"""Trains two compiled programs by turns, and times them: the only way to compare their steps on a shared machine."""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from bnbench.data.types import Dataset
from bnbench.planning.plan import Program
from bnbench.planning.step_pairs import ROUNDS, WARM_UP
from bnbench.planning.step_times import StepTimes, TimedPair
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.compiled_programs import CompiledPrograms
from bnbench.training.keras_objects import keras_defaults
from bnbench.training.loop import first_order
from bnbench.training.threads import use_threads

# If other programs take the processor away, the rounds of a pair may take this many times as long as planned. After
# that no further round begins.
PATIENCE = 20
CLOCKS: dict[str, Callable[[], float]] = {"processor": time.process_time, "elapsed": time.perf_counter}


class _DivergedError(Exception):
    """The loss is not finite, so the epoch ended early."""


def time_pairs(
    pairs: Iterable[TimedPair], load: Callable[[Program], Dataset], programs: CompiledPrograms | None = None
) -> Iterator[StepTimes | None]:
    """Yield None when a pair is compiled, then its times. A program stays compiled for the next pair.

    Args:
        pairs: all have the same number of threads.
        load: returns the rows of a program.
        programs: has the program that was trained last, which it loses to this function.
    """
    compiled = programs.take() if programs else {}
    for pair in pairs:
        # Programs of earlier pairs go before others are compiled, because each holds a copy of its data.
        compiled = {key: one for key, one in compiled.items() if key in pair.key}
        try:
            for program in (pair.first, pair.second):
                if program.key not in compiled:
                    compiled[program.key] = _compile(program, load)
            sides = [_Side(compiled[key], pair) for key in pair.key]
            yield None
            times = _time_pair(pair, sides)
        except _DivergedError:
            times = StepTimes(*pair.key, reason=f"the loss is not finite at rate {pair.learning_rate:g}")
        # TensorFlow, Keras or the machine failed. The next pair may succeed.
        except Exception as error:
            times = StepTimes(*pair.key, fault=f"{type(error).__name__}: {error}"[:2000])
        yield times


def _compile(program: Program, load: Callable[[Program], Dataset]) -> CompiledProgram:
    use_threads(program.train.threads)
    with keras_defaults(program.train.dtype):
        return CompiledProgram(program, load(program), warm=False)


class _Side:
    """One of two programs: it trains the same rows in every turn."""

    def __init__(self, compiled: CompiledProgram, pair: TimedPair) -> None:
        self._compiled, self._rate = compiled, pair.learning_rate
        program = compiled.program
        with keras_defaults(program.train.dtype):
            self._start = compiled.start(pair.seed)
            order = first_order(program, self._start.parts.train, pair.seed)
            whole = pair.steps >= program.steps_per_epoch
            self._order = order if whole else order[: pair.steps * program.batch_size]
            compiled.compile_epoch(len(self._order))

    def reset(self) -> None:
        """Begin the training again, so that it stays where the trials of the pair went well."""
        self._compiled.reset(self._start, self._rate)

    def train(self, clock: Callable[[], float]) -> float:
        """Train for one turn; return its seconds."""
        began = clock()
        losses, _ = self._compiled.train_epoch(self._order)
        seconds = clock() - began
        if self._compiled.stops_when_nonfinite and not np.isfinite(losses[-1]):
            raise _DivergedError
        return seconds


def _time_pair(pair: TimedPair, sides: Sequence[_Side]) -> StepTimes:
    name = _choose_clock(pair)
    clock, began = CLOCKS[name], time.perf_counter()
    # The first turns fill the caches. The second ones say how many turns a round has.
    _, both = (sum(_round(sides, 1, clock)) for _ in range(WARM_UP))
    turns = max(1, round(pair.seconds / ROUNDS / both)) if both > 0 else 1
    rounds: list[tuple[float, float]] = []
    while len(rounds) < ROUNDS and time.perf_counter() - began < PATIENCE * pair.seconds:
        # The one that was second begins.
        swapped = len(rounds) % 2 == 1
        seconds = _round(sides[::-1] if swapped else sides, turns, clock)
        rounds.append((seconds[1], seconds[0]) if swapped else (seconds[0], seconds[1]))
    if not rounds:
        return StepTimes(*pair.key, fault="the machine is too busy")
    return StepTimes(*pair.key, pair.learning_rate, pair.seed, turns * pair.steps, name, tuple(rounds))


def _round(sides: Sequence[_Side], turns: int, clock: Callable[[], float]) -> list[float]:
    """Train both by turns, turn after turn; return the seconds of each."""
    for side in sides:
        side.reset()
    seconds = [0.0] * len(sides)
    for _ in range(turns):
        for index, side in enumerate(sides):
            seconds[index] += side.train(clock)
    return seconds


def _choose_clock(pair: TimedPair) -> str:
    """Return the clock that fits: the time on the processor, as other programs cannot change that.

    With several threads it would be the sum over the threads, and a GPU does not count.
    """
    alone = pair.first.train.threads == 1 and not tf.config.list_logical_devices("GPU")
    return "processor" if alone else "elapsed"
