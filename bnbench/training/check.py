"""Checks before any training that Keras can build a program and train it."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from bnbench.errors import ConfigError
from bnbench.planning import task
from bnbench.planning.plan import Program
from bnbench.training.builder import build_model
from bnbench.training.compiled_program import use_threads
from bnbench.training.keras_objects import (
    keras_defaults,
    loss_targets,
    make_callbacks,
    make_keras_object,
    make_optimizer,
)
from bnbench.training.optimizer_slots import InitialSlots


def check_program(program: Program) -> None:
    """Build the model, loss, optimizer and callbacks of a program, and take one step on two made-up rows.

    Raises:
        ConfigError: Keras rejects one of them, the outputs of the model do not fit the classes, or a layer draws random
            numbers that no seed fixes.
    """
    use_threads(program.train.threads)
    with keras_defaults(program.train.dtype):
        model = build_model(program.layers, program.facts.shape, program.train.dtype, seed=0)
        task.check_output(model.output_shape[1:], program.layers, len(program.facts.classes), program.train.loss)
        loss = make_keras_object("losses", program.train.loss, program.train_location / "loss")
        make = partial(make_optimizer, program.train, keras.Variable(1e-3), program.train_location)
        optimizer = make()
        make_callbacks(program, "check", Path())
        rows = np.random.default_rng(0).random((2, *program.facts.shape)).astype(program.train.dtype)
        twin = build_model(program.layers, program.facts.shape, program.train.dtype, seed=0)
        try:
            outputs, again = model(rows, training=True), twin(rows, training=True)
            loss(loss_targets(loss, tf.constant([0, 0]), outputs), outputs)
            InitialSlots(make, model.trainable_variables, program.train_location / "optimizer")
            optimizer.build(model.trainable_variables)
            optimizer.apply([keras.ops.zeros_like(v) for v in model.trainable_variables])
        except ConfigError:
            raise
        # Keras raises errors of every kind for a bad config.
        except Exception as error:
            reason = " ".join(f"{type(error).__name__}: {error}".split())[:500]
            raise ConfigError(program.where, f"cannot be trained: {reason}") from error
        if not np.array_equal(outputs.numpy(), again.numpy(), equal_nan=True):
            raise ConfigError(program.where, "a layer draws numbers that no seed fixes, so no trial could be repeated")
