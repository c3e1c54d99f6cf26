"""The training loss of the best constant prediction: always giving each class its share of the training rows."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bnbench.config.schema import Named
from bnbench.model.layers import Layer
from bnbench.planning.task import loss_class

CROSS_ENTROPIES = frozenset({"SparseCategoricalCrossentropy", "CategoricalCrossentropy", "BinaryCrossentropy"})


def constant_loss(loss: Named, layers: Sequence[Layer], shares: Sequence[float]) -> float | None:
    """Return the lowest loss that a network reaches without looking at its inputs.

    For a cross-entropy this is the entropy of the training labels, ln C if the C classes have equal shares. With label
    smoothing it is the entropy of the smoothed labels. A binary cross-entropy over several outputs is the mean of the
    entropies of each class against the rest, which is the same for two classes.

    Args:
        shares: the share of each class in the training rows.

    Returns:
        None for other losses, and for a loss with a penalty or with rows that it ignores: it is not known there.
    """
    kind, arguments = loss_class(loss), loss.arguments
    smoothing = arguments.get("label_smoothing", 0.0)
    ignores = arguments.get("ignore_class") is not None
    if kind not in CROSS_ENTROPIES or ignores or not isinstance(smoothing, int | float) or has_penalty(layers):
        return None
    if kind == "BinaryCrossentropy":
        smoothed = [share * (1 - smoothing) + smoothing / 2 for share in shares]
        return sum(map(_binary_entropy, smoothed)) / len(smoothed)
    return _entropy(share * (1 - smoothing) + smoothing / len(shares) for share in shares)


def has_penalty(layers: Sequence[Layer]) -> bool:
    """Return True if a layer adds a penalty on its weights or outputs to the loss."""
    return any(layer.class_name == "ActivityRegularization" or _has_regularizer(layer.arguments) for layer in layers)


def _has_regularizer(arguments: Mapping[str, Any]) -> bool:
    """Return True if a layer, or a layer that it wraps, has a regularizer."""
    return any(
        (key.endswith("_regularizer") and value is not None) or (isinstance(value, Mapping) and _has_regularizer(value))
        for key, value in arguments.items()
    )


def _entropy(shares: Iterable[float]) -> float:
    return -sum(share * math.log(share) for share in shares if share > 0)


def _binary_entropy(share: float) -> float:
    return _entropy((share, 1 - share))
