"""The range test: the learning rate rises over 200 steps, and the edge is where the loss is back at its start.

Smith 2017, "Cyclical learning rates for training neural networks", section 3.3, lets the rate rise over a few epochs.
"""

import math
from collections.abc import Sequence

import numpy as np

from bnbench.planning.predictors.types import ALL_PASS, NONE_PASSES, Found, Predictor, ShortTraining

STEPS = 200
# log10 of the first and the last rate: 25 steps a decade.
LOW, HIGH = -5.0, 3.0
# Mini-batch losses in a running mean.
SMOOTHED = 5


def rising_rates() -> list[float]:
    """Return the rates of the steps, each the same factor above the one before it."""
    return [float(rate) for rate in np.logspace(LOW, HIGH, STEPS)]


def find(training: ShortTraining) -> Found:
    """Return the rate at which the smoothed loss, having been below min(l0, ln C), is back there."""
    rates = rising_rates()
    return read_curve(rates, training.along(rates), training.chance)


def read_curve(rates: Sequence[float], losses: Sequence[float], chance: float) -> Found:
    """Return the first rate behind the lowest smoothed loss at which this loss is at least `chance`, or not finite.

    Before the lowest loss, noise may carry the loss of an untrained network below `chance` and back.

    Args:
        rates: of the steps, ascending.
        losses: of the steps; fewer if the last one is not finite.
        chance: the loss of a network that has learned nothing.
    """
    smoothed = [_mean(losses[max(0, step - SMOOTHED + 1) : step + 1]) for step in range(len(losses))]
    lowest = min(range(len(smoothed)), key=smoothed.__getitem__, default=None)
    if lowest is None or not smoothed[lowest] < chance:
        return Found(None, NONE_PASSES)
    back = next((step for step in range(lowest + 1, len(smoothed)) if smoothed[step] >= chance), None)
    return Found(None, ALL_PASS) if back is None else Found(rates[back])


def _mean(losses: Sequence[float]) -> float:
    """Return the mean; infinite if a loss is not finite."""
    mean = sum(losses) / len(losses)
    return mean if math.isfinite(mean) else math.inf


PREDICTOR = Predictor(
    name="range-test",
    title="range test",
    measures="the rate at which the loss, smoothed over 5 steps, is back at min(l0, ln C), while the rate rises by "
    "eight decades in 200 steps",
    cost="200 steps",
    find=find,
    order=2,
)
