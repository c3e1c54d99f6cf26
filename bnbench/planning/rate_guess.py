"""Records of predicted edges, and the sweep that they suggest."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bnbench.planning.predictors.types import ALL_PASS

# Decades from the lowest predicted edge down to the sweep, at least: the best rate is below the edge.
BELOW = 1.0
# Decades from the highest predicted edge up to the end of the sweep, at least: a factor of three.
ABOVE = 0.5
POINTS_PER_DECADE = 2


@dataclass(frozen=True)
class RateGuess:
    """What a predictor says about the edge of one program.

    Attributes:
        program: the key of the program.
        predictor: the name of the predictor.
        seed: the seed of its trainings.
        found: the rate that it found; None if it is not known.
        reason: why it is not known; else empty.
        offset: the decades that belong to this predictor.
        steps: how many steps it trained.
        training_steps: the steps of one trial of the program.
        seconds: how long it took, without compilation.
    """

    program: str
    predictor: str
    seed: int
    found: float | None
    reason: str
    offset: float
    steps: int
    training_steps: int
    seconds: float

    @property
    def rate(self) -> float | None:
        """The predicted edge; None if it is not known."""
        return None if self.found is None else float(self.found * 10**self.offset)


@dataclass(frozen=True)
class Proposal:
    """A sweep whose rates are at equal distances on a logarithmic scale."""

    start: float
    stop: float
    points: int


def propose_sweep(guesses: Sequence[RateGuess], highest: float) -> Proposal | None:
    """Return a sweep from well below the lowest predicted edge to above the highest one, over whole decades.

    Args:
        guesses: of all variants. The first one of each program counts; others may be less sure.
        highest: a rate above which no predictor looks; where every rate passes, the edge is there at least.

    Returns:
        None if no edge is known.
    """
    first: dict[str, RateGuess] = {}
    for guess in guesses:
        first.setdefault(guess.program, guess)
    rates = [highest if guess.reason == ALL_PASS else guess.rate for guess in first.values()]
    edges = [math.log10(rate) for rate in rates if rate is not None]
    if not edges:
        return None
    low, high = math.floor(min(edges) - BELOW), math.ceil(max(edges) + ABOVE)
    return Proposal(float(f"1e{low}"), float(f"1e{high}"), POINTS_PER_DECADE * (high - low) + 1)
