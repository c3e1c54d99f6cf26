"""Follows the shape of an example through the layers of a model, so that a plan needs no Keras.

The steps of single layers are in `flat_shapes`, `spatial_shapes` and `merge_shapes`. A layer that is not there ends
the trace: Keras then checks the rest when it builds the model.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import NamedTuple

from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model.flat_shapes import FLAT_STEPS
from bnbench.model.graph import Flow
from bnbench.model.layer import Layer
from bnbench.model.merge_shapes import MERGE_STEPS
from bnbench.model.shape_types import Arguments, MisfitError, Shape, Step, StepResult, WeightCounts
from bnbench.model.spatial_shapes import SPATIAL_STEPS
from bnbench.model.weight_axes import check_weight_objects

__all__ = ["Shape", "TracedShapes", "WeightCounts", "follow_inputs", "trace_layer", "trace_shapes"]
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
        ConfigError: a layer does not fit its inputs. The message names the layer, its inputs and what it needs.
    """
    total, outputs, products = WeightCounts(), prod(shape), 0
    flow = Flow(layers, shape)
    for layer in layers:
        result = trace_layer(layer, flow.take(layer), where)
        if result is None:
            return None
        weights = result.weights
        if layer.arguments.get("trainable") is False:
            weights = WeightCounts(0, weights.total)
        flow.give(layer, result.shape)
        total += weights
        outputs += prod(result.shape)
        # A convolution uses each weight at every position of its output.
        products += weights.total * (prod(result.shape[:-1]) if result.uses is None else result.uses)
    return TracedShapes(flow.last, total, outputs, products)


def follow_inputs(layers: Sequence[Layer], shape: Shape, where: Location | str) -> Iterator[list[Shape] | None]:
    """Yield the shapes of the inputs of each layer, one layer after the other; None where only Keras can tell them.

    Raises:
        ConfigError: a layer does not fit its inputs. It is raised behind what is yielded for this layer.
    """
    flow: Flow[Shape | None] = Flow(layers, shape)
    for layer in layers:
        taken = flow.take(layer)
        known = [one for one in taken if one is not None]
        inputs = known if len(known) == len(taken) else None
        yield inputs
        result = trace_layer(layer, inputs, where) if inputs else None
        flow.give(layer, result.shape if result else None)


def trace_layer(layer: Layer, inputs: Sequence[Shape], where: Location | str) -> StepResult | None:
    """Return what a layer makes of the shapes of its inputs; None if only Keras knows.

    Raises:
        ConfigError: the layer does not fit its inputs.
    """
    try:
        return _step_layer(layer, inputs)
    except MisfitError as misfit:
        raise _misfit(layer, inputs, misfit, where) from None


def _step_layer(layer: Layer, inputs: Sequence[Shape]) -> StepResult | None:
    if layer.class_name in MERGE_STEPS:
        result: StepResult | None = MERGE_STEPS[layer.class_name](layer.arguments, inputs)
    else:
        (shape,) = inputs
        check_weight_objects(layer, len(shape))
        result = _step(layer, shape)
    if result and prod(result.shape) > MAX_OUTPUTS:
        raise MisfitError(f"gives {prod(result.shape):,} numbers for one example: at most {MAX_OUTPUTS:,} are allowed")
    return result


def _step(layer: Layer, shape: Shape) -> StepResult | None:
    step = STEPS.get(layer.class_name)
    first = layer.arguments.get("data_format") == "channels_first" and len(shape) > 1
    if step is None or (first and layer.class_name.startswith("ConvLSTM")):
        return None
    return _with_channels_first(step, layer.arguments, shape) if first else step(layer.arguments, shape)


def _with_channels_first(step: Step, arguments: Arguments, shape: Shape) -> StepResult | None:
    result = step(arguments, (*shape[1:], shape[0]))
    if result is None:
        return None
    after, weights, uses = result
    return StepResult((*after[-1:], *after[:-1]), weights, prod(after[:-1]) if uses is None else uses)


def _misfit(layer: Layer, inputs: Sequence[Shape], misfit: MisfitError, where: Location | str) -> ConfigError:
    place = Location.of(layer.where or where)
    if misfit.argument and misfit.argument in layer.arguments:
        place = place / misfit.argument
    # Layers have no names yet while a model is expanded.
    named = f"{layer.name} ({layer.class_name})" if layer.name else layer.class_name
    return ConfigError(place, f"{named} gets {format_shapes(inputs)}: {misfit}")


def format_shapes(inputs: Sequence[Shape]) -> str:
    """Return the shapes of the inputs of a layer as text."""
    return " and ".join(map(str, inputs))
