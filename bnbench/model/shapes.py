"""Output shapes and weight counts of the common layers, so that a plan needs no Keras.

A layer that is not listed here ends the trace. Keras then checks the rest when it builds the model.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, prod
from typing import Any, NamedTuple

from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model.layers import Layer

Shape = tuple[int, ...]


@dataclass(frozen=True)
class WeightCounts:
    """How many numbers a model holds."""

    trainable: int = 0
    # Moving statistics and frozen layers.
    fixed: int = 0

    @property
    def total(self) -> int:
        """The number of all weights, trainable or not."""
        return self.trainable + self.fixed

    def __add__(self, other: "WeightCounts") -> "WeightCounts":
        return WeightCounts(self.trainable + other.trainable, self.fixed + other.fixed)


class _MisfitError(Exception):
    """Why a layer does not fit its input."""


Step = Callable[[Mapping[str, Any], Shape], tuple[Shape, WeightCounts]]


class TracedShapes(NamedTuple):
    """What is known of a model without building it; shapes have no batch axis."""

    # The shape of the output.
    shape: Shape
    weights: WeightCounts
    # Numbers that all layers together put out for one example.
    outputs: int
    # Multiplications by a weight in all layers together, for one example.
    products: int


def trace_shapes(layers: Sequence[Layer], shape: Shape, where: Location | str) -> TracedShapes | None:
    """Follow the shape of an example through the layers; return None if a layer is not listed here.

    Raises:
        ConfigError: a layer does not fit the output of the layer before. The message names the layer, its input and
            what it needs.
    """
    total, outputs, products = WeightCounts(), prod(shape), 0
    for layer in layers:
        step = STEPS.get(layer.class_name)
        if step is None or layer.arguments.get("data_format") == "channels_first":
            return None
        try:
            shape_after, weights = step(layer.arguments, shape)
        except _MisfitError as misfit:
            raise ConfigError(
                layer.where or where, f"{layer.name} ({layer.class_name}) gets {shape}: {misfit}"
            ) from None
        except (TypeError, ValueError, IndexError, ArithmeticError):
            # Keras validates these arguments.
            return None
        if layer.arguments.get("trainable") is False:
            weights = WeightCounts(0, weights.total)
        shape, total = shape_after, total + weights
        outputs += prod(shape)
        # A convolution uses each weight at every position of its output.
        products += weights.total * prod(shape[:-1])
    return TracedShapes(shape, total, outputs, products)


def _same(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
    return shape, WeightCounts()


def _dense(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
    units = _whole("units", arguments["units"])
    biases = units if arguments.get("use_bias", True) else 0
    return (*shape[:-1], units), WeightCounts(shape[-1] * units + biases)


def _flatten(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
    return (prod(shape),), WeightCounts()


def _reshape(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
    target = tuple(arguments["target_shape"])
    known = prod(_whole("target_shape", size) for size in target if size != -1)
    if target.count(-1) > 1 or prod(shape) % known or (-1 not in target and known != prod(shape)):
        raise _MisfitError(f"{prod(shape)} numbers do not fill target_shape {target}")
    return tuple(prod(shape) // known if size == -1 else size for size in target), WeightCounts()


def _convolution(rank: int) -> Step:
    def step(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
        _want_rank(shape, rank)
        kernel = _per_axis("kernel_size", arguments["kernel_size"], rank)
        filters, groups = _whole("filters", arguments["filters"]), _whole("groups", arguments.get("groups", 1))
        if shape[-1] % groups or filters % groups:
            raise _MisfitError(f"groups: {groups} must divide its {shape[-1]} channels and {filters} filters evenly")
        biases = filters if arguments.get("use_bias", True) else 0
        weights = prod(kernel) * (shape[-1] // groups) * filters + biases
        return (*_windows(arguments, shape, kernel, rank, default_strides=1), filters), WeightCounts(weights)

    return step


def _pooling(rank: int) -> Step:
    def step(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
        _want_rank(shape, rank)
        size = _per_axis("pool_size", arguments.get("pool_size", 2), rank)
        return (*_windows(arguments, shape, size, rank, default_strides=size), shape[-1]), WeightCounts()

    return step


def _global_pooling(rank: int) -> Step:
    def step(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
        _want_rank(shape, rank)
        return ((1,) * rank if arguments.get("keepdims") else ()) + shape[-1:], WeightCounts()

    return step


def _windows(arguments: Mapping[str, Any], shape: Shape, size: Shape, rank: int, default_strides: int | Shape) -> Shape:
    strides = _per_axis("strides", arguments.get("strides") or default_strides, rank)
    dilation = _per_axis("dilation_rate", arguments.get("dilation_rate", 1), rank)
    padding = str(arguments.get("padding", "valid")).lower()
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, size, strict=True)]
    if padding in {"same", "causal"}:
        return tuple(ceil(n / s) for n, s in zip(shape, strides, strict=False))
    if any(n < k for n, k in zip(shape, reach, strict=False)):
        raise _MisfitError(f"smaller than its window {tuple(reach)}: set padding: same, or use fewer layers before it")
    return tuple((n - k) // s + 1 for n, k, s in zip(shape, reach, strides, strict=False))


def _channels_norm(statistics: int) -> Step:
    def step(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
        axis = arguments.get("axis", -1)
        channels = prod(shape[a - 1 if a > 0 else a] for a in (axis if isinstance(axis, list) else [axis]))
        trained = bool(arguments.get("scale", True)) + bool(arguments.get("center", True))
        return shape, WeightCounts(trained * channels, statistics * channels)

    return step


def _group_norm(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
    groups = arguments.get("groups", 32)
    if shape[-1] % (shape[-1] if groups == -1 else _whole("groups", groups)):
        raise _MisfitError(
            f"{shape[-1]} channels cannot be split into {groups} equal groups: set norm: {{group: {{groups: ...}}}}"
        )
    return _channels_norm(0)(arguments, shape)


def _rms_norm(arguments: Mapping[str, Any], shape: Shape) -> tuple[Shape, WeightCounts]:
    return _channels_norm(0)({**arguments, "center": False}, shape)


def _want_rank(shape: Shape, rank: int) -> None:
    if len(shape) != rank + 1:
        raise _MisfitError(f"wanted {rank + 1} axes ({', '.join(['size'] * rank)}, channels), found {len(shape)}")


def _whole(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise _MisfitError(f"{name} is {value!r}, wanted a whole number above 0")
    return value


def _per_axis(name: str, value: Any, rank: int) -> Shape:
    values = (value,) * rank if isinstance(value, int) else tuple(value)
    if len(values) != rank:
        raise _MisfitError(f"{name} is {value!r}, wanted a number or {rank} of them")
    return tuple(_whole(name, v) for v in values)


_UNCHANGED = (
    "Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout", "GaussianNoise",
    "Identity", "LeakyReLU", "RandomBrightness", "RandomContrast", "RandomErasing", "RandomFlip", "RandomRotation",
    "RandomShear", "RandomTranslation", "RandomZoom", "ReLU", "Rescaling", "Softmax", "SpatialDropout1D",
    "SpatialDropout2D", "UnitNormalization",
)  # fmt: skip
STEPS: dict[str, Step] = {
    **dict.fromkeys(_UNCHANGED, _same),
    **{f"Conv{rank}D": _convolution(rank) for rank in (1, 2, 3)},
    **{f"{kind}Pooling{rank}D": _pooling(rank) for kind in ("Max", "Average") for rank in (1, 2, 3)},
    **{f"Global{kind}Pooling{rank}D": _global_pooling(rank) for kind in ("Max", "Average") for rank in (1, 2, 3)},
    "Dense": _dense,
    "Flatten": _flatten,
    "Reshape": _reshape,
    "BatchNormalization": _channels_norm(2),
    "LayerNormalization": _channels_norm(0),
    "GroupNormalization": _group_norm,
    "RMSNormalization": _rms_norm,
}
