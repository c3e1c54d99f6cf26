"""The figures that a source showed: which one, of which trials, and how the source described it."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, Field, model_validator

from bnbench.analysis.registry import METRICS, find_metric
from bnbench.config.claim_scope import ClaimScope, check_cell
from bnbench.config.expectations import At
from bnbench.config.types import STRICT, Axis, InnerValueError, Name
from bnbench.errors import ConfigError, not_one_of
from bnbench.location import Location

# `report/figures/sources` has a module for each of them.
FigureKind = Literal[
    "all-curves", "loss-and-accuracy", "training-loss", "accuracy-by-variant", "score-against-rate", "predictions"
]
AGAINST_RATE: FigureKind = "score-against-rate"
PREDICTIONS: FigureKind = "predictions"
FIGURE_KINDS: tuple[FigureKind, ...] = get_args(FigureKind)


def _names(names: list[str]) -> list[str]:
    repeated = [name for i, name in enumerate(names) if name in names[:i]]
    if repeated:
        raise ValueError(f"found {repeated[0]!r} twice: remove one")
    return names


def _metric(name: str) -> str:
    known = [metric for metric in METRICS.values() if metric.ranged]
    if find_metric(name) not in known:
        raise ValueError(not_one_of(name, [metric.name for metric in known]))
    return name


def _pair(numbers: list[float]) -> list[float]:
    if len(numbers) != 2:
        raise ValueError(f"found {len(numbers)} numbers, wanted two: [target, prediction]")
    return numbers


class SourceFigure(BaseModel):
    """A figure of a source, drawn again from our trials in the same axes."""

    model_config = STRICT
    # The source and its section.
    source: str = Field(min_length=1, max_length=300)
    # What the source says that the figure shows.
    description: str = Field(min_length=1, max_length=500)
    figure: FigureKind
    # By default all variants.
    variants: Annotated[list[Name], AfterValidator(_names)] = []
    # Each variant at its own best learning rate, or all at one learning rate.
    at: At = "best"
    # Values of further axes. There is a panel for each value of the axes that are not listed.
    where: dict[Axis, Any] = {}
    # What `score-against-rate` draws.
    metric: Annotated[str, AfterValidator(_metric)] | None = None
    # The pairs [target, prediction] that the source printed, for `predictions`.
    points: list[Annotated[list[float], AfterValidator(_pair)]] = []

    @model_validator(mode="after")
    def _that_fit(self) -> "SourceFigure":
        if self.figure == AGAINST_RATE:
            if self.metric is None:
                raise InnerValueError(f"{AGAINST_RATE} needs a metric, such as test_loss", "metric")
            if self.at != "best":
                raise InnerValueError(f"{AGAINST_RATE} shows all learning rates: leave 'at' out", "at")
        elif self.metric is not None:
            raise InnerValueError(f"{self.figure} has no metric: leave 'metric' out", "metric")
        if self.points and self.figure != PREDICTIONS:
            raise InnerValueError(f"{self.figure} has no points: leave 'points' out", "points")
        return self

    def shown_variants(self, variants: Mapping[str, Any] | list[str]) -> list[str]:
        """Return the variants of the figure, of all variants of the experiment."""
        return list(self.variants or variants)


def check_source_figure(figure: SourceFigure, known: ClaimScope, where: Location) -> None:
    """Raise if a figure is of something that its experiment does not have.

    Raises:
        ConfigError: a variant, learning rate or value of a further axis is unknown.
    """
    for i, name in enumerate(figure.variants):
        if name not in known.variants:
            raise ConfigError(where / "variants" / i, not_one_of(name, known.variants))
    check_cell(figure.at, figure.where, known, where)
