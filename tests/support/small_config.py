"""An experiment on digits that trains in a second, as a file."""

from pathlib import Path

import yaml

SMALL: dict[str, object] = {
    "name": "small",
    "data": {"name": "digits", "scale": "unit", "limit": 60},
    "model": {"layers": ["flatten", {"dense": 8}, "norm", {"activation": "relu"}, {"dense": "$classes"}]},
    "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
    # XLA would take seconds to compile it.
    "train": {"epochs": 2, "batch_size": 20, "engine": "graph"},
    "sweep": {"learning_rate": [0.01, 0.1, 1000.0], "seeds": 2},
    # Drawing takes most of the time of a report.
    "figures": {"format": "png", "dpi": 60},
}


def write_small(folder: Path, **changes: object) -> None:
    """Write the experiment, with some keys changed, to `small.yaml`."""
    (folder / "small.yaml").write_text(yaml.safe_dump(SMALL | changes, sort_keys=False), encoding="utf-8")
