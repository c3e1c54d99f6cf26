"""The variables of an optimizer before the first step of a trial: the step count, momenta and other slots.

Most slots start from constants. Some are copies of the weights on which the optimizer is built, as in
ScheduleFreeAdamW, so they start from other values for each seed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bnbench.errors import ConfigError
from bnbench.location import Location

Values = list[NDArray[Any]]


class InitialSlots:
    """The values that a new optimizer has, as in the first step of `fit`, for any values of the weights.

    To build an optimizer for each trial would be simpler, but each leaves 0.4 MB in TensorFlow (for two dense layers).
    So it is built twice, on different weights, which shows where each value comes from.

    Args:
        make: returns a new optimizer that is not built.
        weights: the trainable variables of the model. They keep their values.
        where: the optimizer in the experiment file, for messages.

    Raises:
        ConfigError: a variable of the optimizer is computed from the weights and is not a copy of one. Nothing is known
            of how to compute it for another seed.
    """

    def __init__(
        self, make: Callable[[], keras.optimizers.Optimizer], weights: Sequence[keras.Variable], where: Location
    ) -> None:
        self._weights = weights
        before = [weight.numpy() for weight in weights]
        generator = np.random.default_rng(0)
        # Random values tell all weights apart. Initial values do not: most biases are 0.
        first, second = (
            [generator.random(value.shape, np.float32).astype(value.dtype, copy=False) for value in before]
            for _ in range(2)
        )
        self._constants = [variable.numpy() for variable in self._build(make, first)]
        others = self._build(make, second)
        _assign(weights, before)
        # The number of the slot -> the number of the weight that it copies.
        self._copies: dict[int, int] = {}
        for i, (slot, variable) in enumerate(zip(self._constants, others, strict=True)):
            other = variable.numpy()
            if np.array_equal(slot, other):
                continue
            pairs = enumerate(zip(first, second, strict=True))
            sources = [j for j, (one, two) in pairs if np.array_equal(slot, one) and np.array_equal(other, two)]
            if not sources:
                problem = "some of its variables start from values that Keras computes from the weights"
                raise ConfigError(where, f"{problem}: not supported, because each seed has other weights")
            self._copies[i] = sources[0]

    def values(self) -> Values:
        """Return the initial value of each variable of the optimizer, for the present values of the weights."""
        values = list(self._constants)
        for slot, weight in self._copies.items():
            values[slot] = self._weights[weight].numpy()
        return values

    def _build(self, make: Callable[[], keras.optimizers.Optimizer], weights: Values) -> list[keras.Variable]:
        _assign(self._weights, weights)
        optimizer = make()
        optimizer.build(self._weights)
        return list(optimizer.variables)


def _assign(variables: Sequence[keras.Variable], values: Values) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
