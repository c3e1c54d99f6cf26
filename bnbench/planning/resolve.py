"""Resolves the names in a config: data set, norms, optimizer, schedule, loss and callbacks.

`config` knows none of these names, so that a stored config can be read whatever is installed.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from bnbench.config.schema import Data, Experiment, Variant
from bnbench.data import access
from bnbench.errors import ConfigError, not_one_of, shorten
from bnbench.location import Location
from bnbench.model.norms import find_norm
from bnbench.planning import keras_checks

Check = Callable[[], object]


def resolve_experiment(experiment: Experiment, where: Location | str) -> Experiment:
    """Return the experiment with the defaults written out that depend on Keras: whether a loss takes logits.

    Raises:
        ConfigError: no data set, norm or class of Keras has a name, or it does not take its arguments. The message has
            a line for each mistake.
    """
    train = experiment.train.model_copy(update={"loss": keras_checks.default_from_logits(experiment.train.loss)})
    resolved = experiment.model_copy(update={"train": train})
    _run_checks(_name_checks(resolved, Location.of(where)))
    return resolved


def _name_checks(experiment: Experiment, where: Location) -> Iterator[Check]:
    yield partial(_check_dataset, experiment.data, where / "data")
    for name, variant in experiment.variants.items():
        yield partial(_check_norm, variant, where / "variants" / name / "norm")
    yield from keras_checks.training_checks(experiment.train, where / "train")


def _check_dataset(data: Data, where: Location) -> None:
    if data.name is not None and data.name not in access.dataset_names():
        raise ConfigError(where / "name", not_one_of(data.name, access.dataset_names()))
    known = access.built_in(data)
    units = known.units if known else ()
    if data.unit and not units:
        raise ConfigError(
            where / "unit", f"found {shorten(data.unit)}, but {data.source} has only one unit: leave it out"
        )
    if data.unit and data.unit not in units:
        raise ConfigError(where / "unit", not_one_of(data.unit, units))


def _check_norm(variant: Variant, where: Location) -> None:
    if find_norm(variant.norm.name, where) is None and variant.norm.arguments:
        raise ConfigError(where, f"{variant.norm.name} takes no arguments")


def _run_checks(checks: Iterable[Check]) -> None:
    problems = []
    for check in checks:
        try:
            check()
        except ConfigError as error:
            problems.append(error)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError("", "\n".join(dict.fromkeys(map(str, problems))))
