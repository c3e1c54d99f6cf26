"""What a condition of a layer is: the layer with its inputs, and the problem if the condition is not met."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bnbench.model.input_values import InputValues
from bnbench.model.layer import Layer


@dataclass(frozen=True)
class Context:
    """A layer and what reaches it."""

    layer: Layer
    # Of one example, without the batch axis. None if only Keras can tell it.
    shape: tuple[int, ...] | None
    values: InputValues
    dtype: str
    engine: str
    following: Sequence[Layer]


@dataclass(frozen=True)
class Problem:
    """Why a condition is not met, and what to write instead."""

    message: str
    # The argument that it is about, if any.
    argument: str = ""


@dataclass(frozen=True)
class Condition:
    """One condition under which a layer trains as in `fit`."""

    # For the reference page, after "if".
    words: str
    # Returns the problem, or None if the condition is met.
    find_problem: Callable[[Context], Problem | None]
    # Whether it needs only the arguments and the shape, so that it can be checked when the model is built.
    of_shape: bool = False
