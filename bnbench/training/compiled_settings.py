"""Turns the optimizer and the loss of a compiled Keras model into keys of `train`."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras

from bnbench.errors import ConfigError, shorten
from bnbench.model import arguments, catalog
from bnbench.model.graph import input_names
from bnbench.model.layer import INPUT, Layer
from bnbench.model.network_file import Network
from bnbench.model.schedule_arguments import RATE_ARGUMENTS

# Layers that pass on what they take, one number for each number.
PASSING = frozenset({"Flatten", "Reshape", "Permute", "Dropout", "Identity", "ActivityRegularization"})
# Layers that are an activation -> its name.
ACTIVATIONS = {"Softmax": "softmax", "ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu"}
# The activations that make probabilities.
PROBABILITIES = frozenset({"softmax", "sigmoid"})
LOGITS = "linear"
# What a loss has in its config besides the arguments that a config may give.
OF_LOSSES = frozenset({"name", "dtype", "reduction"})
FROM_LOGITS = "from_logits"
# Significant digits of a factor of a schedule, so that 0.01 / 0.1 is 0.1.
DIGITS = 12


@dataclass(frozen=True)
class Setup:
    """What decides which settings a model trains with, besides the model itself."""

    # Of the caller; they count more than what the model was compiled with. Names, mappings, or Keras objects.
    optimizer: object
    loss: object
    # How many classes the data have; 0 if each row has a number.
    classes: int
    # For messages: `variants.plain`.
    where: str


@dataclass(frozen=True)
class CompiledSettings:
    """Keys of `train`, and what was given to `compile` but is not used."""

    train: Mapping[str, object]
    notes: tuple[str, ...] = ()


def read_settings(model: keras.Model, network: Network, setup: Setup) -> CompiledSettings:
    """Return what a model trains with: as the caller says, else as it was compiled, else the default.

    Args:
        model: compiled or not.
        network: the same model as a list of layers.
        setup: what the caller says.

    Raises:
        ConfigError: the optimizer or the loss is none of Keras' own, or the loss contradicts the last layer.
    """
    optimizer = setup.optimizer if setup.optimizer is not None else model.optimizer if model.compiled else None
    train: dict[str, object] = {} if network.dtype == "float32" else {"dtype": network.dtype}
    notes = _unused(model) if model.compiled else []
    if isinstance(optimizer, str | Mapping):
        # A name or mapping as in a config, which is checked as one.
        train["optimizer"] = optimizer
    elif optimizer is not None:
        settings, note = _read_optimizer(optimizer, setup.where)
        train |= settings
        notes += note
    if isinstance(setup.loss, Mapping):
        return CompiledSettings({**train, "loss": setup.loss}, tuple(notes))
    loss = setup.loss if setup.loss is not None else _compiled_loss(model)
    named, note = _read_loss(loss, network.layers, model.output_shape[-1], setup)
    return CompiledSettings({**train, "loss": named}, (*notes, *note))


def _compiled_loss(model: keras.Model) -> object:
    """Return the loss that a model was compiled with; one for each output may be in a mapping or a list."""
    loss = model.loss if model.compiled else None
    if isinstance(loss, Mapping | list | tuple) and len(loss) == 1:
        return next(iter(loss.values())) if isinstance(loss, Mapping) else loss[0]
    return loss


def _unused(model: keras.Model) -> list[str]:
    """Return what was given to `compile` and has no effect here. Metrics are left out: all scores are measured."""
    with warnings.catch_warnings():
        # Keras warns of lambdas, which are not run.
        warnings.simplefilter("ignore")
        given = model.get_compile_config() or {}
    named = {
        "loss_weights": given.get("loss_weights") is not None,
        "weighted_metrics": bool(given.get("weighted_metrics")),
        "steps_per_execution": (given.get("steps_per_execution") or 1) != 1,
        "run_eagerly": bool(given.get("run_eagerly")),
    }
    return [f"{name} of compile() is not used" for name, was_given in named.items() if was_given]


def _read_optimizer(optimizer: object, where: str) -> tuple[dict[str, object], list[str]]:
    """Return `optimizer` and `schedule` of `train`, and what is said about the learning rate."""
    known = _check_public(optimizer, "optimizers", keras.optimizers.Optimizer, where)
    given: dict[str, Any] = known.get_config()
    default = type(known)().get_config()
    rate = given.pop("learning_rate")
    named = _named(type(known).__name__, _other_than(given, default))
    if isinstance(rate, Mapping):
        return {"optimizer": named, "schedule": _read_schedule(known._learning_rate, where)}, []
    said = f"the learning rate of compile(), {rate:.6g}, is not used: learning_rate is swept"
    return {"optimizer": named}, [said] if rate != default["learning_rate"] else []


def _read_schedule(schedule: object, where: str) -> dict[str, object]:
    """Return a schedule of learning rates as one of factors, which is 1 at the swept rate."""
    known = _check_public(schedule, "schedules", keras.optimizers.schedules.LearningRateSchedule, where)
    class_name, given = type(known).__name__, known.get_config()
    warms_up = given.get("warmup_target") is not None
    highest = given["warmup_target"] if warms_up else given.get("initial_learning_rate") or given["values"][0]
    for name in RATE_ARGUMENTS & given.keys():
        given[name] = _divided(given[name], highest)
    if not warms_up:
        given.pop("initial_learning_rate", None)
    return _named(class_name, _other_than(given, arguments.class_signature("schedules", class_name).defaults))


def _divided(value: Any, by: float) -> Any:
    if value is None:
        return None
    if isinstance(value, list | tuple):
        return [_divided(one, by) for one in value]
    return float(f"{float(value) / float(by):.{DIGITS}g}")


def _read_loss(
    loss: object, layers: Sequence[Layer], outputs: int, setup: Setup
) -> tuple[Mapping[str, object], list[str]]:
    """Return `loss` of `train`, and what is said about it."""
    if isinstance(loss, keras.losses.Loss):
        return _read_loss_object(loss, layers, setup.where), []
    name = _default_loss(outputs, setup.classes) if loss is None else _loss_name(loss, setup.where)
    class_name = catalog.resolve_class("losses", name, setup.where)
    if FROM_LOGITS not in arguments.class_signature("losses", class_name).defaults:
        return _named(class_name, {}), []
    takes_logits = _puts_out_logits(layers, setup.where)
    said = f"the last layer puts out logits, so the loss {name!r} is taken with from_logits=True"
    return _named(class_name, {FROM_LOGITS: takes_logits}), [said] if takes_logits and loss is not None else []


def _default_loss(outputs: int, classes: int) -> str:
    if not classes:
        return "mean_squared_error"
    return "binary_crossentropy" if (outputs, classes) == (1, 2) else "sparse_categorical_crossentropy"


def _loss_name(loss: object, where: str) -> str:
    """Return the name of a loss that is given as a name or as a function of Keras."""
    if isinstance(loss, str):
        return loss
    name = getattr(loss, "__name__", type(loss).__name__)
    # A function of the same name would otherwise be taken for that of Keras.
    if not callable(loss) or getattr(keras.losses, name, None) is not loss:
        raise ConfigError(where, f"the loss {name} is no loss of Keras: only losses of Keras by name travel")
    return str(name)


def _read_loss_object(loss: keras.losses.Loss, layers: Sequence[Layer], where: str) -> Mapping[str, object]:
    _check_public(loss, "losses", keras.losses.Loss, where)
    class_name, given = type(loss).__name__, dict(loss.get_config())
    signature = arguments.class_signature("losses", catalog.resolve_class("losses", class_name, where)).defaults
    if given.get("reduction", signature["reduction"]) != signature["reduction"]:
        raise ConfigError(
            where,
            f"the loss has reduction={given['reduction']!r}: the mean over the rows of a batch is used, "
            f"{signature['reduction']!r}: leave it out",
        )
    config = {name: value for name, value in given.items() if name not in OF_LOSSES}
    if FROM_LOGITS in config:
        _check_logits(bool(config[FROM_LOGITS]), layers, class_name, where)
    kept = {name: value for name, value in config.items() if name == FROM_LOGITS or value != signature.get(name)}
    return _named(class_name, kept)


def _check_logits(from_logits: bool, layers: Sequence[Layer], class_name: str, where: str) -> None:
    """Raise if the loss does not fit the outputs, logits or probabilities: Keras would train without a warning."""
    last = last_function(layers)
    if (from_logits and last in PROBABILITIES) or (not from_logits and last == LOGITS):
        puts_out = "logits" if last == LOGITS else f"probabilities ({last})"
        raise ConfigError(
            where,
            f"the last layer puts out {puts_out}, but the loss is {class_name}(from_logits={from_logits}): use "
            f"from_logits={not from_logits}",
        )


def _puts_out_logits(layers: Sequence[Layer], where: str) -> bool:
    last = last_function(layers)
    if last not in {LOGITS, *PROBABILITIES}:
        raise ConfigError(
            where,
            f"the last layer ends with {last}, so it cannot be told whether its outputs are logits: end with a layer "
            "without activation, or give the loss as an object, for example "
            "keras.losses.SparseCategoricalCrossentropy(from_logits=True)",
        )
    return last == LOGITS


def last_function(layers: Sequence[Layer]) -> str:
    """Return the name of the activation that gives the outputs of a model; `linear` if there is none."""
    named, taken = {layer.name: layer for layer in layers}, input_names(layers)
    layer = layers[-1]
    while layer.class_name in PASSING and taken[layer.name][0] != INPUT:
        layer = named[taken[layer.name][0]]
    if layer.class_name in ACTIVATIONS:
        return ACTIVATIONS[layer.class_name]
    default = arguments.class_signature("layers", layer.class_name).defaults.get("activation")
    return str(layer.arguments.get("activation", default) or LOGITS)


def _check_public(value: Any, family: str, base: type, where: str) -> Any:
    """Return an object of a class of Keras itself. The code of another class cannot travel."""
    package, _, noun = catalog.FAMILIES[family]
    name = type(value).__name__
    if not isinstance(value, base):
        raise ConfigError(where, f"the {noun} is {shorten(value)}, wanted the name of one, or an object of {package}")
    module: Any = keras.optimizers.schedules if family == "schedules" else getattr(keras, family)
    if getattr(module, name, None) is not type(value):
        raise ConfigError(where, f"the {noun} {name} is none of Keras: only {noun}s of Keras by name travel")
    return value


def _other_than(given: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if name != "name" and value != default.get(name, object)}


def _named(class_name: str, given: Mapping[str, Any]) -> dict[str, object]:
    return {"name": catalog.snake_case(class_name), **given}


def join_settings(
    settings: Mapping[str, CompiledSettings], baseline: str
) -> tuple[dict[str, object], dict[str, dict[str, object]]]:
    """Return the keys of `train` that the baseline has, and for each other variant the keys that differ from them."""
    shared = dict(settings[baseline].train)
    own: dict[str, dict[str, object]] = {}
    for name, one in settings.items():
        missing = object()
        keys = {**dict.fromkeys(shared), **one.train}
        own[name] = {key: one.train.get(key) for key in keys if one.train.get(key, missing) != shared.get(key, missing)}
    return shared, {name: _without_unset(keys) for name, keys in own.items()}


def _without_unset(keys: dict[str, object]) -> dict[str, object]:
    """Return the keys of a variant, with the default for each key that only the baseline has."""
    # As plain values, which the experiment file would have.
    defaults = {"optimizer": "sgd", "dtype": "float32"}
    return {key: defaults.get(key) if value is None else value for key, value in keys.items()}
