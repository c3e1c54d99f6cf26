"""A stored experiment -> how one variant was set up at one value of each further axis."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnbench.analysis.per_seed import matches_axes
from bnbench.config.load import check_config
from bnbench.config.networks import network_file
from bnbench.config.overrides import set_key
from bnbench.config.schema import Data, Experiment, Train
from bnbench.data.access import built_in
from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model.layers import Layer, NormSlot, flatten_layers
from bnbench.model.network_file import load_network

WHERE = Location.of("config.yaml")


@dataclass(frozen=True)
class VariantConfig:
    """The settings of one variant at one value of each further axis, and its layers."""

    data: Data
    train: Train
    layers: tuple[Layer, ...]
    save_models: str


class VariantConfigs:
    """Reads how the variants of an experiment were set up; each value of the further axes is checked once.

    Args:
        experiment: the experiment as resolved.
        folder: the results folder, which has the networks of variants.
    """

    def __init__(self, experiment: Experiment, folder: Path | None = None) -> None:
        self._experiment, self._folder = experiment, folder
        self._settings: dict[tuple[str, ...], Experiment | None] = {}
        self._known: dict[tuple[str, ...], VariantConfig | None] = {}

    def read(self, name: str, place: Mapping[str, Any]) -> VariantConfig | None:
        """Return how a variant was set up; None if this cannot be determined.

        Results are also shown where Keras is not installed, where the installed version lacks a layer, and after their
        config was edited.

        Args:
            name: the variant.
            place: the values of the further axes, as tables hold them.
        """
        values = tuple(map(str, place.values()))
        if values not in self._settings:
            self._settings[values] = _at_place(self._experiment, place)
        settings, key = self._settings[values], (name, *values)
        if key not in self._known:
            self._known[key] = _read_variant(settings, name, self._folder) if settings else None
        return self._known[key]


def _read_variant(settings: Experiment, name: str, folder: Path | None) -> VariantConfig | None:
    try:
        variant = settings.variants[name]
        # Most variants change the layers alone.
        if variant.train:
            train = {**settings.train.model_dump(), **variant.train}
            settings = check_config({**settings.dump(), "train": train}, WHERE)
        layers = _read_network(name, folder) if variant.network is not None else _flatten(settings, name)
    except (ConfigError, KeyError):
        return None
    return VariantConfig(settings.data, settings.train, layers, settings.save_models) if layers else None


def _flatten(settings: Experiment, name: str) -> tuple[Layer, ...]:
    variant, spec = settings.variants[name], built_in(settings.data)
    norm = NormSlot(variant.norm.name, variant.norm.arguments, variant.norm_position, only=variant.norm_slots)
    # Only the number of outputs depends on the number of classes.
    params = {**settings.params, **variant.params, "classes": 2}
    items = variant.layers if variant.layers is not None else settings.layers
    return flatten_layers(items, params, norm, name, spec.shape if spec else None)


def _read_network(name: str, folder: Path | None) -> tuple[Layer, ...]:
    """Return the layers that were recorded for a variant; none if their file is missing or leads out of the folder."""
    path = folder / network_file(name) if folder else None
    if path is None or path.is_symlink() or not path.is_file():
        return ()
    return load_network(path, path.name).layers


def _at_place(experiment: Experiment, place: Mapping[str, Any]) -> Experiment | None:
    """Return the experiment with the values of its axes at a place; None if it is not valid there."""
    swept = {
        axis: value
        for axis, values in experiment.sweep.grid.items()
        for value in values
        if axis in place and matches_axes(place, {axis: value})
    }
    if not swept:
        return experiment
    settings: dict[str, Any] = experiment.dump()
    try:
        for axis, value in swept.items():
            settings = set_key(settings, axis, value, WHERE)
        return check_config(settings, WHERE)
    except (ConfigError, KeyError):
        return None
