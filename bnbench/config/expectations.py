"""What an experiment file may say of its outcome: claims, which `claims` judges, and figures that others published."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Discriminator, Field, Tag, model_validator

from bnbench.analysis.registry import METRICS, find_metric, get_metric
from bnbench.config.types import STRICT, Rate, branch_of
from bnbench.errors import ConfigError, did_you_mean, not_one_of, shorten

KINDS = ("value", "ratio", "difference", "probability")


class Bound(BaseModel):
    """The values that a claim allows."""

    model_config = STRICT
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "Bound":
        if self.at_least is None and self.at_most is None:
            raise ValueError("wanted at_least, at_most or both")
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise ValueError(f"at_least is {self.at_least!r} and at_most is {self.at_most!r}: nothing lies between")
        return self

    @property
    def numbers(self) -> list[float]:
        """Those of the two that are given."""
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


At = Annotated[  # each variant at its own best rate, or all at one
    Annotated[Rate, Tag("(number)")] | Annotated[Literal["best"], Tag("(word)")], Discriminator(branch_of)
]
Target = Annotated[float, Field(gt=0, le=1)] | None  # validation accuracy; None: what the baseline reaches


def _check_fit(metric: str, at: float | str, target: float | None) -> None:
    """Not every metric is of one rate, or has a target."""
    if get_metric(metric).over_rates and at != "best":
        raise ValueError(f"{metric} is of all rates together: leave 'at' out")
    if not get_metric(metric).needs_target and target is not None:
        raise ValueError(f"{metric} has no target: leave it out")


class Claim(BaseModel):
    """One statement about a variant, or about one variant against another."""

    model_config = STRICT
    text: str = Field(min_length=1, max_length=500)
    metric: Annotated[str, AfterValidator(_metric)]
    of: str
    over: str | None = None  # None: the baseline; for `ok` and a value there is none
    value: Bound | None = None  # of `of` alone
    ratio: Bound | None = None  # of / over, paired by seed
    difference: Bound | None = None  # of - over, paired by seed
    probability: Bound | None = None  # that `of` beats `over` at a seed; for `ok` that a seed is ok
    at: At = "best"
    target: Target = None
    where: dict[str, Any] = {}  # values of further axes; the claim must hold at each of the others
    across: str | None = None  # a further axis: of each seed, the range of the metric over its values

    @model_validator(mode="after")
    def _one_bound(self) -> "Claim":
        given = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(given) != 1:
            raise ValueError(f"found {' and '.join(given) or 'none'} of {', '.join(KINDS)}: wanted one")
        if self.kind == "probability" and not all(0 <= number <= 1 for number in self.bound.numbers):
            raise ValueError(f"a probability of {self.bound}: wanted 0 to 1")
        if self.kind == "ratio" and not all(number > 0 for number in self.bound.numbers):
            raise ValueError(f"a ratio of {self.bound}: wanted more than 0")
        return self

    @model_validator(mode="after")
    def _that_fit(self) -> "Claim":
        if self.kind == "value" and self.over is not None:
            raise ValueError("a value is of one variant alone: leave 'over' out, or give ratio or difference")
        metric = get_metric(self.metric)
        if metric.yes_or_no and (self.kind != "probability" or self.over is not None):
            raise ValueError(
                f"{metric.name} is judged by the probability of one variant: leave 'over' out and give 'probability'"
            )
        if metric.scale == "factor" and self.kind == "difference":
            raise ValueError(f"{self.metric} is known up to a factor, the step of the grid: wanted ratio")
        if metric.scale == "decades" and self.kind == "ratio":
            raise ValueError(f"{metric.name} is in decades, a logarithm: wanted difference")
        _check_fit(self.metric, self.at, self.target)
        return self

    @model_validator(mode="after")
    def _with_a_range(self) -> "Claim":
        if self.across is not None:
            if not get_metric(self.metric).ranged:
                ranged = ", ".join(name for name, metric in METRICS.items() if metric.ranged)
                raise ValueError(f"{self.metric} has no range across an axis: wanted one of {ranged}")
            if self.kind == "probability":
                raise ValueError("a range across an axis is no score to win by: wanted value, difference or ratio")
        return self

    @property
    def kind(self) -> str:
        """Which of KINDS it is."""
        return next(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def alone(self) -> bool:
        """Whether it is of one variant, over no other."""
        return self.kind == "value" or get_metric(self.metric).yes_or_no

    @property
    def bound(self) -> Bound:
        """What is claimed of it."""
        bound: Bound = getattr(self, self.kind)
        return bound


class Published(BaseModel):
    """A figure that somebody published, to stand beside ours."""

    model_config = STRICT
    source: str = Field(min_length=1, max_length=300)
    variant: str
    metric: Annotated[str, AfterValidator(_metric)]
    value: Annotated[
        Annotated[float, Tag("(number)")] | Annotated[Literal["never"], Tag("(word)")], Discriminator(branch_of)
    ]
    at: At = "best"
    target: Target = None
    where: dict[str, Any] = {}  # values of further axes: ours is shown at each of the others
    note: str = Field(default="", max_length=500)

    @model_validator(mode="after")
    def _that_fit(self) -> "Published":
        _check_fit(self.metric, self.at, self.target)
        if self.value == "never" and not get_metric(self.metric).needs_target:
            raise ValueError(f"{self.metric} of never: wanted a number; only a time to a target may never come")
        if get_metric(self.metric).score and not 0 <= self.number <= 1:
            raise ValueError(f"{self.metric} of {self.number:g}: wanted a share, 0 to 1")
        return self

    @property
    def number(self) -> float:
        """The value; infinite for never."""
        return math.inf if self.value == "never" else float(self.value)


@dataclass(frozen=True)
class ClaimScope:
    """What an experiment has that a claim may name."""

    variants: Sequence[str]
    baseline: str
    rates: Sequence[float]
    grid: Mapping[str, Sequence[Any]]


def check_claim(claim: Claim, known: ClaimScope, where: str) -> None:
    """A claim names only what its experiment has.

    Raises:
        ConfigError: an unknown variant, rate or value of a further axis, or a variant that is claimed over itself.
    """
    for key, name in (("of", claim.of), ("over", claim.over)):
        if name is not None and name not in known.variants:
            raise ConfigError(f"{where}.{key}", not_one_of(name, known.variants))
    if not claim.alone and claim.of == (claim.over or known.baseline):
        raise ConfigError(f"{where}.over", f"{claim.of!r} over itself: wanted another variant")
    _check_place(claim.at, claim.where, known, where)
    if claim.across is not None:
        _check_axis(claim.across, known, f"{where}.across")
        if claim.across in claim.where:
            raise ConfigError(f"{where}.across", f"{claim.across} stands in 'where', too: leave one of them out")


def check_published(published: Published, known: ClaimScope, where: str) -> None:
    """A published figure names only what the experiment has.

    Raises:
        ConfigError: an unknown variant, rate or value of a further axis.
    """
    if published.variant not in known.variants:
        raise ConfigError(f"{where}.variant", not_one_of(published.variant, known.variants))
    _check_place(published.at, published.where, known, where)


def _check_place(at: float | str, values: Mapping[str, Any], known: ClaimScope, where: str) -> None:
    if at != "best" and at not in known.rates:
        raise ConfigError(f"{where}.at", not_one_of(at, (f"{rate:g}" for rate in known.rates)))
    for axis, value in values.items():
        _check_axis(axis, known, f"{where}.where")
        if value not in known.grid[axis]:
            raise ConfigError(f"{where}.where.{axis}", not_one_of(value, map(str, known.grid[axis])))


def _check_axis(axis: str, known: ClaimScope, where: str) -> None:
    if axis not in known.grid:
        raise ConfigError(where, not_one_of(axis, known.grid) if known.grid else f"{axis!r}: there are no axes")
