"""Output shapes of the layers that merge several inputs."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from bnbench.model.shape_types import Arguments, MisfitError, Shape, StepResult

MergeStep = Callable[[Arguments, Sequence[Shape]], StepResult]


def _elementwise(arguments: Arguments, shapes: Sequence[Shape]) -> StepResult:
    """Axes are compared from the last one on; an axis of size 1, or one that is missing, is repeated."""
    rank = max(map(len, shapes))
    padded = [(1,) * (rank - len(shape)) + shape for shape in shapes]
    merged = []
    for sizes in zip(*padded, strict=True):
        wide = set(sizes) - {1}
        if len(wide) > 1:
            raise MisfitError("wanted equal shapes, or axes of size 1 that are repeated")
        merged.append(wide.pop() if wide else 1)
    return StepResult(tuple(merged))


def _subtract(arguments: Arguments, shapes: Sequence[Shape]) -> StepResult:
    _want_two(shapes)
    return _elementwise(arguments, shapes)


def _concatenate(arguments: Arguments, shapes: Sequence[Shape]) -> StepResult:
    given = arguments.get("axis", -1)
    axis = _position(given, shapes[0], "axis")
    rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
    if len(rest) > 1 or len({len(shape) for shape in shapes}) > 1:
        raise MisfitError(f"wanted shapes that differ in axis {given} alone", "axis")
    size = sum(shape[axis] for shape in shapes)
    return StepResult((*shapes[0][:axis], size, *shapes[0][axis + 1 :]))


def _dot(arguments: Arguments, shapes: Sequence[Shape]) -> StepResult:
    _want_two(shapes)
    given = arguments["axes"]
    first, second = given if isinstance(given, list) else (given, given)
    one, other = _position(first, shapes[0], "axes"), _position(second, shapes[1], "axes")
    if shapes[0][one] != shapes[1][other]:
        raise MisfitError(
            f"axes {given} have {shapes[0][one]} and {shapes[1][other]} values, wanted equal sizes", "axes"
        )
    left = [size for axis, size in enumerate(shapes[0]) if axis != one]
    left += [size for axis, size in enumerate(shapes[1]) if axis != other]
    return StepResult(tuple(left) or (1,))


def _want_two(shapes: Sequence[Shape]) -> None:
    if len(shapes) != 2:
        raise MisfitError(f"wanted 2 branches, found {len(shapes)}")


def _position(axis: int, shape: Shape, argument: str) -> int:
    """Return the position in a shape of an axis that counts from 1, or back from -1."""
    if not 1 <= abs(axis) <= len(shape):
        raise MisfitError(f"{argument} is {axis}, wanted 1 to {len(shape)}, or -{len(shape)} to -1", argument)
    return axis - 1 if axis > 0 else len(shape) + axis


MERGE_STEPS: Mapping[str, MergeStep] = MappingProxyType(
    {
        **dict.fromkeys(("Add", "Average", "Maximum", "Minimum", "Multiply"), _elementwise),
        "Subtract": _subtract,
        "Concatenate": _concatenate,
        "Dot": _dot,
    }
)
