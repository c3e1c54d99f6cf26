"""The norm of every kernel, the effective learning rate of kernels in front of a norm, and the angle of an update.

A normalization makes the scale of the kernel in front of it irrelevant. Then the rate over the squared norm of the
kernel is what counts for SGD, and the rate over the norm for optimizers that scale their steps, such as Adam (van
Laarhoven 2017; Hoffer et al. 2018). Gradients are at right angles to such a kernel, so without decay its norm grows.
"""

import math
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from bnbench.model.graph import input_names
from bnbench.model.norms import NORM_CLASSES
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes.forward import activation_name, layers_with_kernels
from bnbench.training.probes.types import Length, Moment, Probe, Value, When

# The optimizers whose step grows with the gradient.
OF_GRADIENT = frozenset({"SGD"})
Kernel = NDArray[np.float64]


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the norms and the effective rates at the end of each epoch, and the angles of the first step after it.

    `normed_kernel_norm` has the kernels in front of a norm again, so that a table of them needs no knowledge of layers.

    The position is the number of steps that have been trained; of an angle, the number of the step.
    """
    kernels = _kernels(moment.compiled)
    step, before = moment.kept.get("kernels", (-1, {}))
    if before and step == moment.step - 1:
        for layer, kernel in kernels.items():
            yield Value("update_angle", _angle(before[layer], kernel), layer, moment.step, "degrees")
    if moment.step % moment.compiled.program.steps_per_epoch == 0:
        moment.kept["kernels"] = moment.step, kernels
        yield from _effective_rates(moment, kernels)


def _effective_rates(moment: Moment, kernels: Mapping[str, Kernel]) -> Iterator[Value]:
    normed = kernels_in_front_of_a_norm(moment.compiled)
    power = 2 if type(moment.compiled.optimizer).__name__ in OF_GRADIENT else 1
    for layer, kernel in kernels.items():
        norm = float(np.linalg.norm(kernel))
        yield Value("kernel_norm", norm, layer, moment.step)
        if layer in normed:
            yield Value("normed_kernel_norm", norm, layer, moment.step)
            yield Value("effective_rate", moment.rate / norm**power if norm else math.nan, layer, moment.step)


def kernels_in_front_of_a_norm(compiled: CompiledProgram) -> set[str]:
    """Return the names of the layers with a kernel and without an activation whose outputs a normalization takes."""
    layers = compiled.program.layers
    taken = input_names(layers)
    before = {name for layer in layers if layer.class_name in NORM_CLASSES for name in taken[layer.name]}
    linear = {built.name for _, built in compiled.layers if activation_name(built) in ("", "linear")}
    return before & linear & set(layers_with_kernels(compiled))


def _kernels(compiled: CompiledProgram) -> dict[str, Kernel]:
    return {
        built.name: np.array(built.kernel, np.float64).ravel()
        for _, built in compiled.layers
        if hasattr(built, "kernel")
    }


def _angle(before: Kernel, after: Kernel) -> float:
    """Return the angle between two vectors, in degrees. It is exact for small angles, too (Kahan 2006)."""
    lengths = np.linalg.norm(before), np.linalg.norm(after)
    if not all(lengths) or not np.isfinite(lengths).all():
        return math.nan
    a, b = before / lengths[0], after / lengths[1]
    return math.degrees(2 * math.atan2(float(np.linalg.norm(a - b)), float(np.linalg.norm(a + b))))


def steps(length: Length) -> range:
    """Return the steps before which it looks at the angle: after the first step of each epoch.

    If an epoch is one step, the look after each epoch suffices.
    """
    return range(1, length.steps if length.steps_per_epoch > 1 else 0, length.steps_per_epoch)


PROBE = Probe(
    name="effective_rate",
    measures="norm of each kernel, rate over its square (or over it) in front of a norm, angle of an update",
    unit="",
    when=When.AFTER_EACH_EPOCH,
    measure=measure,
    asked=True,
    steps=steps,
)
