"""Trains one epoch, in one call or with looks of probes between calls. The bits are the same."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.seed_state import RowIndices


@dataclass(frozen=True)
class EpochRun:
    """What an epoch of training has given."""

    # The mini-batch losses, (steps,), up to one that stops the trial.
    losses: NDArray[Any]
    # The mean credit of the rows.
    credit: float
    # The time of training, without that of the looks.
    seconds: float


def run_epoch(
    compiled: CompiledProgram,
    order: RowIndices,
    looks: Sequence[int] = (),
    look: Callable[[int], None] = lambda _: None,
) -> EpochRun:
    """Train one epoch.

    Args:
        compiled: the program.
        order: the rows, in the order of training.
        looks: the steps of the epoch before which to stop for a look, counted from 0, ascending.
        look: called with each of these steps, unless a loss that is not finite has stopped the trial before.
    """
    parts: list[NDArray[Any]] = []
    right: Any = None
    seconds, first = 0.0, 0
    for last in (*looks, compiled.steps_of(order)):
        if last > first:
            began = time.perf_counter()
            losses, right = compiled.train_steps(order, first, last, right)
            seconds += time.perf_counter() - began
            parts.append(losses)
            if compiled.stops_when_nonfinite and not np.isfinite(losses[-1]):
                break
            first = last
        if last in looks:
            look(last)
    return EpochRun(np.concatenate(parts), compiled.mean_credit(right, len(order)), seconds)


def batch_rows(compiled: CompiledProgram, order: RowIndices, step: int) -> RowIndices:
    """Return the rows of a step of an epoch, counted from 0."""
    size = compiled.program.batch_size
    return order[step * size : (step + 1) * size]
