"""Follows the shape of an example through the layers of a model, so that a plan needs no Keras.

The steps of single layers are in `flat_shapes` and `spatial_shapes`. A layer that is not there ends the trace: Keras
then checks the rest when it builds the model.
"""

from collections.abc import Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import NamedTuple

from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model.flat_shapes import FLAT_STEPS
from bnbench.model.layers import Layer
from bnbench.model.shape_types import Arguments, MisfitError, Shape, Step, StepResult, WeightCounts
from bnbench.model.spatial_shapes import SPATIAL_STEPS
from bnbench.model.weight_axes import check_weight_objects

__all__ = ["Shape", "TracedShapes", "WeightCounts", "trace_shapes"]
STEPS: Mapping[str, Step] = MappingProxyType({**FLAT_STEPS, **SPATIAL_STEPS})
# 4 GB of float32 for a single example, and several times that in training.
MAX_OUTPUTS = 1_000_000_000


class TracedShapes(NamedTuple):
    """What is known of a model without building it; shapes have no batch axis."""

    # The shape of the output.
    shape: Shape
    weights: WeightCounts
    # Numbers that all layers together put out for one example.
    outputs: int
    # Multiplications by a weight in all layers together, for one example.
    products: int


def trace_shapes(layers: Sequence[Layer], shape: Shape, where: Location | str) -> TracedShapes | None:
    """Follow the shape of an example through the layers; return None if a layer is not listed here.

    Raises:
        ConfigError: a layer does not fit the output of the layer before. The message names the layer, its input and
            what it needs.
    """
    total, outputs, products = WeightCounts(), prod(shape), 0
    for layer in layers:
        try:
            check_weight_objects(layer, len(shape))
            result = _step(layer, shape)
        except MisfitError as misfit:
            raise _misfit(layer, shape, misfit, where) from None
        if result is None:
            return None
        weights = result.weights
        if layer.arguments.get("trainable") is False:
            weights = WeightCounts(0, weights.total)
        shape, total = result.shape, total + weights
        outputs += prod(shape)
        # A convolution uses each weight at every position of its output.
        products += weights.total * (prod(shape[:-1]) if result.uses is None else result.uses)
    return TracedShapes(shape, total, outputs, products)


def _step(layer: Layer, shape: Shape) -> StepResult | None:
    step = STEPS.get(layer.class_name)
    first = layer.arguments.get("data_format") == "channels_first" and len(shape) > 1
    if step is None or (first and layer.class_name.startswith("ConvLSTM")):
        return None
    result = _with_channels_first(step, layer.arguments, shape) if first else step(layer.arguments, shape)
    if result and prod(result.shape) > MAX_OUTPUTS:
        raise MisfitError(f"gives {prod(result.shape):,} numbers for one example: at most {MAX_OUTPUTS:,} are allowed")
    return result


def _with_channels_first(step: Step, arguments: Arguments, shape: Shape) -> StepResult | None:
    result = step(arguments, (*shape[1:], shape[0]))
    if result is None:
        return None
    after, weights, uses = result
    return StepResult((*after[-1:], *after[:-1]), weights, prod(after[:-1]) if uses is None else uses)


def _misfit(layer: Layer, shape: Shape, misfit: MisfitError, where: Location | str) -> ConfigError:
    place = Location.of(layer.where or where)
    if misfit.argument and misfit.argument in layer.arguments:
        place = place / misfit.argument
    return ConfigError(place, f"{layer.name} ({layer.class_name}) gets {shape}: {misfit}")
