"""Output shapes and weights of layers without spatial axes: dense, recurrent, embedding, norms, reshaping."""

from collections.abc import Mapping
from functools import partial
from math import prod
from types import MappingProxyType

from bnbench.model.shape_types import Arguments, MisfitError, Shape, Step, StepResult, WeightCounts, bias_count


def _same(arguments: Arguments, shape: Shape) -> StepResult:
    return StepResult(shape)


def _dense(arguments: Arguments, shape: Shape) -> StepResult:
    units = arguments["units"]
    if not shape:
        raise MisfitError("wanted at least one axis")
    return StepResult((*shape[:-1], units), WeightCounts(shape[-1] * units + bias_count(arguments, units)))


def _embedding(arguments: Arguments, shape: Shape) -> StepResult:
    size = arguments["input_dim"] * arguments["output_dim"]
    tied = arguments.get("tie_weights", True)
    # A row is looked up: no multiplication.
    return StepResult((*shape, arguments["output_dim"]), WeightCounts(size if tied else 2 * size), uses=0)


def _recurrent(gates: int, arguments: Arguments, shape: Shape) -> StepResult:
    if len(shape) != 2:
        raise MisfitError(f"wanted 2 axes (steps, features), found {len(shape)}")
    units = arguments["units"]
    # GRU has the biases of input and state apart if the reset gate comes after the product.
    biases = bias_count(arguments, units) * (2 if gates == 3 and arguments.get("reset_after", True) else 1)
    weights = WeightCounts(gates * ((shape[-1] + units) * units + biases))
    return StepResult((*shape[:1], units) if arguments.get("return_sequences") else (units,), weights, uses=shape[0])


def _flatten(arguments: Arguments, shape: Shape) -> StepResult:
    return StepResult((prod(shape),))


def _reshape(arguments: Arguments, shape: Shape) -> StepResult:
    target = tuple(arguments["target_shape"])
    known = prod(size for size in target if size != -1)
    if prod(shape) % known or (-1 not in target and known != prod(shape)):
        raise MisfitError(f"{prod(shape)} numbers do not fill target_shape {target}", "target_shape")
    return StepResult(tuple(prod(shape) // known if size == -1 else size for size in target))


def _permute(arguments: Arguments, shape: Shape) -> StepResult:
    dims = arguments["dims"]
    if len(dims) != len(shape):
        raise MisfitError(f"dims {list(dims)} has {len(dims)} axes, wanted {len(shape)}", "dims")
    return StepResult(tuple(shape[axis - 1] for axis in dims))


def _repeat_vector(arguments: Arguments, shape: Shape) -> StepResult:
    if len(shape) != 1:
        raise MisfitError(f"wanted 1 axis (features), found {len(shape)}")
    return StepResult((arguments["n"], *shape))


def _along_axes(arguments: Arguments, shape: Shape) -> StepResult:
    _axes(arguments, shape)
    return StepResult(shape)


def _channels_norm(statistics: int, arguments: Arguments, shape: Shape) -> StepResult:
    channels = prod(shape[axis] for axis in _axes(arguments, shape))
    trained = bool(arguments.get("scale", True)) + bool(arguments.get("center", True))
    return StepResult(shape, WeightCounts(trained * channels, statistics * channels))


def _batch_norm(arguments: Arguments, shape: Shape) -> StepResult:
    # Moving mean and variance; with renorm also a moving deviation, and a mean and a deviation for training.
    return _channels_norm(5 if arguments.get("renorm") else 2, arguments, shape)


def _group_norm(arguments: Arguments, shape: Shape) -> StepResult:
    groups, channels = arguments.get("groups", 32), shape[_axes(arguments, shape)[0]]
    if groups != -1 and channels % groups:
        raise MisfitError(
            f"{channels} channels cannot be split into {groups} equal groups: set norm: {{group: {{groups: ...}}}}",
            "groups" if "groups" in arguments else "",
        )
    return _channels_norm(0, arguments, shape)


def _layer_norm(arguments: Arguments, shape: Shape) -> StepResult:
    _check_order(arguments, shape)
    return _channels_norm(0, arguments, shape)


def _check_order(arguments: Arguments, shape: Shape) -> None:
    """Raise if Keras, which sorts the numbers of the axes, would bring the axes into another order."""
    given = arguments.get("axis", -1)
    positions = _axes({"axis": sorted(given)}, shape) if isinstance(given, list) else []
    if positions != sorted(positions):
        raise MisfitError(f"axis is {given}, wanted numbers from 1, or all of them below 0", "axis")


def _rms_norm(arguments: Arguments, shape: Shape) -> StepResult:
    _check_order(arguments, shape)
    positions = sorted(_axes(arguments, shape))
    if positions != list(range(len(shape)))[-len(positions) :]:
        # Keras multiplies by the scale without moving its axes.
        raise MisfitError(f"axis is {arguments['axis']}, wanted the last axis, or all axes from one on", "axis")
    return _channels_norm(0, {**arguments, "scale": True, "center": False}, shape)


def _prelu(arguments: Arguments, shape: Shape) -> StepResult:
    shared = arguments.get("shared_axes") or []
    shared = [shared] if isinstance(shared, int) else shared
    for axis in shared:
        if axis > len(shape):
            raise MisfitError(f"axis {axis}, wanted axes from 1 to {len(shape)}", "shared_axes")
    return StepResult(shape, WeightCounts(prod(1 if i in shared else size for i, size in enumerate(shape, 1))))


def _dropout(arguments: Arguments, shape: Shape) -> StepResult:
    noise = arguments.get("noise_shape")
    if noise is not None:
        _check_noise(noise, shape)
    return StepResult(shape)


def _check_noise(noise: list[int | None], shape: Shape) -> None:
    wanted = f"wanted null or 1 for the rows, and for each axis null, 1 or its size: [null, {str(list(shape))[1:]}"
    fits = len(noise) == len(shape) + 1 and noise[0] in {None, 1}
    if not fits or any(n not in {None, 1, size} for n, size in zip(noise[1:], shape, strict=True)):
        raise MisfitError(f"noise_shape is {noise}, {wanted}", "noise_shape")


def _rescaling(arguments: Arguments, shape: Shape) -> StepResult:
    for name in ("scale", "offset"):
        _check_length(arguments.get(name), shape[-1], name)
    return StepResult(shape)


def _normalization(arguments: Arguments, shape: Shape) -> StepResult:
    axes = _axes(arguments, shape)
    if len(axes) == 1:
        _check_length(arguments.get("mean"), shape[axes[0]], "mean")
    return StepResult(shape)


def _check_length(values: object, size: int, argument: str) -> None:
    # In a saved model the scaling of the data has a value for each number of a row, in lists of lists.
    if isinstance(values, list) and not isinstance(values[0], list) and len(values) not in {1, size}:
        raise MisfitError(f"{argument} has {len(values)} values, wanted 1 or {size}", argument)


def _encoding(arguments: Arguments, shape: Shape) -> StepResult:
    """Categories along the last axis become one axis of tokens; `one_hot` has such an axis for each of them."""
    keeps_last = arguments.get("output_mode", "multi_hot") == "one_hot" and shape[-1] != 1
    return StepResult((*(shape if keeps_last else shape[:-1]), arguments["num_tokens"]))


def _hashing(arguments: Arguments, shape: Shape) -> StepResult | None:
    # Keras is not consistent for `one_hot`.
    mode = arguments.get("output_mode", "int")
    if mode == "one_hot":
        return None
    return StepResult(shape if mode == "int" else (*shape[:-1], arguments["num_bins"]))


def _discretization(arguments: Arguments, shape: Shape) -> StepResult | None:
    return StepResult(shape) if arguments.get("output_mode", "int") == "int" else None


def _mel_spectrogram(arguments: Arguments, shape: Shape) -> StepResult:
    if len(shape) != 1:
        raise MisfitError(f"wanted 1 axis (samples), found {len(shape)}")
    stride = arguments.get("sequence_stride", 512)
    return StepResult((arguments.get("num_mel_bins", 128), (shape[0] + stride + 1) // stride))


def _axes(arguments: Arguments, shape: Shape) -> list[int]:
    """Return the positions in a shape of the axes that an argument `axis` names: 1 or -2 is the first of two."""
    given = arguments.get("axis", -1)
    positions: list[int] = []
    # Without an axis, Normalization has one mean of all values.
    for axis in [] if given is None else given if isinstance(given, list) else [given]:
        if not 1 <= abs(axis) <= len(shape):
            known = f"1 to {len(shape)}, or -{len(shape)} to -1" if len(shape) > 1 else "1 or -1"
            raise MisfitError(f"axis is {axis}, wanted {known}", "axis")
        positions.append(axis - 1 if axis > 0 else len(shape) + axis)
    if len(set(positions)) < len(positions):
        raise MisfitError(f"axis {given} names an axis twice", "axis")
    return positions


_UNCHANGED = (
    "Activation", "ActivityRegularization", "ELU", "GaussianDropout", "GaussianNoise", "Identity", "LeakyReLU",
    "RandomBrightness", "RandomInvert", "RandomPosterization", "ReLU", "Solarization",
)  # fmt: skip
FLAT_STEPS: Mapping[str, Step] = MappingProxyType(
    {
        **dict.fromkeys(_UNCHANGED, _same),
        **dict.fromkeys(("Softmax", "UnitNormalization"), _along_axes),
        **dict.fromkeys(("AlphaDropout", "Dropout"), _dropout),
        **dict.fromkeys(("Embedding", "ReversibleEmbedding"), _embedding),
        "BatchNormalization": _batch_norm,
        "CategoryEncoding": _encoding,
        "Dense": _dense,
        "Discretization": _discretization,
        "Flatten": _flatten,
        "GRU": partial(_recurrent, 3),
        "GroupNormalization": _group_norm,
        "Hashing": _hashing,
        "LSTM": partial(_recurrent, 4),
        "LayerNormalization": _layer_norm,
        "Masking": _same,
        "MelSpectrogram": _mel_spectrogram,
        "Normalization": _normalization,
        "PReLU": _prelu,
        "Permute": _permute,
        "RMSNormalization": _rms_norm,
        "RepeatVector": _repeat_vector,
        "Rescaling": _rescaling,
        "Reshape": _reshape,
        "SimpleRNN": partial(_recurrent, 1),
    }
)
