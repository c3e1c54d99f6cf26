"""The rows and targets of a program as tensors in memory, scaled once per seed, or in every step if they are large."""

import numpy as np
import tensorflow as tf

from bnbench.data.brightness import row_shifts, shift_test_rows
from bnbench.data.splits import apply_scaling
from bnbench.data.types import Dataset
from bnbench.planning.plan import Program
from bnbench.training.seed_state import SeedState

# Smaller data are scaled once per seed; larger ones, such as images, in every step.
PRESCALED_BYTES = 2**26


class DataTensors:
    """The data of a program. `place` sets what depends on the seed.

    Args:
        program: the program, for its settings.
        dataset: its rows.
    """

    def __init__(self, program: Program, dataset: Dataset) -> None:
        self._program, self._dataset = program, dataset
        self._dtype = tf.as_dtype(program.train.dtype)
        x, y = dataset.x, dataset.y
        self.prescaled = x.size * self._dtype.size <= PRESCALED_BYTES
        self.x = tf.Variable(tf.zeros(x.shape, self._dtype)) if self.prescaled else tf.constant(x)
        self._shift = self._variable(x.shape[1:])
        self._factor = self._variable(x.shape[1:])
        # Programs without missing values, without shifted test rows and without standardized targets compute nothing
        # more.
        self._fill = self._variable(x.shape[1:]) if program.facts.filled and not self.prescaled else None
        shifted = bool(program.data.shift_test.brightness) and not self.prescaled
        self.row_shifts = self._variable((len(x), *[1] * (x.ndim - 1))) if shifted else None
        kind = tf.int32 if program.facts.classes else self._dtype
        standardized = program.data.target_scale == "standard"
        self.y = self._variable(y.shape) if standardized else tf.constant(y, kind)
        # The weight of each class in the training loss.
        weighted = program.train.class_weight is not None
        self._class_weights = self._variable((len(program.facts.classes),)) if weighted else None

    def _variable(self, shape: tuple[int, ...]) -> tf.Variable:
        return tf.Variable(tf.zeros(shape, self._dtype))

    def adopt(self, program: Program, dataset: Dataset) -> None:
        """Take over the settings of a program with the same rows and the same scales."""
        self._program, self._dataset = program, dataset

    def place(self, start: SeedState) -> None:
        """Set what the seed fixes: scaled rows, or how they are scaled; standardized targets; weights of classes."""
        data, test_rows, scaling = self._program.data, start.parts.test, start.scaling
        if self.prescaled:
            self.x.assign(apply_scaling(scaling, shift_test_rows(self._dataset, data, test_rows)))
        else:
            if self.row_shifts is not None:
                self.row_shifts.assign(row_shifts(self._dataset, data, test_rows))
            if self._fill is not None and scaling.fill is not None:
                self._fill.assign(scaling.fill)
            self._shift.assign(np.broadcast_to(scaling.shift, self._shift.shape))
            self._factor.assign(np.broadcast_to(scaling.factor, self._factor.shape))
        if isinstance(self.y, tf.Variable):
            self.y.assign(start.target_scale.standardize(self._dataset.y))
        if self._class_weights is not None:
            self._class_weights.assign(start.class_weights)

    def batch(self, rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the scaled values and the targets of some rows."""
        x = tf.gather(self.x, rows)
        return (x if self.prescaled else self._scale(x, rows)), tf.gather(self.y, rows)

    def _scale(self, x: tf.Tensor, rows: tf.Tensor) -> tf.Tensor:
        """Do what `apply_scaling` does, in the dtype of the program."""
        x = tf.cast(x, self._dtype)
        if self._fill is not None:
            x = tf.where(tf.math.is_nan(x), self._fill, x)
        if self.row_shifts is not None:
            x = tf.clip_by_value(x + tf.gather(self.row_shifts, rows), *self._dataset.value_range)
        x = (x - self._shift) * self._factor
        if self._program.data.scale == "l2":
            norm = tf.sqrt(tf.reduce_sum(tf.square(x), axis=1, keepdims=True))
            x /= tf.where(norm > 0, norm, tf.ones_like(norm))
        return x

    def row_weights(self, y: tf.Tensor) -> tf.Tensor | None:
        """Return the weight of each row in the training loss, (rows,), or None if all rows count alike."""
        return None if self._class_weights is None else tf.gather(self._class_weights, y)
