"""Turns an experiment that Python code describes into plain values, as a file would contain them."""

import os
from collections.abc import Mapping
from typing import Any

from bnbench.config.yaml_syntax import MAX_DEPTH
from bnbench.errors import ConfigError, shorten
from bnbench.location import Location

PLAIN = (str, int, float, bool, type(None))
WANTED = "text, a number, a boolean, None, a list or a mapping"


def plain_mapping(values: Mapping[Any, object], where: Location | str) -> dict[str, object]:
    """Return a copy of nested Python values in which everything is plain.

    Tuples, ranges, arrays and columns of tables become lists, numbers of NumPy become numbers, paths become text, and
    whole numbers as keys become text.

    Raises:
        ConfigError: a value or a key is of another type, or the nesting is too deep.
    """
    return _plain_mapping(values, Location.of(where))


def plain_value(value: object, where: Location | str) -> object:
    """Return a value as `plain_mapping` does.

    Raises:
        ConfigError: as for `plain_mapping`.
    """
    return _plain(value, Location.of(where))


def _plain(value: object, where: Location) -> object:
    # The types must be exactly these: a float64 of NumPy is a float, too, but has another text, which would go into
    # the ids of trials.
    if type(value) in PLAIN:
        return value
    # A mapping that contains itself ends here.
    if len(where.steps) > MAX_DEPTH:
        raise ConfigError(where.source, f"more than {MAX_DEPTH} lists and mappings inside one another")
    if isinstance(value, Mapping):
        return _plain_mapping(value, where)
    if isinstance(value, list | tuple | range):
        return [_plain(inner, where / position) for position, inner in enumerate(value)]
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # Arrays and numbers of NumPy and columns of pandas; `config` imports neither.
    to_list = getattr(value, "tolist", None)
    if callable(to_list) and not isinstance(value, type):
        return _plain_list(to_list(), where)
    raise ConfigError(where, f"found an object of type {type(value).__name__!r}, wanted {WANTED}")


def _plain_list(value: object, where: Location) -> object:
    """Return what `tolist` of an array gave: a number, text, or lists of them."""
    if isinstance(value, list):
        return [_plain_list(inner, where / position) for position, inner in enumerate(value)]
    if type(value) in PLAIN:
        return value
    raise ConfigError(where, f"found an object of type {type(value).__name__!r} in an array, wanted {WANTED}")


def _plain_mapping(values: Mapping[Any, object], where: Location) -> dict[str, object]:
    plain: dict[str, object] = {}
    for key, value in values.items():
        name = _plain_key(key, where)
        if name in plain:
            raise ConfigError(where / name, f"{name!r} is there twice, as text and as a number: remove one")
        plain[name] = _plain(value, where / name)
    return plain


def _plain_key(key: object, where: Location) -> str:
    # In a file, every key is text.
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise ConfigError(where, f"found the key {shorten(key)}, wanted text")
    return str(key)
