"""Turns an experiment into a plan: its trials and their ids, grouped into cohorts that share a compiled program."""

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate, chain
from types import MappingProxyType
from typing import Any, overload

from bnbench.analysis.asked_probes import ASKED_PROBES, LOOKS
from bnbench.analysis.labels import RateFormat, format_setting
from bnbench.config.schema import Data, Experiment, Train
from bnbench.data.splits import SplitSizes, split_sizes
from bnbench.data.types import DatasetInfo
from bnbench.errors import ConfigError, SettingsError
from bnbench.location import Location, origins_named
from bnbench.model import shapes
from bnbench.model.layers import Layer
from bnbench.model.network_file import Network
from bnbench.planning import checks, identity, steps
from bnbench.planning.design_checks import check_design
from bnbench.planning.engine import choose_engine
from bnbench.planning.grid import GridPoint, check_values_differ, grid_points, with_variant_training
from bnbench.planning.part import Part
from bnbench.planning.resolve import resolve_experiment
from bnbench.planning.revisions import ProgramSettings, Revision, trial_revisions
from bnbench.planning.size import check_size
from bnbench.planning.variant_layers import SharedLayers

# Significant digits of a learning rate in the name of a trial, or more if two rates need them.
NAME_DIGITS = 6
# The forms of a training in an adaptive design.
WHOLE, SHORT, EARLY = "whole", "short", "early"


@dataclass(frozen=True)
class Program:
    """What must be compiled: everything that decides an outcome, except the learning rate and the seed."""

    # A hash of the rest.
    key: str
    layers: tuple[Layer, ...]
    data: Data
    # With engine, batch size, loss and shares of the training as resolved.
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
    # Which weights a run saves as a model: `none`, `final` or `best`. This changes no outcome.
    save_models: str = "none"
    # The name of the graphics cards that train it; empty for the processor.
    device: str = ""
    # What its trials measure because the experiment asks for it: the name of each probe and its number of looks. This
    # changes no outcome.
    probes: tuple[tuple[str, int], ...] = ()

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
        return steps.rows_per_step(self.train, self.sizes.train)

    @property
    def steps_per_epoch(self) -> int:
        """Updates between two validations."""
        return steps.steps_per_epoch(self.train, self.sizes.train)


@dataclass(frozen=True, slots=True)
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
class TrialGrid(Sequence[Trial]):
    """Trials of one program: all combinations of rates and seeds, or those at some positions.

    Each trial is made when it is asked for, because a plan may have a million of them.
    """

    program: str
    variant: str
    axes: Mapping[str, Any]
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    # The number of the trial at position 0.
    first: int
    # Position i is rate i // len(seeds) and seed i % len(seeds).
    positions: Sequence[int]
    # The rates as text, with the digits that tell them apart.
    rate_texts: tuple[str, ...]
    # The revisions that touch only some trials of the program.
    revisions: tuple[Revision, ...] = ()

    def __len__(self) -> int:
        return len(self.positions)

    @overload
    def __getitem__(self, index: int) -> Trial: ...

    @overload
    def __getitem__(self, index: slice) -> "TrialGrid": ...

    def __getitem__(self, index: int | slice) -> "Trial | TrialGrid":
        chosen = self.positions[index]
        return self._trial(chosen) if isinstance(chosen, int) else replace(self, positions=chosen)

    def __iter__(self) -> Iterator[Trial]:
        return map(self._trial, self.positions)

    def ids(self) -> Iterator[str]:
        """Return the ids of the trials, which takes a third of the time of making the trials."""
        return map(self._id, self.positions)

    def without(self, ids: Collection[str]) -> "TrialGrid":
        """Return the trials whose ids are not among these."""
        if not ids:
            return self
        kept = (position for position, trial in zip(self.positions, self.ids(), strict=True) if trial not in ids)
        return replace(self, positions=array("L", kept))

    def with_length(self, count: int) -> "TrialGrid":
        """Return as many trials, to estimate how long they take; there may be more of them than the grid has."""
        return replace(self, positions=range(count))

    def of_seeds(self, seeds: Collection[int]) -> "TrialGrid":
        """Return the trials with these seeds."""
        count = len(self.seeds)
        kept = (position for position in self.positions if self.seeds[position % count] in seeds)
        return replace(self, positions=array("L", kept))

    def count_by_seed(self) -> Counter[int]:
        """Return the number of trials with each seed."""
        return Counter(self.seeds[position % len(self.seeds)] for position in self.positions)

    def count_by_rate(self) -> Counter[float]:
        """Return the number of trials with each learning rate."""
        return Counter(self.rates[position // len(self.seeds)] for position in self.positions)

    def with_seeds(self, seeds: tuple[int, ...], before: int) -> "TrialGrid":
        """Return all combinations of the rates and other seeds, after `before` grids of the same size."""
        positions = range(len(self.rates) * len(seeds))
        return replace(self, seeds=seeds, first=before * len(positions) + 1, positions=positions)

    def seed_by_seed(self) -> "TrialGrid":
        """Return the same trials in another order: seed after seed, and for each seed the highest rate first."""
        count = len(self.seeds)
        ordered = sorted(self.positions, key=lambda position: (position % count, -(position // count)))
        return replace(self, positions=array("L", ordered))

    def _id(self, position: int) -> str:
        rate, seed = divmod(position, len(self.seeds))
        return identity.trial_id(self.program, self.rates[rate], self.seeds[seed], self.revisions)

    def _trial(self, position: int) -> Trial:
        rate, seed = divmod(position, len(self.seeds))
        number = self.first + position
        return Trial(
            self._id(position),
            number,
            self.variant,
            self.rates[rate],
            self.seeds[seed],
            self.axes,
            self.rate_texts[rate],
        )


@dataclass(frozen=True)
class Cohort:
    """The trials that share one program."""

    program: Program
    variant: str
    axes: Mapping[str, Any]
    trials: TrialGrid


@dataclass(frozen=True)
class Forms:
    """The cohorts of one variant at one value of the further axes, by form.

    Attributes:
        whole: as the experiment says.
        short: None if a short training would be hardly shorter.
        early: the whole one if the experiment has only a few epochs.
    """

    whole: Cohort
    short: Cohort | None
    early: Cohort

    def cohort(self, form: str) -> Cohort:
        """Return the cohort of a form.

        Raises:
            KeyError: there is no such form.
        """
        cohort = {WHOLE: self.whole, SHORT: self.short, EARLY: self.early}[form]
        if cohort is None:
            raise KeyError(form)
        return cohort


@dataclass(frozen=True)
class ChosenCohort:
    """Trials of one program that an adaptive design has chosen one by one."""

    program: Program
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class ChosenPlan:
    """All trials that an adaptive design has chosen so far."""

    cohorts: tuple[ChosenCohort, ...]


@dataclass(frozen=True)
class TrialChain(Sequence[Trial]):
    """The trials of several cohorts, one cohort after the other."""

    cohorts: tuple[Cohort, ...]

    @cached_property
    def _ends(self) -> list[int]:
        return list(accumulate(len(cohort.trials) for cohort in self.cohorts))

    def __len__(self) -> int:
        return self._ends[-1] if self.cohorts else 0

    @overload
    def __getitem__(self, index: int) -> Trial: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Trial, ...]: ...

    def __getitem__(self, index: int | slice) -> Trial | tuple[Trial, ...]:
        chosen = range(len(self))[index]
        return self._trial(chosen) if isinstance(chosen, int) else tuple(map(self._trial, chosen))

    def __iter__(self) -> Iterator[Trial]:
        return chain.from_iterable(cohort.trials for cohort in self.cohorts)

    def _trial(self, index: int) -> Trial:
        cohort = bisect_right(self._ends, index)
        return self.cohorts[cohort].trials[index - self._ends[cohort]]


@dataclass(frozen=True)
class Plan:
    """All trials of an experiment, in the order of their numbers."""

    experiment: Experiment
    cohorts: tuple[Cohort, ...]
    # The networks of the variants that have one.
    networks: Mapping[str, Network] = field(default_factory=dict)
    # The part of the sweep whose trials these are; None for the whole sweep.
    part: Part | None = None
    # For an adaptive design: the forms of the training of each cohort.
    forms: tuple[Forms, ...] = ()

    @property
    def trials(self) -> TrialChain:
        """The trials of all cohorts."""
        return TrialChain(self.cohorts)

    @property
    def device(self) -> str:
        """The name of the graphics cards that train; empty for the processor."""
        return self.cohorts[0].program.device if self.cohorts else ""

    def cohort_of(self, trial: Trial) -> Cohort:
        """Return the cohort that contains a trial of this plan, or that has its variant and setting."""
        return self._cohorts_by_setting[trial.variant, repr(dict(trial.axes))]

    @cached_property
    def _cohorts_by_setting(self) -> dict[tuple[str, str], Cohort]:
        return {(cohort.variant, repr(dict(cohort.axes))): cohort for cohort in self.cohorts}

    def with_seeds(self, count: int) -> "Plan":
        """Return the plan of the same sweep, which must be whole, with the seeds 0 to `count` - 1."""
        sweep = self.experiment.sweep.model_copy(update={"seeds": count})
        grids = [cohort.trials.with_seeds(tuple(range(count)), i) for i, cohort in enumerate(self.cohorts)]
        return replace(
            self,
            experiment=self.experiment.model_copy(update={"sweep": sweep}),
            cohorts=tuple(replace(one, trials=grid) for one, grid in zip(self.cohorts, grids, strict=True)),
        )

    def of_part(self, part: Part | None) -> "Plan":
        """Return the plan with the trials of a part of the sweep; None is the whole sweep.

        Raises:
            ConfigError: the sweep has fewer seeds than parts.
        """
        if part is None:
            return self
        seeds = set(part.seeds(self.experiment.sweep.seed_list()))
        return replace(
            self, cohorts=tuple(replace(one, trials=one.trials.of_seeds(seeds)) for one in self.cohorts), part=part
        )


def make_plan(
    experiment: Experiment,
    describe: Callable[[Data], DatasetInfo],
    where: Location | str,
    networks: Mapping[str, Network] = MappingProxyType({}),
    device: str = "",
) -> Plan:
    """Return the plan of an experiment.

    Args:
        describe: returns the description of a data set.
        where: the experiment file, for messages; a `Location` also knows which values were overridden.
        networks: the networks of the variants that have one.
        device: the name of the graphics cards that train; empty for the processor.

    Raises:
        ConfigError: settings are unknown or do not fit together, in a variant or at a value of an axis.
    """
    where = Location.of(where)
    check_size(experiment, where)
    check_design(experiment, where)
    experiment = resolve_experiment(experiment, where)
    checks.check_expectations(experiment, where)
    rates, seeds = tuple(experiment.sweep.rates()), tuple(experiment.sweep.seed_list())
    positions = range(len(rates) * len(seeds))
    shared = SharedLayers(networks)
    cohorts: list[Cohort] = []
    rate_texts = tuple(map(RateFormat(rates, digits=NAME_DIGITS), rates))
    first: DatasetInfo | None = None
    for point in grid_points(experiment, where):
        with origins_named(point.where):
            dataset = _describe_data(point, describe)
            first = first or dataset
            checks.check_score_kind(first, dataset, point.where / "data" / point.experiment.data.kind)
            checks.check_shift(point.experiment.data, dataset, point.where)
            checks.check_target_scale(point.experiment.data, dataset, point.where)
            checks.check_variant_params(point.experiment, point.where)
            checks.check_metrics(experiment, dataset, where)
            for name in point.experiment.variants:
                program = _make_program(point, name, dataset, shared, device)
                settings = ProgramSettings(program.data, program.facts, program.layers, program.train)
                number = len(cohorts) * len(positions) + 1
                trials = TrialGrid(
                    program.key,
                    name,
                    point.axes,
                    rates,
                    seeds,
                    number,
                    positions,
                    rate_texts,
                    trial_revisions(settings),
                )
                cohorts.append(Cohort(program, name, point.axes, trials))
            checks.check_used_params(point.experiment, point.where)
    check_values_differ(experiment.sweep.grid, [cohort.program.key for cohort in cohorts], where)
    return Plan(experiment, tuple(cohorts), networks)


def _describe_data(point: GridPoint, describe: Callable[[Data], DatasetInfo]) -> DatasetInfo:
    try:
        return describe(point.experiment.data)
    except SettingsError as error:
        raise ConfigError("", locate_problems(error, point.where / "data")) from error


def locate_problems(error: SettingsError, where: Location) -> str:
    """Return a line for each problem, with its place in the experiment file, which the room `data` does not know.

    Args:
        error: the problems.
        where: the place of `data`.
    """
    return "\n".join(f"{_place_of(steps, where)}: {message}" for steps, message in error.problems)


def _place_of(steps: Iterable[str | int], where: Location) -> Location:
    for step in steps:
        where /= step
    return where


def _make_program(point: GridPoint, name: str, dataset: DatasetInfo, shared: SharedLayers, device: str) -> Program:
    experiment, where = with_variant_training(point.experiment, name, point.where)
    train, data, place = experiment.train, experiment.data, where / "variants" / name
    flat = shared.of(point, name, dataset, train)
    train = train.model_copy(update={"engine": choose_engine(train, flat)})
    checks.check_rates(experiment.sweep.rates(), train.dtype, where)
    sizes = split_sizes(data, dataset, where)
    checks.check_batch(train, sizes, where)
    train = steps.resolve_steps(train, sizes.train, where / "train")
    checks.check_program(train, flat, dataset, name, where)
    traced = shapes.trace_shapes(flat, dataset.shape, place)
    if traced:
        checks.check_traced(traced, flat, dataset, train, place)
    weights, outputs, products = (traced.weights, traced.outputs, traced.products) if traced else (None, 0, 0)
    key = identity.program_key(data, dataset, flat, train, device)
    models = experiment.save_models
    probes = asked_probes(experiment)
    return Program(key, flat, data, train, dataset, sizes, weights, outputs, products, place, models, device, probes)


def asked_probes(experiment: Experiment) -> tuple[tuple[str, int], ...]:
    """Return the name of each probe that an experiment asks for, and its number of looks."""
    return tuple(
        (probe.name, probe.arguments.get(LOOKS, ASKED_PROBES[probe.name].looks or 0)) for probe in experiment.probes
    )
