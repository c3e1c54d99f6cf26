"""The weight of each class in the training loss, for `train.class_weight`."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


def class_weights(
    setting: Literal["balanced"] | Mapping[str, float] | None, classes: Sequence[str], train_labels: NDArray[Any]
) -> NDArray[np.float64] | None:
    """Return the weight of each class, (classes,), or None if all rows count alike.

    `balanced` is n / (classes x rows of the class), as in scikit-learn, so that all classes together count as much as
    the n rows without weights. A class that a mapping does not name has the weight 1, as in `fit`.

    Args:
        setting: `train.class_weight`.
        classes: the names of the classes.
        train_labels: the class numbers of the training rows.
    """
    if setting is None:
        return None
    if setting == "balanced":
        counts = np.bincount(train_labels, minlength=len(classes))
        # A class without training rows has no row that could be weighted.
        return np.divide(len(train_labels), len(classes) * counts, out=np.ones(len(classes)), where=counts > 0)
    return np.array([setting.get(name, 1.0) for name in classes], np.float64)


def mean_weight(weights: NDArray[np.float64] | None, train_labels: NDArray[Any]) -> float:
    """Return the mean weight of the training rows: 1 without weights and for `balanced`."""
    return 1.0 if weights is None else float(weights[train_labels].mean())
