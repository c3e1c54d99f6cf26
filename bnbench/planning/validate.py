"""Finds the mistakes in an experiment that need neither its data nor Keras, and goes on after each of them.

A plan stops at the first mistake of a model, because later steps build on earlier ones. Here, each variant at each
point of the grid is checked on its own.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import repeat
from types import MappingProxyType

from bnbench.analysis.labels import format_count
from bnbench.config.schema import MAX_LISTED, Experiment, Train
from bnbench.data import access
from bnbench.data.splits import SplitSizes
from bnbench.data.types import DatasetInfo
from bnbench.errors import ConfigError
from bnbench.location import Location, OriginError, origins_named
from bnbench.model import layers, shapes
from bnbench.model.blocks import SLOT
from bnbench.model.input_values import scaled_values
from bnbench.model.layer_conditions import fit_layers
from bnbench.model.layers import Layer
from bnbench.model.network_file import Network
from bnbench.planning import checks, identity, steps, task
from bnbench.planning.design_checks import check_design
from bnbench.planning.engine import choose_engine
from bnbench.planning.grid import (
    GridPoint,
    axis_checks,
    check_values_differ,
    point_makers,
    with_variant_training,
)
from bnbench.planning.networks import check_network
from bnbench.planning.resolve import resolve_experiment
from bnbench.planning.size import check_size
from bnbench.planning.variant_layers import flatten_variant

# A data set that is not known has two classes, so that `$classes` is a number, and rows of no known shape.
_UNKNOWN = DatasetInfo("unknown", "", "", (), "float32", ("a", "b"), 1_000_000_000, 0, 0)


class Mistakes:
    """The messages that were raised.

    Attributes:
        count: how many were raised; several variants or points of the grid may have the same one.
    """

    def __init__(self) -> None:
        self.count = 0
        # Message -> for each point of the grid that has it, the places that set its values.
        self._origins: dict[str, list[str]] = {}

    @property
    def lines(self) -> list[str]:
        """Their lines, each once, in their order."""
        return [line + _at_settings(origins) for line, origins in self._origins.items()]

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note a ConfigError instead of passing it on."""
        try:
            yield
        except ConfigError as error:
            self.count += 1
            plain, origins = (error.plain, error.origins) if isinstance(error, OriginError) else (error, "")
            for line in str(plain).splitlines():
                known = self._origins.setdefault(line, [])
                if origins and origins not in known:
                    known.append(origins)


def _at_settings(origins: Sequence[str]) -> str:
    """Return for example ` (with a.yaml:9:5: sweep.grid.units[0], and at 3 other settings)`."""
    if not origins:
        return ""
    others = f", and at {format_count(len(origins) - 1, 'other setting')}" if len(origins) > 1 else ""
    return f" (with {origins[0]}{others})"


def find_mistakes(
    experiment: Experiment, where: Location | str, networks: Mapping[str, Network] = MappingProxyType({})
) -> list[str]:
    """Return a message for each mistake in an experiment that can be found without its data and without Keras.

    Args:
        experiment: from `load_located_config`, which has found the mistakes of single values.
        where: the experiment file, for messages.
        networks: the networks of the variants that have one.
    """
    where, mistakes = Location.of(where), Mistakes()
    with mistakes.noted():
        check_size(experiment, where)
        check_design(experiment, where)
    if mistakes.lines:
        # A sweep that is too large takes too long to check.
        return mistakes.lines
    with mistakes.noted():
        experiment = resolve_experiment(experiment, where)
    if mistakes.lines:
        # No point of the grid can be made of it, so the layers are checked without axes.
        _check_point(GridPoint({}, experiment, where), mistakes, networks)
    for check in (*checks.expectation_checks(experiment, where), *axis_checks(experiment, where)):
        with mistakes.noted():
            check()
    _check_points(experiment, where, mistakes, networks)
    return mistakes.lines


def _check_points(experiment: Experiment, where: Location, mistakes: Mistakes, networks: Mapping[str, Network]) -> None:
    before, programs, first = mistakes.count, [], access.published_info(experiment.data)
    for make_point in point_makers(experiment, where):
        if len(mistakes.lines) > MAX_LISTED:
            # Each point of a large grid has the same ones.
            break
        with mistakes.noted():
            point = make_point()
            programs += _check_point(point, mistakes, networks)
            published = access.published_info(point.experiment.data)
            if first and published:
                checks.check_score_kind(first, published, point.where)
    if mistakes.count == before:
        with mistakes.noted():
            check_values_differ(experiment.sweep.grid, programs, where)


def _check_point(point: GridPoint, mistakes: Mistakes, networks: Mapping[str, Network]) -> list[str]:
    """Return the key of each variant's program, without what only the data decide."""
    experiment, where = point.experiment, point.where
    published = access.published_info(experiment.data)
    dataset = published or _UNKNOWN
    with mistakes.noted():
        checks.check_variant_params(experiment, where)
    if published:
        with mistakes.noted():
            checks.check_shift(experiment.data, dataset, where)
        with mistakes.noted():
            checks.check_target_scale(experiment.data, dataset, where)
        with mistakes.noted():
            checks.check_metrics(experiment, dataset, where)
    programs, before = [], mistakes.count
    for name, variant in experiment.variants.items():
        if variant.network is not None and name not in networks:
            # The file cannot be read, which is a mistake that is already known.
            continue
        with mistakes.noted(), origins_named(where):
            programs.append(_check_variant(point, name, dataset, networks, has_shape=published is not None))
        if mistakes.count > before and variant.network is None:
            _check_layers(point, name, len(dataset.classes), mistakes)
    if mistakes.count == before:
        # A layer that is refused may be the one that uses a parameter.
        with mistakes.noted(), origins_named(where):
            checks.check_used_params(experiment, where)
    return programs


def _check_layers(point: GridPoint, name: str, classes: int, mistakes: Mistakes) -> None:
    """Check each entry of a layer list alone, with empty norm slots in place of the entries before it."""
    shared, variant = point.experiment, point.experiment.variants[name]
    params = {**shared.params, **variant.params, **({"classes": classes} if classes else {})}
    own = variant.layers is not None
    items = variant.layers if variant.layers is not None else shared.layers
    where = point.where / "variants" / name / "layers" if own else point.where / "model" / "layers"
    for i, item in enumerate(items):
        with mistakes.noted(), origins_named(point.where):
            layers.flatten_layers([*repeat(SLOT, i), item], params, layers.NormSlot(), where)


def _check_variant(
    point: GridPoint, name: str, dataset: DatasetInfo, networks: Mapping[str, Network], has_shape: bool
) -> str:
    """Check one variant, and return the key of its program.

    Raises:
        ConfigError: something is wrong with its layers or its training.
    """
    experiment, where = with_variant_training(point.experiment, name, point.where)
    train, place = experiment.train, where / "variants" / name
    if has_shape:
        task.check_loss(len(dataset.classes), dataset.name, train.loss, where / "train" / "loss")
    if has_shape and name in networks:
        check_network(networks[name], dataset.shape, train, place / "network")
    flat = flatten_variant(point, name, dataset, networks)
    checks.check_rates(experiment.sweep.rates(), train.dtype, where)
    # No part has more rows than these; how many each has depends on the data.
    rows = min(experiment.data.limit or dataset.rows, dataset.rows)
    train = steps.resolve_steps(train, rows, where / "train")
    if has_shape:
        flat = _fit_to_rows(flat, point, dataset, train, place)
        checks.check_batch(train, SplitSizes(rows, rows, rows), where)
        checks.check_program(train, flat, dataset, name, where)
        if traced := shapes.trace_shapes(flat, dataset.shape, place):
            checks.check_traced(traced, flat, dataset, train, place)
    resolved = train.model_copy(update={"engine": choose_engine(train, flat)})
    return identity.program_key(experiment.data, dataset, flat, resolved)


def _fit_to_rows(
    flat: tuple[Layer, ...], point: GridPoint, dataset: DatasetInfo, train: Train, place: Location
) -> tuple[Layer, ...]:
    """Check the conditions of each layer. The files decide whether values are whole numbers, so either will do."""
    data, span = point.experiment.data, access.value_range(point.experiment.data)

    def fit(dtype: str) -> tuple[Layer, ...]:
        return fit_layers(flat, dataset.shape, scaled_values(data.scale, dtype, span), train.dtype, train.engine, place)

    try:
        return fit(dataset.dtype)
    except ConfigError as error:
        with suppress(ConfigError):
            return fit("float32" if dataset.dtype == "uint8" else "uint8")
        raise error
