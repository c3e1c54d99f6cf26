"""Whether scaled data hold values that are far away: a pixel that is almost constant in training has a tiny SD."""

from collections.abc import Iterator

from bnbench.data.far_values import count_far_values
from bnbench.training.probes.types import Moment, Probe, Value, When


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the number of values more than 50 SD from the training mean, and the largest distance; nothing if none is.

    Only data with `scale: standard` are in units of SD.
    """
    compiled = moment.compiled
    if compiled.program.data.scale == "standard":
        count, largest = count_far_values(compiled.dataset, moment.start.scaling, moment.start.parts)
        if count:
            yield Value("far_values", count)
            yield Value("farthest_value", largest)


PROBE = Probe(
    name="far_values",
    measures="values more than 50 SD from the training mean after scaling: how many, and the largest distance",
    unit="",
    when=When.BEFORE_FIRST_STEP,
    measure=measure,
)
