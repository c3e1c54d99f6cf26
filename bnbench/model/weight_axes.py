"""Checks that initializers, regularizers and constraints fit the number of axes of the weights that they are for."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from bnbench.model.arguments import OBJECTS
from bnbench.model.layer import Layer
from bnbench.model.ranges import rank_of
from bnbench.model.shape_types import MisfitError

# Class -> the fewest and the most axes of its weights.
_AXES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {"Identity": (2, 2), "Orthogonal": (2, 9), "OrthogonalRegularizer": (2, 2), "STFT": (3, 3)}
)
# Arguments that hold positions of axes of the weights.
_POSITIONS = ("axis", "input_axes", "output_axes")


def check_weight_objects(layer: Layer, input_axes: int) -> None:
    """Raise if an object of a layer needs other axes than its weights have.

    Args:
        input_axes: the number of axes of one example.

    Raises:
        MisfitError: an initializer needs a matrix, or a constraint an axis that the weights do not have.
    """
    for argument, weights, made in _objects(layer):
        axes = _weight_axes(layer, weights, input_axes)
        if axes is None:
            continue
        low, high = _AXES.get(made["class_name"], (0, 9))
        if not low <= axes <= high:
            wanted = f"{low} axes" if low == high else f"at least {low} axes"
            raise MisfitError(f"{made['class_name']} needs weights of {wanted}, and {weights} has {axes}", argument)
        for name in _POSITIONS:
            _check_positions(made["config"].get(name), name, axes, weights, argument)


def _objects(layer: Layer) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield argument, name of the weights and object for each object of a layer."""
    for argument, value in layer.arguments.items():
        for ending in OBJECTS:
            if argument.endswith(ending) and isinstance(value, Mapping):
                yield argument, argument.removesuffix(ending), value


def _check_positions(given: Any, name: str, axes: int, weights: str, argument: str) -> None:
    positions = [] if given is None else given if isinstance(given, list) else [given]
    for position in positions:
        if not -axes <= position < axes:
            raise MisfitError(
                f"{name} {position} is none of the {axes} axes of {weights}: wanted 0 to {axes - 1}", argument
            )
    if len({position % axes for position in positions}) < len(positions):
        raise MisfitError(f"{name} {positions} names an axis of {weights} twice", argument)


def _weight_axes(layer: Layer, weights: str, input_axes: int) -> int | None:
    """Return how many axes the weights of a layer have, or None if only Keras can say."""
    name, arguments, rank = layer.class_name, layer.arguments, rank_of(layer.class_name)
    if name == "EinsumDense" or weights == "activity":
        return None
    if weights in {"kernel", "recurrent", "depthwise", "pointwise"}:
        return rank + 2
    if weights == "embeddings":
        return 2
    if weights == "alpha":
        return input_axes
    if isinstance(arguments.get("axis"), list):
        return len(arguments["axis"])
    return 2 if name == "GRU" and arguments.get("reset_after", True) else 1
