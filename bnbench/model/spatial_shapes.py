"""Output shapes and weights of layers with spatial axes: convolutions, poolings, paddings, crops and images."""

from collections.abc import Mapping
from functools import partial
from math import ceil, prod
from types import MappingProxyType

from bnbench.model.shape_types import (
    Arguments,
    MisfitError,
    Shape,
    Step,
    StepResult,
    WeightCounts,
    bias_count,
    per_axis,
    want_rank,
)

_TOO_SMALL = "set padding: same, or use fewer layers before it"


def _convolution(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    want_rank(shape, rank)
    kernel, filters, groups = per_axis(arguments["kernel_size"], rank), arguments["filters"], arguments.get("groups", 1)
    if shape[-1] % groups:
        raise MisfitError(f"groups: {groups} must divide its {shape[-1]} channels evenly", "groups")
    weights = prod(kernel) * (shape[-1] // groups) * filters + bias_count(arguments, filters)
    return StepResult((*_windows(arguments, shape, kernel, rank), filters), WeightCounts(weights))


def _transposed(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    """Return the shape as Keras computes it (`compute_conv_transpose_output_shape`)."""
    want_rank(shape, rank)
    kernel, filters = per_axis(arguments["kernel_size"], rank), arguments["filters"]
    strides = per_axis(arguments.get("strides", 1), rank)
    dilation = per_axis(arguments.get("dilation_rate", 1), rank)
    given = arguments.get("output_padding")
    added = (None,) * rank if given is None else per_axis(given, rank)
    sizes = []
    for size, k, s, d, extra in zip(shape, kernel, strides, dilation, added, strict=False):
        reach = (k - 1) * d + 1
        if arguments.get("padding", "valid") == "valid":
            sizes.append((size - 1) * s + reach + (max(reach, s) - reach if extra is None else extra))
        else:
            sizes.append(size * s if extra is None else (size - 1) * s + reach % 2 + extra)
    weights = WeightCounts(prod(kernel) * shape[-1] * filters + bias_count(arguments, filters))
    return StepResult((*sizes, filters), weights, uses=prod(shape[:-1]))


def _depthwise(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    want_rank(shape, rank)
    kernel = per_axis(arguments["kernel_size"], rank)
    channels = shape[-1] * arguments.get("depth_multiplier", 1)
    weights = WeightCounts(prod(kernel) * channels + bias_count(arguments, channels))
    return StepResult((*_windows(arguments, shape, kernel, rank), channels), weights)


def _separable(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    spatial, depthwise, _ = _depthwise(rank, {**arguments, "use_bias": False}, shape)
    filters = arguments["filters"]
    pointwise = spatial[-1] * filters + bias_count(arguments, filters)
    return StepResult((*spatial[:-1], filters), depthwise + WeightCounts(pointwise))


def _recurrent_convolution(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    """Four gates; the state is convolved with the same kernel, without strides."""
    want_rank(shape, rank + 1)
    kernel, filters = per_axis(arguments["kernel_size"], rank), arguments["filters"]
    inner = (*_windows(arguments, shape[1:], kernel, rank), filters)
    weights = 4 * (prod(kernel) * (shape[-1] + filters) * filters + bias_count(arguments, filters))
    steps = shape[:1] if arguments.get("return_sequences") else ()
    return StepResult((*steps, *inner), WeightCounts(weights), uses=shape[0] * prod(inner[:-1]))


def _pooling(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    want_rank(shape, rank)
    size = per_axis(arguments.get("pool_size", 2), rank)
    strided = {**arguments, "strides": arguments.get("strides") or size}
    return StepResult((*_windows(strided, shape, size, rank), shape[-1]))


def _global_pooling(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    want_rank(shape, rank)
    return StepResult(((1,) * rank if arguments.get("keepdims") else ()) + shape[-1:])


def _adaptive_pooling(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    want_rank(shape, rank)
    return StepResult((*per_axis(arguments["output_size"], rank), shape[-1]))


def _adaptive_max_pooling(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    result = _adaptive_pooling(rank, arguments, shape)
    for size, pooled in zip(shape, result.shape[:-1], strict=False):
        # Keras also pools with a window of one more. TensorFlow 2.21 then divides by 0, which kills the process.
        if ceil(size / pooled) + 1 > size:
            raise MisfitError(
                f"TensorFlow cannot pool an axis of {size} to {pooled} in this way: use global_max_pooling{rank}d, or "
                "another output_size",
                "output_size",
            )
    return result


def _zero_padding(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    want_rank(shape, rank)
    added = _per_side(arguments.get("padding", 1), rank)
    return StepResult((*(n + sum(sides) for n, sides in zip(shape, added, strict=False)), shape[-1]))


def _cropping(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    want_rank(shape, rank)
    cut = _per_side(arguments.get("cropping", 0 if rank == 2 else 1), rank)
    sizes = tuple(n - sum(sides) for n, sides in zip(shape, cut, strict=False))
    if min(sizes) < 1:
        raise MisfitError(f"cropping {_list(cut)} leaves nothing: crop less", "cropping")
    return StepResult((*sizes, shape[-1]))


def _up_sampling(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    want_rank(shape, rank)
    factors = per_axis(arguments.get("size", 2), rank)
    return StepResult((*(n * factor for n, factor in zip(shape, factors, strict=False)), shape[-1]))


def _crop_to(arguments: Arguments, shape: Shape) -> StepResult | None:
    if len(shape) != 3:
        # `image_conditions` refuses it.
        return None
    size = (arguments["height"], arguments["width"])
    for name, wanted, found in zip(("height", "width"), size, shape, strict=False):
        if wanted > found:
            raise MisfitError(
                f"a crop of {wanted} is larger than the {name} of the image: wanted at most {found}", name
            )
    return StepResult((*size, shape[-1]))


def _resizing(arguments: Arguments, shape: Shape) -> StepResult | None:
    return StepResult((arguments["height"], arguments["width"], shape[-1])) if len(shape) == 3 else None


def _unchanged(arguments: Arguments, shape: Shape) -> StepResult:
    return StepResult(shape)


def _spatial_dropout(rank: int, arguments: Arguments, shape: Shape) -> StepResult:
    want_rank(shape, rank)
    return StepResult(shape)


def _windows(arguments: Arguments, shape: Shape, size: Shape, rank: int) -> Shape:
    strides = per_axis(arguments.get("strides", 1), rank)
    dilation = per_axis(arguments.get("dilation_rate", 1), rank)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, size, strict=True)]
    if arguments.get("padding", "valid") in {"same", "causal"}:
        return tuple(ceil(n / s) for n, s in zip(shape, strides, strict=False))
    if any(n < k for n, k in zip(shape, reach, strict=False)):
        raise MisfitError(f"smaller than its window {tuple(reach)}: {_TOO_SMALL}")
    return tuple((n - k) // s + 1 for n, k, s in zip(shape, reach, strides, strict=False))


def _per_side(value: object, rank: int) -> list[tuple[int, int]]:
    """Return how much is added or cut at the two sides of each axis; with one axis, a pair has its two sides."""
    if isinstance(value, int):
        return [(value, value)] * rank
    assert isinstance(value, list | tuple)  # noqa: S101  The ranges of arguments admit nothing else.
    axes = [value] if rank == 1 else value
    return [(one, one) if isinstance(one, int) else (one[0], one[1]) for one in axes]


def _list(pairs: list[tuple[int, int]]) -> str:
    return str([list(pair) for pair in pairs])


# Layers that change the values of images and not their shape.
_IMAGES = (
    "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "RandomColorDegeneration", "RandomColorJitter",
    "RandomContrast", "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue",
    "RandomPerspective", "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation",
    "RandomZoom",
)  # fmt: skip
_BY_RANK = (
    ("Conv{}D", _convolution, (1, 2, 3)),
    ("Conv{}DTranspose", _transposed, (1, 2, 3)),
    ("DepthwiseConv{}D", _depthwise, (1, 2)),
    ("SeparableConv{}D", _separable, (1, 2)),
    ("ConvLSTM{}D", _recurrent_convolution, (1, 2, 3)),
    *((f"{kind}Pooling{{}}D", _pooling, (1, 2, 3)) for kind in ("Max", "Average")),
    *((f"Global{kind}Pooling{{}}D", _global_pooling, (1, 2, 3)) for kind in ("Max", "Average")),
    ("AdaptiveMaxPooling{}D", _adaptive_max_pooling, (1, 2, 3)),
    ("AdaptiveAveragePooling{}D", _adaptive_pooling, (1, 2, 3)),
    ("ZeroPadding{}D", _zero_padding, (1, 2, 3)),
    ("Cropping{}D", _cropping, (1, 2, 3)),
    ("UpSampling{}D", _up_sampling, (1, 2, 3)),
    ("SpatialDropout{}D", _spatial_dropout, (1, 2, 3)),
)
SPATIAL_STEPS: Mapping[str, Step] = MappingProxyType(
    {
        **{name.format(rank): partial(step, rank) for name, step, ranks in _BY_RANK for rank in ranks},
        **dict.fromkeys(_IMAGES, _unchanged),
        "CenterCrop": _crop_to,
        "RandomCrop": _crop_to,
        "Resizing": _resizing,
    }
)
