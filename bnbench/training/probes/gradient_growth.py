"""By which factor gradients grow from layer to layer toward the input, before the first step (Yang et al. 2019)."""

from collections.abc import Iterator, Sequence

import numpy as np

from bnbench.model.graph import depths
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes.forward import hidden_layers, layers_with_kernels
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

    These are the gradients of the loss with respect to the outputs of every layer with a kernel that another one
    follows, on one mini-batch in training mode. The factor comes from the slope of a least-squares line through the
    logarithms of their squared norms over depth: how many layers with a kernel the longest path to a layer has. Yang et
    al. 2019, theorem 8, expect pi/(pi - 1) = 1.467 for wide networks with batch normalization, relu and large batches.

    Args:
        compiled: the program, whose model has its initial weights before and after this call.
        start: the state of the seed.
        batch: row numbers.

    Returns:
        None if no path of the model has DEEP such layers, or if a gradient is zero or not finite.
    """
    kernels = layers_with_kernels(compiled)
    depth = depths(compiled.program.layers, kernels)
    if max((depth[name] for name in kernels), default=0) < DEEP:
        return None
    hidden = hidden_layers(compiled)
    named = [name for name in kernels if name in hidden]
    gradients = compiled.output_gradients(batch, named)
    for variable, value in zip(compiled.model.variables, start.state, strict=True):
        variable.assign(value)
    # From 0, because the bits of the slope depend on where the line begins.
    return growth_factor([depth[name] - 1 for name in named], [gradients[name] for name in named])


def growth_factor(depth: Sequence[int], squared: Sequence[float]) -> float | None:
    """Return the factor by which squared norms grow per step toward depth 0; None if one is zero or not finite."""
    norms = np.array(squared)
    if not np.all(np.isfinite(norms) & (norms > 0)):
        return None
    return float(np.exp(-np.polyfit(depth, np.log(norms), 1)[0]))


PROBE = Probe(
    name="gradient_growth",
    measures="factor by which the squared gradient norm grows per layer toward the input",
    unit="",
    when=When.BEFORE_FIRST_STEP,
    measure=measure,
)
