"""Compares the loop with `fit` in float64: each trial of several seeds with a `fit` of its own."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from bnbench.data.types import Dataset
from bnbench.model import catalog
from bnbench.planning.plan import Cohort
from bnbench.training import loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.keras_objects import keras_defaults
from support.examples import dataset, facts, make_plan
from support.keras_fit import fit_trial

# The largest relative difference of a weight that counts as equal.
TOLERANCE = 1e-8
# Smaller weights are compared by their difference: the gradient of a bias in front of a batch norm is rounding noise.
SMALL = 1e-2
CLIPPING: tuple[Mapping[str, Any], ...] = ({}, {"clipnorm": 0.05}, {"clipvalue": 0.01}, {"global_clipnorm": 0.1})
SWITCHES: tuple[Mapping[str, Any], ...] = (
    {"weight_decay": 0.05},
    {"gradient_accumulation_steps": 2},
    {"loss_scale_factor": 8.0},
)
# Arguments that give an optimizer further slots, or other ones.
OWN_ARGUMENTS: Mapping[str, Mapping[str, Any]] = {
    "Adafactor": {"clip_threshold": 0.5},
    "Adagrad": {"initial_accumulator_value": 0.3},
    "Adam": {"amsgrad": True},
    "AdamW": {"amsgrad": True},
    "Ftrl": {"initial_accumulator_value": 0.3, "l1_regularization_strength": 0.01},
    "Muon": {"nesterov": False},
    "RMSprop": {"centered": True, "momentum": 0.9},
    "SGD": {"momentum": 0.9, "nesterov": True},
    "ScheduleFreeAdamW": {"warmup_steps": 3},
}


def _behind_a_dense_layer(layer: Any) -> Mapping[str, Any]:
    return {"model": {"layers": [{"dense": 4}, layer, {"dense": "$classes"}]}}


def _of_a_sequence(layer: Any) -> Mapping[str, Any]:
    return {"model": {"layers": [{"reshape": [5, 1]}, layer, {"dense": "$classes"}]}}


def _of_images(layer: Any) -> Mapping[str, Any]:
    return {"shape": (6, 6, 3), "model": {"layers": [layer, "flatten", {"dense": "$classes"}]}}


_RNN = {"units": 3, "dropout": 0.5, "recurrent_dropout": 0.3}
_DENSE = {"units": 3, "kernel_initializer": "orthogonal", "kernel_constraint": "max_norm"}
# Layers with moving statistics or random numbers, and schedules: name -> changes of the small experiment.
WITH_STATE: Mapping[str, Mapping[str, Any]] = {
    "dropout": _behind_a_dense_layer({"dropout": 0.5}),
    "gaussian_dropout": _behind_a_dense_layer({"gaussian_dropout": 0.5}),
    "alpha_dropout": _behind_a_dense_layer({"alpha_dropout": 0.5}),
    "gaussian_noise": _behind_a_dense_layer({"gaussian_noise": 0.5}),
    "spatial_dropout2d": _of_images({"spatial_dropout2d": 0.5}),
    "batch_normalization": _behind_a_dense_layer({"batch_normalization": {"momentum": 0.7, "scale": False}}),
    "renorm": _behind_a_dense_layer({"batch_normalization": {"momentum": 0.7, "renorm": True}}),
    "prelu": _behind_a_dense_layer({"prelu": {"alpha_initializer": "random_uniform"}}),
    "constraint": _behind_a_dense_layer({"dense": _DENSE}),
    "simple_rnn": _of_a_sequence({"simple_rnn": _RNN}),
    "lstm": _of_a_sequence({"lstm": _RNN}),
    "gru": _of_a_sequence({"gru": _RNN}),
    "random_flip": _of_images("random_flip"),
    "random_translation": _of_images({"random_translation": {"height_factor": 0.2, "width_factor": 0.2}}),
    "random_zoom": _of_images({"random_zoom": 0.2}),
    "cosine": {"train__schedule": {"cosine": {"decay_steps": 3}}},
    "warmup": {"train__warmup": {"steps": 3}},
    "warmup_cosine": {"train__warmup": 0.5, "train__schedule": {"cosine": {"decay_steps": "all"}}},
    "warmup_piecewise": {
        "train__warmup": {"steps": 1},
        "train__schedule": {"piecewise_constant": {"boundaries": [0, 1], "values": [0.5, 1, 0.1]}},
    },
    "warmup_of_cosine": {
        "train__schedule": {
            "cosine": {"initial_learning_rate": 0.25, "warmup_target": 1, "warmup_steps": 0.5, "decay_steps": 0.5}
        }
    },
    "inverse_time": {"train__schedule": {"inverse_time": {"decay_steps": 1, "decay_rate": 0.3}}},
    "exponential": {"train__schedule": {"exponential": {"decay_steps": 1, "decay_rate": 0.3}}},
    "cosine_decay_restarts": {
        "train__schedule": {"cosine_decay_restarts": {"first_decay_steps": 2}},
        "train__optimizer": "nadam",
    },
}
Arrays = list[NDArray[Any]]


@dataclass(frozen=True)
class Optimizer:
    """An optimizer with arguments, as in a config."""

    name: str
    arguments: Mapping[str, Any]


def optimizer_names() -> list[str]:
    """Return the classes of all optimizers that a config can name."""
    names = set(catalog._class_names("optimizers").values())
    return sorted(name for name in names if catalog.find_class("optimizers", name))


def all_optimizers() -> Iterator[Optimizer]:
    """Yield every optimizer with every combination of weight decay, clipping, accumulation and loss scale."""
    for name, clipping, *chosen in product(optimizer_names(), CLIPPING, *([{}, switch] for switch in SWITCHES)):
        for own in ({}, OWN_ARGUMENTS.get(name)):
            if own is not None:
                yield Optimizer(name, _merged(own, clipping, *chosen))


def covering_optimizers() -> Iterator[Optimizer]:
    """Yield every optimizer twice: once with some of the four arguments, and once with the others.

    So each optimizer meets each argument and its default, and each two arguments meet in all four ways. The second time
    it has arguments of its own, too.
    """
    for number, name in enumerate(optimizer_names()):
        options = (CLIPPING[1 + number % 3], *SWITCHES)
        for with_own in (False, True):
            chosen = [option for bit, option in enumerate(options) if bool(number >> bit & 1) != with_own]
            yield Optimizer(name, _merged(OWN_ARGUMENTS.get(name, {}) if with_own else {}, *chosen))


def _merged(*mappings: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for mapping in mappings for key, value in mapping.items()}


@contextmanager
def without_compilation() -> Iterator[None]:
    """Run the functions of TensorFlow operation by operation: for a few steps this is faster than compiling them."""
    before = tf.config.functions_run_eagerly()
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(before)


def tiny_cohort(**changes: Any) -> Cohort:
    """Return a cohort of three seeds in float64, with one epoch of four steps, the last of them shorter."""
    small: dict[str, Any] = {
        "data__scale": "none",
        "model": {"layers": [{"dense": "$classes"}]},
        "variants": {"plain": {}},
        "train__dtype": "float64",
        "train__engine": "graph",
        "train__epochs": 1,
        "train__batch_size": 4,
        "sweep__learning_rate": [0.01],
        "sweep__seeds": 3,
    }
    shape = changes.pop("shape", (5,))
    return make_plan(facts(shape, rows=25), **(small | changes)).cohorts[0]


def trained_weights(cohort: Cohort, data: Dataset) -> list[Arrays]:
    """Return the values of all variables of the model after each trial, all trained on one program."""
    with keras_defaults(cohort.program.train.dtype), without_compilation():
        compiled = CompiledProgram(cohort.program, data)
        found = []
        for trial in cohort.trials:
            start = compiled.start(trial.seed)
            compiled.reset(start, trial.learning_rate)
            for order in loop.epoch_orders(cohort.program, start.parts.train, trial.seed):
                compiled.train_epoch(order)
            found.append([variable.numpy() for variable in compiled.model.variables])
    return found


def largest_difference(ours: Arrays, theirs: Arrays) -> float:
    """Return the largest relative difference of two lists of arrays."""
    pairs = zip(ours, theirs, strict=True)
    return max(float(np.max(np.abs(a - b) / (np.abs(b) + SMALL), initial=0.0)) for a, b in pairs)


def compare_with_fit(cohort: Cohort) -> tuple[float, bool]:
    """Train each trial of a cohort on one program, then the first one again, and each with a `fit` of its own.

    Returns:
        The largest relative difference to `fit` of any variable of the model, and whether the first trial had the same
        bits both times.
    """
    data = dataset(cohort.program.facts)
    trials: Sequence[Any] = (*cohort.trials, cohort.trials[0])
    *ours, again = trained_weights(Cohort(cohort.program, cohort.variant, cohort.axes, tuple(trials)), data)
    differences = []
    for trial, weights in zip(cohort.trials, ours, strict=True):
        model = fit_trial(cohort.program, data, trial, metrics=(), validate=False).model
        differences.append(largest_difference(weights, [variable.numpy() for variable in model.variables]))
    return max(differences), all(map(np.array_equal, ours[0], again))
