"""The keys of `sweep.adaptive`: a design that chooses its next trainings from those that have finished."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, model_validator

from bnbench.analysis.look_levels import DEFAULT_MOST, MOST_SEEDS
from bnbench.config.types import STRICT

# Fewer trainings of a variant say little about its edge, so no edge is found with fewer.
MIN_EDGE_TRAININGS = 6
# The edge of a variant whose seeds differ by 0.1 decades takes about 30 trainings for a tenth of a decade.
DEFAULT_EDGE_TRAININGS = 60
# No grid of learning rates is so fine that a narrower interval would say more.
SMALLEST_WITHIN = 0.01


def _most_seeds(value: int) -> int:
    if value not in MOST_SEEDS:
        nearest = min(MOST_SEEDS, key=lambda known: abs(known - value))
        raise ValueError(
            f"found {value}, wanted one of {', '.join(map(str, MOST_SEEDS))}, for which the intervals are known: "
            f"the nearest is {nearest}"
        )
    return value


class AdaptiveEdge(BaseModel):
    """How closely the edges of the variants are searched for, each training with a seed of its own."""

    model_config = STRICT
    # Decades: the ratio of two edges is known to a factor of 10**within in either direction.
    within: Annotated[float, Field(ge=SMALLEST_WITHIN, le=1)] = 0.1
    # The maximum number of trainings for the edge of one variant, at one value of the further axes.
    at_most: Annotated[int, Field(ge=MIN_EDGE_TRAININGS, le=1_000)] = DEFAULT_EDGE_TRAININGS
    # Whether an edge outside the range of rates is followed, by two decades at most.
    extend: bool = False
    # What counts as a training that trains, as in claims.
    trains: Literal["half", "ok"] = "half"


class AdaptiveSeeds(BaseModel):
    """How many further seeds judge the variants at their best rates, until the claims are decided."""

    model_config = STRICT
    # The number of seeds at the last look: 5, 8, 10, 12, 15, 20, 30 or 50.
    at_most: Annotated[int, AfterValidator(_most_seeds)] = DEFAULT_MOST
    # A difference of scores that is too small to matter; for claims without a `rope` of their own.
    rope: Annotated[float, Field(gt=0, lt=1)] | None = None


class Adaptive(BaseModel):
    """A design that takes the place of the full grid."""

    model_config = STRICT
    # Search for the edges.
    edge: AdaptiveEdge | None = None
    # Choose the best rates from short trainings of all rates and whole trainings of a few, instead of the whole grid.
    best: bool = False
    # Judge on further seeds, until the claims are decided.
    seeds: AdaptiveSeeds | None = None
    # The lowest seed that the design takes by itself. With another one, the same design is an independent repetition.
    first_seed: Annotated[int, Field(ge=0, lt=2**30)] = 0

    @model_validator(mode="after")
    def _asks_something(self) -> "Adaptive":
        if not (self.edge or self.best or self.seeds):
            raise ValueError("found no question, wanted edge, best or seeds: for example {edge: {within: 0.1}}")
        return self
