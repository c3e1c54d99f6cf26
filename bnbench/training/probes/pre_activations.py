"""Percentiles of the inputs of one unit's activation, over training (Ioffe and Szegedy 2015, figure 1)."""

from collections.abc import Iterator

import numpy as np

from bnbench.analysis.columns import PERCENTILES, PRE_ACTIVATIONS
from bnbench.model.layers import last_activation
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes.forward import sample_rows
from bnbench.training.probes.types import Moment, Probe, Value, When
from bnbench.training.seed_state import SeedState


def measure(moment: Moment) -> Iterator[Value]:
    """Yield a value for each percentile, or NaN if the inputs are not finite."""
    percentiles = pre_activations(moment.compiled, moment.start)
    for name, value in zip(PRE_ACTIVATIONS, percentiles, strict=True):
        yield Value(name, value)


def pre_activations(compiled: CompiledProgram, start: SeedState) -> tuple[float, ...]:
    """Return the PERCENTILES of the inputs of the first unit of the last hidden activation.

    Ioffe and Szegedy show one typical unit. All units have the same distribution at the start, so the first is
    as good as any, and it starts from the same kernel in every variant. The inputs come from at most
    `forward.MAX_ROWS` rows of the training part, always the same, taken as one mini-batch in training mode. A channel
    of a convolution counts at all positions.

    Returns:
        NaN for each percentile if some inputs are not finite.
    """
    name = last_activation(compiled.program.layers)
    unit = compiled.inputs_of(str(name), sample_rows(start.parts.train))[..., 0]
    if not np.isfinite(unit).all():
        return (float("nan"),) * len(PERCENTILES)
    return tuple(float(f"{value:.6g}") for value in np.percentile(unit, PERCENTILES))


PROBE = Probe(
    name="pre_activations",
    measures="percentiles of the inputs of the first unit of the last hidden activation",
    unit="",
    when=When.AFTER_EACH_EPOCH,
    measure=measure,
    asked_for_by="pre_activations",
)
