"""What one mini-batch does in each layer: gradient norm, weight norm, dead units, values that are not finite.

Nothing changes: weights, moving statistics and random streams stay as they are.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.analysis.failure_names import GRADIENT, OUTPUT, TRAINING_LOSS, WEIGHT
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_objects import loss_targets
from bnbench.training.layer_calls import call_layers
from bnbench.training.probes.forward import ENDS, activation_name, hidden_layers
from bnbench.training.probes.loss_surface import on_copies
from bnbench.training.seed_state import RowIndices

# The trainable weights of each layer, by name.
Weights = Mapping[str, list[NDArray[Any]]]


@dataclass(frozen=True)
class LayerLook:
    """What a mini-batch does in each layer, in training mode, before the weights are updated."""

    loss: float
    # By layer, for the layers with weights: the norm of the gradient of the loss, and of the weights.
    gradient_norms: Mapping[str, float]
    weight_norms: Mapping[str, float]
    # By layer, for the hidden layers whose activation can saturate: the share of units that are saturated on all rows.
    dead_shares: Mapping[str, float]
    # How many values are not finite: the first mapping has the weights, and the others what a step computes of them.
    nonfinite: Mapping[tuple[str, str], int]

    @property
    def first_nonfinite(self) -> tuple[str, str] | None:
        """The kind and the layer of the first tensor with values that are not finite; None if all are finite.

        A gradient arrives at the last layer first. The loss has no layer.
        """
        return next((key for key, count in self.nonfinite.items() if count), None)


class LayerLooks:
    """Looks at the mini-batches of a compiled program; a tool of `CompiledProgram.tool`."""

    def __init__(self, compiled: CompiledProgram) -> None:
        self._compiled = compiled
        self._trained = [built for _, built in compiled.layers if built.trainable_variables]
        hidden = hidden_layers(compiled)
        self._ends = {
            built.name: ENDS[activation_name(built)]
            for _, built in compiled.layers
            if built.name in hidden and activation_name(built) in ENDS
        }
        signature = [tf.TensorSpec([None], tf.int32)]
        self._measure = self._look if compiled.is_eager else tf.function(self._look, signature, autograph=False)

    def look(self, rows: RowIndices) -> LayerLook:
        """Return what the mini-batch of these rows does."""
        values = {key: one.numpy() for key, one in self._measure(tf.constant(rows)).items()}
        named = {key.partition(" ")[::2]: value for key, value in values.items()}

        def of(kind: str) -> dict[str, float]:
            return {layer: float(value) for (name, layer), value in named.items() if name == kind}

        return LayerLook(
            float(values["loss"]), of(f"{GRADIENT}_norm"), of(f"{WEIGHT}_norm"), of("dead"), dict(self._in_order(named))
        )

    def _in_order(self, named: Mapping[tuple[str, str], Any]) -> Iterator[tuple[tuple[str, str], int]]:
        """Yield how many values of each tensor are not finite, in the order in which a step uses or computes them."""
        layers = [built.name for _, built in self._compiled.layers]
        keys = [(WEIGHT, name) for name in layers] + [(OUTPUT, name) for name in layers] + [(TRAINING_LOSS, "")]
        for kind, name in [*keys, *((GRADIENT, name) for name in reversed(layers))]:
            if (f"nonfinite_{kind}", name) in named:
                yield (kind, name), int(named[f"nonfinite_{kind}", name])

    def _look(self, rows: tf.Tensor) -> dict[str, tf.Tensor]:
        """Return the values by `KIND LAYER`."""
        compiled, found = self._compiled, dict[str, tf.Tensor]()
        x, y = compiled.data.batch(rows)
        variables = compiled.model.trainable_variables
        weights = [tf.convert_to_tensor(variable.value) for variable in variables]
        with on_copies(compiled.model, weights), tf.GradientTape() as tape:
            tape.watch(weights)
            values = x
            for call in call_layers(compiled.layers, x, training=True):
                name, values = call.layer.name, call.outputs
                found[f"nonfinite_{OUTPUT} {name}"] = _count_nonfinite([values])
                if name in self._ends:
                    found[f"dead {name}"] = _dead_share(values, *self._ends[name])
            row_weights = compiled.data.row_weights(y)
            loss = compiled.loss(loss_targets(compiled.loss, y, values), values, row_weights)
            loss = tf.add_n([loss, *compiled.model.losses])
        gradients = map(tf.convert_to_tensor, tape.gradient(loss, weights, unconnected_gradients="zero"))
        of_variable = {id(variable): pair for variable, *pair in zip(variables, weights, gradients, strict=True)}
        found["loss"], found[f"nonfinite_{TRAINING_LOSS} "] = loss, _count_nonfinite([loss])
        for layer in self._trained:
            pairs = [of_variable[id(variable)] for variable in layer.trainable_variables]
            for kind, tensors in zip((WEIGHT, GRADIENT), map(list, zip(*pairs, strict=True)), strict=True):
                found[f"{kind}_norm {layer.name}"] = _global_norm(tensors)
                found[f"nonfinite_{kind} {layer.name}"] = _count_nonfinite(tensors)
        return found


def _global_norm(tensors: list[Any]) -> tf.Tensor:
    """Return the norm of all values together, (). It does not overflow in float64."""
    return tf.linalg.global_norm([tf.cast(tensor, tf.float64) for tensor in tensors])


def _count_nonfinite(tensors: list[Any]) -> tf.Tensor:
    """Return how many values are not finite, ()."""
    counts = [
        tf.math.count_nonzero(~tf.math.is_finite(tensor), dtype=tf.int64)
        for tensor in map(tf.convert_to_tensor, tensors)
        if tensor.dtype.is_floating
    ]
    return tf.add_n(counts) if counts else tf.zeros((), tf.int64)


def _dead_share(values: tf.Tensor, ends: tuple[float, ...], near: float) -> tf.Tensor:
    """Return the share of the units, the last axis, that are saturated on all rows and at all positions."""
    nearest = tf.reduce_min([tf.abs(values - end) for end in ends], axis=0)
    saturated = tf.reduce_all(nearest <= near, axis=list(range(len(values.shape) - 1)))
    return tf.reduce_mean(tf.cast(saturated, values.dtype))


def weights_by_layer(compiled: CompiledProgram) -> Weights:
    """Return copies of the trainable weights of each layer that has some."""
    return {
        built.name: [np.array(variable) for variable in built.trainable_variables]
        for _, built in compiled.layers
        if built.trainable_variables
    }


def update_ratios(before: Weights, after: Weights) -> dict[str, float]:
    """Return for each layer the norm of the change of its weights over the norm of the weights before it."""
    return {
        layer: _norm([new - old for new, old in zip(after[layer], weights, strict=True)]) / (_norm(weights) or math.nan)
        for layer, weights in before.items()
    }


def _norm(arrays: Iterable[NDArray[Any]]) -> float:
    with np.errstate(over="ignore", invalid="ignore"):
        return math.sqrt(sum(float(np.sum(np.square(array, dtype=np.float64))) for array in arrays))
