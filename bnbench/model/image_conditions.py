"""The conditions of layers that move, cut or color images."""

from collections.abc import Mapping
from types import MappingProxyType

from bnbench.errors import shorten
from bnbench.model.condition import Condition, Context, Problem

# Behind a random crop these layers take images of any size ...
_ANY_SIZE = frozenset(
    {
        "Activation", "ActivityRegularization", "AlphaDropout", "AveragePooling2D", "BatchNormalization", "Conv2D",
        "Conv2DTranspose", "Dense", "DepthwiseConv2D", "Dropout", "ELU", "GaussianDropout", "GaussianNoise",
        "GroupNormalization", "Identity", "LayerNormalization", "LeakyReLU", "MaxPooling2D", "RMSNormalization",
        "RandomBrightness", "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomErasing",
        "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert", "RandomPosterization",
        "RandomRotation", "RandomSaturation", "RandomSharpness", "RandomShear", "RandomTranslation", "RandomZoom",
        "ReLU", "Rescaling", "SeparableConv2D", "Softmax", "Solarization", "SpatialDropout2D", "UnitNormalization",
        "UpSampling2D", "ZeroPadding2D",
    }
)  # fmt: skip
# ... and these return the same size for images of any size.
_ONE_SIZE = frozenset(
    {
        "AdaptiveAveragePooling2D", "AdaptiveMaxPooling2D", "CenterCrop", "GlobalAveragePooling2D",
        "GlobalMaxPooling2D", "Resizing",
    }
)  # fmt: skip


def _images(context: Context) -> Problem | None:
    if context.shape is None or len(context.shape) == 3:
        return None
    return Problem(
        f"takes images of shape (height, width, channels), found {context.shape}: Keras would take a whole batch for "
        f"one image{_channel_axis(context.shape)}"
    )


def _planes(context: Context) -> Problem | None:
    if context.shape is None or len(context.shape) in {2, 3}:
        return None
    return Problem(f"takes images of shape (height, width, channels), found {context.shape}")


def _channel_axis(shape: tuple[int, ...]) -> str:
    return f". Write `- reshape: [{shape[0]}, {shape[1]}, 1]` in front of it" if len(shape) == 2 else ""


def _three_channels(context: Context) -> Problem | None:
    first = context.layer.arguments.get("data_format") == "channels_first"
    if context.shape is None or len(context.shape) != 3 or context.shape[0 if first else -1] == 3:
        return None
    return Problem(
        f"changes the mixture of red, green and blue, but its inputs have the shape {context.shape}: leave it out"
    )


def _jittered_channels(context: Context) -> Problem | None:
    mixes = any(context.layer.arguments.get(name) is not None for name in ("saturation_factor", "hue_factor"))
    return _three_channels(context) if mixes else None


def _known_range(context: Context) -> Problem | None:
    unknown = _known_colors(context)
    given = context.layer.arguments.get("value_range")
    if unknown or given is None:
        return unknown
    if not isinstance(given, list | tuple) or sorted(map(float, given)) != list(map(float, context.values.span)):
        span = context.values.span
        return Problem(
            f"found {shorten(given)}, but its inputs have values from {span[0]} to {span[1]}: leave value_range out, "
            f"or write {span}",
            "value_range",
        )
    return None


def _known_colors(context: Context) -> Problem | None:
    if context.values.unknown:
        return Problem(f"changes colors, which needs values of a known range, but {context.values.unknown}")
    return None


def _range_from_0(context: Context) -> Problem | None:
    low = context.values.span[0]
    return None if low == 0 else Problem(f"computes colors from 0 on, but its inputs begin at {low}: put it further up")


def _smaller_crop(context: Context) -> Problem | None:
    if context.shape is None:
        return None
    first = 1 if context.layer.arguments.get("data_format") == "channels_first" else 0
    for argument, size in zip(("height", "width"), context.shape[first : first + 2], strict=True):
        wanted = context.layer.arguments[argument]
        if not isinstance(wanted, int) or not 0 < wanted < size:
            return Problem(
                f"found {shorten(wanted)}, wanted less than the {argument} {size} of the image: Keras crops at random "
                "places only if both sides are smaller",
                argument,
            )
    return None


def _size_fixed_afterwards(context: Context) -> Problem | None:
    for layer in context.following:
        if layer.class_name in _ONE_SIZE:
            return None
        if layer.class_name not in _ANY_SIZE:
            break
    height, width = (context.layer.arguments[name] for name in ("height", "width"))
    return Problem(
        "crops in training only, so the next layers would get other shapes in validation: write "
        f"`- center_crop: {{height: {height}, width: {width}}}` behind it, which crops in validation"
    )


_KNOWN = "their range is known from `data.scale: unit` or `none`"
_CHANNELS = "its inputs are images of shape (height, width, channels)"
IMAGE_CONDITIONS: Mapping[str, Condition] = MappingProxyType(
    {
        "images": Condition(_CHANNELS, _images, of_shape=True),
        "planes": Condition(f"{_CHANNELS} or (height, width)", _planes, of_shape=True),
        "three_channels": Condition("they have 3 channels", _three_channels, of_shape=True),
        "jittered_channels": Condition(
            "they have 3 channels, for saturation and hue", _jittered_channels, of_shape=True
        ),
        "known_range": Condition(f"{_KNOWN} (bnbench fills in `value_range`)", _known_range),
        "known_colors": Condition(_KNOWN, _known_colors),
        "range_from_0": Condition("it begins at 0", _range_from_0),
        "smaller_crop": Condition("it is smaller than the image", _smaller_crop, of_shape=True),
        "size_fixed_afterwards": Condition(
            "`center_crop`, `resizing` or a global or adaptive pooling follows, because Keras crops in training only",
            _size_fixed_afterwards,
        ),
    }
)
