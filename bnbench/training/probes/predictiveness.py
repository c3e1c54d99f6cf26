"""How far the gradient can be trusted: loss and gradient along a step (Santurkar et al. 2018, figure 4).

The weights move along the gradient g from w to w - e g, for several e from half of the learning rate to four times as
much, and in a second pass to w - d g/||g|| for the same numbers as distances d: variants with gradients of different
length are then compared at equal distances.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from bnbench.training.probes.loss_surface import LossSurface, Vector
from bnbench.training.probes.types import Length, Moment, Probe, Value, When

# The lengths of the step, as multiples of the learning rate.
MULTIPLES = np.linspace(0.5, 4, 8)


def measure(moment: Moment) -> Iterator[Value]:
    """Yield how loss and gradient change along the gradient, at multiples of the rate and at equal distances.

    The position is the number of the next step, from 1. See `along_gradient` for the values; the names of those at
    equal distances end with `_at_distance`.
    """
    surface = moment.compiled.tool(LossSurface)
    _, gradient = surface.gradient(moment.batch)
    norm = float(np.linalg.norm(gradient))
    if not np.isfinite(norm) or norm == 0:
        return
    lengths = (MULTIPLES * moment.rate).tolist()
    yield Value("batch_gradient_norm", norm, position=moment.step + 1)
    for ending, distances in (("", [length * norm for length in lengths]), ("_at_distance", lengths)):
        for name, value in _along_gradient(surface, moment, gradient / norm, distances).items():
            yield Value(name + ending, value, position=moment.step + 1)


def _along_gradient(
    surface: LossSurface, moment: Moment, direction: Vector, distances: Sequence[float]
) -> dict[str, float]:
    """Return the lowest and highest loss, the smallest and largest change of the gradient, and the smoothness.

    The effective smoothness is the largest change of the gradient over the distance at which it occurs.
    """
    _, here = surface.gradient(moment.batch)
    moved = [surface.gradient(moment.batch, -direction, distance) for distance in distances]
    losses = np.array([loss for loss, _ in moved])
    changes = np.array([np.linalg.norm(there - here) for _, there in moved])
    return {
        "loss_lowest": float(losses.min()),
        "loss_highest": float(losses.max()),
        "gradient_change_lowest": float(changes.min()),
        "gradient_change_highest": float(changes.max()),
        "effective_smoothness": float((changes / np.array(distances)).max()),
    }


def steps(length: Length) -> list[int]:
    """Return the steps before which it measures: the first one, and looks at equal distances."""
    return [0, *length.spread()]


PROBE = Probe(
    name="predictiveness",
    measures="loss and change of the gradient along the gradient, and the largest change over its distance",
    unit="",
    when=When.AT_STEPS,
    measure=measure,
    asked=True,
    steps=steps,
)
