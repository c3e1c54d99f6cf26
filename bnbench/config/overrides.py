"""`key=value` overrides of an experiment file's values."""

from collections.abc import Iterable

from bnbench.config.yaml_loader import kind_of, parse_yaml
from bnbench.errors import ConfigError, shorten

MAX_STEPS = 50  # of a dotted key
NAMED_KEYS = ("optimizer", "schedule", "loss", "norm")  # hold a name, or a mapping with a name


def parse_overrides(texts: Iterable[str]) -> dict[str, object]:
    """`["train.epochs=5"]` -> `{"train.epochs": 5}`."""
    return dict(parse_override(text) for text in texts)


def parse_override(text: str) -> tuple[str, object]:
    """`train.epochs=5` -> ('train.epochs', 5)."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError("-o", f"{text!r} is not of the form key=value, as in train.epochs=5")
    return key.strip(), parse_yaml(value, f"-o {key.strip()}")


def set_key(values: dict[str, object], key: str, value: object, where: str = "") -> dict[str, object]:
    """A copy of nested mappings with one dotted key set; steps that are missing are made.

    `optimizer: sgd` becomes `optimizer: {name: sgd}` when one of its arguments is set.
    """
    if key.count(".") > MAX_STEPS:
        raise ConfigError(shorten(key), f"a key of more than {MAX_STEPS} steps")
    head, _, rest = key.partition(".")
    if not rest:
        return {**values, head: value}
    inner = values.get(head)
    if isinstance(inner, str) and head in NAMED_KEYS:
        inner = {"name": inner}
    if inner is not None and not isinstance(inner, dict):
        raise ConfigError(where, f"{head!r} holds {kind_of(inner)}, so it has no key {rest!r}")
    return {**values, head: set_key(inner or {}, rest, value, where)}
