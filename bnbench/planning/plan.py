"""Experiment -> trials and cohorts; ids and readable names."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from itertools import product
from typing import Any

from bnbench.analysis.labels import format_value
from bnbench.config import expectations
from bnbench.config.load import check_config, default_baseline
from bnbench.config.overrides import set_key
from bnbench.config.schema import Data, Experiment, Train, Variant
from bnbench.data.splits import SplitSizes, split_sizes
from bnbench.data.types import DatasetInfo
from bnbench.errors import ConfigError, did_you_mean
from bnbench.model import layers, shapes
from bnbench.model.layers import Layer
from bnbench.planning import keras_checks, task

ENGINE_VERSION = 1  # raised whenever the same settings would train to other figures
MAX_WEIGHTS = 1_000_000_000  # 4 GB of float32, and several times that in training


@dataclass(frozen=True)
class Program:
    """What must be compiled: all that decides an outcome but the learning rate and the seed."""

    key: str  # hash of the rest
    layers: tuple[Layer, ...]
    data: Data
    train: Train  # engine, batch size and loss as resolved
    facts: DatasetInfo
    sizes: SplitSizes
    weights: shapes.WeightCounts | None  # None: holds a layer that only Keras can count
    outputs: int  # numbers that all layers together give out for one example; 0 where only Keras knows
    products: int  # multiplications by a weight that take place for them; 0 where only Keras knows
    where: str  # the place in the file, for messages

    @property
    def parameters(self) -> int:
        """Numbers that the model holds; 0 where only Keras can count them."""
        return self.weights.total if self.weights else 0

    @property
    def batch_size(self) -> int:
        """Rows a step."""
        return self.sizes.train if self.train.batch_size == "full" else self.train.batch_size

    @property
    def steps_per_epoch(self) -> int:
        """Updates between two validations."""
        return self.train.steps_per_epoch or -(-self.sizes.train // self.batch_size)


@dataclass(frozen=True)
class Trial:
    """One training."""

    id: str
    number: int
    variant: str
    learning_rate: float
    seed: int
    axes: Mapping[str, Any]

    @property
    def name(self) -> str:
        """For people: `batchnorm units=50 lr=0.01 seed=0`."""
        axes = "".join(f" {key.rpartition('.')[2]}={format_value(value)}" for key, value in self.axes.items())
        return f"{self.variant}{axes} lr={self.learning_rate:g} seed={self.seed}"


@dataclass(frozen=True)
class Cohort:
    """The trials that share one program."""

    program: Program
    variant: str
    axes: Mapping[str, Any]
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Plan:
    """All that an experiment asks for, in the order in which it is numbered."""

    experiment: Experiment
    cohorts: tuple[Cohort, ...]

    @property
    def trials(self) -> tuple[Trial, ...]:
        """In the order of their numbers."""
        return tuple(trial for cohort in self.cohorts for trial in cohort.trials)


def make_plan(experiment: Experiment, describe: Callable[[Data], DatasetInfo], where: str) -> Plan:
    """The plan of an experiment; `describe` tells the facts of a data set, `where` names the file in messages.

    Raises:
        ConfigError: settings that do not fit together, in any variant and at any value of any axis.
    """
    experiment = keras_checks.resolve_experiment(experiment, where)
    cohorts: list[Cohort] = []
    number = 0
    rates, seeds = experiment.sweep.rates(), experiment.sweep.seed_list()
    _check_statements(experiment, where)
    for axes, at_axes in _points(experiment, where):
        facts = describe(at_axes.data)
        _check_variants(at_axes, where)
        for key in ("claims", "published"):
            for i, statement in enumerate(getattr(experiment, key)):
                task.check_metric(statement.metric, len(facts.classes), f"{where}: {key}[{i}].metric")
        for name, variant in at_axes.variants.items():
            program = _program(at_axes, variant, facts, where, f"variants.{name}")
            trials = []
            for rate, seed in product(rates, seeds):
                number += 1
                trials.append(Trial(_trial_id(program.key, rate, seed), number, name, rate, seed, axes))
            cohorts.append(Cohort(program, name, axes, tuple(trials)))
        _check_params(at_axes, where)
    return Plan(experiment, tuple(cohorts))


def _points(experiment: Experiment, where: str) -> Iterator[tuple[dict[str, Any], Experiment]]:
    """Each combination of the further axes, with the experiment as it is there."""
    grid = experiment.sweep.grid
    for key in grid:
        if key.partition(".")[0] not in {"data", "model", "train"} or "." not in key:
            raise ConfigError(
                f"{where}: sweep.grid.{key}", "wanted a dotted key under data, model or train, as train.batch_size"
            )
        for name, variant in experiment.variants.items():
            _check_axis(key, variant, f"{where}: variants.{name}")
    for values in product(*grid.values()):
        axes = dict(zip(grid, values, strict=True))
        settings: dict[str, Any] = experiment.dump()
        for key, value in axes.items():
            settings = set_key(settings, key, value, f"{where}: sweep.grid.{key}")
        yield axes, _checked(settings, f"{where}: sweep.grid") if axes else experiment


def _checked(settings: Mapping[str, object], where: str) -> Experiment:
    """The experiment that changed settings describe."""
    return keras_checks.resolve_experiment(check_config(settings, where), where)


def _check_axis(key: str, variant: Variant, where: str) -> None:
    """A variant that sets what an axis sweeps would stand in every row of that axis with its own value."""
    part, _, rest = key.partition(".")
    own: Any = {"train": variant.train, "model": {"params": variant.params, "layers": variant.layers}}.get(part, {})
    for step in rest.split("."):
        own = own.get(step) if isinstance(own, dict) else None
    if own is not None:
        raise ConfigError(where, f"sets {key}, which sweep.grid sweeps: leave one of them out")


def _program(experiment: Experiment, variant: Variant, facts: DatasetInfo, where: str, place: str) -> Program:
    train = experiment.train
    if variant.train:
        values = {**experiment.dump(), "train": {**train.model_dump(), **variant.train}}
        train = _checked(values, f"{where}: {place}").train
    flat = _layers(experiment, variant, facts, where, place)
    sizes = split_sizes(experiment.data, facts, where)
    train = train.model_copy(update={"engine": _engine(train, flat)})
    if train.batch_size != "full" and train.batch_size > sizes.train:
        raise ConfigError(
            f"{where}: train.batch_size",
            f"a batch of {train.batch_size} is larger than the {sizes.train} training rows",
        )
    task.check_loss(len(facts.classes), facts.name, train.loss, f"{where}: {place}: train.loss")
    _check_loss(train, flat, f"{where}: {place}")
    if train.pre_activations and not layers.last_activation(flat):
        raise ConfigError(
            f"{where}: {place}: train.pre_activations",
            "no hidden activation is a layer of its own: write {dense: 100}, {activation: relu}",
        )
    traced = shapes.trace_shapes(flat, facts.shape, f"{where}: {place}")
    if traced:
        task.check_output(traced.shape, flat, len(facts.classes), train.loss)
        if traced.weights.total > MAX_WEIGHTS:
            raise ConfigError(f"{where}: {place}", f"{traced.weights.total:,} weights: at most {MAX_WEIGHTS:,}")
    decisive = {
        "engine": ENGINE_VERSION,
        "versions": _versions(),
        "data": experiment.data.model_dump(exclude={"classes"}),  # those are in the fingerprint
        "fingerprint": facts.fingerprint,
        "layers": [[layer.name, layer.class_name, layer.arguments] for layer in flat],
        "train": train.model_dump(exclude=set() if train.pre_activations else {"pre_activations"}),  # older ids stay
    }
    weights, outputs, products = (traced.weights, traced.outputs, traced.products) if traced else (None, 0, 0)
    key, place = _digest(decisive), f"{where}: {place}"
    return Program(key, flat, experiment.data, train, facts, sizes, weights, outputs, products, place)


def _layers(experiment: Experiment, variant: Variant, facts: DatasetInfo, where: str, place: str) -> tuple[Layer, ...]:
    norm = layers.NormSlot(variant.norm.name, variant.norm.arguments, variant.norm_position, f"{where}: {place}.norm")
    params = {**experiment.model.params, **variant.params}
    if facts.classes:
        params["classes"] = len(facts.classes)
    items = variant.layers if variant.layers is not None else experiment.model.layers
    own = f"{where}: {place}.layers" if variant.layers is not None else f"{where}: model.layers"
    flat = layers.flatten_layers(items, params, norm, own)
    if not flat:
        raise ConfigError(own, "no layer is left")
    return flat


def _engine(train: Train, flat: tuple[Layer, ...]) -> str:
    """XLA where every layer is fast there; else the graph's own kernels."""
    if train.engine != "auto":
        return train.engine
    return "xla" if all(layer.class_name in XLA_LAYERS for layer in flat) else "graph"


# Convolutions are slow in XLA on a CPU, and so is what draws a random number for each element (dropout); some layers
# that move images do not compile there at all. A layer that is not named here has not been timed (docs/performance.md).
XLA_LAYERS = frozenset(
    {
        "Dense", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "ActivityRegularization", "Flatten",
        "Reshape", "Permute", "Rescaling", "Identity", "UnitNormalization", "SpatialDropout2D", "MaxPooling2D",
        "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "ZeroPadding2D", "UpSampling2D",
        "RandomFlip", "RandomContrast", "RandomBrightness", "LSTM", "GRU", "SimpleRNN", *layers.NORM_CLASSES.values(),
    }
)  # fmt: skip


def _check_loss(train: Train, flat: tuple[Layer, ...], where: str) -> None:
    """A softmax at the end and a loss from logits would train a softmax of a softmax, silently."""
    last = flat[-1]
    squashed = last.class_name == "Softmax" or last.arguments.get("activation") in {"softmax", "log_softmax", "sigmoid"}
    if squashed and train.loss.arguments.get("from_logits"):
        ending = last.arguments.get("activation", "softmax")
        raise ConfigError(
            last.where,
            f"the model ends in {ending}, but the loss is taken from logits: leave it out, "
            f"or set train.loss: {{{train.loss.name}: {{from_logits: false}}}} ({where})",
        )


def _check_variants(experiment: Experiment, where: str) -> None:
    """A variant sets only parameters that the model has."""
    known = experiment.model.params
    if "classes" in known:
        raise ConfigError(f"{where}: model.params.classes", "$classes is that of the data: choose another name")
    for name, variant in experiment.variants.items():
        for param in variant.params:
            if param not in known:
                near = did_you_mean(param, known)
                place = f"{where}: variants.{name}.params.{param}"
                raise ConfigError(place, f"not set under model.params{near}: a variant changes what stands there")


def _check_params(experiment: Experiment, where: str) -> None:
    """A parameter that no layer uses is a slip of the pen, in the file or in an axis of the grid."""
    variants = experiment.variants.values()
    lists = [experiment.model.layers, *(v.layers or [] for v in variants), *(v.norm.arguments for v in variants)]
    used = set().union(*map(layers.used_params, lists))
    for param in experiment.model.params:
        if param not in used:
            near = did_you_mean(param, used)
            raise ConfigError(f"{where}: model.params.{param}", f"never used{near}: no layer says ${param}")


def _check_statements(experiment: Experiment, where: str) -> None:
    """Claims and published figures speak of variants, rates and values that are swept."""
    names, sweep = list(experiment.variants), experiment.sweep
    known = expectations.ClaimScope(names, default_baseline(names), sweep.rates(), sweep.grid)
    for i, claim in enumerate(experiment.claims):
        expectations.check_claim(claim, known, f"{where}: claims[{i}]")
    for i, published in enumerate(experiment.published):
        expectations.check_published(published, known, f"{where}: published[{i}]")
    _check_watched(experiment, where)


def _check_watched(experiment: Experiment, where: str) -> None:
    """A statement about pre-activations needs them."""
    trained = [experiment.train.model_dump(), *(variant.train for variant in experiment.variants.values())]
    if any(train.get("pre_activations") for train in trained):
        return
    for key in ("claims", "published"):
        for i, statement in enumerate(getattr(experiment, key)):
            if statement.metric == "pre_activation_drift":
                raise ConfigError(
                    f"{where}: {key}[{i}].metric", f"{statement.metric} needs train.pre_activations: true"
                )


@cache
def _versions() -> dict[str, str]:
    """Of the libraries whose arithmetic decides the figures; a patch release is taken to leave it alone."""
    return {name: ".".join(version(name).split(".")[:2]) for name in ("keras", "tensorflow")}


def _digest(value: object) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _trial_id(program: str, rate: float, seed: int) -> str:
    return _digest([program, rate, seed])
