"""The further axes of a sweep: the experiment as it is at each combination of their values."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, product
from math import prod
from typing import Any

from bnbench.config.load import check_config
from bnbench.config.overrides import set_key
from bnbench.config.renamed import current_setting
from bnbench.config.schema import Experiment, Sweep, Variant
from bnbench.errors import ConfigError, shorten
from bnbench.location import Location
from bnbench.planning.resolve import resolve_experiment

SWEEPABLE = ("data", "model", "train")
# What an experiment says about its results: no axis changes it.
_ABOUT_RESULTS = ("claims", "published", "source_figures")
_SHORT = Sweep(learning_rate=[1.0], seeds=1)


@dataclass(frozen=True)
class GridPoint:
    """One combination of the values of the further axes."""

    axes: Mapping[str, Any]
    experiment: Experiment
    where: Location


def grid_points(experiment: Experiment, where: Location) -> Iterator[GridPoint]:
    """Yield each combination of the further axes; one without axes if the sweep has none.

    Raises:
        ConfigError: an axis or one of its values is wrong, or a variant sets what an axis sweeps.
    """
    for check in axis_checks(experiment, where):
        check()
    for make_point in point_makers(experiment, where):
        yield make_point()


def axis_checks(experiment: Experiment, where: Location) -> Iterator[Callable[[], None]]:
    """Yield a check for each further axis, which raises a ConfigError if its key is wrong."""
    current: dict[str, str] = {}
    for key in experiment.sweep.grid:
        yield partial(_check_axis, key, experiment, where)
        other = current.setdefault(current_setting(key, None)[0], key)
        if other != key:
            yield partial(_refuse_second, key, other, where)


def point_makers(experiment: Experiment, where: Location) -> Iterator[Callable[[], GridPoint]]:
    """Yield a function for each combination of the further axes; it makes the point.

    It raises a ConfigError if a value of an axis is wrong.
    """
    grid = experiment.sweep.grid
    for positions in product(*(range(len(values)) for values in grid.values())):
        axes = {key: grid[key][i] for key, i in zip(grid, positions, strict=True)}
        places = {key: where / "sweep" / "grid" / key / i for key, i in zip(grid, positions, strict=True)}
        if axes:
            yield partial(_grid_point, experiment, axes, places, where)
        else:
            yield partial(GridPoint, {}, experiment, where)


def check_values_differ(grid: dict[str, list[Any]], programs: Sequence[str], where: Location) -> None:
    """Raise if two values of an axis are one setting, written in two ways or overwritten by another axis.

    A value may leave some variants or points as they are: not every variant has the norm whose momentum is swept. So
    two values are one setting only if all their programs are equal.

    Args:
        programs: the key of each variant's program at each point, in the order of `grid_points`.
    """
    # How many programs in a row belong to one value of the present axis: the last axis changes fastest.
    size = len(programs) // prod(map(len, grid.values()))
    for key, values in reversed(grid.items()):
        first: dict[tuple[str, ...], int] = {}
        for i, value in enumerate(values):
            starts = range(i * size, len(programs), size * len(values))
            same = first.setdefault(tuple(chain.from_iterable(programs[at : at + size] for at in starts)), i)
            if same != i:
                raise ConfigError(
                    where / "sweep" / "grid" / key / i,
                    f"the same setting twice: {shorten(value)} trains the same programs as {shorten(values[same])}, "
                    "whatever the variant: remove one",
                )
        size *= len(values)


def _grid_point(
    experiment: Experiment, axes: Mapping[str, Any], places: Mapping[str, Location], where: Location
) -> GridPoint:
    settings = _without_unswept(experiment).dump()
    for key, value in axes.items():
        settings = set_key(settings, key, value, places[key])
        where = where.set_by(current_setting(key, value)[0], places[key])
    return GridPoint(axes, _check_changed(settings, experiment, where), where)


def _without_unswept(experiment: Experiment) -> Experiment:
    """Return the experiment without the parts that no axis or variant changes and that may be long.

    Checking an axis of a thousand values again at each of its values would take a minute.
    """
    return experiment.model_copy(update={"sweep": _SHORT, **{key: [] for key in _ABOUT_RESULTS}})


def _check_changed(settings: Mapping[str, Any], experiment: Experiment, where: Location) -> Experiment:
    """Return the experiment with other settings, given without the parts that `_without_unswept` leaves out."""
    kept = {key: getattr(experiment, key) for key in ("sweep", *_ABOUT_RESULTS)}
    return resolve_experiment(check_config(settings, where), where).model_copy(update=kept)


def with_variant_training(experiment: Experiment, name: str, where: Location) -> tuple[Experiment, Location]:
    """Return the experiment with the `train` keys of one variant, and the location that knows where they come from.

    Raises:
        ConfigError: a key that the variant sets is unknown, or its value is wrong.
    """
    own = experiment.variants[name].train
    if not own:
        return experiment, where
    for key in own:
        where = where.set_by(f"train.{key}", where / "variants" / name / "train" / key)
    settings = {**_without_unswept(experiment).dump(), "train": {**experiment.train.model_dump(), **own}}
    return _check_changed(settings, experiment, where), where


def _refuse_second(key: str, other: str, where: Location) -> None:
    raise ConfigError(where / "sweep" / "grid" / key, f"the same setting as {other}: remove one")


def _check_axis(key: str, experiment: Experiment, where: Location) -> None:
    if key.partition(".")[0] not in SWEEPABLE or "." not in key:
        raise ConfigError(
            where / "sweep" / "grid" / key, "wanted a dotted key under data, model or train, as train.batch_size"
        )
    if key.startswith("model.") and experiment.model is None:
        raise ConfigError(
            where / "sweep" / "grid" / key, "every variant has a network, whose layers no axis changes: leave it out"
        )
    for name, variant in experiment.variants.items():
        if _sets(variant, key):
            raise ConfigError(
                where / "variants" / name, f"sets {key}, which sweep.grid sweeps, too: leave one of them out"
            )


def _sets(variant: Variant, key: str) -> bool:
    """Return whether a variant sets a dotted key: it would have its own value in every row of the axis."""
    part, _, rest = key.partition(".")
    value: Any = {"train": variant.train, "model": {"params": variant.params, "layers": variant.layers}}.get(part, {})
    for step in rest.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value is not None
