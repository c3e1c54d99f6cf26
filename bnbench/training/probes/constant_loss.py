"""The training loss of the best constant prediction, which a network that has died ends at."""

from collections.abc import Iterator

import numpy as np

from bnbench.planning.constant_loss import constant_loss
from bnbench.training.probes.types import Moment, Probe, Value, When


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the loss of always giving each class its share of the training rows, for a cross-entropy."""
    compiled = moment.compiled
    classes = len(compiled.program.facts.classes)
    if not classes:
        return
    counts = np.bincount(compiled.dataset.y[moment.start.parts.train], minlength=classes)
    loss = constant_loss(compiled.program.train.loss, compiled.program.layers, (counts / counts.sum()).tolist())
    if loss is not None:
        yield Value("constant_loss", loss)


PROBE = Probe(
    name="constant_loss",
    measures="training loss of always giving each class its share of the training rows",
    unit="",
    when=When.BEFORE_FIRST_STEP,
    measure=measure,
)
