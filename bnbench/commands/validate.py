"""Check an experiment file without its data and without Keras."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path

from bnbench.config.load import load_located_config
from bnbench.data import access
from bnbench.errors import ConfigError
from bnbench.planning.credit import expand_credit
from bnbench.planning.networks import try_networks
from bnbench.planning.validate import find_mistakes

# What a run checks and this command cannot.
OF_THE_DATA = "whether the data are here, the names of their classes, and how many rows each part has"
OF_UNKNOWN_DATA = f"{OF_THE_DATA}; whether the layers fit the rows"
OF_KERAS = "what only Keras can judge (`bnbench plan --check`)"


@dataclass(frozen=True)
class CheckedFile:
    """What was found in an experiment file."""

    file: str
    # A message for each mistake; empty if none was found.
    mistakes: tuple[str, ...]
    # The number of trials; 0 if there are mistakes.
    trials: int = 0
    variants: int = 0
    # What could not be checked.
    unchecked: tuple[str, ...] = ()


def validate_file(path: Path, overrides: Mapping[str, object] | None = None) -> CheckedFile:
    """Return every mistake in an experiment file that can be found without its data and without Keras.

    Reads no data and no results, and does not import TensorFlow.
    """
    try:
        experiment, where = expand_credit(*load_located_config(path, overrides))
    except ConfigError as error:
        return CheckedFile(str(path), tuple(str(error).splitlines()))
    networks, unread = try_networks(experiment, path.parent, where)
    lines = [line for error in unread for line in str(error).splitlines()]
    mistakes = tuple(dict.fromkeys([*lines, *find_mistakes(experiment, where, networks)]))
    if mistakes:
        return CheckedFile(str(path), mistakes)
    points = prod(map(len, experiment.sweep.grid.values()))
    sweep, variants = experiment.sweep, len(experiment.variants)
    trials = variants * points * len(sweep.rates()) * len(sweep.seed_list())
    of_data = OF_THE_DATA if access.published_info(experiment.data) else OF_UNKNOWN_DATA
    return CheckedFile(str(path), (), trials, variants, (of_data, OF_KERAS))
