"""What a seed fixes in a program: parts, scales and initial weights; and rows in chunks, as they are evaluated."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.data.splits import Scaling, SplitIndices
from bnbench.data.targets import UNSCALED, TargetScale

# Rows in one evaluation step. This limits the memory of convolutional networks and still uses all cores for dense
# networks.
EVALUATION_ROWS = 500
RowIndices = NDArray[np.int32]


def row_chunks(rows: RowIndices, size: int = EVALUATION_ROWS) -> list[tf.Tensor]:
    """Split row numbers into chunks, as `CompiledProgram.evaluate` takes them."""
    return [tf.constant(rows[first : first + size]) for first in range(0, len(rows), size)]


@dataclass(frozen=True)
class SeedState:
    """Everything that a seed fixes."""

    parts: SplitIndices
    scaling: Scaling
    # The validation rows, as `CompiledProgram.chunks` returns them.
    validation: list[tf.Tensor]
    # The initial value of every variable of the model.
    state: list[NDArray[Any]]
    # For each part, the mean squared distance of the targets, as they are learned, from their training mean. Empty for
    # classes.
    spreads: Mapping[str, float]
    target_scale: TargetScale = UNSCALED
    # The weight of each class in the training loss, (classes,). None if all rows count alike.
    class_weights: NDArray[np.float64] | None = None
    # The mean weight of the training rows.
    mean_weight: float = 1.0

    @property
    def nbytes(self) -> int:
        """The size of this state in the cache, in bytes."""
        rows = (self.parts.train, self.parts.validation, self.parts.test)
        return sum(array.nbytes for array in (*rows, *self.state))
