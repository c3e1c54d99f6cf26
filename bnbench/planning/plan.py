"""Turns an experiment into a plan: its trials and their ids, grouped into cohorts that share a compiled program."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, product
from typing import Any

from bnbench.analysis.labels import RateFormat, format_setting
from bnbench.config.schema import Data, Experiment, Train
from bnbench.data.splits import SplitSizes, split_sizes
from bnbench.data.types import DatasetInfo
from bnbench.errors import ConfigError
from bnbench.location import Location, origins_named
from bnbench.model import layers, shapes
from bnbench.model.layers import Layer
from bnbench.planning import checks, identity
from bnbench.planning.engine import choose_engine
from bnbench.planning.grid import GridPoint, grid_points, with_variant_training
from bnbench.planning.resolve import resolve_experiment
from bnbench.planning.revisions import ProgramSettings, seed_revisions

# Significant digits of a learning rate in the name of a trial, or more if two rates need them.
NAME_DIGITS = 6


@dataclass(frozen=True)
class Program:
    """What must be compiled: everything that decides an outcome, except the learning rate and the seed."""

    # A hash of the rest.
    key: str
    layers: tuple[Layer, ...]
    data: Data
    # With engine, batch size and loss as resolved.
    train: Train
    facts: DatasetInfo
    sizes: SplitSizes
    # None if the model has a layer whose weights only Keras can count. Then `outputs` and `products` are 0.
    weights: shapes.WeightCounts | None
    # Numbers that all layers together put out for one example.
    outputs: int
    # Multiplications by a weight for one example.
    products: int
    # The variant, for messages.
    where: Location

    @property
    def train_location(self) -> Location:
        """The place of `train` in the experiment file, for messages."""
        return replace(self.where, steps=("train",))

    @property
    def parameters(self) -> int:
        """How many numbers the model holds; 0 if only Keras can count them."""
        return self.weights.total if self.weights else 0

    @property
    def batch_size(self) -> int:
        """Rows in each step."""
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
    # The learning rate as text, with the digits that tell it from the other rates of the experiment.
    rate_text: str

    @property
    def name(self) -> str:
        """A name for people: `batchnorm units=50 lr=0.01 seed=0`."""
        axes = "".join(f" {key.rpartition('.')[2]}={format_setting(value)}" for key, value in self.axes.items())
        return f"{self.variant}{axes} lr={self.rate_text} seed={self.seed}"


@dataclass(frozen=True)
class Cohort:
    """The trials that share one program."""

    program: Program
    variant: str
    axes: Mapping[str, Any]
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Plan:
    """All trials of an experiment, in the order of their numbers."""

    experiment: Experiment
    cohorts: tuple[Cohort, ...]

    @property
    def trials(self) -> tuple[Trial, ...]:
        """The trials of all cohorts."""
        return tuple(trial for cohort in self.cohorts for trial in cohort.trials)


def make_plan(experiment: Experiment, describe: Callable[[Data], DatasetInfo], where: Location | str) -> Plan:
    """Return the plan of an experiment.

    Args:
        describe: returns the description of a data set.
        where: the experiment file, for messages; a `Location` also knows which values were overridden.

    Raises:
        ConfigError: settings are unknown or do not fit together, in a variant or at a value of an axis.
    """
    where = Location.of(where)
    experiment = resolve_experiment(experiment, where)
    checks.check_expectations(experiment, where)
    cohorts: list[Cohort] = []
    rates = experiment.sweep.rates()
    rate_text = RateFormat(rates, digits=NAME_DIGITS)
    numbers = count(1)
    first: DatasetInfo | None = None
    for point in grid_points(experiment, where):
        with origins_named(point.where):
            dataset = _describe_data(point, describe)
            first = first or dataset
            checks.check_score_kind(first, dataset, point.where)
            checks.check_variant_params(point.experiment, point.where)
            checks.check_metrics(experiment, dataset, where)
            for name in point.experiment.variants:
                program = _make_program(point, name, dataset)
                settings = ProgramSettings(program.data, program.facts, program.layers, program.train)
                trial_id = partial(identity.trial_id, program.key, revisions=seed_revisions(settings))
                trials = tuple(
                    Trial(trial_id(rate, seed), next(numbers), name, rate, seed, point.axes, rate_text(rate))
                    for rate, seed in product(rates, experiment.sweep.seed_list())
                )
                cohorts.append(Cohort(program, name, point.axes, trials))
            checks.check_used_params(point.experiment, point.where)
    return Plan(experiment, tuple(cohorts))


def _describe_data(point: GridPoint, describe: Callable[[Data], DatasetInfo]) -> DatasetInfo:
    try:
        return describe(point.experiment.data)
    except ConfigError as error:
        # `data` does not know the experiment file, so the place is added here. Only the key `classes` can be wrong.
        raise ConfigError(point.where / "data" / "classes", error.message) from error


def _make_program(point: GridPoint, name: str, dataset: DatasetInfo) -> Program:
    experiment, where = with_variant_training(point.experiment, name, point.where)
    flat = _flatten_variant(point, name, dataset)
    train, data = experiment.train, experiment.data
    train = train.model_copy(update={"engine": choose_engine(train, flat)})
    checks.check_rates(experiment.sweep.rates(), train.dtype, where)
    sizes = split_sizes(data, dataset, where)
    checks.check_batch(train, sizes, where)
    checks.check_program(train, flat, dataset, name, where)
    place = where / "variants" / name
    traced = shapes.trace_shapes(flat, dataset.shape, place)
    if traced:
        checks.check_traced(traced, flat, dataset, train, place)
    weights, outputs, products = (traced.weights, traced.outputs, traced.products) if traced else (None, 0, 0)
    key = identity.program_key(data, dataset, flat, train)
    return Program(key, flat, data, train, dataset, sizes, weights, outputs, products, place)


def _flatten_variant(point: GridPoint, name: str, dataset: DatasetInfo) -> tuple[Layer, ...]:
    model, variant = point.experiment.model, point.experiment.variants[name]
    place = point.where / "variants" / name
    norm = layers.NormSlot(variant.norm.name, variant.norm.arguments, variant.norm_position, place / "norm")
    params = {**model.params, **variant.params}
    if dataset.classes:
        params["classes"] = len(dataset.classes)
    items = variant.layers if variant.layers is not None else model.layers
    where = place / "layers" if variant.layers is not None else point.where / "model" / "layers"
    flat = layers.flatten_layers(items, params, norm, where)
    if not flat:
        raise ConfigError(where, "no layer is left")
    return flat
