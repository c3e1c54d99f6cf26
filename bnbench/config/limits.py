"""What a plain value of an experiment file may be, wherever it stands: finite, printable, neither huge nor deep."""

import math
from collections.abc import Mapping

from yaml.reader import Reader

from bnbench.config.yaml_loader import MAX_DEPTH
from bnbench.errors import ConfigError, shorten

MAX_TEXT = 2000  # characters; a title has at most 500
MAX_BITS = 63  # of a whole number, as databases and tensors have them


def check_limits(values: Mapping[str, object], where: str) -> None:
    """Nothing in nested plain values is what no experiment needs.

    Raises:
        ConfigError: a number that is not finite or too long, a text that is too long or cannot be printed, or more than
            MAX_DEPTH lists and mappings in one another.
    """
    for key, value in values.items():
        _check_text(str(key), where)
        _check(value, f"{where}: {key}")


def _check(value: object, where: str, depth: int = 1) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(where, f"found {value}, wanted a finite number")
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise ConfigError(where, f"found a whole number of {value.bit_length()} bits, wanted at most {MAX_BITS}")
    if isinstance(value, str):
        _check_text(value, where)
    if depth > MAX_DEPTH:
        raise ConfigError(where[:MAX_TEXT], f"more than {MAX_DEPTH} lists and mappings in one another")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _check_text(str(key), where)
            _check(inner, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            _check(inner, f"{where}[{i}]", depth + 1)


def _check_text(text: str, where: str) -> None:
    """What an escape stands for (`\\e`, `\\0`) is as printable as YAML wants the file to be: it goes to terminals."""
    if len(text) > MAX_TEXT:
        raise ConfigError(where, f"found {shorten(text)}: {len(text):,} characters, wanted at most {MAX_TEXT:,}")
    if Reader.NON_PRINTABLE.search(text):
        raise ConfigError(where, f"found {shorten(text)}: wanted characters that can be printed")
