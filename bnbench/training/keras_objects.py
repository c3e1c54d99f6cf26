"""Names and arguments of a config -> Keras objects: losses, optimizers with their schedules, callbacks."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from bnbench.config.schema import Named, Train
from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model import arguments, catalog
from bnbench.planning.plan import Program
from bnbench.store.results_dir import CHECKPOINTS, TENSORBOARD


def make_keras_object(family: str, named: Named, where: Location, **more: Any) -> Any:
    """The Keras object that a config names; of `more`, it gets the arguments that it takes.

    Raises:
        ConfigError: Keras refuses the arguments.
    """
    module = keras.optimizers.schedules if family == "schedules" else getattr(keras, family)
    class_name = catalog.resolve_class(family, named.name, where)
    taken = arguments.class_signature(family, class_name).defaults
    try:
        return getattr(module, class_name)(**named.arguments, **{k: v for k, v in more.items() if k in taken})
    except (ValueError, TypeError) as error:
        raise ConfigError(where, f"{class_name}: {' '.join(str(error).split())}") from error


def make_optimizer(train: Train, rate: keras.Variable, where: Location) -> keras.optimizers.Optimizer:
    """The optimizer, with `rate` times the schedule as its learning rate; its own variable where there is none."""
    learning_rate: Any = 1.0
    if train.schedule:
        one = keras.ops.ones((), train.dtype)  # a Python number would have Keras compute in float32
        factor = make_keras_object("schedules", train.schedule, where / "schedule", initial_learning_rate=one)
        learning_rate = _RateTimesFactor(rate, factor)
    return make_keras_object("optimizers", train.optimizer, where / "optimizer", learning_rate=learning_rate)


class _RateTimesFactor(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # Keras has no types
    """The swept rate, a variable, times a Keras schedule that starts from 1."""

    def __init__(self, rate: keras.Variable, factor: keras.optimizers.schedules.LearningRateSchedule) -> None:
        self.rate, self.factor = rate, factor

    def __call__(self, step: Any) -> Any:
        return self.rate * self.factor(step)

    def get_config(self) -> dict[str, Any]:
        return {"rate": float(self.rate.numpy()), "factor": type(self.factor).__name__}


def loss_targets(loss: keras.losses.Loss, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Class numbers (rows,) in the form that a loss takes: as they are, or one-hot (rows, classes).

    Where the model gives one number alone: (rows, 1), the number wanted, or 1 for the second of two classes.
    """
    if type(loss).__name__.startswith("Sparse"):
        return y
    if outputs.shape[-1] == 1:
        return tf.cast(y, outputs.dtype)[:, tf.newaxis]
    return tf.one_hot(y, outputs.shape[-1], dtype=outputs.dtype)


def make_callbacks(program: Program, trial: str, folder: Path) -> list[keras.callbacks.Callback]:
    """The callbacks of one trial; what they write goes below the folder, under the trial's id."""
    made = []
    for i, named in enumerate(program.train.callbacks):
        ending = "weights.h5" if named.arguments.get("save_weights_only") else "keras"
        files = {"filepath": folder / CHECKPOINTS / f"{trial}.{ending}", "log_dir": folder / TENSORBOARD / trial}
        where = program.train_location / "callbacks" / i
        made.append(make_keras_object("callbacks", named, where, **{name: str(path) for name, path in files.items()}))
    return made


@contextmanager
def keras_defaults(dtype: str) -> Iterator[None]:
    """A default dtype for a while, and Keras' own defaults where a keras.json of the user's says otherwise."""
    before = keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format()
    try:
        _set_keras(dtype, 1e-7, "channels_last")
        yield
    finally:
        _set_keras(*before)


def _set_keras(dtype: str, epsilon: float, image_data_format: str) -> None:
    keras.config.set_floatx(dtype)
    keras.config.set_epsilon(epsilon)
    keras.config.set_image_data_format(image_data_format)
