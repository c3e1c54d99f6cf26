"""Types that the records of an experiment file share."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# The range of float32: an optimizer would read a smaller learning rate as 0.
SMALLEST_RATE, LARGEST_RATE = 1.2e-38, 3.4e38
# The maximum number of characters of a name: of a variant, a parameter, and of an axis, which is a dotted key.
MAX_NAME, MAX_AXIS = 80, 200
STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class InnerValueError(ValueError):
    """A check of a whole mapping fails because of one value in it."""

    def __init__(self, message: str, *steps: str | int) -> None:
        super().__init__(message)
        # The steps from the mapping to the value.
        self.steps = steps


def branch_of(value: object) -> str:
    """Return which branch of a union a value belongs to, so that only that branch reports a mistake."""
    if isinstance(value, BaseModel):
        return "(mapping)"
    forms: dict[type, str] = {str: "(word)", list: "(list)", dict: "(mapping)"}
    return forms.get(type(value), "(number)")


def _rate(value: float) -> float:
    if not SMALLEST_RATE <= value <= LARGEST_RATE:
        raise ValueError(f"{value!r} is no learning rate, wanted {SMALLEST_RATE:g} to {LARGEST_RATE:g}")
    return float(value)


Name = Annotated[str, Field(max_length=MAX_NAME)]
Axis = Annotated[str, Field(max_length=MAX_AXIS)]
Rate = Annotated[float, AfterValidator(_rate)]
