"""Checks that each layer trains here as in `fit`, and fills in the range of values that color layers work in.

`layer_table` says which layer has which conditions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model import graph, shapes
from bnbench.model.condition import Condition, Context
from bnbench.model.graph import Flow
from bnbench.model.image_conditions import IMAGE_CONDITIONS
from bnbench.model.input_values import InputValues, join_values, pass_layer
from bnbench.model.layer import Layer
from bnbench.model.layer_table import LAYERS, RECURRENT, LayerRecord
from bnbench.model.row_conditions import ROW_CONDITIONS

CONDITIONS: Mapping[str, Condition] = {**IMAGE_CONDITIONS, **ROW_CONDITIONS}
# The range that color layers of Keras have by default.
_KERAS_RANGE = [0, 255]


def fit_layers(
    layers: Sequence[Layer], shape: tuple[int, ...], values: InputValues, dtype: str, engine: str, where: Location
) -> tuple[Layer, ...]:
    """Check the conditions of each layer, and return the layers with the range of their inputs filled in.

    Args:
        layers: from `layers.flatten_layers`.
        shape: the shape of one example, without the batch axis.
        values: what is known of the rows, from `input_values.scaled_values`.
        dtype: the setting `train.dtype`.
        engine: the setting `train.engine`.
        where: the variant, for messages.

    Raises:
        ConfigError: a layer would not train as in `fit`. The message says what to write instead.
    """
    fitted: list[Layer] = []
    flow, after = Flow(layers, values), graph.following(layers)
    for layer, before in zip(layers, _input_shapes(layers, shape, where), strict=True):
        values = join_values(flow.take(layer))
        context = Context(layer, before, values, dtype, engine, after[layer.name])
        record = _record(layer)
        for name in record.conditions:
            _raise_problem(CONDITIONS[name], context)
        fitted.append(_with_range(layer, values) if "known_range" in record.conditions else layer)
        flow.give(layer, pass_layer(layer, values))
    return tuple(fitted)


def takes_whole_numbers(class_name: str) -> bool:
    """Return whether a layer takes the numbers of tokens: it would cut other numbers to whole ones."""
    record = LAYERS.get(class_name, LayerRecord())
    return any(name.startswith("whole") for name in record.conditions)


def check_shape(layer: Layer, shape: tuple[int, ...]) -> None:
    """Raise if a layer would not train as in `fit` with inputs of this shape, which has no batch axis."""
    context = Context(layer, shape, InputValues(), "float32", "auto", ())
    for name in _record(layer).conditions:
        if CONDITIONS[name].of_shape:
            _raise_problem(CONDITIONS[name], context)


def _record(layer: Layer) -> LayerRecord:
    return LAYERS.get(layer.class_name, LayerRecord())


def _raise_problem(condition: Condition, context: Context) -> None:
    problem = condition.find_problem(context)
    if problem:
        where = Location.of(context.layer.where)
        raise ConfigError(
            where / problem.argument if problem.argument else where,
            f"{context.layer.name} ({context.layer.class_name}) {problem.message}",
        )


def _input_shapes(layers: Sequence[Layer], shape: tuple[int, ...], where: Location) -> Iterator[tuple[int, ...] | None]:
    """Yield the shape of the input of each layer up to the last one with conditions, then None.

    It is also None for a layer that merges, which has no conditions, and where only Keras can tell it.
    """
    wanted = max((i for i, layer in enumerate(layers) if _record(layer).conditions), default=-1)
    followed = shapes.follow_inputs(layers, shape, where)
    for i in range(len(layers)):
        inputs = next(followed) if i <= wanted else None
        yield inputs[0] if inputs and len(inputs) == 1 else None


def _with_range(layer: Layer, values: InputValues) -> Layer:
    """Return a color layer with the range of its inputs, unless that is the default of Keras."""
    if "value_range" in layer.arguments or values.span == _KERAS_RANGE:
        return layer
    return replace(layer, arguments={**layer.arguments, "value_range": values.span})


def describe_conditions(record: LayerRecord) -> str:
    """Return when a layer trains as in `fit`, in words: an empty text for always."""
    return "; ".join(CONDITIONS[name].words for name in record.conditions)


def draws_in_inference(class_name: str, arguments: Mapping[str, Any]) -> bool:
    """Return whether Keras draws random numbers in this layer in inference too."""
    if not LAYERS.get(class_name, LayerRecord()).draws_in_inference:
        return False
    return class_name not in RECURRENT or any(arguments.get(name) for name in ("dropout", "recurrent_dropout"))
