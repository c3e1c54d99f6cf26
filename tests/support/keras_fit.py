"""Trains a trial with `fit` of Keras, from a new model and a new optimizer, to compare it with the loop."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bnbench.config.schema import Named, WarmupSteps
from bnbench.data.splits import apply_scaling, fit_scaling, split_rows
from bnbench.data.types import Dataset
from bnbench.model import catalog
from bnbench.planning.plan import Program, Trial
from bnbench.training import loop
from bnbench.training.builder import build_model
from bnbench.training.keras_objects import keras_defaults

# Arguments of schedules that are learning rates in Keras, and factors of one here.
RATES = ("initial_learning_rate", "end_learning_rate", "warmup_target", "values")


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
    for order in loop.epoch_orders(program, rows, seed):
        for first in range(0, len(order), program.batch_size):
            batch = order[first : first + program.batch_size]
            yield x[batch], y[batch]


def _optimizer(program: Program, learning_rate: float) -> keras.optimizers.Optimizer:
    rate: Any = learning_rate
    train = program.train
    if train.schedule:
        arguments = {
            name: _times(value, rate, train.dtype) if name in RATES else value
            for name, value in train.schedule.arguments.items()
        }
        start = arguments.pop("initial_learning_rate", _times(1, rate, train.dtype))
        taken = {} if "values" in arguments else {"initial_learning_rate": start}
        rate = _keras_class("schedules", train.schedule)(**taken, **arguments)
    if isinstance(train.warmup, WarmupSteps):
        rate = _Rising(rate, train.warmup.steps, train.dtype)
    return _keras_class("optimizers", program.train.optimizer)(rate, **program.train.optimizer.arguments)


def _times(value: Any, rate: float, dtype: str) -> Any:
    if isinstance(value, list):
        return [_times(one, rate, dtype) for one in value]
    # Keras would turn a Python number into a float32 (docs/decisions/0009).
    return keras.ops.convert_to_tensor(rate * value, dtype)


class _Rising(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """A warm-up as anybody would write it for `fit`: a list of rates, and then a schedule of Keras or a rate."""

    def __init__(self, then: Any, steps: int, dtype: str) -> None:
        self.then = then if callable(then) else lambda step: keras.ops.convert_to_tensor(then, dtype)
        self.rates = [float(self.then(0)) * (step + 1) / steps for step in range(steps)]
        self.dtype = dtype

    def __call__(self, step: Any) -> Any:
        now = int(step)
        if now < len(self.rates):
            return keras.ops.convert_to_tensor(self.rates[now], self.dtype)
        return self.then(keras.ops.convert_to_tensor(now - len(self.rates), "int64"))


def _keras_class(family: str, named: Named) -> Any:
    module = keras.optimizers.schedules if family == "schedules" else getattr(keras, family)
    return getattr(module, catalog.resolve_class(family, named.name, ""))
