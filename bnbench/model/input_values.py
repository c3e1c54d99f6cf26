"""Follows the values of the rows through the layers: their range, and whether they are whole numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bnbench.model.layer import Layer


@dataclass(frozen=True)
class InputValues:
    """What is known of the values that reach a layer."""

    low: float = 0.0
    high: float = 0.0
    # Whether all of them are whole numbers. If their range is unknown: whether they may be, which only the data show.
    whole: bool = False
    # Why they have no known range; empty if `low` and `high` are known.
    unknown: str = ""

    @property
    def span(self) -> list[int | float]:
        """Return `[low, high]` as one writes it in a config, without rounding errors."""
        return [_plain(self.low), _plain(self.high)]


def scaled_values(scale: str, dtype: str, value_range: tuple[float, float]) -> InputValues:
    """Return what is known of the rows after `data.scale`.

    Args:
        scale: the setting `data.scale`.
        dtype: the type of the rows as stored: uint8, or float32 for tables.
        value_range: the range that the format of the data allows.
    """
    if scale in {"standard", "l2"}:
        return InputValues(unknown=f"data.scale: {scale} leaves no fixed range (use data.scale: unit or none)")
    if dtype != "uint8":
        return InputValues(unknown="the numbers of a table have no fixed range", whole=scale == "none")
    return InputValues(0.0, 1.0) if scale == "unit" else InputValues(*value_range, whole=True)


def pass_layer(layer: Layer, values: InputValues) -> InputValues:
    """Return what is known of the outputs of a layer; if its inputs are unknown, so are its outputs."""
    made = _MAKES.get(layer.class_name)
    if made:
        return made(layer.arguments)
    step = _STEPS.get(layer.class_name)
    if step is None:
        return InputValues(unknown=f"the outputs of {layer.name} have no fixed range")
    after = step(layer.arguments, values)
    return replace(after, unknown=after.unknown or values.unknown)


def join_values(inputs: Sequence[InputValues]) -> InputValues:
    """Return what is known of the inputs of a layer together: the widest range of all of them."""
    unknown = next((one.unknown for one in inputs if one.unknown), "")
    low, high = min(one.low for one in inputs), max(one.high for one in inputs)
    return InputValues(low, high, all(one.whole for one in inputs), unknown)


def _same(arguments: Mapping[str, Any], values: InputValues) -> InputValues:
    return values


def _averaged(arguments: Mapping[str, Any], values: InputValues) -> InputValues:
    return replace(values, whole=False)


def _resized(arguments: Mapping[str, Any], values: InputValues) -> InputValues:
    kind = arguments.get("interpolation", "bilinear")
    if kind not in {"nearest", "bilinear", "area"}:
        return InputValues(unknown=f"interpolation: {kind} exceeds the range of its inputs")
    return values if kind == "nearest" else replace(values, whole=False)


def _upsampled(arguments: Mapping[str, Any], values: InputValues) -> InputValues:
    # Other than the layers that resize, these repeat values by default.
    return _resized({"interpolation": "nearest", **arguments}, values)


def _padded(arguments: Mapping[str, Any], values: InputValues) -> InputValues:
    return replace(values, low=min(values.low, 0.0), high=max(values.high, 0.0))


def _moved(arguments: Mapping[str, Any], values: InputValues) -> InputValues:
    if arguments.get("fill_mode") != "constant":
        return _averaged(arguments, values)
    fill = float(arguments.get("fill_value", 0.0))
    return InputValues(min(values.low, fill), max(values.high, fill))


def _perspective(arguments: Mapping[str, Any], values: InputValues) -> InputValues:
    return _moved({"fill_mode": "constant", **arguments}, values)


def _rescaled(arguments: Mapping[str, Any], values: InputValues) -> InputValues:
    scale, offset = arguments["scale"], arguments.get("offset", 0.0)
    if not isinstance(scale, int | float) or not isinstance(offset, int | float):
        return InputValues(unknown="rescaling with lists leaves no fixed range")
    low, high = sorted((values.low * scale + offset, values.high * scale + offset))
    return InputValues(low, high)


def _binned(arguments: Mapping[str, Any]) -> InputValues:
    if arguments.get("output_mode", "int") == "int":
        return InputValues(0.0, float(len(arguments["bin_boundaries"])), whole=True)
    return _encoded(arguments)


def _encoded(arguments: Mapping[str, Any]) -> InputValues:
    if arguments.get("output_mode") == "count":
        return InputValues(unknown="output_mode: count leaves no fixed range")
    return InputValues(0.0, 1.0, whole=True)


def _plain(value: float) -> int | float:
    # Nine digits: 255 * (1 / 255) is 1.
    rounded = float(f"{value:.9g}")
    return int(rounded) if rounded.is_integer() else rounded


Step = Callable[[Mapping[str, Any], InputValues], InputValues]
_STEPS: Mapping[str, Step] = {
    **dict.fromkeys(
        (
            "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "Concatenate", "Cropping1D",
            "Cropping2D", "Cropping3D", "Flatten", "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D",
            "Identity", "MaxPooling1D", "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum", "Permute", "RandomCrop",
            "RandomFlip", "RepeatVector", "Reshape", "UpSampling1D", "UpSampling3D",
        ),
        _same,
    ),
    # The layers that change colors end in their range, which is that of their inputs.
    **dict.fromkeys(
        (
            "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AutoContrast",
            "Average", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "CenterCrop",
            "ContrastLimitedAdaptiveHistogramEqualization", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
            "GlobalAveragePooling3D", "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter",
            "RandomContrast", "RandomErasing", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert",
            "RandomPosterization", "RandomSaturation", "RandomSharpness", "Solarization",
        ),
        _averaged,
    ),
    **dict.fromkeys(("RandomRotation", "RandomShear", "RandomTranslation", "RandomZoom"), _moved),
    "RandomPerspective": _perspective,
    **dict.fromkeys(("Masking", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"), _padded),
    "Rescaling": _rescaled,
    "Resizing": _resized,
    "UpSampling2D": _upsampled,
}  # fmt: skip
# Layers whose outputs do not depend on the range of their inputs.
_MAKES: Mapping[str, Callable[[Mapping[str, Any]], InputValues]] = {
    "CategoryEncoding": _encoded,
    "Discretization": _binned,
    "Hashing": _encoded,
}
