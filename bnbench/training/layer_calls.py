"""Calls the layers of a model one by one: the values between them can be read, and nothing has to be compiled."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from bnbench.model.graph import Flow, as_argument
from bnbench.model.layer import Layer


@dataclass(frozen=True)
class LayerCall:
    """A layer of a model and what it was called with."""

    layer: keras.layers.Layer
    # A tensor of shape (rows, ...), or a list of them for a layer that merges several.
    inputs: Any
    # (rows, ...)
    outputs: Any


def call_layers(pairs: Sequence[tuple[Layer, keras.layers.Layer]], x: Any, training: bool) -> Iterator[LayerCall]:
    """Call each layer in order, with the outputs of the layers that it takes, and yield what it got and gave.

    The next layer is called when the next call is asked for. Outputs that no further layer takes are not kept.

    Args:
        pairs: from `builder.layers_in_order`.
        x: the inputs of the model, (rows, ...).
        training: the mode.
    """
    flow: Flow[Any] = Flow([layer for layer, _ in pairs], x)
    for layer, built in pairs:
        inputs = as_argument(flow.take(layer))
        outputs = built(inputs, training=training)
        flow.give(layer, outputs)
        yield LayerCall(built, inputs, outputs)
