"""By which factor gradients grow from layer to layer toward the input, before the first step (Yang et al. 2019)."""

from collections.abc import Iterator

import numpy as np

from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes.types import Moment, Probe, Value, When
from bnbench.training.seed_state import RowIndices, SeedState

# The smallest number of layers with a kernel: with fewer layers the slope says nothing.
DEEP = 10


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the growth on the first mini-batch, if the network is deep enough and all gradients are positive."""
    growth = gradient_growth(moment.compiled, moment.start, moment.batch)
    if growth is not None:
        yield Value("gradient_growth", growth)


def gradient_growth(compiled: CompiledProgram, start: SeedState, batch: RowIndices) -> float | None:
    """Return the factor by which the squared gradient norm grows per layer toward the input.

    These are the gradients of the loss with respect to the outputs of every layer with a kernel except the last, on one
    mini-batch in training mode. The factor comes from the slope of a least-squares line through the logarithms of their
    squared norms over depth. Yang et al. 2019, theorem 8, expect pi/(pi - 1) = 1.467 for wide networks with batch
    normalization, relu and large batches.

    Args:
        compiled: the program, whose model has its initial weights before and after this call.
        start: the state of the seed.
        batch: row numbers.

    Returns:
        None if the model has fewer than DEEP such layers, or if a gradient is zero or not finite.
    """
    if sum(hasattr(layer, "kernel") for layer in compiled.model.layers) < DEEP:
        return None
    squared = np.array(compiled.output_gradients(batch))
    for variable, value in zip(compiled.model.variables, start.state, strict=True):
        variable.assign(value)
    if not np.all(np.isfinite(squared) & (squared > 0)):
        return None
    slope = np.polyfit(np.arange(len(squared)), np.log(squared), 1)[0]
    return float(np.exp(-slope))


PROBE = Probe(
    name="gradient_growth",
    measures="factor by which the squared gradient norm grows per layer toward the input",
    unit="",
    when=When.BEFORE_FIRST_STEP,
    measure=measure,
)
