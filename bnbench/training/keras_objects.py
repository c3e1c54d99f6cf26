"""Makes Keras objects from the names and arguments of a config: losses, optimizers with schedules, callbacks."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from bnbench.config.schema import Named, Train
from bnbench.location import Location
from bnbench.model import arguments, catalog
from bnbench.model.schedule_arguments import RATE_ARGUMENTS, has_factors_beyond_float32
from bnbench.planning.plan import Program
from bnbench.store.results_dir import CHECKPOINTS, TENSORBOARD
from bnbench.training.floats import with_floats
from bnbench.training.keras_errors import blamed_on
from bnbench.training.schedules import RateTimesFactor, for_each, with_warmup


def make_keras_object(family: str, named: Named, where: Location, **more: Any) -> Any:
    """Make the Keras object that a config names. From `more`, the object gets only the arguments that it takes.

    Raises:
        ConfigError: Keras rejects the arguments.
    """
    module = keras.optimizers.schedules if family == "schedules" else getattr(keras, family)
    class_name = catalog.resolve_class(family, named.name, where)
    taken = arguments.class_signature(family, class_name).defaults
    with blamed_on(where, class_name):
        given = with_floats(family, class_name, named.arguments)
        return getattr(module, class_name)(**given, **{k: v for k, v in more.items() if k in taken})


def make_optimizer(train: Train, rate: keras.Variable, where: Location) -> keras.optimizers.Optimizer:
    """Make the optimizer. Its learning rate is its own variable, or `rate` times a factor that changes.

    Its name is always the same. Keras would count the optimizers of the process, and the operations are named after it
    (see `stable_names`).

    Args:
        train: the settings, with every number of steps resolved.
    """
    make = partial(make_keras_object, "optimizers", train.optimizer, where / "optimizer", name="optimizer")
    if not train.changes_rate:
        return make(learning_rate=1.0)
    factor = keras.ops.ones((), train.dtype)
    if train.schedule:
        factor = make_schedule(train.schedule, train, where / "schedule")
    schedule = RateTimesFactor(rate, with_warmup(train, factor))
    optimizer = make(learning_rate=schedule)
    # A checkpoint contains the optimizer, and Keras can only load it with a schedule that it finds.
    config_of = optimizer.get_config
    optimizer.get_config = lambda: (
        config_of() | {"learning_rate": keras.optimizers.schedules.serialize(schedule.as_keras_schedule())}
    )
    return optimizer


def make_schedule(named: Named, train: Train, where: Location) -> keras.optimizers.schedules.LearningRateSchedule:
    """Make a schedule of factors, which starts from 1 unless the config says otherwise.

    Keras computes in float32 if it gets Python numbers. So the factors become tensors if float32 would round them, or
    after a warm-up. Otherwise they stay what they were in earlier versions, so that outcomes have the same bits.
    """
    exact = partial(keras.ops.convert_to_tensor, dtype=train.dtype)
    factors = named.model_dump()
    if train.warmup or (train.dtype == "float64" and has_factors_beyond_float32(factors)):
        for name in RATE_ARGUMENTS & factors.keys():
            if factors[name] is not None:
                factors[name] = for_each(factors[name], lambda factor: exact(float(factor)))
    start = exact(factors.pop("initial_learning_rate", 1.0))
    return make_keras_object("schedules", Named.model_validate(factors), where, initial_learning_rate=start)


def loss_targets(loss: keras.losses.Loss, y: tf.Tensor, outputs: tf.Tensor) -> tf.Tensor:
    """Return targets in the form that a loss takes: class numbers (rows,), or one-hot (rows, classes).

    If the model has a single output: (rows, 1), the target number, or 1 for the second of two classes.
    """
    if type(loss).__name__.startswith("Sparse"):
        return y
    if outputs.shape[-1] == 1:
        return tf.cast(y, outputs.dtype)[:, tf.newaxis]
    return tf.one_hot(y, outputs.shape[-1], dtype=outputs.dtype)


def make_callbacks(program: Program, trial: str, folder: Path) -> list[keras.callbacks.Callback]:
    """Make the callbacks of one trial. They write files into the folder, under the id of the trial."""
    callbacks, paths = [], _checkpoint_paths(program, trial, folder / CHECKPOINTS)
    for i, (named, path) in enumerate(zip(program.train.callbacks, paths, strict=True)):
        where = program.train_location / "callbacks" / i
        own = Named(name=named.name, **{name: value for name, value in named.arguments.items() if name != "mode"})
        # Keras fills in what is in braces.
        escaped = str(path).replace("{", "{{").replace("}", "}}")
        more = {"filepath": escaped, "log_dir": str(folder / TENSORBOARD / trial), "mode": _mode(named)}
        callbacks.append(make_keras_object("callbacks", own, where, **more))
    return callbacks


def _checkpoint_paths(program: Program, trial: str, folder: Path) -> Iterator[Path]:
    """Yield a path for each callback; two checkpoints do not write the same file."""
    counts: Counter[str] = Counter()
    for named in program.train.callbacks:
        ending = "weights.h5" if named.arguments.get("save_weights_only") else "keras"
        counts[ending] += catalog.find_class("callbacks", named.name) == "ModelCheckpoint"
        further = f"-{counts[ending]}" if counts[ending] > 1 else ""
        yield folder / f"{trial}{further}.{ending}"


def _mode(callback: Named) -> str:
    """Return whether a callback waits for a low or a high value: `min` or `max`.

    In `fit`, Keras finds this out for `auto` from the metrics of the model. A compiled program computes scores itself,
    so the model has no metrics. Of the values that can be monitored, losses are better low, accuracy and R2 high.
    """
    mode = str(callback.arguments.get("mode", "auto"))
    if mode != "auto":
        return mode
    return "min" if str(callback.arguments.get("monitor", "val_loss")).endswith("loss") else "max"


def restored_epoch(callbacks: Iterable[keras.callbacks.Callback]) -> int | None:
    """Return the epoch, counted from 1, whose weights a callback has restored at the end of training, if one has.

    If several have, the last one in the list acted last.
    """
    epochs = [
        callback.best_epoch + 1
        for callback in callbacks
        if isinstance(callback, keras.callbacks.EarlyStopping)
        # There are none if training ended before `start_from_epoch`.
        and callback.restore_best_weights
        and callback.best_weights is not None
    ]
    return epochs[-1] if epochs else None


@contextmanager
def keras_defaults(dtype: str) -> Iterator[None]:
    """Set the default dtype and the defaults of Keras inside the block, whatever the keras.json of the user says."""
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
