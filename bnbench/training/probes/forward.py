"""Passes of some rows through the layers of a network; one of validation rows is shared by several probes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bnbench.data.splits import apply_scaling
from bnbench.model.graph import ancestors
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.layer_calls import call_layers
from bnbench.training.seed_state import EVALUATION_ROWS, RowIndices, SeedState

# The maximum number of rows. A share of 99% then has a standard error of 0.3 points.
MAX_ROWS = 1_000
# A sigmoid or tanh this close to an end has a gradient below 4% or 2% of the largest gradient.
NEAR_END = 0.01
# For each activation, the outputs at which it passes no gradient, and the tolerance.
ENDS: dict[str, tuple[tuple[float, ...], float]] = {
    "relu": ((0.0,), 0.0),
    "relu6": ((0.0, 6.0), 0.0),
    "sigmoid": ((0.0, 1.0), NEAR_END),
    "hard_sigmoid": ((0.0, 1.0), NEAR_END),
    "tanh": ((-1.0, 1.0), NEAR_END),
    "hard_tanh": ((-1.0, 1.0), NEAR_END),
}
Array = NDArray[Any]


@dataclass(frozen=True)
class ForwardPass:
    """What the layers return for some rows of the validation part, in inference mode."""

    # The targets of these rows, as the model learns them.
    targets: Array
    # The outputs of the model, shape (rows, numbers).
    outputs: Array
    # For each hidden layer whose activation can saturate, by name: whether each unit is saturated for all rows.
    saturated: Mapping[str, NDArray[np.bool_]]


def run_layers(compiled: CompiledProgram, start: SeedState) -> ForwardPass:
    """Call each layer by itself, so that nothing has to be compiled; leave everything as it is."""
    rows = sample_rows(start.parts.validation)
    x = scaled_rows(compiled, start, rows)
    hidden = hidden_layers(compiled)
    outputs: list[Array] = []
    saturated: dict[str, NDArray[np.bool_]] = {}
    for first in range(0, len(x), EVALUATION_ROWS):
        values = x[first : first + EVALUATION_ROWS]
        # Some layers draw random numbers in inference, too.
        with compiled.unchanged_state():
            for call in call_layers(compiled.layers, values, training=False):
                layer, values = call.layer, call.outputs
                if layer.name in hidden and (activation := activation_name(layer)) in ENDS:
                    units = is_saturated(np.asarray(values), *ENDS[activation])
                    saturated[layer.name] = saturated.get(layer.name, True) & units
        outputs.append(np.asarray(values))
    targets = start.target_scale.standardize(compiled.dataset.y[rows])
    return ForwardPass(targets, np.concatenate(outputs), saturated)


def predict_rows(compiled: CompiledProgram, start: SeedState, rows: RowIndices) -> Array:
    """Return the predictions for a few rows in inference mode, (rows, numbers); leave everything as it is.

    Predicted numbers are in the unit of the data set.
    """
    values: Any = scaled_rows(compiled, start, rows)
    # Some layers draw random numbers in inference, too.
    with compiled.unchanged_state():
        for call in call_layers(compiled.layers, values, training=False):
            values = call.outputs
    return start.target_scale.restore(np.asarray(values))


def scaled_rows(compiled: CompiledProgram, start: SeedState, rows: RowIndices) -> Array:
    """Return the inputs of the model for some rows."""
    scaled = apply_scaling(start.scaling, compiled.dataset.x[rows])
    return scaled.astype(compiled.program.train.dtype)


def sample_rows(rows: RowIndices) -> RowIndices:
    """Return at most MAX_ROWS rows, evenly spread: an official test part may be sorted by class."""
    return spread_rows(rows, MAX_ROWS)


def spread_rows(rows: RowIndices, most: int) -> RowIndices:
    """Return at most this many rows, evenly spread."""
    return rows[:: -(-len(rows) // most)]


def layers_with_kernels(compiled: CompiledProgram) -> list[str]:
    """Return the names of the layers with a kernel, in order: dense layers, convolutions and their like."""
    return [built.name for _, built in compiled.layers if hasattr(built, "kernel")]


def hidden_layers(compiled: CompiledProgram) -> set[str]:
    """Return the names of the layers in front of a layer with a kernel: all but those that compute the outputs."""
    return ancestors(compiled.program.layers, layers_with_kernels(compiled))


def activation_name(layer: keras.layers.Layer) -> str:
    """Return the name of the activation whose values a layer returns; empty if the layer returns other values."""
    if isinstance(layer, keras.layers.ReLU):
        return "relu"
    # A recurrent layer has activations, but returns products of them.
    if isinstance(layer, keras.layers.RNN):
        return ""
    return getattr(getattr(layer, "activation", None), "__name__", "")


def is_saturated(values: NDArray[Any], ends: tuple[float, ...], near: float) -> NDArray[np.bool_]:
    """Return True for each unit (last axis) that is saturated for every row and position."""
    nearest = np.min([np.abs(values - end) for end in ends], axis=0)
    return np.asarray(np.all(nearest <= near, axis=tuple(range(values.ndim - 1))))
