"""Whether a network predicts the same for all rows: the share of the most frequent prediction and target."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.planning import task
from bnbench.training.probes.types import Moment, Probe, Value, When

# Predicted numbers this close to the median, in SDs of the targets, count as one prediction.
NEAR_MEDIAN = 0.01
Array = NDArray[Any]


def measure(moment: Moment) -> Iterator[Value]:
    """Yield the share of rows with the most frequent prediction, and the same share of the targets.

    On at most `forward.MAX_ROWS` rows of the validation part, in inference mode.
    """
    program, outputs, targets = moment.compiled.program, moment.forward_pass.outputs, moment.forward_pass.targets
    if program.facts.classes:
        predicted = predicted_classes(outputs, task.class_threshold(program.train.loss))
        shares = largest_class_share(predicted), largest_class_share(targets)
    else:
        near = NEAR_MEDIAN * float(np.std(targets))
        shares = near_median_share(outputs, near), near_median_share(targets, near)
    yield Value("prediction_share", shares[0])
    yield Value("majority_share", shares[1])


def predicted_classes(outputs: Array, threshold: float) -> Array:
    """Return the predicted class of each row; a single output chooses between two classes."""
    if outputs.shape[-1] > 1:
        return np.asarray(outputs.argmax(axis=-1))
    return np.asarray(outputs > threshold)


def largest_class_share(classes: Array) -> float:
    """Return the fraction of rows with the most frequent class."""
    return float(np.unique(classes, return_counts=True)[1].max() / classes.size)


def near_median_share(numbers: Array, near: float) -> float:
    """Return the fraction of rows within `near` of the median."""
    return float(np.mean(np.abs(numbers - np.median(numbers)) <= near))


PROBE = Probe(
    name="predictions",
    measures="share of rows with the most frequent prediction, and with the most frequent target",
    unit="",
    when=When.AT_THE_END,
    measure=measure,
)
