"""What the best constant prediction reaches on the training rows: a network that has died ends there."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from bnbench.planning.constant_loss import constant_loss
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.probes.types import Moment, Probe, Value, When
from bnbench.training.seed_state import SeedState


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the share of the largest class and, for a cross-entropy, the loss of always giving each class its share.

    With `train.class_weight` these are shares of the weights, and the loss is weighted. Then the mean weight is another
    value.
    """
    compiled, start = moment.compiled, moment.start
    if not compiled.program.facts.classes:
        return
    yield Value("constant_score", float(_class_shares(compiled, start).max()))
    loss = constant_training_loss(compiled, start)
    if loss is not None:
        yield Value("constant_loss", loss)
    if start.class_weights is not None:
        yield Value("mean_class_weight", start.mean_weight)


def constant_training_loss(compiled: CompiledProgram, start: SeedState) -> float | None:
    """Return the training loss of always giving each class its share; None for numbers, and where it is unknown."""
    if not compiled.program.facts.classes:
        return None
    shares = _class_shares(compiled, start).tolist()
    loss = constant_loss(compiled.program.train.loss, compiled.program.layers, shares)
    return None if loss is None else loss * start.mean_weight


def _class_shares(compiled: CompiledProgram, start: SeedState) -> NDArray[np.float64]:
    """Return the share of each class in the training rows, (classes,), weighted with `train.class_weight`."""
    counts = np.bincount(compiled.dataset.y[start.parts.train], minlength=len(compiled.program.facts.classes))
    weighted = counts if start.class_weights is None else counts * start.class_weights
    return np.asarray(weighted / weighted.sum())


PROBE = Probe(
    name="constant_prediction",
    measures="training accuracy and training loss of the best prediction that is the same for all rows",
    unit="",
    when=When.BEFORE_FIRST_STEP,
    measure=measure,
)
