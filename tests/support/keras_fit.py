"""Trains a trial with `fit` of Keras, from a new model and a new optimizer, to compare it with the loop."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bnbench.config.schema import Named
from bnbench.data.splits import apply_scaling, fit_scaling, split_rows
from bnbench.data.types import Dataset
from bnbench.model import catalog
from bnbench.planning.plan import Program, Trial
from bnbench.training import loop
from bnbench.training.builder import build_model
from bnbench.training.keras_objects import keras_defaults


@dataclass(frozen=True)
class Fitted:
    """What `fit` leaves."""

    model: keras.Model
    # The logs of every epoch: name -> one value for each epoch.
    logs: dict[str, list[float]]


def fit_trial(
    program: Program,
    data: Dataset,
    trial: Trial,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    metrics: Sequence[Any] = ("accuracy",),
    eagerly: bool = True,
    validate: bool = True,
) -> Fitted:
    """Train a trial by one call of `fit`: the same rows in the same order, from the initial weights of its seed.

    Args:
        eagerly: run each operation alone. This is faster for a few steps, because nothing is compiled.
        validate: evaluate the validation part after every epoch.
    """
    with keras_defaults(program.train.dtype):
        parts = split_rows(data, program.data, program.sizes, trial.seed)
        x = apply_scaling(fit_scaling(data, program.data, parts.train), data.x).astype(program.train.dtype)
        y = data.y if data.facts.classes else data.y.astype(program.train.dtype)[:, np.newaxis]
        model = build_model(program.layers, program.facts.shape, program.train.dtype, trial.seed)
        loss = _keras_class("losses", program.train.loss)(**program.train.loss.arguments)
        optimizer = _optimizer(program, trial.learning_rate)
        # A `fit` that compiles builds the optimizer while it is traced. ScheduleFreeAdamW then loses the copies of the
        # weights with which it starts (docs/decisions/0049).
        optimizer.build(model.trainable_variables)
        model.compile(
            optimizer=optimizer,
            loss=loss,
            metrics=list(metrics),
            run_eagerly=eagerly,
            jit_compile=False,
        )
        rows = parts.validation
        history = model.fit(
            _batches(program, parts.train, trial.seed, x, y),
            steps_per_epoch=program.steps_per_epoch,
            epochs=program.train.epochs,
            shuffle=False,
            validation_data=(x[rows], y[rows]) if validate else None,
            validation_batch_size=len(rows) if validate else None,
            callbacks=list(callbacks),
            verbose=0,
        )
        return Fitted(model, history.history)


def _batches(
    program: Program, rows: NDArray[np.int32], seed: int, x: NDArray[Any], y: NDArray[Any]
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    for order in loop._orders(program, rows, seed):
        for first in range(0, len(order), program.batch_size):
            batch = order[first : first + program.batch_size]
            yield x[batch], y[batch]


def _optimizer(program: Program, learning_rate: float) -> keras.optimizers.Optimizer:
    rate: Any = learning_rate
    if program.train.schedule:
        # Keras would turn a Python number into a float32 (docs/decisions/0009).
        start = keras.ops.convert_to_tensor(rate, program.train.dtype)
        rate = _keras_class("schedules", program.train.schedule)(start, **program.train.schedule.arguments)
    return _keras_class("optimizers", program.train.optimizer)(rate, **program.train.optimizer.arguments)


def _keras_class(family: str, named: Named) -> Any:
    module = keras.optimizers.schedules if family == "schedules" else getattr(keras, family)
    return getattr(module, catalog.resolve_class(family, named.name, ""))
