"""What the best constant prediction reaches on the training rows: a network that has died ends there."""

from collections.abc import Iterator

import numpy as np

from bnbench.planning.constant_loss import constant_loss
from bnbench.training.probes.types import Moment, Probe, Value, When


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the share of the largest class and, for a cross-entropy, the loss of always giving each class its share.

    With `train.class_weight` these are shares of the weights, and the loss is weighted. Then the mean weight is another
    value.
    """
    compiled, start = moment.compiled, moment.start
    classes = len(compiled.program.facts.classes)
    if not classes:
        return
    counts = np.bincount(compiled.dataset.y[start.parts.train], minlength=classes)
    weighted = counts if start.class_weights is None else counts * start.class_weights
    shares = weighted / weighted.sum()
    yield Value("constant_score", float(shares.max()))
    loss = constant_loss(compiled.program.train.loss, compiled.program.layers, shares.tolist())
    if loss is not None:
        yield Value("constant_loss", loss * start.mean_weight)
    if start.class_weights is not None:
        yield Value("mean_class_weight", start.mean_weight)


PROBE = Probe(
    name="constant_prediction",
    measures="training accuracy and training loss of the best prediction that is the same for all rows",
    unit="",
    when=When.BEFORE_FIRST_STEP,
    measure=measure,
)
