"""Finds and reads the files of the variants that have a network, and checks that a network fits the data."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bnbench.config.networks import network_file
from bnbench.config.schema import Experiment, Train
from bnbench.data.own.paths import is_inside
from bnbench.errors import ConfigError, did_you_mean
from bnbench.location import Location
from bnbench.model.layer import Layer
from bnbench.model.network_file import Network, load_network

# The range of values that color layers of Keras have by default.
KERAS_RANGE = [0, 255]


def read_networks(
    experiment: Experiment, folder: Path | None, where: Location | str, known: Collection[str] = ()
) -> dict[str, Network]:
    """Return the networks of the variants that name a file, by variant.

    Args:
        folder: the folder of the experiment file, which no path may leave.
        where: the experiment file, for messages.
        known: variants whose files are not read.

    Raises:
        ConfigError: some files are missing, outside of the folder, or hold no network that can be used. The message has
            a line for each mistake.
    """
    read, problems = try_networks(experiment, folder, where, known)
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ConfigError("", "\n".join(dict.fromkeys(map(str, problems))))
    return read


def try_networks(
    experiment: Experiment, folder: Path | None, where: Location | str, known: Collection[str] = ()
) -> tuple[dict[str, Network], list[ConfigError]]:
    """Return the networks as `read_networks` does, and what is wrong with those that cannot be read."""
    read, problems = dict[str, Network](), list[ConfigError]()
    for name, variant in experiment.variants.items():
        if variant.network is None or name in known:
            continue
        try:
            read[name] = _read_inside(variant.network, folder, Location.of(where) / "variants" / name / "network")
        except ConfigError as error:
            problems.append(error)
    return read, problems


def _read_inside(given: str, folder: Path | None, place: Location) -> Network:
    if folder is None:
        raise ConfigError(place, f"{given!r} is relative to no folder")
    path = folder / given
    try:
        missing = not path.exists() and not path.is_symlink()
    except OSError as error:
        raise ConfigError(place, f"cannot be read: {error.strerror}") from error
    if missing:
        names = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ConfigError(place, f"no {given!r} in {folder}{did_you_mean(path.name, names)}")
    if not is_inside(path, folder):
        raise ConfigError(place, f"{path} is a link that leaves {folder}: copy the network into this folder")
    # Layers are named by the file that holds them. Where it is named is clear from its name.
    return load_network(path, given)


def with_recorded_files(experiment: Experiment) -> Experiment:
    """Return the experiment as it is recorded: its networks are in files of the results folder."""
    recorded = {
        name: variant.model_copy(update={"network": network_file(name)}) if variant.network is not None else variant
        for name, variant in experiment.variants.items()
    }
    return experiment.model_copy(update={"variants": recorded})


def check_network(network: Network, shape: Sequence[int], train: Train, place: Location) -> None:
    """Raise if a network does not take rows of this shape, or has other types of weights than the training.

    Args:
        place: the key `network`, for messages.
    """
    wanted = network.shape
    # None stands for any length.
    if wanted is not None and (
        len(wanted) != len(shape) or any(a not in (None, b) for a, b in zip(wanted, shape, strict=True))
    ):
        raise ConfigError(place, f"takes rows of shape {wanted}, and the data have rows of shape {tuple(shape)}")
    if network.dtype == "float64" and train.dtype != "float64":
        raise ConfigError(place, f"computes in float64, and train.dtype is {train.dtype}: set train.dtype: float64")


def without_default_ranges(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Return layers that have been fitted, without the range that color layers have by default.

    Keras writes it down, and a list of layers in a config has it only where it is another one.
    """
    return tuple(
        replace(layer, arguments=_without(layer.arguments)) if _has_default(layer) else layer for layer in layers
    )


def _has_default(layer: Layer) -> bool:
    given = layer.arguments.get("value_range")
    return given is not None and list(given) == KERAS_RANGE


def _without(arguments: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in arguments.items() if key != "value_range"}
