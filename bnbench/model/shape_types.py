"""What following a shape through layers is made of: shapes, counts of weights, steps, and how a step refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

# The shape of one example, without the axis of the rows.
Shape = tuple[int, ...]
Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class WeightCounts:
    """How many numbers a model holds."""

    trainable: int = 0
    # Moving statistics and frozen layers.
    fixed: int = 0

    @property
    def total(self) -> int:
        """The number of all weights, trainable or not."""
        return self.trainable + self.fixed

    def __add__(self, other: "WeightCounts") -> "WeightCounts":
        return WeightCounts(self.trainable + other.trainable, self.fixed + other.fixed)


NO_WEIGHTS = WeightCounts()


class StepResult(NamedTuple):
    """What one layer makes of one example."""

    shape: Shape
    weights: WeightCounts = NO_WEIGHTS
    # How often each weight is used. By default once for each position of the output.
    uses: int | None = None


# None: only Keras knows.
Step = Callable[[Arguments, Shape], StepResult | None]


class MisfitError(Exception):
    """Why a layer does not fit its input."""

    def __init__(self, message: str, argument: str = "") -> None:
        super().__init__(message)
        # The argument that is wrong, if it is a single one.
        self.argument = argument


def want_rank(shape: Shape, rank: int) -> None:
    """Raise if a shape does not have this many axes and one of channels."""
    if len(shape) != rank + 1:
        raise MisfitError(f"wanted {rank + 1} axes ({', '.join(['size'] * rank)}, channels), found {len(shape)}")


def bias_count(arguments: Arguments, units: int) -> int:
    """Return how many biases a layer with this many units or filters has."""
    return units if arguments.get("use_bias", True) else 0


def per_axis(value: Any, rank: int) -> Shape:
    """Return one number for each axis; a single number is for all of them."""
    return (value,) * rank if isinstance(value, int) else tuple(value)
