"""Limits for every plain value of an experiment file: finite, printable, not too large and not too deep."""

import math
from collections.abc import Mapping

from yaml.reader import Reader

from bnbench.config.yaml_syntax import MAX_DEPTH
from bnbench.errors import ConfigError, shorten
from bnbench.location import Location

# In characters. A title has at most 500.
MAX_TEXT = 2000
# The size of a whole number, as in databases and tensors.
MAX_BITS = 63


def check_limits(values: Mapping[str, object], where: Location | str) -> None:
    """Raise if a number, a text or the nesting in plain values is beyond the limits.

    Raises:
        ConfigError: a number is not finite or too large, a text is too long or not printable, or lists and mappings
            are nested more than MAX_DEPTH deep.
    """
    _check_mapping(values, Location.of(where), 0)


def _check_mapping(values: Mapping[str, object], where: Location, depth: int) -> None:
    for key, value in values.items():
        _check_text(str(key), where)
        _check_value(value, where / str(key), depth + 1)


def _check_value(value: object, where: Location, depth: int) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(where, f"found {value}, wanted a finite number")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ConfigError(where, f"found a whole number of {value.bit_length()} bits, wanted at most {MAX_BITS}")
    if isinstance(value, str):
        _check_text(value, where)
    if depth > MAX_DEPTH:
        raise ConfigError(str(where)[:MAX_TEXT], f"more than {MAX_DEPTH} lists and mappings inside one another")
    if isinstance(value, Mapping):
        _check_mapping(value, where, depth)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            _check_value(inner, where / i, depth + 1)


def _check_text(text: str, where: Location) -> None:
    if len(text) > MAX_TEXT:
        raise ConfigError(where, f"found {shorten(text)}: {len(text):,} characters, wanted at most {MAX_TEXT:,}")
    # YAML forbids these characters in a file, but escapes (`\e`, `\0`) could still bring them to a terminal.
    if Reader.NON_PRINTABLE.search(text):
        raise ConfigError(where, f"found {shorten(text)}: wanted characters that can be printed")
