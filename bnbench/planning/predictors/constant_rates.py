"""100 steps at constant rates, bisected: the highest rate at which a training begins well.

A rate passes if the mean loss of the last 10 of 100 steps is below min(l0, ln C). Whole decades are tried until one
passes and the next higher one does not; the decade between the two is halved four times.
"""

from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain
from statistics import fmean

from bnbench.planning.predictors.types import ALL_PASS, NONE_PASSES, Found, Predictor, ShortTraining

STEPS, LAST = 100, 10
# log10 of the rates that are tried: all edges of networks that we know are far from both ends.
LOW, HIGH = -5.0, 3.0
# Most edges are within a decade of 0.3, so a rate of 1 is near.
START = 0.0
HALVINGS = 4


def find(training: ShortTraining) -> Found:
    """Return the middle of the last sixteenth of a decade, on a log scale, at whose lower end a rate passes."""

    def passes(x: float) -> bool:
        losses = training.at(10**x, STEPS)
        return len(losses) == STEPS and fmean(losses[-LAST:]) < training.chance

    return bisect_edge(passes)


def bisect_edge(passes: Callable[[float], bool]) -> Found:
    """Return where rates stop passing.

    Args:
        passes: whether a rate passes, from log10 of the rate.
    """
    known = cache(passes)
    low = next(filter(known, _starts()), None)
    if low is None:
        return Found(None, NONE_PASSES)
    while (high := min(low + 1, HIGH)) > low and known(high):
        low = high
    if low == HIGH:
        return Found(None, ALL_PASS)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if known(middle) else (low, middle)
    return Found(float(10 ** ((low + high) / 2)))


def _starts() -> Iterator[float]:
    """Yield the rates of which one must pass: downward from the start, then above it, then between the decades.

    A network may pass in less than a decade, because 100 steps at lower rates are too few for it.
    """
    for shift in (0.0, 0.5):
        down = (START + shift - i for i in range(int(START - LOW + shift) + 1))
        up = (START + shift + i for i in range(1, int(HIGH - START - shift) + 1))
        yield from chain(down, up)


PREDICTOR = Predictor(
    name="constant",
    title="100 steps at constant rates",
    measures="the highest rate at which the mean loss of the last 10 of 100 steps is below min(l0, ln C), bisected",
    cost="about 700 steps",
    find=find,
    order=1,
    # Trainings that go on for many epochs fail at lower rates than those of 100 steps.
    offset=-0.32,
    offset_from="the median of log10(edge / rate found) of 37 networks in ten configs, benchmarks/results/guess.csv",
)
