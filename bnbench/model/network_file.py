"""Reads a network from the JSON that `model.to_json()` of Keras returns; needs no Keras.

Only the architecture counts: names, weights, seeds and what `compile` has set are left out.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bnbench.errors import ConfigError, shorten_name
from bnbench.location import Location
from bnbench.model import catalog
from bnbench.model.expand import MAX_LAYERS
from bnbench.model.graph import number_layers
from bnbench.model.keras_json import read_model
from bnbench.model.layer import Layer
from bnbench.model.network_arguments import read_arguments
from bnbench.model.norms import NORM_CLASSES

# The maximum size of a file, in bytes. A network of 2,000 layers has about 3,000,000.
MAX_BYTES = 10_000_000
DTYPES = ("float32", "float64")
_WRITE = "write it with Path('network.json').write_text(model.to_json())"


@dataclass(frozen=True)
class Network:
    """A network that Keras has described, as a list of layers."""

    # Of one example, None for an axis of any size. None if the model is a `Sequential` without an input.
    shape: tuple[int | None, ...] | None
    # With the names of this project, each with its place and its name in Keras as its `where`.
    layers: tuple[Layer, ...]
    # The type of all weights, `float32` or `float64`.
    dtype: str
    # The name of each layer in this project -> its name in Keras, with the models around it: `augmentation/flip`.
    keras_names: Mapping[str, str]


def load_network(path: Path, where: Location | str) -> Network:
    """Return the network in a file.

    Args:
        where: the file, for messages.

    Raises:
        ConfigError: the file cannot be read, or `read_network` refuses its content.
    """
    return parse_network(read_network_text(path, where), where)


def read_network_text(path: Path, where: Location | str) -> str:
    """Return the content of a file that should hold a network.

    Raises:
        ConfigError: it cannot be read, is too large, or is not text.
    """
    where = Location.of(where)
    try:
        if not path.is_file():
            raise ConfigError(where, "no such file" if not path.exists() else "not a file")
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(where, f"larger than {MAX_BYTES:,} bytes, the maximum of a network")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(where, f"cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        kind = "is a saved model with weights" if path.suffix in {".keras", ".h5"} else "is not UTF-8 text"
        raise ConfigError(where, f"{kind}, wanted the JSON of a Keras model: {_WRITE}") from error


def parse_network(text: str, where: Location | str) -> Network:
    """Return the network in a JSON text.

    Raises:
        ConfigError: it is not JSON, or `read_network` refuses it.
    """
    where = Location.of(where)
    try:
        model = json.loads(text)
    except (ValueError, RecursionError) as error:
        reason = f"{error.msg} in line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "nested too deep"
        raise ConfigError(where, f"is not the JSON of a Keras model ({reason}): {_WRITE}") from error
    return read_network(model, where)


def read_network(model: Mapping[str, Any], where: Location | str) -> Network:
    """Return the network that Keras has described.

    Args:
        model: what `json.loads(model.to_json())` returns.
        where: where it comes from; the name of a layer in Keras is a step below it.

    Raises:
        ConfigError: the model is no graph of layers of Keras by name, each called once, with one input and one output
            and one type of weights, or a layer has arguments that an experiment must not have. There is a line for
            each layer that is refused.
    """
    where = Location.of(where)
    _check_version(model, where)
    try:
        shape, layers = read_model(model)
        if len(layers) > MAX_LAYERS:
            raise ConfigError("", f"{len(layers):,} layers, wanted at most {MAX_LAYERS:,}")
        converted = _convert_layers(layers, where)
        dtype = _find_dtype(layers, where)
    except ConfigError as error:
        if error.where or "\n" in error.message:
            raise
        # It is about the model as a whole.
        raise ConfigError(where, error.message) from error
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, StopIteration, RecursionError) as error:
        reason = f"{type(error).__name__}: {shorten_name(str(error))}"
        raise ConfigError(where, f"is not as Keras writes a model ({reason}): {_WRITE}") from error
    numbered = number_layers(converted, _stem)
    names = {new.name: old.name for new, old in zip(numbered, converted, strict=True)}
    return Network(shape, numbered, dtype, MappingProxyType(names))


def _check_version(model: object, where: Location) -> None:
    if not isinstance(model, Mapping) or not {"class_name", "config"} <= model.keys():
        raise ConfigError(where, f"is no Keras model: {_WRITE}")
    if "keras_version" in model:
        version = shorten_name(str(model["keras_version"]))
        raise ConfigError(where, f"was written by Keras {version}, wanted Keras 3: build the model there, and {_WRITE}")


def _convert_layers(layers: tuple[Layer, ...], where: Location) -> list[Layer]:
    converted: list[Layer] = []
    problems: list[ConfigError] = []
    for layer in layers:
        place = where / layer.name
        try:
            converted.append(replace(layer, arguments=read_arguments(layer, place), where=place))
        except ConfigError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError("", "\n".join(map(str, problems)))
    return converted


def _find_dtype(layers: tuple[Layer, ...], where: Location) -> str:
    """Return the type of all layers, which Keras writes as its name or as a policy with a name."""
    first = ""
    for layer in layers:
        dtype = layer.arguments.get("dtype", "float32")
        name = str(dtype["config"]["name"] if isinstance(dtype, Mapping) else dtype)
        if name not in DTYPES:
            raise ConfigError(
                where / layer.name,
                f"{name!r} is not possible: weights and computation have one type, float32 or float64; types of fewer "
                "bits, alone or mixed, are not supported",
            )
        first = first or name
        if name != first:
            raise ConfigError(where / layer.name, f"has the type {name}, and other layers {first}: wanted one type")
    return first


def _stem(layer: Layer) -> str:
    return "norm" if layer.class_name in NORM_CLASSES else catalog.snake_case(layer.class_name)
