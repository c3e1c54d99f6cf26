"""Checks the file of a saved model before Keras opens it: only what bnbench itself would have written is loaded."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bnbench.data.formats.archives import DAMAGE
from bnbench.errors import ConfigError, ResultsError
from bnbench.model import catalog, shapes
from bnbench.model.keras_json import FUNCTIONAL, MASK_MODULE, MASK_OPERATIONS, SEQUENTIAL, TENSOR, read_model
from bnbench.store.model_card import ModelCard

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = {"metadata.json", CONFIG, WEIGHTS}
# The maximum size of the config, in bytes.
MAX_CONFIG = 10_000_000
OURS = {SEQUENTIAL, ("keras", "DTypePolicy"), ("keras.layers", "InputLayer")}
# What Keras writes with the name of the class as `registered_name`: a model with branches, and what it makes of masks.
REGISTERED = {FUNCTIONAL, *((MASK_MODULE, name) for name in MASK_OPERATIONS)}
# Arguments with the size of a layer, also for layers that `shapes` does not know.
WIDTHS = ("units", "filters", "input_dim", "output_dim")
# How Keras writes values that JSON cannot represent.
PLAIN = ("__tuple__", "__numpy__", "__tensor__", TENSOR)


def check_model_file(path: Path, card: ModelCard) -> None:
    """Check that a file has layers that a config may name, with their weights, and that it fits its card.

    Raises:
        ResultsError: the file does not fit, or loading it could run code or read other files.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, path))
            weight_bytes = archive.getinfo(WEIGHTS).file_size
        problem = next(_problems(config), None) or _misfit(config, card, weight_bytes)
    except ConfigError as error:
        # A layer does not fit its inputs, or the layers form no graph.
        problem = str(error)
    except (*DAMAGE, KeyError, TypeError, AttributeError, RecursionError, StopIteration) as error:
        problem = f"{type(error).__name__}: {str(error)[:200]}"
    if problem:
        raise ResultsError(f"{path}: cannot be loaded: {problem}; remove it, and the same run makes it again")


def _member(archive: zipfile.ZipFile, path: Path) -> bytes:
    """Read the config of the layers. Keras compresses nothing: a member that is larger than the file is a zip bomb."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if sorted(names) != sorted(MEMBERS):
        raise ValueError(f"contains {', '.join(names)[:200]} instead of {', '.join(sorted(MEMBERS))}")
    if any(info.compress_type != zipfile.ZIP_STORED or info.file_size > path.stat().st_size for info in infos):
        raise ValueError("it is compressed, as no model of bnbench is")
    if archive.getinfo(CONFIG).file_size > MAX_CONFIG:
        raise ValueError(f"its {CONFIG} has more than {MAX_CONFIG:,} bytes")
    return archive.read(CONFIG)


def _problems(value: Any) -> Iterator[str]:
    """Yield what Keras would make of a config other than the public classes that a config of bnbench may name."""
    if isinstance(value, list):
        for inner in value:
            yield from _problems(inner)
    if isinstance(value, dict):
        named = (value.get("module"), value.get("class_name"))
        if named != (None, None) and not _is_allowed(*named, value.get("registered_name")):
            yield f"names {named[1]!r} of {named[0]!r}, which no config may"
        for inner in value.values():
            yield from _problems(inner)


def _is_allowed(module: Any, name: Any, registered: Any) -> bool:
    if (module, name) in REGISTERED:
        return bool(registered == name)
    if registered is not None:
        return False
    if (module, name) in OURS or (module is None and name in PLAIN):
        return True
    families = [family for family, (package, _, _) in catalog.FAMILIES.items() if package == module]
    return any(catalog.may_be_saved(family, str(name)) for family in families)


def _misfit(config: dict[str, Any], card: ModelCard, weight_bytes: int) -> str:
    """Return how the layers disagree with the card or the weights; an empty text if they agree."""
    shape, layers = read_model(config)
    nested = next((layer.name for layer in layers if "/" in layer.name), None)
    if nested:
        return f"{nested} is in a model inside the model, which bnbench does not write"
    if shape != card.shape:
        return f"takes {shape}, but its card says {card.shape}"
    traced = shapes.trace_shapes(layers, shape, "")
    if traced and traced.shape not in {(len(card.classes) or 1,), (1,)}:
        return f"returns {traced.shape}, but its card names {len(card.classes)} classes"
    if traced and 4 * traced.weights.total > weight_bytes:
        return f"declares {traced.weights.total:,} weights, but has {weight_bytes:,} bytes"
    widest = max((layer.arguments.get(name) or 0 for layer in layers for name in WIDTHS), default=0)
    # Each unit has at least one weight.
    if 4 * widest > weight_bytes:
        return f"declares a layer of {widest:,}, but has {weight_bytes:,} bytes"
    return ""
