"""What an adaptive design has decided so far: the trials in their order, the choices, and every look at the claims.

The store keeps it as text, and it is written before the trials that it names start. So a run that was killed goes on
where it was, and a report can show how its answer came about.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bnbench.analysis.look_levels import MOST_SEEDS
from bnbench.config.types import Rate

# The stages of a design, in their order. `stored`: trials that the folder had before the design began.
STORED: Final = "stored"
CHOOSE: Final = "choose"
EDGE: Final = "edge"
JUDGE: Final = "judge"
# Why the search for an edge ended: its interval is narrow enough; it had as many trainings as it may have; the edge is
# outside the range of rates; or the variant trains at no rate.
WITHIN: Final = "within"
AT_MOST: Final = "at most"
ABOVE: Final = "above"
BELOW: Final = "below"
NO_RATE: Final = "no rate"
# Why the looks ended: all claims are decided; those that are not cannot be decided any more; all seeds are used; or it
# was known beforehand that they would not suffice.
DECIDED: Final = "decided"
FUTILE: Final = "futile"
ALL_SEEDS: Final = "all seeds"
REFUSED: Final = "refused"
STRICT = ConfigDict(extra="forbid", allow_inf_nan=True)
Seed = Annotated[int, Field(ge=0, lt=2**31)]


def _known_most(most: int) -> int:
    if most not in MOST_SEEDS:
        raise ValueError(f"no constants for {most} seeds")
    return most


def _with_rates(settings: dict[str, Any]) -> dict[str, Any]:
    rates = settings.get("rates")
    if not isinstance(rates, list) or not rates or not all(isinstance(x, float | int) and x > 0 for x in rates):
        raise ValueError("wanted positive learning rates")
    return settings


class Entry(BaseModel):
    """A trial of the design."""

    model_config = STRICT
    stage: Literal["stored", "choose", "edge", "judge"]
    variant: str
    rate: Rate
    seed: Seed
    # Whole, short or early.
    form: Literal["whole", "short", "early"]
    # Its id.
    trial: str


class EdgeEnd(BaseModel):
    """How the search for the edge of a variant ended; `low` and `high` are rates."""

    model_config = STRICT
    reason: Literal["within", "at most", "above", "below", "no rate"]
    n: int = 0
    edge: float | None = None
    low: float | None = None
    high: float | None = None


class ClaimLook(BaseModel):
    """What is known about one claim at a look."""

    model_config = STRICT
    # Which claim: its place in the list of the experiment, or the variant whose score is compared with the baseline.
    claim: str
    text: str
    estimate: float | None = None
    low: float | None = None
    high: float | None = None
    # `supported`, `refuted` or `inconclusive`, and whether the difference is shown to be within the rope.
    verdict: str = ""
    negligible: bool = False
    # Whether the claim is decided, and whether it cannot be decided any more.
    decided: bool = False
    futile: bool = False
    # About how many seeds would decide it; None if that is unknown.
    seeds_needed: int | None = None


class Look(BaseModel):
    """What is known after some seeds."""

    model_config = STRICT
    n: int
    claims: list[ClaimLook]


class Judging(BaseModel):
    """The seeds that judge, fixed before the first of them starts, and what they have shown.

    Attributes:
        most: the number of seeds at the last look.
        seeds: as many seeds, in the order in which they are trained.
        rates: the rates of each variant that are judged, of which the first is its best one.
        ended: why the looks ended; empty as long as they go on.
    """

    model_config = STRICT
    most: Annotated[int, AfterValidator(_known_most)]
    rope: float | None = None
    seeds: list[Seed] = []
    rates: dict[str, Annotated[list[Rate], Field(min_length=1)]] = {}
    looks: list[Look] = []
    ended: Literal["", "decided", "futile", "all seeds", "refused"] = ""
    note: str = ""


class PlaceRecord(BaseModel):
    """The design at one value of each further axis.

    Attributes:
        level: the lowest score at which a training counts as trained; None as long as it is not fixed.
        best: the best rate of each variant that trains at some rate; None as long as they are not chosen.
        never_ok: the rates with the highest scores of the other variants.
        edges: the edges whose search has ended, by variant.
        judgings: the last one counts. Another one is begun on fresh seeds if the number of seeds is raised.
    """

    model_config = STRICT
    axes: dict[str, Any] = {}
    entries: list[Entry] = []
    level: float | None = None
    best: dict[str, Rate] | None = None
    never_ok: dict[str, Rate] = {}
    edges: dict[str, EdgeEnd] = {}
    judgings: list[Judging] = []


class DesignRecord(BaseModel):
    """The whole design.

    Attributes:
        programs: the keys of the programs of the whole trainings. Another experiment begins another design.
        finished: whether nothing is left to train.
    """

    model_config = STRICT
    version: Literal[1] = 1
    settings: Annotated[dict[str, Any], AfterValidator(_with_rates)] = {"rates": [1.0]}
    programs: list[str] = []
    places: list[PlaceRecord] = Field(default_factory=list)
    finished: bool = False

    def to_text(self) -> str:
        """Return the record as JSON."""
        return self.model_dump_json()


def read_record(text: str) -> DesignRecord | None:
    """Return the record of a text; None if it is none, because another version or another person wrote it."""
    try:
        return DesignRecord.model_validate_json(text)
    except ValidationError:
        return None
