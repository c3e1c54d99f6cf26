"""A stored experiment -> how one variant was set up at one value of each further axis."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bnbench.analysis.per_seed import matches_axes
from bnbench.config.load import check_config
from bnbench.config.overrides import set_key
from bnbench.config.schema import Data, Experiment, Train
from bnbench.data.access import built_in
from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.model.layers import Layer, NormSlot, flatten_layers

WHERE = Location.of("config.yaml")


@dataclass(frozen=True)
class VariantConfig:
    """The settings of one variant at one value of each further axis, and its layers."""

    data: Data
    train: Train
    layers: tuple[Layer, ...]
    save_models: str


def read_variant_config(experiment: Experiment, name: str, place: Mapping[str, Any]) -> VariantConfig | None:
    """Return how a variant was set up; None if this cannot be determined.

    Results are also shown where Keras is not installed, where the installed version lacks a layer, and after their
    config was edited.

    Args:
        place: the values of the further axes, as tables hold them.
    """
    try:
        settings = _at_place(experiment, place)
        variant = settings.variants[name]
        trained = check_config({**settings.dump(), "train": {**settings.train.model_dump(), **variant.train}}, WHERE)
        norm = NormSlot(variant.norm.name, variant.norm.arguments, variant.norm_position)
        # Only the number of outputs depends on the number of classes.
        params = {**settings.model.params, **variant.params, "classes": 2}
        items = variant.layers if variant.layers is not None else settings.model.layers
        spec = built_in(settings.data)
        layers = flatten_layers(items, params, norm, name, spec.shape if spec else None)
    except (ConfigError, KeyError):
        return None
    return VariantConfig(trained.data, trained.train, layers, trained.save_models) if layers else None


def _at_place(experiment: Experiment, place: Mapping[str, Any]) -> Experiment:
    """Return the experiment with the values of its axes at a place."""
    swept = {
        axis: value
        for axis, values in experiment.sweep.grid.items()
        for value in values
        if axis in place and matches_axes(place, {axis: value})
    }
    if not swept:
        return experiment
    settings: dict[str, Any] = experiment.dump()
    for axis, value in swept.items():
        settings = set_key(settings, axis, value, WHERE)
    return check_config(settings, WHERE)
