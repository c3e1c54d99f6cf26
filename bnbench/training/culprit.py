"""Finds which part of a program raised an error in a training step, by trying its parts one by one."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from bnbench.data.splits import apply_scaling
from bnbench.location import Location
from bnbench.model.layers import Layer
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_errors import blamed_on
from bnbench.training.keras_objects import loss_targets, make_keras_object

# A place in the experiment file, what happens there, and a function that does it.
Step = tuple[Location | str, str, Callable[[], object]]


def find_culprit(compiled: CompiledProgram, error: Exception) -> None:
    """Raise a ConfigError with the key of the part that causes an error; if no part fails alone, with the variant's.

    Raises:
        ConfigError: always, unless memory ran out or a compiler failed. Then this function returns, or passes on the
            error of the machine.
    """
    for where, doing, act in _steps(compiled):
        with blamed_on(where, doing):
            act()
    with blamed_on(compiled.program.where, "cannot be trained"):
        raise error


def _steps(compiled: CompiledProgram) -> Iterator[Step]:
    """Yield what a training step does, in order; the caller does each before it asks for the next."""
    program, start = compiled.program, compiled.start(0)
    rows = start.parts.train
    x = tf.constant(apply_scaling(start.scaling, compiled.dataset.x[rows]), compiled.dtype)
    outputs: list[Any] = [x]
    pairs = list(zip(program.layers, compiled.model.layers, strict=True))
    for training in (True, False):
        outputs = [x]
        for layer, built in pairs:
            yield layer.where, _named(layer), partial(_call, built, outputs, training)
    for (layer, built), values in zip(pairs, outputs[:-1], strict=True):
        yield layer.where, f"{_named(layer)} in a graph", partial(_try_graph, built, values)
    for layer, built in pairs:
        yield layer.where, f"{_named(layer)}: regularizer", partial(getattr, built, "losses")
    y = tf.gather(compiled.data.y, rows)
    loss = partial(_loss, compiled, y, outputs)
    yield program.train_location / "loss", type(compiled.loss).__name__, loss
    inputs = [x]
    for layer, built in pairs:
        yield layer.where, f"{_named(layer)}: gradient", partial(_differentiate, built, inputs)
    if program.train.schedule:
        where = program.train_location / "schedule"
        one = keras.ops.ones((), program.train.dtype)
        schedule = make_keras_object("schedules", program.train.schedule, where, initial_learning_rate=one)
        for step in (0, 1, 2):
            yield where, type(schedule).__name__, partial(schedule, tf.constant(step, tf.int64))
    for layer, built in pairs:
        for weight in built.trainable_variables:
            if weight.constraint is not None:
                yield layer.where, f"{_named(layer)}: constraint", partial(weight.constraint, weight.value)
    yield program.train_location / "optimizer", type(compiled.optimizer).__name__, partial(_update, compiled)


def _named(layer: Layer) -> str:
    return f"{layer.name} ({layer.class_name})"


def _call(layer: keras.layers.Layer, outputs: list[Any], training: bool) -> None:
    outputs.append(layer(outputs[-1], training=training))


def _try_graph(layer: keras.layers.Layer, values: tf.Tensor) -> None:
    any_rows = tf.TensorSpec([None, *values.shape[1:]], values.dtype)
    for training in (True, False):
        graph = tf.function(partial(layer, training=training), autograph=False).get_concrete_function(any_rows)
    # The last graph is that of an evaluation, which runs with each engine.
    graph(values)


def _loss(compiled: CompiledProgram, y: tf.Tensor, outputs: list[Any]) -> None:
    compiled.loss(loss_targets(compiled.loss, y, outputs[-1]), outputs[-1])


def _differentiate(layer: keras.layers.Layer, inputs: list[Any]) -> None:
    with tf.GradientTape() as tape:
        tape.watch(inputs[-1])
        outputs = layer(inputs[-1], training=True)
    tape.gradient(outputs, [inputs[-1], *layer.trainable_variables])
    inputs.append(outputs)


def _update(compiled: CompiledProgram) -> None:
    # The second step is the one that applies accumulated gradients.
    for _ in range(2):
        variables = compiled.model.trainable_variables
        compiled.optimizer.scale_loss(tf.ones((), compiled.dtype))
        compiled.optimizer.apply([keras.ops.zeros_like(variable) for variable in variables], variables)
