"""The loss along the gradient: the best step, and the first that makes it worse (Bjorck et al. 2018, figure 3)."""

from collections.abc import Iterator, Sequence

import numpy as np

from bnbench.analysis.failure_names import BLOWN
from bnbench.analysis.probe_columns import FIRST_STEPS
from bnbench.training.probes.loss_surface import LossSurface, Vector
from bnbench.training.probes.types import Length, Moment, Probe, Value, When

# The lengths of the steps, as multiples of the gradient.
LENGTHS = np.logspace(-5, 0, 36)


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the best length of a step along the gradient, the first worse one beyond it, and the first that blows up.

    The position is the number of the step, from 1. At the first steps the relative losses themselves are values, too,
    whose position is the length. A value is NaN where no length up to 1 does it.
    """
    surface = moment.compiled.tool(LossSurface)
    loss, gradient = surface.gradient(moment.batch)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = surface.loss_along(moment.batch, -gradient, LENGTHS.tolist()) / loss
    step = moment.step + 1
    if step in FIRST_STEPS:
        for length, value in zip(LENGTHS.tolist(), relative.tolist(), strict=True):
            yield Value(f"relative_loss_at_step_{step}", value, position=length)
    best, worse, blown = landmarks(LENGTHS.tolist(), relative)
    yield Value("line_best", best, position=step)
    yield Value("line_first_worse", worse, position=step)
    yield Value("line_first_blown", blown, position=step)


def landmarks(lengths: Sequence[float], relative: Vector) -> tuple[float, float, float]:
    """Return the length with the lowest loss, the first beyond it with a loss above 1, and the first above BLOWN.

    Args:
        lengths: of the steps, ascending.
        relative: the loss of each, relative to that before the step. What is not finite counts as infinite.
    """
    losses = np.where(np.isfinite(relative), relative, np.inf)
    best = int(np.argmin(losses))
    worse = next((i for i in range(best, len(losses)) if losses[i] > 1), None)
    blown = next((i for i in range(len(losses)) if losses[i] > BLOWN), None)
    at_best = lengths[best] if losses[best] < 1 else np.nan
    return at_best, np.nan if worse is None else lengths[worse], np.nan if blown is None else lengths[blown]


def steps(length: Length) -> list[int]:
    """Return the steps before which it measures."""
    return [step for step in (*(first - 1 for first in FIRST_STEPS), *length.spread()) if step < length.steps]


PROBE = Probe(
    name="line_search",
    measures="lengths of a step along the gradient: the best, the first that is worse than none, the first to blow up",
    unit="",
    when=When.AT_STEPS,
    measure=measure,
    asked=True,
    steps=steps,
)
