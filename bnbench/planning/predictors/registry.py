"""Finds the predictors in this folder."""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from bnbench.errors import ConfigError, not_one_of
from bnbench.planning import predictors
from bnbench.planning.predictors.types import Predictor


@cache
def find_predictors() -> tuple[Predictor, ...]:
    """Return the `PREDICTOR` of every module in this folder, in their order."""
    names = sorted(module.name for module in iter_modules(predictors.__path__))
    modules = [import_module(f"{predictors.__name__}.{name}") for name in names]
    found = [module.PREDICTOR for module in modules if hasattr(module, "PREDICTOR")]
    return tuple(sorted(found, key=lambda one: (one.order, one.name)))


def choose_predictors(names: Sequence[str]) -> list[Predictor]:
    """Return the predictors with these names; without names, all.

    Raises:
        ConfigError: there is no predictor with one of the names.
    """
    known = {one.name: one for one in find_predictors()}
    for name in names:
        if name not in known:
            raise ConfigError("--predictor", not_one_of(name, known))
    return [one for one in known.values() if one.name in names or not names]


def title_of(name: str) -> str:
    """Return the title of a predictor. A results folder may know one that this version does not have."""
    return next((one.title for one in find_predictors() if one.name == name), name)
