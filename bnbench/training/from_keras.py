"""Calls the `build` function of a user and turns the Keras models that it returns into lists of layers.

Only the architecture of a model is read. Its weights, and code of its own, do not travel.
"""

import inspect
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from bnbench.errors import ConfigError, shorten
from bnbench.location import Location
from bnbench.model import arguments, catalog
from bnbench.model.layer import Layer
from bnbench.model.network_file import Network, read_network
from bnbench.training.builder import RANDOM_STATE

# `build` is called under each of these seeds, and the clone of a model is made under the last one.
SEEDS = (1, 2, 3)
WANTED = "return keras.Sequential(...) or keras.Model(inputs, outputs)"


@dataclass(frozen=True)
class Call:
    """One call of `build`."""

    build: Callable[..., object]
    # The name of the variant, and its arguments.
    variant: str
    given: Mapping[str, object]

    @property
    def where(self) -> str:
        """The place of the variant, for messages."""
        return f"variants.{self.variant}"

    def __str__(self) -> str:
        return f"{getattr(self.build, '__name__', 'build')}({', '.join(_described(self.given))})"


def _described(given: Mapping[str, object]) -> Iterator[str]:
    for name, value in given.items():
        yield f"{name}={getattr(value, '__name__', None) or shorten(value)}"


@dataclass(frozen=True)
class ReadModel:
    """A model that `build` has returned, and its layers."""

    model: keras.Model
    network: Network


def check_build(build: object) -> None:
    """Raise if this is no function that makes models.

    Raises:
        ConfigError: it cannot be called, or is itself a model.
    """
    if isinstance(build, keras.Model):
        raise ConfigError(
            "build",
            f"found a model ({type(build).__name__}), wanted a function that makes a new one at each call: "
            "lambda: keras.Sequential(...)",
        )
    if not callable(build):
        raise ConfigError("build", f"found {shorten(build)}, wanted a function: {WANTED}")


def read_model(call: Call, shape: tuple[int, ...]) -> ReadModel:
    """Call `build` twice, and return the first model with its layers.

    Args:
        call: what to call.
        shape: of one row of the data.

    Raises:
        ConfigError: `build` returns no model of layers of Keras, the same model or another network at each call, or a
            model with loaded weights.
    """
    with _own_randomness():
        (first, after_first), (second, after_second) = (_call(call, shape, seed) for seed in SEEDS[:2])
        if first is second:
            raise ConfigError(
                call.where, f"{call} returns the same model at each call, wanted a new one: make it inside the function"
            )
        keras.utils.set_random_seed(SEEDS[2])
        network, again = (_read_network(model, call, shape) for model in (first, second))
        # Not `clone_model`, which would also make the losses and metrics of the user again.
        clone = type(first).from_config(first.get_config())
    if changed := _difference(network.layers, again.layers):
        raise ConfigError(call.where, f"{call} gives another network at each call: {changed}")
    loaded = _equal_variables(first, second) - _equal_variables(first, clone)
    if loaded and after_first == after_second:
        raise ConfigError(
            call.where,
            f"{call} sets the global random seed, so it cannot be told whether weights are loaded: leave it out, each "
            "seed of the sweep draws its own initial weights",
        )
    if loaded:
        raise ConfigError(call.where, _loaded_weights(first, min(loaded)))
    return ReadModel(first, network)


@contextmanager
def _own_randomness() -> Iterator[None]:
    """Keep the random states of Python and NumPy. Those of Keras and TensorFlow cannot be kept."""
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])


def _call(call: Call, shape: tuple[int, ...], seed: int) -> tuple[keras.Model, object]:
    """Return a model with weights, and the random state of Python after the call."""
    keras.utils.set_random_seed(seed)
    try:
        model = call.build(**call.given)
    except Exception as error:
        error.add_note(f"in {call} of the variant {call.variant!r}")
        raise
    state = random.getstate()
    checked = _check_model(model, call)
    if not checked.built:
        _build(checked, call, shape)
    return checked, state


def _check_model(model: object, call: Call) -> keras.Model:
    """Return what `build` has returned, if it is a Sequential or functional model and no subclass of them."""
    if inspect.isclass(model):
        raise ConfigError(call.where, f"{call} returned the class {model.__name__}, wanted a Keras model: {WANTED}")
    if not isinstance(model, keras.Model):
        found = "nothing" if model is None else f"a {type(model).__name__}"
        raise ConfigError(call.where, f"{call} returned {found}, wanted a Keras model: {WANTED}")
    # `keras.Model(inputs, outputs)` is of a class that has no public name.
    if type(model) is not keras.Sequential and type(model).__module__ != "keras.src.models.functional":
        name = type(model).__name__
        raise ConfigError(
            call.where,
            f"{call} returned a {name}, a subclass of keras.Model, whose code cannot travel: {WANTED}",
        )
    _check_layers(model, call.where)
    return model


def _build(model: keras.Model, call: Call, shape: tuple[int, ...]) -> None:
    try:
        model.build((None, *shape))
    # Keras raises errors of many kinds for a shape that does not fit.
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        raise ConfigError(call.where, f"the model cannot take the rows of x, of shape {shape}: {reason}") from error


def _check_layers(model: keras.Model, where: str) -> None:
    """Raise if a layer, or a function or object in it, is not that of Keras.

    Keras writes down only the name of a function, so that a function of the user would be taken for that of Keras.
    """
    for layer in model.layers:
        name = type(layer).__name__
        if isinstance(layer, keras.Model):
            _check_layers(layer, where)
        elif getattr(keras.layers, name, None) is type(layer):
            if name != "InputLayer":
                _check_values(layer, catalog.resolve_class("layers", name, f"{where}: layer {layer.name!r}"), where)
        elif isinstance(layer, keras.Operation) and not isinstance(layer, keras.layers.Layer):
            # `x + y` of two Keras tensors: `read_network` names the layer that does the same.
            continue
        else:
            raise ConfigError(
                where, f"layer {layer.name!r} ({name}) is no layer of Keras: only layers of Keras by name travel"
            )


def _check_values(layer: keras.layers.Layer, class_name: str, where: str) -> None:
    for argument in arguments.class_signature("layers", class_name).defaults:
        value = getattr(layer, argument, None)
        family = next((f for ending, f in arguments.OBJECTS.items() if argument.endswith(ending)), None)
        if argument.endswith("activation") and callable(value):
            known = keras.activations
        elif family and value is not None:
            known, value = getattr(keras, family), type(value)
        else:
            continue
        name = getattr(value, "__name__", type(value).__name__)
        if getattr(known, name, None) is not value:
            raise ConfigError(
                where,
                f"layer {layer.name!r}: {argument} is {name!r} of your own: only functions and objects of Keras by "
                "name travel",
            )


def _read_network(model: keras.Model, call: Call, shape: tuple[int, ...]) -> Network:
    # As `to_json` has it, but without losses and metrics: those of the user's own cannot always be described.
    kind = {"module": type(model).__module__, "class_name": type(model).__name__, "registered_name": None}
    if type(model) is keras.Sequential:
        kind["module"] = "keras"
    described = json.loads(json.dumps({**kind, "config": model.get_config()}))
    network = read_network(described, Location("", ("variants", call.variant)))
    found = network.shape or shape
    # None stands for any length.
    if len(found) != len(shape) or any(a not in (None, b) for a, b in zip(found, shape, strict=True)):
        raise ConfigError(call.where, f"the model takes rows of shape {found}, and x has rows of shape {shape}")
    return network


def _difference(first: Sequence[Layer], second: Sequence[Layer]) -> str:
    """Say how the networks of two calls differ: `dense_1.units is 12, then 37`; empty if they are equal."""
    if len(first) != len(second):
        return f"it has {len(first)} layers, then {len(second)}"
    for one, other in zip(first, second, strict=True):
        if one.class_name != other.class_name:
            return f"a layer is {one.class_name}, then {other.class_name}"
        if one.inputs != other.inputs:
            return f"{one.name} takes {_inputs(one)}, then {_inputs(other)}"
        for key in {**one.arguments, **other.arguments}:
            values = [layer.arguments.get(key, "its default") for layer in (one, other)]
            if values[0] != values[1]:
                return f"{one.name}.{key} is {', then '.join(map(shorten, values))}"
    return ""


def _inputs(layer: Layer) -> str:
    return ", ".join(layer.inputs) or "the layer before it"


def _equal_variables(one: keras.Model, other: keras.Model) -> set[int]:
    """Return the positions of the weights that have the same values in two models."""
    pairs = enumerate(zip(one.variables, other.variables, strict=True))
    return {i for i, (a, b) in pairs if a.name != RANDOM_STATE and np.array_equal(_values(a), _values(b))}


def _values(variable: Any) -> Any:
    return keras.ops.convert_to_numpy(variable)


def _loaded_weights(model: keras.Model, position: int) -> str:
    variable = model.variables[position]
    layer = next((one for one in model.layers if any(v is variable for v in one.variables)), None)
    advice = ""
    if isinstance(layer, keras.layers.Normalization):
        advice = ", or leave the layer out and give scale='standard'"
    return (
        f"{variable.path} holds weights that were loaded or set: they are the same at each call, and other than its "
        "initializer gives. Only the architecture travels, and each seed draws its own initial weights: return a model "
        f"with new weights{advice}"
    )
