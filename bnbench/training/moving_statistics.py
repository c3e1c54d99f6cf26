"""Other values for the moving statistics of batch normalization: re-estimated, without their start, with other momenta.

`Statistics` are the moving mean and variance of each batch normalization that learns them, in the order of the layers.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.model.graph import Flow, as_argument
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.seed_state import RowIndices, SeedState

# Statistics of this many rows are as good as those of all (Wu and Johnson 2021, section 3: 1,000 to 10,000 rows).
MAX_ROWS = 10_000
# All rows go through the network as one batch, so the outputs of the largest layer for all of them are in memory.
MAX_BYTES = 2**26
Norm: TypeAlias = keras.layers.BatchNormalization
Statistics: TypeAlias = list[tuple[NDArray[Any], NDArray[Any]]]


def learning_norms(compiled: CompiledProgram) -> list[Norm]:
    """Return the batch normalizations that learn moving statistics, in order; none if one of them renormalizes.

    With `renorm` Keras averages standard deviations, and training does not normalize by the batch alone.
    """
    norms = [
        built for _, built in compiled.layers if isinstance(built, keras.layers.BatchNormalization) and built.trainable
    ]
    return [] if any(norm.renorm for norm in norms) else norms


def current_statistics(norms: Sequence[Norm]) -> Statistics:
    """Return the moving statistics as they are."""
    return [(norm.moving_mean.numpy(), norm.moving_variance.numpy()) for norm in norms]


def initial_statistics(compiled: CompiledProgram, norms: Sequence[Norm], start: SeedState) -> Statistics:
    """Return the moving statistics before the first step."""
    initial = {id(variable): value for variable, value in zip(compiled.model.variables, start.state, strict=True)}
    return [(initial[id(norm.moving_mean)], initial[id(norm.moving_variance)]) for norm in norms]


def set_statistics(norms: Sequence[Norm], statistics: Statistics) -> None:
    """Set the moving statistics."""
    for norm, (mean, variance) in zip(norms, statistics, strict=True):
        norm.moving_mean.assign(mean)
        norm.moving_variance.assign(variance)


def reestimate(compiled: CompiledProgram, norms: Sequence[Norm], rows: RowIndices) -> None:
    """Set the moving statistics to the mean and variance of what each norm gets for these rows, in inference mode.

    All rows are one batch, so each norm gets inputs that the norms in front of it have normalized by their re-estimated
    statistics: the result is that of going from layer to layer, at the cost of one pass. With many smaller batches in
    training mode, as `update_bn` of SWA takes them (Izmailov et al. 2018), it would depend on their size.
    Layers other than the norms are in inference mode, so dropout is off. The variance has no correction for the number
    of rows, as in Keras. Nothing is compiled.
    """
    x, _ = compiled.data.batch(tf.constant(rows))
    flow: Flow[Any] = Flow([layer for layer, _ in compiled.layers], x)
    left = len(norms)
    with _forgetting(norms):
        for layer, built in compiled.layers:
            inputs = as_argument(flow.take(layer))
            learns = isinstance(built, keras.layers.BatchNormalization) and built.trainable
            flow.give(layer, built(inputs, training=learns))
            left -= learns
            if not left:
                return


@contextmanager
def _forgetting(norms: Sequence[Norm]) -> Iterator[None]:
    """Give the norms a momentum of 0: moving statistics are then those of the last batch."""
    momenta = [norm.momentum for norm in norms]
    try:
        for norm in norms:
            norm.momentum = 0.0
        yield
    finally:
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum


def rows_at_once(compiled: CompiledProgram) -> int:
    """Return how many rows can go through the network as one batch."""
    shapes = [compiled.model.input_shape, *(built.output.shape for _, built in compiled.layers)]
    largest = max(math.prod(size or 1 for size in shape[1:]) for shape in shapes)
    return max(1, min(MAX_ROWS, MAX_BYTES // int(largest * compiled.dtype.size)))


def momenta(norms: Sequence[Norm], longer: float = 1.0) -> list[float]:
    """Return the momentum of each norm, or one that averages over this many times as many steps: 0.99 is then 0.999."""
    return [1 - (1 - float(norm.momentum)) / longer for norm in norms]


def without_start(now: Statistics, first: Statistics, weights: Sequence[float]) -> Statistics:
    """Return moving statistics without earlier ones that they began from: (now - weight x first) / (1 - weight).

    What is left is an average over the batches since then with weights that add up to 1. Adam corrects its averages in
    the same way (Kingma and Ba 2015, section 3).

    Args:
        now: the moving statistics.
        first: the earlier ones.
        weights: of the earlier ones: momentum to the power of the steps since then. Where it is 1, nothing has moved.
    """

    def without(values: NDArray[Any], start: NDArray[Any], weight: float) -> NDArray[Any]:
        return values if weight == 1 else np.asarray((values.astype(np.float64) - weight * start) / (1 - weight))

    return [
        # A variance that is 0 may be rounded to less.
        (without(mean, first_mean, weight), np.maximum(without(variance, first_variance, weight), 0.0))
        for (mean, variance), (first_mean, first_variance), weight in zip(now, first, weights, strict=True)
    ]


def mixed(first: Statistics, rest: Statistics, weights: Sequence[float]) -> Statistics:
    """Return the first statistics with these weights, plus the rest with what is left of 1."""
    return [
        (weight * first_mean + (1 - weight) * mean, weight * first_variance + (1 - weight) * variance)
        for (first_mean, first_variance), (mean, variance), weight in zip(first, rest, weights, strict=True)
    ]


class LongerAverage:
    """What moving statistics with a longer momentum would be, from the moving ones at a few steps of a training.

    Training does not depend on moving statistics, so another momentum would have left the same weights. Between two
    looks, the statistics of the batches count as constant: as the average that the moving ones made of them. That is
    exact with a look after every step.

    Args:
        norms: the norms that are being trained.
        initial: their moving statistics before the first step.
        longer: how many times as many steps the longer momentum averages over.
    """

    def __init__(self, norms: Sequence[Norm], initial: Statistics, longer: float) -> None:
        self._momenta, self._longer = momenta(norms), momenta(norms, longer)
        # Step -> the moving statistics, and those with the longer momentum.
        self._looks: dict[int, tuple[Statistics, Statistics]] = {0: (initial, initial)}

    def look(self, step: int, now: Statistics) -> Statistics:
        """Return the statistics with the longer momentum at a step, which is later than all before or one of them."""
        if step not in self._looks:
            last = max(self._looks)
            before, longer = self._looks[last]
            own, theirs = ([momentum ** (step - last) for momentum in of] for of in (self._momenta, self._longer))
            self._looks[step] = now, mixed(longer, without_start(now, before, own), theirs)
        return self._looks[step][1]
