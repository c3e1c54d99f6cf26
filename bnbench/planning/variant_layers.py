"""The layers of each variant at each point of the grid: from the layer list of the experiment, or from a network."""

import json
from collections.abc import Mapping
from dataclasses import replace

from bnbench.config.schema import Train
from bnbench.data import access
from bnbench.data.brightness import brightness_step
from bnbench.data.types import DatasetInfo
from bnbench.errors import ConfigError
from bnbench.model import layers
from bnbench.model.input_values import scaled_values
from bnbench.model.layer_conditions import fit_layers
from bnbench.model.layers import Layer
from bnbench.model.network_file import Network
from bnbench.planning.grid import GridPoint
from bnbench.planning.networks import check_network, without_default_ranges


class SharedLayers:
    """The layers of the variants, made once for all points of the grid that differ only in how they train."""

    def __init__(self, networks: Mapping[str, Network]) -> None:
        self._networks = networks
        self._known: dict[tuple[str, ...], tuple[Layer, ...]] = {}

    def of(self, point: GridPoint, name: str, dataset: DatasetInfo, train: Train) -> tuple[Layer, ...]:
        """Return the layers of a variant. Of `train`, only the dtype and the engine matter for layers."""
        axes = {key: value for key, value in point.axes.items() if not key.startswith("train.")}
        key = (name, json.dumps(axes, default=repr), train.dtype, train.engine)
        if key not in self._known:
            place, data = point.where / "variants" / name, point.experiment.data
            network = self._networks.get(name)
            if network:
                check_network(network, dataset.shape, train, place / "network")
            flat = flatten_variant(point, name, dataset, self._networks)
            span = access.value_range(data)
            values = scaled_values(data.scale, dataset.dtype, span)
            if not brightness_step(data, span).is_integer():
                values = replace(values, whole=False)
            fitted = fit_layers(flat, dataset.shape, values, train.dtype, train.engine, place)
            self._known[key] = without_default_ranges(fitted) if network else fitted
        return self._known[key]


def flatten_variant(
    point: GridPoint, name: str, dataset: DatasetInfo, networks: Mapping[str, Network]
) -> tuple[Layer, ...]:
    """Return the layers of a variant at a point of the grid: repeats written out, `$params` filled in, norms in place.

    Args:
        networks: the networks of the variants that have one.

    Raises:
        ConfigError: a layer, argument, parameter or norm is unknown.
    """
    shared, variant = point.experiment, point.experiment.variants[name]
    if variant.network is not None:
        return networks[name].layers
    place = point.where / "variants" / name
    norm = layers.NormSlot(
        variant.norm.name, variant.norm.arguments, variant.norm_position, place / "norm", only=variant.norm_slots
    )
    params = {**shared.params, **variant.params}
    if dataset.classes:
        params["classes"] = len(dataset.classes)
    items = variant.layers if variant.layers is not None else shared.layers
    where = place / "layers" if variant.layers is not None else point.where / "model" / "layers"
    flat = layers.flatten_layers(items, params, norm, where, dataset.shape)
    if not flat:
        raise ConfigError(where, "no layer is left")
    return flat
