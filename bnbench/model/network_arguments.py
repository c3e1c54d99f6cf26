"""Turns the config that Keras writes of a layer into the arguments of a layer as an experiment file has them.

Keras writes every argument, also those at their defaults, and some in another form: `kernel_size: 3` as `[3, 3]`. Here
they get the shortest form, so that a network has the same arguments, and ids, whether it was written in YAML or Keras.
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from bnbench.errors import ConfigError, shorten
from bnbench.location import Location
from bnbench.model import catalog
from bnbench.model.arguments import HIDDEN, OBJECTS, REQUIRED, check_arguments, class_signature
from bnbench.model.layer import Layer
from bnbench.model.layers import OF_LAYERS
from bnbench.model.ranges import floats_as_meant

# Keys of a config that are no arguments of a layer here: `dtype` is `train.dtype`, seeds come from the trial.
LEFT_OUT = HIDDEN | {"trainable"}
# A number stands for a list of it.
_EQUAL_SIDES = frozenset(
    {"kernel_size", "strides", "dilation_rate", "pool_size", "output_size", "output_padding", "padding", "cropping",
     "size", "axis"}
)  # fmt: skip
# A number stands for a range up to it, which begins at its negative or at the bound of Keras.
_FACTORS = frozenset({"factor", "sigma", "x_factor", "y_factor", "addition_factor", "threshold_factor"})
_SYMMETRIC = "RandomBrightness RandomColorDegeneration RandomRotation RandomSaturation RandomShear"
_LOW_ENDS = MappingProxyType({"RandomPosterization": 1})
# Arguments that are None by default, which means another one.
_MEANT: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], object]] = MappingProxyType(
    {
        ("*Pooling?D", "strides"): lambda config: config["pool_size"],
        ("MelSpectrogram", "sequence_length"): lambda config: config["fft_length"],
        ("MelSpectrogram", "max_freq"): lambda config: config["sampling_rate"] / 2,
    }
)
# Arguments of a base class that Keras writes of layers which do not take them, and values that mean nothing.
_EMPTY = (None, False)
# A name of Keras that is no name of a class.
_ALIASES = MappingProxyType({"uniform": "RandomUniform"})


def read_arguments(layer: Layer, where: Location) -> dict[str, Any]:
    """Return the arguments of a layer as an experiment file has them, without those at their defaults.

    Args:
        layer: from `keras_json.read_model`, with the whole config as its arguments.
        where: the place of the layer, for messages.

    Raises:
        ConfigError: a config must not use the layer, or not with these arguments.
    """
    class_name = catalog.resolve_class("layers", layer.class_name, where)
    if layer.arguments.get("trainable", True) is not True:
        raise ConfigError(
            where, "is not trainable, but only the architecture is used: its weights would stay random numbers"
        )
    given = {key: value for key, value in layer.arguments.items() if key not in LEFT_OUT}
    arguments = _shortest("layers", class_name, given, where)
    check_arguments("layers", class_name, arguments, where, OF_LAYERS)
    return arguments


def _shortest(family: str, class_name: str, given: Mapping[str, Any], where: Location) -> dict[str, Any]:
    """Return arguments in their shortest form, without those at their defaults."""
    defaults = class_signature(family, class_name).defaults
    objects = OBJECTS if family == "layers" else {}
    arguments: dict[str, Any] = {}
    for key, value in given.items():
        kind = next((kind for ending, kind in objects.items() if key.endswith(ending)), None)
        short = _read_object(kind, value, where / key) if kind else _short_value(class_name, key, value, where / key)
        if not _is_default(class_name, key, short, defaults, given):
            arguments[key] = short
    return floats_as_meant(family, class_name, arguments)


def _read_object(family: str, value: Any, where: Location) -> dict[str, Any] | None:
    """Return an initializer, a regularizer or a constraint in the form that Keras deserializes."""
    if value is None:
        return None
    package, _, noun = catalog.FAMILIES[family]
    if not isinstance(value, Mapping) or (value.get("module"), value.get("registered_name")) != (package, None):
        named = value.get("class_name") if isinstance(value, Mapping) else value
        raise ConfigError(where, f"found {shorten(named)}, wanted {_article(noun)} {noun} of Keras by its class")
    class_name = catalog.resolve_class(family, str(value["class_name"]), where)
    config = {key: inner for key, inner in value["config"].items() if key != "seed"}
    arguments = _shortest(family, class_name, config, where)
    check_arguments(family, class_name, arguments, where)
    return {"class_name": class_name, "config": arguments}


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _short_value(class_name: str, key: str, value: Any, where: Location) -> Any:
    if key in {"activation", "recurrent_activation"} and not isinstance(value, str | None):
        named = value.get("config") if value.get("class_name") == "function" else value.get("class_name")
        raise ConfigError(
            where,
            f"found {shorten(named)}, wanted the name of an activation of Keras: write an activation with arguments as "
            "a layer of its own",
        )
    if key in _EQUAL_SIDES:
        return _same_sides(value)
    if key in _FACTORS and isinstance(value, Sequence) and len(value) == 2:
        low, high = value
        begin = -high if class_name in _SYMMETRIC.split() else _LOW_ENDS.get(class_name, 0)
        return high if low == begin else list(value)
    return value


def _same_sides(value: Any) -> Any:
    """Return the only number of a list of equal numbers, also inside of a list."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        return value
    sides = [_same_sides(side) for side in value]
    plain = all(isinstance(side, int) for side in sides)
    return sides[0] if plain and len(set(sides)) == 1 else sides


def _is_default(
    class_name: str, key: str, value: Any, defaults: Mapping[str, object], given: Mapping[str, Any]
) -> bool:
    if key not in defaults:
        return any(value is empty for empty in _EMPTY) or (key, value) == ("data_format", "channels_last")
    default = defaults[key]
    if default is REQUIRED:
        return False
    if (key, value) == ("data_format", "channels_last"):
        # The images of all data sets are like this.
        return True
    if isinstance(value, Mapping) and value.keys() == {"class_name", "config"}:
        return isinstance(default, str) and not value["config"] and _class_of(default, key) == value["class_name"]
    meant = next(
        (
            of({**defaults, **given})
            for (classes, name), of in _MEANT.items()
            if name == key and fnmatchcase(class_name, classes)
        ),
        None,
    )
    if default is None and meant is not None:
        return bool(value is None or value == _same_sides(meant))
    if default is None:
        return value is None or (key, value) == ("activation", "linear")
    return _comparable(class_name, key, value) == _comparable(class_name, key, default)


def _class_of(name: str, key: str) -> str | None:
    family = next(family for ending, family in OBJECTS.items() if key.endswith(ending))
    return _ALIASES.get(name) or catalog.find_class(family, name)


def _comparable(class_name: str, key: str, value: object) -> object:
    """Return a value in a form in which equal ones are equal, such as lists and tuples."""
    if key in _EQUAL_SIDES:
        value = _same_sides(value)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return tuple(_comparable(class_name, "", one) for one in value)
    if isinstance(value, str):
        return value.lower()
    # False is not 0.
    return (type(value) is bool, value)
