"""The JSON schema of experiment files, with the names that this version of bnbench and its Keras have."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from bnbench.analysis.asked_probes import ASKED_PROBES
from bnbench.analysis.registry import METRICS
from bnbench.config.json_schema import KnownNames, experiment_schema
from bnbench.data import access
from bnbench.model import catalog
from bnbench.model.layer_table import LAYERS
from bnbench.model.norms import norm_names

# Class names in which not every capital begins a word.
_ONE_WORD = {"ReLU": "Relu", "PReLU": "Prelu", "LeakyReLU": "LeakyRelu", "RMSprop": "Rmsprop"}
_DECAY = "_decay"


def render_schema() -> str:
    """Return the schema as JSON text. Does not import Keras."""
    families = {
        "layers": _names(name for name, record in LAYERS.items() if not record.refused),
        "norms": list(norm_names()),
        "optimizers": _names(catalog.usable_classes("optimizers")),
        "losses": [*_names(catalog.usable_classes("losses")), *catalog.SHORT_NAMES],
        "callbacks": _names(catalog.usable_classes("callbacks")),
        "schedules": _schedules(),
        "probes": list(ASKED_PROBES),
    }
    metrics = [name for metric in METRICS.values() for name in (metric.name, *metric.former)]
    known = KnownNames(access.dataset_names(), families, list(dict.fromkeys(metrics)))
    return json.dumps(experiment_schema(known), indent=1, ensure_ascii=False) + "\n"


def _names(classes: Iterable[str]) -> list[str]:
    """Return the names of classes as people write them, in snake case and then as classes."""
    ordered = sorted(classes)
    return [*sorted(catalog.snake_case(_ONE_WORD.get(name, name)) for name in ordered), *ordered]


def _schedules() -> list[str]:
    """Return the names of schedules; `inverse_time` is short for `inverse_time_decay`."""
    names = _names(catalog.usable_classes("schedules"))
    return [*names, *(name.removesuffix(_DECAY) for name in names if name.endswith(_DECAY))]


def _main() -> None:
    Path(sys.argv[1]).write_text(render_schema(), encoding="utf-8")


if __name__ == "__main__":
    _main()
