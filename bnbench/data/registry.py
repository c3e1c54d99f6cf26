"""Finds the data sets: every file in `data/datasets/` describes one or several of them in DATASETS."""

from importlib import import_module
from pkgutil import iter_modules

from bnbench.data import datasets
from bnbench.data.types import DatasetSpec


def find_datasets() -> dict[str, DatasetSpec]:
    """Return every data set by name, in alphabetical order.

    Raises:
        ValueError: two data sets have the same name.
    """
    modules = [import_module(f"{datasets.__name__}.{found.name}") for found in iter_modules(datasets.__path__)]
    specs: list[DatasetSpec] = [spec for module in modules for spec in module.DATASETS]
    by_name = {spec.name: spec for spec in sorted(specs, key=lambda spec: spec.name)}
    if len(by_name) < len(specs):
        raise ValueError(f"{datasets.__name__}: two data sets have the same name")
    return by_name
