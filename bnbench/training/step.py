"""One training step of a Keras model, as `fit` does it. Compiled programs and the check before training share it."""

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from bnbench.training.keras_objects import loss_targets


def loss_and_outputs(
    model: keras.Model,
    loss: keras.losses.Loss,
    x: tf.Tensor,
    y: tf.Tensor,
    training: bool,
    row_weights: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return the loss of some rows, with regularizers, and the outputs of the model, (rows, numbers).

    With weights, the loss is the sum of the weighted losses of the rows, divided by the number of rows, as in `fit`.

    If layers such as `masking` mask whole rows, these rows do not count in the loss: Keras attaches the mask to the
    outputs, and its losses look for it there.
    """
    outputs = model(x, training=training)
    return tf.add_n([loss(loss_targets(loss, y, outputs), outputs, row_weights), *model.losses]), outputs


def training_step(
    model: keras.Model,
    loss: keras.losses.Loss,
    optimizer: keras.optimizers.Optimizer,
    x: tf.Tensor,
    y: tf.Tensor,
    row_weights: tf.Tensor | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Update the variables of a model once; return the loss before it, with regularizers, and the outputs."""
    with tf.GradientTape() as tape:
        value, outputs = loss_and_outputs(model, loss, x, y, training=True, row_weights=row_weights)
        scaled = optimizer.scale_loss(value)
    variables: Sequence[tf.Variable] = model.trainable_variables
    optimizer.apply(tape.gradient(scaled, variables), variables)
    return value, outputs


def has_mask(outputs: Any) -> bool:
    """Return True if a layer has masked whole rows, given the outputs of a model, (rows, numbers)."""
    # Keras has no public function that reads the mask of a tensor.
    return getattr(outputs, "_keras_mask", None) is not None


def unmasked_rows(outputs: tf.Tensor) -> tf.Tensor:
    """Return 0 for each row that is masked, else 1: (rows,). The metrics of Keras weight rows in this way."""
    return tf.cast(outputs._keras_mask, outputs.dtype)
