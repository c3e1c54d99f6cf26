"""Small made-up experiments and data for the tests."""

from copy import deepcopy
from typing import Any

import numpy as np

from bnbench.config.load import check_config
from bnbench.data.types import Dataset, DatasetInfo
from bnbench.planning import plan
from bnbench.planning.plan import Plan

VALUES: dict[str, Any] = {
    "name": "tiny",
    "data": {"name": "digits", "scale": "standard", "split": {"validation": 0.2, "test": 0.2}},
    "model": {
        "params": {"units": 6},
        "layers": [{"dense": "$units"}, "norm", {"activation": "relu"}, {"dense": "$classes"}],
    },
    "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": {"batch": {"momentum": 0.9}}}},
    "train": {"epochs": 3, "batch_size": 8, "optimizer": {"name": "sgd", "momentum": 0.9}},
    "sweep": {"learning_rate": [0.01, 0.1], "seeds": 2},
}


def values(**changes: Any) -> dict[str, Any]:
    """Return the small experiment with some dotted keys changed; write double underscores in place of the dots."""
    changed = deepcopy(VALUES)
    for key, value in changes.items():
        steps = key.split("__")
        inner = changed
        for step in steps[:-1]:
            inner = inner.setdefault(step, {})
        inner[steps[-1]] = value
    return changed


def facts(shape: tuple[int, ...] = (5,), rows: int = 75, classes: int = 3, test_rows: int = 0) -> DatasetInfo:
    """Return the description of made-up data; without classes each row has a number."""
    names = tuple(f"class {i}" for i in range(classes))
    return DatasetInfo("digits", "made up", f"{shape}{rows}", shape, "float32", names, rows, test_rows, 0)


def dataset(of: DatasetInfo) -> Dataset:
    """Return rows that a network can learn: a random point per class with noise, or without classes a sum of values."""
    generator = np.random.default_rng(0)
    if not of.classes:
        x = generator.normal(size=(of.rows, *of.shape)).astype(np.float32)
        return Dataset(of, x, 3 + 2 * x.sum(axis=tuple(range(1, x.ndim))), (0.0, 1.0), np.zeros(of.rows, bool))
    y = np.arange(of.rows, dtype=np.int32) % len(of.classes)
    middles = generator.normal(size=(len(of.classes), *of.shape))
    x = (middles[y] + 0.5 * generator.normal(size=(of.rows, *of.shape))).astype(np.float32)
    return Dataset(of, x, y, (0.0, 1.0), np.zeros(of.rows, bool))


def make_plan(of: DatasetInfo | None = None, **changes: Any) -> Plan:
    """Return the plan of the small experiment, with keys changed."""
    return plan.make_plan(check_config(values(**changes), "tiny.yaml"), lambda settings: of or facts(), "tiny.yaml")
