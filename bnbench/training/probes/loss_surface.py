"""The loss of a mini-batch as a function of the weights: its values, gradients and Hessian products.

All is computed in training mode on copies: the weights, moving statistics and random streams of the model stay as they
are, and every call draws the same random numbers.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.seed_state import RowIndices
from bnbench.training.step import loss_and_outputs

Vector = NDArray[np.float64]


def on_copies(model: keras.Model, weights: Sequence[tf.Tensor]) -> keras.StatelessScope:
    """Return a scope in which Keras reads other trainable weights, and keeps the changes of all variables to itself.

    Args:
        model: its other variables have their present values in the scope.
        weights: one tensor for each of `model.trainable_variables`.
    """
    # Keras computes penalties of the variables that are in the mapping only, so all are.
    others = [(variable, tf.convert_to_tensor(variable.value)) for variable in model.non_trainable_variables]
    return keras.StatelessScope([*zip(model.trainable_variables, weights, strict=True), *others], collect_losses=True)


class LossSurface:
    """The loss around the present weights of a compiled program; a tool of `CompiledProgram.tool`.

    All vectors have one number for each trainable weight, in the order of `model.trainable_variables`.
    """

    def __init__(self, compiled: CompiledProgram) -> None:
        self._compiled = compiled
        self._variables = compiled.model.trainable_variables
        self._sizes = [int(np.prod(variable.shape)) for variable in self._variables]
        self.size = sum(self._sizes)
        rows = tf.TensorSpec([None], tf.int32)
        vector, scale = (tf.TensorSpec(shape, compiled.dtype) for shape in ([self.size], []))
        self._product = self._compile(self._hessian_product, rows, vector)
        self._gradient = self._compile(self._gradient_at, rows, vector, scale)
        self._loss = self._compile(self._loss_at, rows, vector, scale)

    def _compile(self, function: Any, *signature: tf.TensorSpec) -> Any:
        if self._compiled.is_eager:
            return function
        return tf.function(function, signature, autograph=False)

    def loss_along(self, rows: RowIndices, direction: Vector, distances: Sequence[float]) -> Vector:
        """Return the loss at the weights plus each of these multiples of a direction, (distances,)."""
        taken = tf.constant(rows), self._tensor(direction)
        return np.array([self._loss(*taken, self._scalar(distance)).numpy() for distance in distances], np.float64)

    def gradient(
        self, rows: RowIndices, direction: Vector | None = None, distance: float = 0.0
    ) -> tuple[float, Vector]:
        """Return the loss and its gradient, at the weights plus a multiple of a direction."""
        moved = self._tensor(np.zeros(self.size) if direction is None else direction)
        loss, gradient = self._gradient(tf.constant(rows), moved, self._scalar(distance))
        return float(loss), gradient.numpy().astype(np.float64)

    def hessian_product(self, rows: RowIndices, vector: Vector) -> Vector:
        """Return the product of the Hessian of the loss with a vector (Pearlmutter 1994)."""
        return np.asarray(self._product(tf.constant(rows), self._tensor(vector)).numpy(), np.float64)

    def _tensor(self, vector: Vector) -> tf.Tensor:
        return tf.constant(vector, self._compiled.dtype)

    def _scalar(self, value: float) -> tf.Tensor:
        return tf.constant(value, self._compiled.dtype)

    def _split(self, vector: tf.Tensor) -> list[tf.Tensor]:
        """Return the parts of a vector that belong to the variables, in their shapes."""
        parts = tf.split(vector, self._sizes)
        return [tf.reshape(part, variable.shape) for part, variable in zip(parts, self._variables, strict=True)]

    def _join(self, parts: Sequence[tf.Tensor]) -> tf.Tensor:
        return tf.concat([tf.reshape(tf.convert_to_tensor(part), [-1]) for part in parts], 0)

    def _value(self, rows: tf.Tensor, weights: Sequence[tf.Tensor]) -> tf.Tensor:
        compiled = self._compiled
        x, y = compiled.data.batch(rows)
        with on_copies(compiled.model, weights):
            row_weights = compiled.data.row_weights(y)
            return loss_and_outputs(compiled.model, compiled.loss, x, y, training=True, row_weights=row_weights)[0]

    def _moved(self, direction: tf.Tensor, distance: tf.Tensor) -> list[tf.Tensor]:
        moves = self._split(direction * distance)
        return [tf.convert_to_tensor(one.value) + move for one, move in zip(self._variables, moves, strict=True)]

    def _loss_at(self, rows: tf.Tensor, direction: tf.Tensor, distance: tf.Tensor) -> tf.Tensor:
        return self._value(rows, self._moved(direction, distance))

    def _gradient_at(self, rows: tf.Tensor, direction: tf.Tensor, distance: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        weights = self._moved(direction, distance)
        with tf.GradientTape() as tape:
            tape.watch(weights)
            loss = self._value(rows, weights)
        return loss, self._join(tape.gradient(loss, weights, unconnected_gradients="zero"))

    def _hessian_product(self, rows: tf.Tensor, vector: tf.Tensor) -> tf.Tensor:
        weights = [tf.convert_to_tensor(one.value) for one in self._variables]
        with tf.GradientTape() as outer:
            outer.watch(weights)
            with tf.GradientTape() as inner:
                inner.watch(weights)
                loss = self._value(rows, weights)
            gradient = self._join(inner.gradient(loss, weights, unconnected_gradients="zero"))
            slope = tf.reduce_sum(gradient * tf.stop_gradient(vector))
        return self._join(outer.gradient(slope, weights, unconnected_gradients="zero"))
