"""Suggests an experiment for data of some shape: a network, how rows are used, how long to train, at which rates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

from bnbench.data.types import IMAGE_AXES, DatasetInfo

# Smaller images are rows of few numbers, for which dense layers are enough.
MIN_IMAGE_SIDE = 12
# Images of at least this size are halved three times instead of twice.
LARGE_SIDE = 32
# Shorter sequences are rows of few numbers.
MIN_SEQUENCE = 8
CHANNELS = frozenset({1, 3})
# Rows with more values get wider layers.
MANY_VALUES = 200
# Keras' momentum of 0.99 needs about a thousand steps to adapt.
FEW_STEPS = 1_000
# From here on, a tenth of the rows is enough to validate, and to test.
MANY_ROWS = 10_000
# Below so many training rows, steps have so many rows.
BATCH_SIZES, LARGEST_BATCH = ((200, 16), (MANY_ROWS, 32), (50_000, 64)), 128


@dataclass(frozen=True)
class Network:
    """A network, as the entries of `model.layers` with a comment each."""

    layers: tuple[tuple[Any, str], ...]
    params: Mapping[str, Any]
    # The name of the parameter -> what it is.
    what: str


@dataclass(frozen=True)
class Effort:
    """How much a run trains."""

    epochs: int
    # Learning rates.
    points: int
    # The maximum number of rows in each part.
    limit: int | None = None


@dataclass(frozen=True)
class RateRange:
    """The smallest and the largest learning rate, as they are written."""

    low: str
    high: str


# Fixed ranges for SGD with momentum 0.9, as in the experiments that come with bnbench. The gradient of a squared error
# grows with the error, so numbers diverge at smaller rates than classes.
RATES = {"classes": RateRange("1e-4", "10"), "number": RateRange("1e-5", "1")}
# A run of all rates and seeds should end within a minute, so the longest effort that does is taken.
EFFORTS = (
    *(Effort(epochs, 11) for epochs in (50, 30, 20, 10)),
    *(Effort(epochs, 6) for epochs in (10, 5)),
    *(Effort(5, 6, limit) for limit in (10_000, 5_000, 2_000, 1_000, 500)),
)


def suggest_efforts(facts: DatasetInfo) -> Iterator[Effort]:
    """Yield efforts, the longest first; limits that no part reaches are left out."""
    yield from (effort for effort in EFFORTS if effort.limit is None or effort.limit < facts.rows)


def suggest_network(facts: DatasetInfo) -> Network:
    """Return a network for rows of some shape: convolutions for images and sequences, else dense layers."""
    shape = facts.shape
    reshaped = _as_image(facts)
    if reshaped is not None:
        entry, (height, width) = reshaped
        return _convolutional(facts, entry, 3 if min(height, width) >= LARGE_SIDE else 2)
    if len(shape) == 2 and shape[0] >= MIN_SEQUENCE:
        return _sequence(facts)
    return _dense(facts)


def _as_image(facts: DatasetInfo) -> tuple[tuple[tuple[Any, str], ...], tuple[int, int]] | None:
    """Return the layers that make images of rows, and their height and width; None if the rows are no images."""
    shape = facts.shape
    if len(shape) == 2 and facts.dtype == "uint8" and min(shape) >= MIN_IMAGE_SIDE:
        entry = ({"reshape": {"target_shape": [*shape, 1]}}, "a channel, which convolutions need")
        return (entry,), (shape[0], shape[1])
    if len(shape) != IMAGE_AXES:
        return None
    if shape[-1] in CHANNELS and min(shape[:2]) >= MIN_IMAGE_SIDE:
        return (), (shape[0], shape[1])
    if shape[0] in CHANNELS and min(shape[1:]) >= MIN_IMAGE_SIDE:
        return (({"permute": [2, 3, 1]}, "the channels come last in Keras"),), (shape[1], shape[2])
    return None


def _convolutional(facts: DatasetInfo, entry: tuple[tuple[Any, str], ...], halvings: int) -> Network:
    layers = list(entry)
    for i in range(halvings):
        filters: Any = "$filters" if i == 0 else 16 * 2**i
        layers += [
            ({"conv2d": {"filters": filters, "kernel_size": 3, "padding": "same"}}, ""),
            ("norm", _SLOT if i == 0 else ""),
            ({"activation": "relu"}, ""),
            ({"max_pooling2d": 2}, ""),
        ]
    return Network((*layers, ("flatten", ""), _output(facts)), {"filters": 16}, "of the first convolution")


def _sequence(facts: DatasetInfo) -> Network:
    block = [{"conv1d": {"filters": "$filters", "kernel_size": 3}}, "norm", {"activation": "relu"}]
    steps, values = facts.shape
    layers = (
        ({"repeat": {"times": 2, "layers": block}}, f"over {steps} steps of {values} values. {_SLOT}"),
        ("global_average_pooling1d", ""),
        _output(facts),
    )
    return Network(layers, {"filters": 32}, "of each convolution")


def _dense(facts: DatasetInfo) -> Network:
    block = [{"dense": "$units"}, "norm", {"activation": "relu"}]
    flatten = (("flatten", ""),) if len(facts.shape) > 1 else ()
    layers = (*flatten, ({"repeat": {"times": 2, "layers": block}}, f"two hidden layers. {_SLOT}"), _output(facts))
    return Network(layers, {"units": 128 if prod(facts.shape) > MANY_VALUES else 64}, "of each hidden layer")


_SLOT = "`norm` is the slot: each variant says which norm is here"


def _output(facts: DatasetInfo) -> tuple[Any, str]:
    if facts.classes:
        return {"dense": "$classes"}, "an output for each class; the loss takes them as logits"
    return {"dense": 1}, "the number to predict"


def suggest_scale(facts: DatasetInfo) -> tuple[str, str]:
    """Return `data.scale`, and what it does."""
    if facts.dtype == "uint8" and len(facts.shape) > 1:
        return "unit", "pixels become 0 to 1"
    return "standard", "each column gets mean 0 and SD 1 in the training part; or none, unit, l2"


def suggest_split(facts: DatasetInfo, is_official_known: bool = True) -> dict[str, float]:
    """Return the fractions of `data.split` of the parts that are not official.

    Args:
        facts: the data.
        is_official_known: whether `facts` knows the official test part.
    """
    fraction = 0.1 if facts.rows >= MANY_ROWS else 0.2
    split = {} if facts.validation_rows else {"validation": fraction}
    return split if facts.test_rows or not is_official_known else {**split, "test": fraction}


def suggest_batch_size(train_rows: int) -> int:
    """Return the rows of a step: more for more rows, and such that the last step of an epoch has more than one row."""
    size = next((size for rows, size in BATCH_SIZES if train_rows < rows), LARGEST_BATCH)
    sizes = (one for one in range(size, 2 * size) if train_rows % one != 1)
    return min(next(sizes, size), max(train_rows, 1))


def suggest_batch_norm(steps: int) -> tuple[Any, str]:
    """Return batch normalization for a training of so many steps, and a comment."""
    if steps >= FEW_STEPS:
        return "batch", ""
    return {"batch": {"momentum": 0.9}}, f"Keras' 0.99 would not adapt in {steps:,} steps"
