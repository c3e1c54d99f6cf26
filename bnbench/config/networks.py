"""The key `network` of a variant: a file with a whole network, which replaces the layer list of the experiment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from bnbench.config.own_data import MAX_PATH, inner_path

# The keys of a variant that change a layer list, which a network has not.
NETWORK_KEYS = ("layers", "params", "norm", "norm_position", "norm_slots")


def _path(value: str) -> str:
    return inner_path(value, ": copy the network next to it", "copy the network next to this file")


NetworkPath = Annotated[str, Field(max_length=MAX_PATH), AfterValidator(_path)]


@dataclass(frozen=True)
class _Needed:
    """Stands for a model that is missing although some variants have no network."""

    variants: tuple[str, ...]


def with_model_or_none(values: object) -> object:
    """Return the values of an experiment with `model: None` if each variant has a network.

    If only some have one and there is no model, a value that `need_model` refuses stands for it.
    """
    if not isinstance(values, Mapping) or values.get("model") is not None:
        return values
    variants = values.get("variants")
    listed = variants if isinstance(variants, Mapping) else {}
    lacking = [str(name) for name, variant in listed.items() if not _has_network(variant)]
    if listed and not lacking:
        return {**values, "model": None}
    if len(lacking) < len(listed):
        return {**values, "model": _Needed(tuple(lacking))}
    return {key: value for key, value in values.items() if key != "model"}


def _has_network(variant: object) -> bool:
    network = variant.get("network") if isinstance(variant, Mapping) else getattr(variant, "network", None)
    return network is not None


def need_model(value: object) -> object:
    """Refuse a missing model that some variants need."""
    if isinstance(value, _Needed):
        names = ", ".join(value.variants)
        raise ValueError(f"missing: {names} {'need' if len(value.variants) > 1 else 'needs'} it, or a network")
    return value


def network_file(variant: str) -> str:
    """Return the name of the file in a results folder that holds the network of a variant."""
    return f"model-{variant}.json"


def written_keys(variant: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of a variant that are written into recorded files: those of layers, or `network`."""
    unused = ("network",) if variant.get("network") is None else NETWORK_KEYS
    # A key of a later version is written only where it is used.
    later = ("norm_slots",) if variant.get("norm_slots") is None else ()
    return {key: value for key, value in variant.items() if key not in (*unused, *later)}
