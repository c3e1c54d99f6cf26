"""Builds a Keras model from a list of layers and a seed. All variants come from this builder.

A list in which each layer takes the one before it becomes a `keras.Sequential`, any other list a functional model.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.data.splits import Scaling
from bnbench.data.targets import UNSCALED, TargetScale
from bnbench.errors import ResultsError
from bnbench.model import arguments, layer_conditions
from bnbench.model.graph import Flow, as_argument, is_chain
from bnbench.model.layer import INPUT, Layer
from bnbench.model.shapes import format_shapes
from bnbench.training.floats import with_floats
from bnbench.training.keras_errors import blamed_on

# A saved model is applied to this many rows at a time, which limits the memory of convolutional networks.
ROWS = 500
# The name that Keras gives to the state of a layer that draws random numbers. It is no weight.
RANDOM_STATE = "seed_generator_state"


def build_model(layers: Sequence[Layer], shape: tuple[int, ...], dtype: str, seed: int) -> keras.Model:
    """Build the model of one variant, with the initial weights of one seed.

    Every initializer and every random layer draws from a stream of its own, named by the seed, the layer and the
    argument. So a layer starts from the same numbers in every variant, whatever layers are in front of it.

    Args:
        layers: from `layers.flatten_layers`.
        shape: the shape of one example, without the batch axis.
        dtype: the type of weights and computation.
        seed: the seed of the trial.

    Raises:
        ConfigError: Keras refuses the arguments of a layer, or a layer does not fit its inputs, or would mean something
            else with them.
    """
    if not is_chain(layers):
        return _build_graph(layers, shape, dtype, seed)
    model = keras.Sequential([keras.Input(shape, dtype=dtype, name=INPUT)], name="model")
    before = shape
    for layer in layers:
        layer_conditions.check_shape(layer, before)
        with blamed_on(layer.where, f"{layer.name} ({layer.class_name}) gets {before}"):
            model.add(seeded_layer(layer, dtype, seed))
            before = model.output_shape[1:]
    return model


def _build_graph(layers: Sequence[Layer], shape: tuple[int, ...], dtype: str, seed: int) -> keras.Model:
    inputs = keras.Input(shape, dtype=dtype, name=INPUT)
    flow: Flow[Any] = Flow(layers, inputs)
    for layer in layers:
        taken = flow.take(layer)
        before = [tensor.shape[1:] for tensor in taken]
        if len(before) == 1:
            layer_conditions.check_shape(layer, before[0])
        with blamed_on(layer.where, f"{layer.name} ({layer.class_name}) gets {format_shapes(before)}"):
            flow.give(layer, seeded_layer(layer, dtype, seed)(as_argument(taken)))
    return keras.Model(inputs, flow.last, name="model")


def layers_in_order(layers: Sequence[Layer], model: keras.Model) -> list[tuple[Layer, keras.layers.Layer]]:
    """Return each layer of a list with the one of the model that was built from it; Keras orders a graph otherwise."""
    built = {layer.name: layer for layer in model.layers}
    return [(layer, built[layer.name]) for layer in layers]


def initial_state(layers: Sequence[Layer], model: keras.Model, dtype: str, seed: int) -> list[NDArray[Any]]:
    """Return the values of `model.variables` that `build_model` would give them with this seed.

    It builds the layers alone: a whole model takes four times as long (29 instead of 8 ms for three dense layers) and
    leaves 0.3 MB in TensorFlow each time.
    """
    states: dict[str, list[NDArray[Any]]] = {}
    flow: Flow[Any] = Flow(layers, model.input_shape)
    for layer, built in layers_in_order(layers, model):
        fresh = seeded_layer(layer, dtype, seed)
        fresh.build(as_argument(flow.take(layer)))
        states[layer.name] = [variable.numpy() for variable in fresh.variables]
        # Not the input of the next layer: with a mask, that is a list of two tensors.
        flow.give(layer, built.output.shape)
    return [value for built in model.layers for value in states.get(built.name, [])]


def states_drawn_in_inference(layers: Sequence[Layer], model: keras.Model) -> list[keras.Variable]:
    """Return the states of random numbers that change when Keras runs the layers in inference."""
    drawing = [
        built
        for layer, built in layers_in_order(layers, model)
        if layer_conditions.draws_in_inference(layer.class_name, layer.arguments)
    ]
    return [v for built in drawing for v in built.non_trainable_variables if v.name == RANDOM_STATE]


def stream_seed(seed: int, *names: str) -> int:
    """Return a 31-bit seed for one named stream of a trial's seed."""
    digest = hashlib.sha256("/".join([str(seed), *names]).encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def seeded_layer(layer: Layer, dtype: str, seed: int) -> keras.layers.Layer:
    """Return a new layer whose initializers and random numbers draw from streams of the seed."""
    layer_class = getattr(keras.layers, layer.class_name)
    given = with_floats("layers", layer.class_name, layer.arguments)
    unseeded = layer_class(**given, name=layer.name, dtype=dtype).get_config()
    # RandomShear refuses its own config, in which a factor is a range that begins below 0.
    unseeded |= {key: value for key, value in given.items() if not isinstance(value, dict)}
    if "seed" in arguments.class_signature("layers", layer.class_name).defaults:
        # Some layers take a seed, but do not include it in their config.
        unseeded.setdefault("seed", None)
    return layer_class.from_config(_with_seeds(unseeded, seed, (layer.name,)))


def _with_seeds(config: Mapping[str, Any], seed: int, path: tuple[str, ...]) -> dict[str, Any]:
    """Return a copy of a Keras config in which each `seed`, at any depth, is the seed of its own stream."""
    return {
        key: stream_seed(seed, *path)
        if key == "seed"
        else _with_seeds(value, seed, (*path, key))
        if isinstance(value, dict)
        else value
        for key, value in config.items()
    }


def with_scaling(
    layers: Sequence[Layer],
    model: keras.Model,
    scaling: Scaling,
    shape: tuple[int, ...],
    target_scale: TargetScale = UNSCALED,
) -> keras.Model:
    """Put the scaling of the data before a model as layers, so that a saved model takes rows as they are stored.

    If the model learned standardized numbers, a last layer brings its outputs into the unit of the data. Missing values
    must be filled before: no layer of Keras that is safe to load replaces NaN.
    """
    first: list[keras.layers.Layer] = []
    if not (np.all(scaling.shift == 0) and np.all(scaling.factor == 1)):
        offset = -scaling.shift * scaling.factor
        first.append(keras.layers.Rescaling(scaling.factor.tolist(), offset.tolist(), name="scale"))
    if scaling.l2:
        first.append(keras.layers.UnitNormalization(axis=1, name="unit_length"))
    last: list[keras.layers.Layer] = []
    if target_scale.changes_targets:
        last.append(keras.layers.Rescaling(target_scale.deviation, target_scale.mean, name="target_unit"))
    rows = keras.Input(shape, name="raw")
    if is_chain(layers):
        return keras.Sequential([rows, *first, *model.layers, *last])
    scaled = rows
    for one in first:
        scaled = one(scaled)
    flow: Flow[Any] = Flow(layers, scaled)
    for layer, built in layers_in_order(layers, model):
        flow.give(layer, built(as_argument(flow.take(layer))))
    outputs = flow.last
    for one in last:
        outputs = one(outputs)
    return keras.Model(rows, outputs, name="model")


def load_saved_model(path: Path) -> Callable[[NDArray[Any]], NDArray[np.float64]]:
    """Return a saved model as a function from rows to outputs in inference mode.

    It takes rows of shape (rows, *shape), as the data set stores them, and returns outputs of shape (rows, classes).

    Raises:
        ResultsError: Keras cannot load the file without running code from it, or, when the function is called, the
            model cannot be applied.
    """
    with _loading(path):
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
        dtype = model.inputs[0].dtype
        # Called as a Python function, a small model takes ten times as long.
        compiled = tf.function(lambda x: model(x, training=False), reduce_retracing=True)

    def apply_model(x: NDArray[Any]) -> NDArray[np.float64]:
        with _loading(path):
            parts = [compiled(x[i : i + ROWS].astype(dtype)).numpy() for i in range(0, len(x), ROWS)]
        return np.concatenate(parts).astype(np.float64)

    return apply_model


@contextmanager
def _loading(path: Path) -> Iterator[None]:
    try:
        yield
    # For a damaged or foreign file Keras raises errors of every kind.
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise ResultsError(f"{path}: cannot be loaded: {reason}; remove it, and the same run makes it again") from error
