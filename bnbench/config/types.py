"""What the records of an experiment file share: how strict they are, which form is meant, what a rate is."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

SMALLEST_RATE, LARGEST_RATE = 1.2e-38, 3.4e38  # of float32; a smaller one would be 0 to an optimizer
STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


def branch_of(value: object) -> str:
    """Which branch of a union is meant, so that only that branch complains."""
    if isinstance(value, BaseModel):
        return "(mapping)"
    forms: dict[type, str] = {str: "(word)", list: "(list)", dict: "(mapping)"}
    return forms.get(type(value), "(number)")


def _rate(value: float) -> float:
    if not SMALLEST_RATE <= value <= LARGEST_RATE:
        raise ValueError(f"{value!r} is no learning rate: wanted {SMALLEST_RATE:g} to {LARGEST_RATE:g}")
    return float(value)


Rate = Annotated[float, AfterValidator(_rate)]
