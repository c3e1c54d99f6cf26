"""The record of one layer of a model. A model is a list of them, in an order in which they can be computed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bnbench.location import Location

ACTIVATION_CLASSES = frozenset({"Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax"})
# The name of the input of a model, next to the names of its layers.
INPUT = "input"


@dataclass(frozen=True)
class Layer:
    """One layer of a model; a layer has the same name in every variant, because its random stream depends on it."""

    # dense_0, dense_1 ... by class; norm_0 ... for the layer in a norm slot.
    name: str
    class_name: str
    arguments: Mapping[str, Any]
    # The key that holds its arguments; for a norm, the key of the variant.
    where: Location | str = ""
    # The names of the layers that it takes, or INPUT. Empty: it takes the layer before it in the list, and the first
    # layer takes the input of the model.
    inputs: tuple[str, ...] = ()


def last_activation(flat: Sequence[Layer]) -> str | None:
    """Return the name of the last hidden activation layer, or None if no hidden activation is a layer of its own."""
    return next((layer.name for layer in reversed(flat[:-1]) if layer.class_name in ACTIVATION_CLASSES), None)
