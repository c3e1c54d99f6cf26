"""A check before any training: each program trains for two steps on a handful of rows, without being compiled."""

import logging
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from bnbench.config.schema import Named, Split, Train
from bnbench.data.splits import apply_scaling
from bnbench.data.types import Dataset
from bnbench.errors import BnbenchError, ConfigError
from bnbench.location import Location
from bnbench.model import layer_conditions
from bnbench.model.graph import Flow, as_argument
from bnbench.model.layer import Layer
from bnbench.model.shapes import format_shapes
from bnbench.planning import task
from bnbench.planning.keras_checks import MONITORED
from bnbench.planning.plan import Program, Trial
from bnbench.planning.trial import Saving
from bnbench.store.model_card import read_card
from bnbench.store.model_guard import check_model_file
from bnbench.store.results_dir import CHECKPOINTS, model_path
from bnbench.training.builder import build_model, seeded_layer
from bnbench.training.check_rows import BATCH_SIZE, SIZES
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.culprit import find_culprit
from bnbench.training.keras_errors import blamed_on, describe_error
from bnbench.training.keras_objects import keras_defaults, make_callbacks, make_optimizer
from bnbench.training.loop import TrialInTraining

TRIAL = Trial(id="check", number=0, variant="", learning_rate=1e-3, seed=0, axes={}, rate_text="0.001")
# Callbacks see this many epochs without progress, so that those that wait for that act.
EPOCHS = 4


def check_program(program: Program, rows: Dataset, checked: CompiledProgram | None = None) -> CompiledProgram | None:
    """Train a program on some rows with the code of a real trial; save and load its model if a run would save it.

    Nothing is raised if memory runs out or a compiler fails: such an error then ends the trials, and is stored.

    Args:
        program: the program.
        rows: from `handful_of_rows`.
        checked: what this function returned for a program with the same `compile_key`. Then no step is trained: only
            the parts that are reset are checked.

    Returns:
        What was trained, for `CompiledProgram.compile_for`; None if the trials need another optimizer, or
        the machine had a problem.

    Raises:
        ConfigError: Keras rejects a part of the program, the outputs of the model do not fit the classes, or a layer
            draws random numbers that no seed fixes. The message names the key of that part.
    """
    with keras_defaults(program.train.dtype), tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        # Whatever Keras warns of, the trials do it, too.
        warnings.simplefilter("ignore")
        try:
            # The steps name a place more exactly where they can.
            with blamed_on(program.where, "cannot be trained"):
                _check_parts(program)
                compiled = _build(program, rows, checked)
                _check_layers(compiled)
                if checked is None:
                    _try_training(program, compiled, Path(folder))
                _try_callbacks(program, compiled, Path(folder))
            return compiled if _impatient(program.train) is program.train.optimizer else None
        except BnbenchError:
            raise
        # `blamed_on` passes on problems of the machine only.
        except Exception as error:
            problem = describe_error(error)
            logging.getLogger(__name__).warning("%s: cannot be checked on this machine: %s", program.where, problem)
            return None


def free_memory() -> None:
    """Free what checked programs leave in Keras and TensorFlow. Models that were built before still work."""
    keras.utils.clear_session(free_memory=False)


def _check_parts(program: Program) -> None:
    """Make all objects with the arguments of the config, which `_shrunk` changes."""
    if program.weights is None:
        # The plan could not count the outputs.
        shape = build_model(program.layers, program.facts.shape, program.train.dtype, seed=0).output_shape[1:]
        task.check_output(shape, program.layers, len(program.facts.classes), program.train.loss)
    make_optimizer(program.train, keras.Variable(1.0, trainable=False), program.train_location)
    make_callbacks(program, TRIAL.id, Path())


def _build(program: Program, rows: Dataset, checked: CompiledProgram | None) -> CompiledProgram:
    """Return the program on a handful of rows; if one with the same functions is given, that one with its parts."""
    small = _shrunk(program, rows)
    if checked is None:
        return CompiledProgram(small, rows, eager=True)
    # Keras says here if it rejects an initializer.
    build_model(program.layers, program.facts.shape, program.train.dtype, TRIAL.seed)
    checked.adopt(small, rows)
    return checked


def _shrunk(program: Program, rows: Dataset) -> Program:
    """Return the program for a handful of rows and one epoch, without callbacks, that goes on after divergence."""
    train: dict[str, Any] = {"epochs": 1, "batch_size": BATCH_SIZE, "steps_per_epoch": None, "callbacks": []}
    optimizer = {"optimizer": _impatient(program.train), "on_divergence": "continue"}
    data = {"split": Split(validation="test", stratify=False), "limit": None, "duplicates": "keep"}
    return replace(
        program,
        train=program.train.model_copy(update={**train, **optimizer}),
        data=program.data.model_copy(update=data),
        facts=rows.facts,
        sizes=SIZES,
    )


def _impatient(train: Train) -> Named:
    """Return the optimizer; if it accumulates gradients, it does so for the two steps of the check only."""
    accumulates = "gradient_accumulation_steps"
    # Keras itself refuses values of other types.
    if not isinstance(train.optimizer.arguments.get(accumulates), int):
        return train.optimizer
    return Named.model_validate({**train.optimizer.model_dump(), accumulates: 2})


def _check_layers(compiled: CompiledProgram) -> None:
    """Call new layers one by one, in training mode, and compare their outputs with those of the layers of the model.

    Raises:
        ConfigError: a layer fails, or draws random numbers that no seed fixes.
    """
    program, start = compiled.program, compiled.start(TRIAL.seed)
    compiled.reset(start, TRIAL.learning_rate)
    x = apply_scaling(start.scaling, compiled.dataset.x[start.parts.train]).astype(program.train.dtype)
    flow: Flow[Any] = Flow(program.layers, tf.constant(x))
    for layer, built in compiled.layers:
        taken = flow.take(layer)
        _check_tokens(layer, taken[0])
        named, before = f"{layer.name} ({layer.class_name})", [tuple(one.shape[1:]) for one in taken]
        with blamed_on(layer.where, f"{named} gets {format_shapes(before)}"):
            again = built(as_argument(taken), training=True)
            values = seeded_layer(layer, program.train.dtype, TRIAL.seed)(as_argument(taken), training=True)
        found, planned = tuple(values.shape[1:]), tuple(built.output.shape[1:])
        if found != planned:
            raise ConfigError(layer.where, f"{named} gives {found} in training, although Keras announces {planned}")
        if not np.array_equal(values.numpy(), again.numpy(), equal_nan=True):
            raise ConfigError(layer.where, f"{named} draws numbers that no seed fixes, so no trial could be repeated")
        flow.give(layer, values)


def _check_tokens(layer: Layer, values: tf.Tensor) -> None:
    """Raise if a layer of whole numbers gets other numbers, which it would cut, or larger ones than it has room for."""
    if not layer_conditions.takes_whole_numbers(layer.class_name):
        return
    numbers = values.numpy().ravel().tolist()
    wrong = [value for value in numbers if value < 0 or value != int(value)]
    named = f"{layer.name} ({layer.class_name})"
    if wrong:
        raise ConfigError(
            layer.where,
            f"{named} takes whole numbers from 0, and gets {wrong[0]:.6g}: for a data set of whole numbers, set "
            "data.scale: none",
        )
    for argument in ("input_dim", "num_tokens"):
        size = layer.arguments.get(argument)
        if size is not None and max(numbers) >= size:
            problem = f"found {size}, wanted more than the largest number of its inputs, which is {max(numbers):.6g}"
            raise ConfigError(Location.of(layer.where) / argument, f"{named} {problem}")


def _try_training(program: Program, compiled: CompiledProgram, folder: Path) -> None:
    """Train, validate, probe and test; save and load the model if a run would save it."""
    start = compiled.start(TRIAL.seed)
    try:
        compiled.reset(start, TRIAL.learning_rate)
        training = TrialInTraining(compiled, TRIAL, start, lambda trial, epoch: None)
        training.begin()
        training.run_epoch(start.parts.train)
        training.finish(Saving(folder), time.perf_counter(), restored=None)
        compiled.try_graphs(start.parts.train)
    except Exception as error:
        find_culprit(compiled, error)
        raise
    if program.save_models != "none":
        with blamed_on(replace(program.where, steps=("save_models",)), "the model cannot be saved and loaded"):
            training.save(Saving(folder, program.save_models), program.save_models)
            path = model_path(folder, TRIAL.id)
            _load(compiled, path)
            if card := read_card(path):
                check_model_file(path, card)


def _try_callbacks(program: Program, compiled: CompiledProgram, folder: Path) -> None:
    """Give each callback some epochs without progress, and load what it saved."""
    for i, callback in enumerate(make_callbacks(program, TRIAL.id, folder)):
        with blamed_on(program.train_location / "callbacks" / i, type(callback).__name__):
            if isinstance(getattr(callback, "patience", None), int):
                callback.patience = min(callback.patience, 1)
            both = keras.callbacks.CallbackList([callback], model=compiled.model, add_history=False, add_progbar=False)
            both.on_train_begin()
            for epoch in range(EPOCHS):
                both.on_epoch_begin(epoch)
                both.on_epoch_end(epoch, dict.fromkeys(MONITORED, 1.0))
            both.on_train_end()
            for path in (folder / CHECKPOINTS).glob("*"):
                _load(compiled, path)
                path.unlink()


def _load(compiled: CompiledProgram, path: Path) -> None:
    if path.suffix == ".keras":
        keras.saving.load_model(path, compile=False, safe_mode=True)
    else:
        compiled.model.load_weights(path)
