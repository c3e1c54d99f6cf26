"""`KEY=VALUE` overrides of the values in an experiment file."""

from collections.abc import Iterable, Sequence

from bnbench.config.additions import PLUS, is_addition, join_values
from bnbench.config.renamed import current_setting
from bnbench.config.schema import second_name
from bnbench.config.yaml_loader import kind_of, parse_yaml
from bnbench.errors import ConfigError, shorten
from bnbench.location import Location, override_location, setting_steps

# The maximum number of steps of a dotted key.
MAX_STEPS = 50
# The value of these keys is a name, or a mapping with a name.
NAMED_KEYS = ("optimizer", "schedule", "loss", "norm")


def parse_overrides(texts: Iterable[str]) -> dict[str, object]:
    """`["train.epochs=5"]` -> `{"train.epochs": 5}`.

    The last value of a key counts. A key that ends with `+` adds to a list, so all of its values count.
    """
    return _parse(texts, "-o", "train.epochs=5")


def parse_also(texts: Iterable[str]) -> dict[str, object]:
    """`["learning_rate=0.3", "learning_rate=1"]` -> `{"learning_rate": [0.3, 1]}`: every value of a key counts."""
    parsed = _parse((text.replace("=", f"{PLUS}=", 1) for text in texts), "--also", "learning_rate=0.3")
    return {key.removesuffix(PLUS): value for key, value in parsed.items()}


def _parse(texts: Iterable[str], option: str, example: str) -> dict[str, object]:
    parsed: dict[str, object] = {}
    for text in texts:
        key, value = _parse_one(text, option, example)
        parsed[key] = join_values(key, parsed[key], value) if is_addition(key) and key in parsed else value
    return parsed


def _parse_one(text: str, option: str, example: str) -> tuple[str, object]:
    """`train.epochs=5` -> `("train.epochs", 5)`."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip(f" {PLUS}"):
        raise ConfigError(f"{option} {shorten(text)}", f"not of the form KEY=VALUE, as in {option} {example}")
    return key.strip(), parse_yaml(value, override_location(key.strip(), value, option))


def set_key(values: dict[str, object], key: str, value: object, where: Location | str = "") -> dict[str, object]:
    """Return a copy of nested mappings with one dotted key set; missing mappings on the way are added.

    `optimizer: sgd` and `optimizer: {sgd: {...}}` become `optimizer: {name: sgd, ...}` when an argument is set.

    Raises:
        ConfigError: the key has too many steps, or leads through something that is not a mapping.
    """
    if key.count(".") > MAX_STEPS:
        raise ConfigError(shorten(key), f"a key with more than {MAX_STEPS} steps")
    key, value = current_setting(key, value)
    return _set_steps(values, setting_steps(key), value, where)


def _set_steps(
    values: dict[str, object], steps: Sequence[str], value: object, where: Location | str
) -> dict[str, object]:
    head, *rest = steps
    if not rest:
        return {**values, head: value}
    inner = values.get(head)
    if head in NAMED_KEYS:
        inner = _with_name(inner, where)
    if inner is not None and not isinstance(inner, dict):
        raise ConfigError(where, f"{head!r} holds {kind_of(inner)}, so it has no key {'.'.join(rest)!r}")
    return {**values, head: _set_steps(inner or {}, rest, value, where)}


def _with_name(value: object, where: Location | str) -> object:
    """Return `{name: sgd, momentum: 0.9}` for `{sgd: {momentum: 0.9}}`, and `{name: sgd}` for `sgd`."""
    if isinstance(value, str):
        return {"name": value}
    if isinstance(value, dict) and len(value) == 1 and "name" not in value:
        ((name, arguments),) = value.items()
        if isinstance(arguments, dict) and "name" in arguments:
            raise ConfigError(where, f"{name}.name: {second_name(name, arguments['name'])}")
        return {"name": name, **arguments} if isinstance(arguments, dict) else value
    return value
