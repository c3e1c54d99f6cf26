"""Finds which part of a program raised an error in a training step, by trying its parts one by one."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from bnbench.data.splits import apply_scaling
from bnbench.location import Location
from bnbench.model.graph import as_argument, input_names
from bnbench.model.layer import INPUT, Layer
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_errors import blamed_on
from bnbench.training.keras_objects import loss_targets, make_schedule

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
    pairs, taken = compiled.layers, input_names(program.layers)
    values: dict[str, Any] = {}
    for training in (True, False):
        values = {INPUT: x}
        for layer, built in pairs:
            yield layer.where, _named(layer), partial(_call, built, values, taken[layer.name], training)
    for layer, built in pairs:
        inputs = [values[name] for name in taken[layer.name]]
        yield layer.where, f"{_named(layer)} in a graph", partial(_try_graph, built, inputs)
    for layer, built in pairs:
        yield layer.where, f"{_named(layer)}: regularizer", partial(getattr, built, "losses")
    y = tf.gather(compiled.data.y, rows)
    loss = partial(_loss, compiled, y, values[program.layers[-1].name])
    yield program.train_location / "loss", type(compiled.loss).__name__, loss
    values = {INPUT: x}
    for layer, built in pairs:
        yield layer.where, f"{_named(layer)}: gradient", partial(_differentiate, built, values, taken[layer.name])
    if program.train.schedule:
        where = program.train_location / "schedule"
        schedule = make_schedule(program.train.schedule, program.train, where)
        for step in (0, 1, 2):
            yield where, type(schedule).__name__, partial(schedule, tf.constant(step, tf.int64))
    for layer, built in pairs:
        for weight in built.trainable_variables:
            if weight.constraint is not None:
                yield layer.where, f"{_named(layer)}: constraint", partial(weight.constraint, weight.value)
    yield program.train_location / "optimizer", type(compiled.optimizer).__name__, partial(_update, compiled)


def _named(layer: Layer) -> str:
    return f"{layer.name} ({layer.class_name})"


def _call(layer: keras.layers.Layer, values: dict[str, Any], taken: Sequence[str], training: bool) -> None:
    """Call a layer with the values of the layers that it takes, and add what it returns."""
    values[layer.name] = layer(as_argument([values[name] for name in taken]), training=training)


def _try_graph(layer: keras.layers.Layer, inputs: Sequence[tf.Tensor]) -> None:
    any_rows = as_argument([tf.TensorSpec([None, *one.shape[1:]], one.dtype) for one in inputs])
    for training in (True, False):
        graph = tf.function(partial(layer, training=training), autograph=False).get_concrete_function(any_rows)
    # The last graph is that of an evaluation, which runs with each engine.
    graph(as_argument(inputs))


def _loss(compiled: CompiledProgram, y: tf.Tensor, outputs: tf.Tensor) -> None:
    compiled.loss(loss_targets(compiled.loss, y, outputs), outputs)


def _differentiate(layer: keras.layers.Layer, values: dict[str, Any], taken: Sequence[str]) -> None:
    inputs = [values[name] for name in taken]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(as_argument(inputs), training=True)
    tape.gradient(outputs, [*inputs, *layer.trainable_variables])
    values[layer.name] = outputs


def _update(compiled: CompiledProgram) -> None:
    # The second step is the one that applies accumulated gradients.
    for _ in range(2):
        variables = compiled.model.trainable_variables
        compiled.optimizer.scale_loss(tf.ones((), compiled.dtype))
        compiled.optimizer.apply([keras.ops.zeros_like(variable) for variable in variables], variables)
