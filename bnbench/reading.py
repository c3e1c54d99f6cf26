"""Text -> plain values: YAML read strictly, and `key=value` overrides."""

import re
from difflib import get_close_matches
from pathlib import Path

import yaml

from bnbench.errors import ConfigError

MAX_BYTES = 1_000_000  # an experiment is a page of text; a larger file was named by mistake


class _Loader(yaml.SafeLoader):
    """YAML 1.1 as people write it: `1e-3` is a number, a repeated key is an error."""


# YAML 1.1 wants a dot and a sign in a number with an exponent, and reads 2024-01-01 as a date.
_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in {"tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp"}
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(?:[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+0123456789."),
)


# Plain values only: what YAML calls a set, a date or binary has no place in an experiment.
_PLAIN = {"null", "bool", "int", "float", "str", "seq", "map"}
_Loader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix("tag:yaml.org,2002:") in _PLAIN
}


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[object, object]:
    seen: dict[object, yaml.Node] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str | int | float | bool | None):
            raise yaml.constructor.ConstructorError(None, None, "a key must be a word or a number", key_node.start_mark)
        if key in seen:
            first = seen[key].start_mark.line + 1
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands here again, it is on line {first} already", key_node.start_mark
            )
        seen[key] = key_node
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)


def read_yaml(path: Path) -> dict[str, object]:
    """The mapping that an experiment file holds.

    Raises:
        ConfigError: no such file, not UTF-8, not YAML, empty, or not a mapping.
    """
    where = str(path)
    try:
        if not path.is_file():
            raise ConfigError(where, "not a file" if path.exists() else f"no such file{_neighbour(path)}")
        if path.stat().st_size > MAX_BYTES:
            raise ConfigError(where, f"{path.stat().st_size} bytes: an experiment file has at most {MAX_BYTES}")
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(where, f"not UTF-8 text (byte {error.start})") from None
    except (OSError, ValueError) as error:
        raise ConfigError(where, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    value = parse_yaml(text, where)
    if value is None:
        raise ConfigError(where, "empty: wanted name, data, model, variants, train and sweep")
    if not isinstance(value, dict):
        raise ConfigError(
            where, f"found {_kind(value)}, wanted a mapping of name, data, model, variants, train and sweep"
        )
    return value


def parse_yaml(text: str, where: str) -> object:
    """What a YAML text says, with bnbench's reading of numbers."""
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506  _Loader is a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f":{mark.line + 1}" if mark else ""
        raise ConfigError(f"{where}{line}", f"not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(where, f"not YAML: {error}") from None
    except (RecursionError, ValueError) as error:  # nested too deep; a number of too many digits
        raise ConfigError(where, f"not usable YAML: {error}") from None


def parse_override(text: str) -> tuple[str, object]:
    """`train.epochs=5` -> ('train.epochs', 5)."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError("-o", f"{text!r} is not of the form key=value, as in train.epochs=5")
    return key.strip(), parse_yaml(value, f"-o {key.strip()}")


def set_key(values: dict[str, object], key: str, value: object) -> dict[str, object]:
    """A copy of nested mappings with one dotted key set; steps that are missing are made."""
    head, _, rest = key.partition(".")
    if not rest:
        return {**values, head: value}
    inner = values.get(head)
    if inner is not None and not isinstance(inner, dict):
        raise ConfigError(key, f"{head!r} holds {_kind(inner)}, so it has no key {rest!r}")
    return {**values, head: set_key(inner or {}, rest, value)}


def _neighbour(path: Path) -> str:
    """The experiment file that was probably meant, here or under configs/."""
    here = [*path.parent.glob("*.yaml"), *Path("configs").glob("**/*.yaml")]
    near = get_close_matches(path.stem, {p.stem: p for p in here}, n=1)
    return f" (did you mean '{next(p for p in here if p.stem == near[0])}'?)" if near else ""


def _kind(value: object) -> str:
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true/false", type(None): "nothing"}
    return names.get(type(value), "a number")
