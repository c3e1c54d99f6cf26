"""A saved model's file, looked at before Keras opens it: only what bnbench itself would have written is loaded."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bnbench.data.formats.archives import DAMAGE
from bnbench.errors import ResultsError
from bnbench.model import catalog, shapes
from bnbench.model.layers import Layer
from bnbench.store.model_card import ModelCard

CONFIG, WEIGHTS = "config.json", "model.weights.h5"
MEMBERS = {"metadata.json", CONFIG, WEIGHTS}
MAX_CONFIG = 10_000_000  # bytes
OURS = {("keras", "Sequential"), ("keras", "DTypePolicy"), ("keras.layers", "InputLayer")}
WIDTHS = ("units", "filters", "input_dim", "output_dim")  # of layers, also of those that `shapes` does not know
PLAIN = ("__tuple__", "__numpy__", "__tensor__")  # how Keras writes values that JSON has not


def check_model_file(path: Path, saved: ModelCard) -> None:
    """A file holds layers that a config may name, with their weights, and is the model that its page speaks of.

    Raises:
        ResultsError: it is no such file, or it would run, read or promise anything else.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(_member(archive, path))
            weight_bytes = archive.getinfo(WEIGHTS).file_size
        problem = next(_problems(config), None) or _misfit(config, saved, weight_bytes)
    except (*DAMAGE, KeyError, TypeError, AttributeError, RecursionError) as error:
        problem = f"{type(error).__name__}: {str(error)[:200]}"
    if problem:
        raise ResultsError(f"{path}: cannot be loaded: {problem}; remove it, and the same run makes it anew")


def _member(archive: zipfile.ZipFile, path: Path) -> bytes:
    """What describes the layers. Keras packs nothing: a member that is larger than the file is a bomb."""
    infos = archive.infolist()
    names = [info.filename for info in infos]
    if sorted(names) != sorted(MEMBERS):
        raise ValueError(f"holds {', '.join(names)[:200]}, wanted {', '.join(sorted(MEMBERS))}")
    if any(info.compress_type != zipfile.ZIP_STORED or info.file_size > path.stat().st_size for info in infos):
        raise ValueError("is packed, wanted as it was written")
    if archive.getinfo(CONFIG).file_size > MAX_CONFIG:
        raise ValueError(f"its {CONFIG} holds more than {MAX_CONFIG:,} bytes")
    return archive.read(CONFIG)


def _problems(value: Any) -> Iterator[str]:
    """Whatever Keras would make of a description but public classes that a config may name."""
    if isinstance(value, list):
        for inner in value:
            yield from _problems(inner)
    if isinstance(value, dict):
        named = (value.get("module"), value.get("class_name"))
        if named != (None, None) and not (_is_public(*named) and value.get("registered_name") is None):
            yield f"names {named[1]!r} of {named[0]!r}, which no config may"
        for inner in value.values():
            yield from _problems(inner)


def _is_public(module: Any, name: Any) -> bool:
    if (module, name) in OURS or (module is None and name in PLAIN):
        return True
    families = [family for family, (package, _, _) in catalog.FAMILIES.items() if package == module]
    return any(catalog.find_class(family, str(name)) == name for family in families)


def _misfit(config: dict[str, Any], saved: ModelCard, weight_bytes: int) -> str:
    """How the layers and what lies beside them disagree; nothing, if they agree as far as can be told."""
    first, *rest = config["config"]["layers"]
    shape = tuple(first["config"]["batch_shape"][1:])
    if shape != saved.shape:
        return f"takes {shape}, but its page says {saved.shape}"
    layers = [Layer(one["config"]["name"], one["class_name"], one["config"]) for one in rest]
    traced = shapes.trace_shapes(layers, shape, "")
    if traced and traced.shape not in {(len(saved.classes) or 1,), (1,)}:
        return f"gives {traced.shape}, but its page names {len(saved.classes)} classes"
    if traced and 4 * traced.weights.total > weight_bytes:
        return f"promises {traced.weights.total:,} weights, but holds {weight_bytes:,} bytes"
    widest = max((one["config"].get(name) or 0 for one in rest for name in WIDTHS), default=0)
    if 4 * widest > weight_bytes:  # each has a weight at least
        return f"promises a layer of {widest:,}, but holds {weight_bytes:,} bytes"
    return ""
