"""Model + rows -> what no loss tells: one prediction for all rows, units without a gradient, gradients by depth."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from bnbench.analysis.columns import PERCENTILES
from bnbench.data.splits import apply_scaling
from bnbench.model.layers import last_activation
from bnbench.planning import task
from bnbench.planning.trial import Probe
from bnbench.training.compiled_program import EVALUATION_ROWS, CompiledProgram, RowIndices, SeedState

DEEP = 10  # layers with a kernel: of fewer the slope over depth says nothing
MAX_ROWS = 1_000  # of the validation part: a share of 99% is then known to within 0.3 points, its standard error
NEAR_MEDIAN = 0.01  # of the SD of the targets: numbers so close to the median are one prediction
NEAR_END = 0.01  # of a sigmoid or tanh: there the gradient is below 4% or 2% of its largest
# Where an activation lets no gradient through, and how near to there is meant.
ENDS: dict[str, tuple[tuple[float, ...], float]] = {
    "relu": ((0.0,), 0.0),
    "relu6": ((0.0, 6.0), 0.0),
    "sigmoid": ((0.0, 1.0), NEAR_END),
    "hard_sigmoid": ((0.0, 1.0), NEAR_END),
    "tanh": ((-1.0, 1.0), NEAR_END),
    "hard_tanh": ((-1.0, 1.0), NEAR_END),
}
Array = NDArray[Any]


def probe(compiled: CompiledProgram, start: SeedState) -> Probe:
    """What the model does, with the weights that it has, on a seed's validation part; changes nothing.

    Every layer is called by itself, in inference mode: nothing need be compiled. See `Probe` for what is measured.
    """
    rows = _sample(start.parts.validation)
    x = apply_scaling(start.scaling, compiled.dataset.x[rows]).astype(compiled.program.train.dtype)
    predicted, dead = _forward(compiled.model.layers, x)
    wanted = compiled.dataset.y[rows]
    if compiled.program.facts.classes:
        shares = _commonest(_classes(predicted, task.class_threshold(compiled.program.train.loss))), _commonest(wanted)
    else:
        near = NEAR_MEDIAN * float(np.std(wanted))
        shares = _around_median(predicted, near), _around_median(wanted, near)
    worst = max(dead, key=dead.__getitem__, default=None)
    return Probe(*shares, dead[worst] if worst else None, worst)


def gradient_growth(compiled: CompiledProgram, start: SeedState, batch: RowIndices) -> float | None:
    """By what factor the squared gradient norm grows a layer toward the input, before the first step.

    The gradients of the loss by the outputs of the layers that have a kernel, all but the last of them, on one
    mini-batch in training mode; the factor is that of a straight line through the logarithms of their squared norms
    over depth, by least squares. Yang et al. 2019, theorem 8, expect pi/(pi - 1) = 1.467 of wide networks with batch
    normalisation and relu and of large batches.

    Args:
        batch: row numbers. The model must be at its start, and is put back there.

    Returns:
        None where the model has fewer than DEEP such layers, or a gradient is zero or no number.
    """
    if sum(hasattr(layer, "kernel") for layer in compiled.model.layers) < DEEP:
        return None
    squared = np.array(compiled.output_gradients(batch))
    for variable, value in zip(compiled.model.variables, start.state, strict=True):
        variable.assign(value)
    if not np.all(np.isfinite(squared) & (squared > 0)):
        return None
    slope = np.polyfit(np.arange(len(squared)), np.log(squared), 1)[0]
    return float(np.exp(-slope))


def pre_activations(compiled: CompiledProgram, start: SeedState) -> tuple[float | None, ...]:
    """The PERCENTILES of what goes into the first unit of the last hidden activation; changes nothing.

    Ioffe and Szegedy 2015, figure 1, show those of one typical unit over training. All units are drawn alike, so the
    first is as good as any, and it starts from the same kernel in every variant. Over at most MOST_ROWS rows of the
    training part, always the same, taken as one mini-batch in training mode; of a channel of a convolution all places
    count.

    Returns:
        None each, where they are no finite numbers.
    """
    name = last_activation(compiled.program.layers)
    unit = compiled.inputs_of(str(name), _sample(start.parts.train))[..., 0]
    if not np.isfinite(unit).all():
        return (None,) * len(PERCENTILES)
    return tuple(float(f"{value:.6g}") for value in np.percentile(unit, PERCENTILES))


def _sample(rows: RowIndices) -> RowIndices:
    """At most MOST_ROWS of them, evenly spread: those of an official test part may be in the order of their classes."""
    return rows[:: -(-len(rows) // MAX_ROWS)]


def _forward(layers: Sequence[keras.layers.Layer], x: Array) -> tuple[Array, dict[str, float]]:
    """The outputs (rows, numbers), and by name of each hidden layer that can have some its share of dead units."""
    last = max((i for i, layer in enumerate(layers) if hasattr(layer, "kernel")), default=0)  # gives the outputs
    outputs, dead = [], dict[str, NDArray[np.bool_]]()
    for first in range(0, len(x), EVALUATION_ROWS):
        values = x[first : first + EVALUATION_ROWS]
        for number, layer in enumerate(layers):
            values = layer(values, training=False)
            if number < last and (name := _activation(layer)) in ENDS:
                found = _at_ends(np.asarray(values), *ENDS[name])
                dead[layer.name] = dead.get(layer.name, True) & found
        outputs.append(np.asarray(values))
    return np.concatenate(outputs), {name: float(units.mean()) for name, units in dead.items()}


def _activation(layer: keras.layers.Layer) -> str:
    """The name of the function whose values a layer gives out; empty: of another kind."""
    if isinstance(layer, keras.layers.ReLU):
        return "relu"
    if isinstance(layer, keras.layers.RNN):  # has activations, but gives out products of them
        return ""
    return getattr(getattr(layer, "activation", None), "__name__", "")


def _at_ends(values: Array, ends: tuple[float, ...], near: float) -> NDArray[np.bool_]:
    """Whether a unit, the last axis, is at an end on all rows and at all places."""
    nearest = np.min([np.abs(values - end) for end in ends], axis=0)
    return np.asarray(np.all(nearest <= near, axis=tuple(range(values.ndim - 1))))


def _classes(outputs: Array, threshold: float) -> Array:
    """The predicted class of each row; one number says which of two."""
    if outputs.shape[-1] > 1:
        return np.asarray(outputs.argmax(axis=-1))
    return np.asarray(outputs > threshold)


def _commonest(classes: Array) -> float:
    """The share of the class that most rows have."""
    return float(np.unique(classes, return_counts=True)[1].max() / classes.size)


def _around_median(numbers: Array, near: float) -> float:
    """The share of rows whose number is that of the median, or near it."""
    return float(np.mean(np.abs(numbers - np.median(numbers)) <= near))
