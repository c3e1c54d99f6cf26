"""What an experiment file says about its results: claims to judge, and values that others published."""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag, model_validator

from bnbench.analysis.registry import METRICS, find_metric, get_metric
from bnbench.config.types import STRICT, Axis, InnerValueError, Name, Rate, branch_of
from bnbench.errors import did_you_mean, shorten

KINDS = ("value", "ratio", "difference", "probability")


class Bound(BaseModel):
    """The range of values that a claim allows."""

    model_config = STRICT
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Bound":
        if self.at_least is None and self.at_most is None:
            raise ValueError("wanted at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise ValueError(
                f"at_least is {self.at_least!r} and at_most is {self.at_most!r}: no value is in that range"
            )
        return self

    @property
    def numbers(self) -> list[float]:
        """The ends of the range, without those that are not given."""
        return [number for number in (self.at_least, self.at_most) if number is not None]

    def __str__(self) -> str:
        given = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{words} {number:g}" for words, number in given if number is not None)


def _metric(value: str) -> str:
    if find_metric(value) is None:
        known = [name for metric in METRICS.values() for name in (metric.name, *metric.former)]
        hint = did_you_mean(value, known)
        raise ValueError(f"{shorten(value)} is not one of {', '.join(METRICS)}{hint}")
    return value


# Each variant at its own best learning rate, or all variants at one learning rate.
At = Annotated[Annotated[Rate, Tag("(number)")] | Annotated[Literal["best"], Tag("(word)")], Discriminator(branch_of)]
# The validation score to reach. By default the score that the baseline reaches.
Target = Annotated[float, Field(gt=0, le=1)] | None
# The metric after this epoch instead of at the end of training.
AfterEpoch = Annotated[int, Field(ge=1, le=1_000_000)] | None
# Where a statement comes from: the words or the printed numbers of a source; a reading of its picture; or a question
# of ours. Without it the reports show no mark.
Basis = Literal["said", "read", "ours"] | None
MAX_SOURCE = 300


def _check_fit(metric: str, at: float | str, target: float | None, epoch: int | None) -> None:
    """Raise if a metric does not belong to one learning rate, has no target, or is not known after each epoch."""
    if get_metric(metric).over_rates and at != "best":
        raise InnerValueError(f"{metric} belongs to all learning rates together: leave 'at' out", "at")
    if not get_metric(metric).needs_target and target is not None:
        raise InnerValueError(f"{metric} has no target: leave 'target' out", "target")
    if not get_metric(metric).each_epoch and epoch is not None:
        known = ", ".join(name for name, one in METRICS.items() if one.each_epoch)
        raise InnerValueError(f"{metric} is not measured after each epoch: leave 'epoch' out; {known} are", "epoch")


Trains = Literal["half", "ok"] | None
EDGE, FORMER_EDGE = "edge", "max_stable_rate"


def _check_trains(metric: str, trains: str | None) -> None:
    if trains is not None and get_metric(metric).name != EDGE:
        raise InnerValueError(f"only the metric {EDGE} asks what counts as trained: leave 'trains' out", "trains")


def _counts_as_trained(metric: str, trains: str | None) -> str:
    return trains or ("ok" if metric == FORMER_EDGE else "half")


class Claim(BaseModel):
    """A statement about one variant, or about one variant compared with another."""

    model_config = STRICT
    text: str = Field(min_length=1, max_length=500)
    # Who says so, and where: the source and its section.
    source: str | None = Field(default=None, min_length=1, max_length=MAX_SOURCE)
    basis: Basis = None
    metric: Annotated[str, AfterValidator(_metric)]
    of: Name
    # By default the baseline. Claims about `ok` or about a value have one variant only.
    over: Name | None = None
    # The metric of the variant `of` alone.
    value: Bound | None = None
    # The ratio of / over, paired by seed.
    ratio: Bound | None = None
    # The difference of - over, paired by seed.
    difference: Bound | None = None
    # The probability that `of` beats `over` at a seed; for `ok`, the probability that a seed is ok.
    probability: Bound | None = None
    at: At = "best"
    epoch: AfterEpoch = None
    target: Target = None
    # For the edge: what counts as a training that trains. By default `half`; for the former name of the metric `ok`.
    trains: Trains = None
    # Values of further axes. The claim must hold at each value of the axes that are not listed.
    where: dict[Axis, Any] = {}
    # The largest difference from 0 that does not matter: the half-width of a region of practical equivalence.
    rope: Annotated[float, Field(gt=0)] | None = None
    # A further axis: the claim is about the range of the means of the metric over its values.
    across: Axis | None = None
    # The claim that a page of many experiments shows first.
    main: bool = False

    @model_validator(mode="after")
    def _one_bound(self) -> "Claim":
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"found {' and '.join(given) or 'none'} of {', '.join(KINDS)}, wanted exactly one")
        if self.kind == "probability" and not all(0 <= number <= 1 for number in self.bound.numbers):
            raise InnerValueError(f"a probability of {self.bound}, wanted 0 to 1", self.kind)
        if self.kind == "ratio" and not all(number > 0 for number in self.bound.numbers):
            raise InnerValueError(f"a ratio of {self.bound}, wanted more than 0", self.kind)
        return self

    @model_validator(mode="after")
    def _that_fit(self) -> "Claim":
        if self.kind == "value" and self.over is not None:
            raise InnerValueError(
                "a value is about one variant only: leave 'over' out, or give ratio or difference", "over"
            )
        metric = get_metric(self.metric)
        if metric.yes_or_no and (self.kind != "probability" or self.over is not None):
            raise ValueError(
                f"{metric.name} needs the probability of one variant: leave 'over' out and give 'probability'"
            )
        if metric.scale == "factor" and self.kind == "difference":
            raise ValueError(f"{self.metric} is only known up to a factor: give ratio")
        if metric.scale == "decades" and self.kind == "ratio":
            raise ValueError(f"{metric.name} is a logarithm (decades): give difference")
        _check_fit(self.metric, self.at, self.target, self.epoch)
        _check_trains(self.metric, self.trains)
        return self

    @model_validator(mode="after")
    def _with_a_range(self) -> "Claim":
        if self.across is not None:
            if not get_metric(self.metric).ranged:
                ranged = ", ".join(name for name, metric in METRICS.items() if metric.ranged)
                raise InnerValueError(f"{self.metric} has no range across an axis, wanted one of {ranged}", "metric")
            if self.kind == "probability":
                raise ValueError("a range across an axis has no probability: give value, difference or ratio")
        return self

    @model_validator(mode="after")
    def _with_a_rope(self) -> "Claim":
        if self.rope is None:
            return self
        if self.kind != "difference":
            raise InnerValueError(
                f"a rope is a region around a difference of 0: give difference instead of {self.kind}, "
                "or leave 'rope' out",
                "rope",
            )
        if any(self.bound.numbers):
            raise InnerValueError(
                f"a rope is a region around a difference of 0, and the bound is {self.bound}: claim at_least 0 or "
                "at_most 0, or leave 'rope' out",
                "rope",
            )
        return self

    @property
    def kind(self) -> str:
        """The kind of the claim: the one of KINDS that is given."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def alone(self) -> bool:
        """Whether the claim is about one variant only."""
        return self.kind == "value" or get_metric(self.metric).yes_or_no

    @property
    def counts_as_trained(self) -> str:
        """What counts as a training that trains, for the edge: `half` or `ok`."""
        return _counts_as_trained(self.metric, self.trains)

    @property
    def bound(self) -> Bound:
        """The range that is claimed."""
        bound: Bound = getattr(self, self.kind)
        return bound


def check_one_main(claims: list[Claim]) -> list[Claim]:
    """Return the claims of an experiment, of which at most one is the main one."""
    if len(main := [claim.text for claim in claims if claim.main]) > 1:
        raise ValueError(f"two claims are main, wanted one at most: {main[0]!r} and {main[1]!r}")
    # Results name it by its text.
    if main and sum(claim.text == main[0] for claim in claims) > 1:
        raise ValueError(f"the main claim has the text of another one: {main[0]!r}")
    return claims


class Published(BaseModel):
    """A value that somebody published, to compare with ours."""

    model_config = STRICT
    source: str = Field(min_length=1, max_length=MAX_SOURCE)
    basis: Basis = None
    variant: Name
    metric: Annotated[str, AfterValidator(_metric)]
    value: Annotated[
        Annotated[float, Tag("(number)")] | Annotated[Literal["never"], Tag("(word)")], Discriminator(branch_of)
    ]
    at: At = "best"
    epoch: AfterEpoch = None
    target: Target = None
    trains: Trains = None
    # Values of further axes. Our value is shown at each value of the axes that are not listed.
    where: dict[Axis, Any] = {}
    note: str = Field(default="", max_length=500)
    # Why the value lies outside our interval. Shown if it does.
    why_outside: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _that_fit(self) -> "Published":
        _check_fit(self.metric, self.at, self.target, self.epoch)
        _check_trains(self.metric, self.trains)
        if self.value == "never" and not get_metric(self.metric).needs_target:
            raise InnerValueError(
                f"{self.metric} of never, wanted a number: only a metric with a target may never be reached", "value"
            )
        if get_metric(self.metric).score and not 0 <= self.number <= 1:
            raise InnerValueError(f"{self.metric} of {self.number:g}, wanted 0 to 1", "value")
        return self

    @property
    def counts_as_trained(self) -> str:
        """What counts as a training that trains, for the edge: `half` or `ok`."""
        return _counts_as_trained(self.metric, self.trains)

    @property
    def kind(self) -> str:
        """What is compared: our value, as in a claim of this kind."""
        return "value"

    @property
    def number(self) -> float:
        """The value; infinity for never."""
        return math.inf if self.value == "never" else float(self.value)
