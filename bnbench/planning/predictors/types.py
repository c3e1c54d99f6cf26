"""The records of a predictor of the edge: what it does, what it may train, and what it returns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

# Why there is no number. A rate that is not known is never made up.
NONE_PASSES, ALL_PASS = "no rate passes", "every rate passes"


class ShortTraining(Protocol):
    """A network that is trained for a few steps, each time from the same initial weights and on the same batches."""

    @property
    def chance(self) -> float:
        """The mini-batch loss below which a network has learned something: min(l0, loss of a constant prediction)."""

    def at(self, rate: float, steps: int) -> Sequence[float]:
        """Begin a trial at a rate and return the mini-batch losses of its first steps behind the warm-up.

        There are fewer losses if one is not finite, which is then the last one.
        """

    def along(self, rates: Sequence[float]) -> Sequence[float]:
        """Train one step at each of these rates, without warm-up and schedule, and return the mini-batch losses.

        There are fewer losses if one is not finite, which is then the last one.
        """


@dataclass(frozen=True)
class Found:
    """What a predictor has found.

    Attributes:
        rate: before the offset; None if it is not known.
        reason: why it is not known: `NONE_PASSES` or `ALL_PASS`; else empty.
    """

    rate: float | None
    reason: str = ""


@dataclass(frozen=True)
class Predictor:
    """A predictor of the edge.

    Attributes:
        name: a word for tables, `--predictor` and the results folder.
        title: what it is called in a report.
        measures: what it does and what it returns, as a phrase.
        cost: about how many steps it trains, in words.
        find: trains and returns what it has found.
        order: the predictor with the lowest number comes first, and the proposal for a sweep follows it.
        offset: decades that are added to what it finds, fitted on networks with known edges.
        offset_from: where the offset comes from.
    """

    name: str
    title: str
    measures: str
    cost: str
    find: Callable[[ShortTraining], Found]
    order: int = 100
    offset: float = 0.0
    offset_from: str = ""
