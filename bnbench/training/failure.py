"""Finds out how a trial diverged: it trains the last steps again, one at a time, and looks at every layer.

The weights before some of the last epochs are kept, and what is trained again has the same bits. What is found is
stored with the trial, under the names in `analysis/failure_names.py`.
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.analysis import failure_names as names
from bnbench.analysis.failure_names import BLOWN, WEIGHT
from bnbench.planning.trial import Divergence, Series
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.epoch_run import batch_rows
from bnbench.training.probes.layer_look import LayerLook, LayerLooks, Weights, update_ratios, weights_by_layer
from bnbench.training.seed_state import RowIndices

# The number of steps before the failure that are looked at.
STEPS = 20
# The most memory for states that are kept. The last one is always kept.
MAX_BYTES = 2**27
# Seconds of training after which a state is kept: a hundred times as long as that takes.
INTERVAL = 0.1
# The kinds of a `Divergence`.
NONFINITE, BLOWN_UP = "nonfinite", "blown"


@dataclass(frozen=True)
class EpochStart:
    """What is kept of a trial before an epoch."""

    order: RowIndices
    # How many steps were trained before.
    step: int
    # The values of all variables: weights, moving statistics, random states, slots of the optimizer, the rate. None if
    # the values before an earlier epoch lead here.
    values: Sequence[tf.Tensor] | None


class FailureWatch:
    """Keeps the state before some of the last epochs, and examines the failure of a trial that has diverged."""

    def __init__(self, compiled: CompiledProgram) -> None:
        self._compiled = compiled
        self._variables = [*compiled.model.variables, *compiled.optimizer.variables, compiled.rate]
        size = sum(tf.as_dtype(one.dtype).size * math.prod(one.shape) for one in self._variables)
        self._most_kept = max(1, MAX_BYTES // size)
        # A callback may change the rate or the weights between epochs.
        self._interval = 0.0 if compiled.program.train.callbacks else INTERVAL
        self._kept_at = -math.inf
        self._starts: list[EpochStart] = []
        # By the kind of divergence: the starts of the epoch where it happened and of those before.
        self._failed: dict[str, list[EpochStart]] = {}
        self._last_loss = math.nan

    def begin_epoch(self, order: RowIndices, step: int) -> None:
        """Keep the order of an epoch, and the state before it if the last state that was kept is not of a moment ago.

        Args:
            order: the rows of the epoch.
            step: how many steps were trained before.
        """
        now, values = time.monotonic(), None
        if now - self._kept_at >= self._interval:
            values = self._values()
            self._kept_at = now
        self._starts.append(EpochStart(order, step, values))
        kept = [i for i, start in enumerate(self._starts) if start.values is not None]
        early = [i for i in kept if self._starts[i].step <= step - STEPS]
        first = max([*early[-1:], *kept[-self._most_kept :][:1]])
        del self._starts[:first]

    def end_epoch(self, losses: NDArray[Any]) -> None:
        """Keep the states if this epoch has diverged, by its mini-batch losses, and none before has."""
        if not np.isfinite(losses).all():
            self.note_nonfinite()
        with np.errstate(invalid="ignore"):
            before = np.concatenate([[self._last_loss], losses[:-1]])
            if (losses > BLOWN * before).any():
                self._keep(BLOWN_UP)
        self._last_loss = float(losses[-1])

    def note_nonfinite(self) -> None:
        """Keep the states, because this epoch ended with a loss or weights that are not finite."""
        self._keep(NONFINITE)

    def _keep(self, kind: str) -> None:
        self._failed.setdefault(kind, list(self._starts))

    def examine(self, divergence: Divergence) -> tuple[Series, ...]:
        """Return what happened in the last steps before a divergence. All variables are as before afterwards."""
        starts = self._failed.get(divergence.kind, [])
        if not starts:
            return ()
        ended = self._values()
        try:
            return self._examine(starts, divergence)
        finally:
            self._assign(ended)

    def _examine(self, starts: Sequence[EpochStart], divergence: Divergence) -> tuple[Series, ...]:
        found = _Findings()
        before: Weights = {}
        for step, rows in self._train_again(starts, divergence.step):
            found.add_update(step - 1, before, weights := weights_by_layer(self._compiled))
            found.add_look(step, self._compiled.tool(LayerLooks).look(rows))
            before = weights
        found.add_update(divergence.step, before, weights_by_layer(self._compiled))
        return found.series()

    def _values(self) -> list[tf.Tensor]:
        return [tf.identity(variable.value) for variable in self._variables]

    def _assign(self, values: Sequence[tf.Tensor]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)

    def _train_again(self, starts: Sequence[EpochStart], last: int) -> Iterator[tuple[int, RowIndices]]:
        """Train up to a step, counted from 1; before each of the last steps, yield its number and its rows."""
        for start in starts:
            if start.values is not None:
                self._assign(start.values)
            done = 0
            for index in range(max(0, last - STEPS - start.step - 1), self._compiled.steps_of(start.order)):
                step = start.step + index + 1
                if step > last:
                    return
                self._compiled.train_steps(start.order, done, index)
                yield step, batch_rows(self._compiled, start.order, index)
                self._compiled.train_steps(start.order, index, index + 1)
                done = index + 1
            self._compiled.train_steps(start.order, done, self._compiled.steps_of(start.order))


class _Findings:
    """Collects what the last steps of a trial have done."""

    def __init__(self) -> None:
        # (name, layer) -> steps and values.
        self._points: defaultdict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        self._has_nonfinite = False

    def add_look(self, step: int, look: LayerLook) -> None:
        """Add a look at the mini-batch of a step."""
        self._points[names.LOSS, ""].append((step, look.loss))
        for name, values in ((names.GRADIENT_NORM, look.gradient_norms), (names.DEAD_SHARE, look.dead_shares)):
            for layer, value in values.items():
                self._points[name, layer].append((step, value))
        if look.first_nonfinite:
            self._add_nonfinite(step, *look.first_nonfinite, look.nonfinite[look.first_nonfinite])

    def add_update(self, step: int, before: Weights, after: Weights) -> None:
        """Add how far a step has moved the weights of each layer. Without weights before it, nothing is added."""
        for layer, ratio in update_ratios(before, after).items():
            self._points[names.UPDATE_RATIO, layer].append((step, ratio))
        for layer, weights in after.items() if before else ():
            if count := sum(int(np.sum(~np.isfinite(one))) for one in weights):
                self._add_nonfinite(step, WEIGHT, layer, count)
                return

    def _add_nonfinite(self, step: int, kind: str, layer: str, count: int) -> None:
        if not self._has_nonfinite:
            self._has_nonfinite = True
            self._points[names.FIRST_NONFINITE + kind, layer].append((step, count))

    def series(self) -> tuple[Series, ...]:
        """Return what was found."""
        arrays = {key: np.array(points, np.float64) for key, points in self._points.items()}
        return tuple(Series(name, layer, "", of[:, 0], of[:, 1]) for (name, layer), of in arrays.items())


def first_jump(losses: NDArray[Any]) -> int | None:
    """Return the first step, counted from 1, whose loss is more than BLOWN times the previous one, or None."""
    jumps = [step for step, (before, after) in enumerate(pairwise(losses.tolist()), start=2) if after > BLOWN * before]
    return jumps[0] if jumps else None
