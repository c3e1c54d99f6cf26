"""What the best constant prediction reaches on the training rows: a network that has died ends there."""

from collections.abc import Iterator

import numpy as np

from bnbench.planning.constant_loss import constant_loss
from bnbench.training.probes.types import Moment, Probe, Value, When


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the share of the largest class and, for a cross-entropy, the loss of always giving each class its share."""
    compiled = moment.compiled
    classes = len(compiled.program.facts.classes)
    if not classes:
        return
    counts = np.bincount(compiled.dataset.y[moment.start.parts.train], minlength=classes)
    shares = counts / counts.sum()
    yield Value("constant_score", float(shares.max()))
    loss = constant_loss(compiled.program.train.loss, compiled.program.layers, shares.tolist())
    if loss is not None:
        yield Value("constant_loss", loss)


PROBE = Probe(
    name="constant_prediction",
    measures="training accuracy and training loss of the best prediction that is the same for all rows",
    unit="",
    when=When.BEFORE_FIRST_STEP,
    measure=measure,
)
