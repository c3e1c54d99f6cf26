"""Reads YAML strictly, into plain values."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import yaml

from bnbench.errors import ConfigError
from bnbench.location import Location

# The maximum number of values; Python takes 30 us to read each of them.
MAX_NODES = 10_000
# The maximum number of mappings and lists inside one another.
MAX_DEPTH = 50
# A larger file is probably not an experiment.
MAX_BYTES = 200_000


class _Loader(yaml.SafeLoader):
    """Reads YAML 1.1 as people write it: `1e-3` is a number, and a repeated key is an error."""

    nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next value; raise as soon as there are too many."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise yaml.MarkedYAMLError(None, None, f"more than {MAX_NODES:,} values", self.get_mark())
        return super().compose_node(parent, index)

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """Begin a list or mapping in brackets; PyYAML is slow if very many are nested."""
        if self.flow_level > MAX_DEPTH:
            raise yaml.MarkedYAMLError(None, None, f"more than {MAX_DEPTH} inside one another", self.get_mark())
        super().fetch_flow_collection_start(token)


# YAML 1.1 reads 1e-3 as text, 010 as eight, 1:30 as ninety, `on` as true and 2024-01-01 as a date.
_OURS = {"tag:yaml.org,2002:" + name for name in ("float", "int", "bool", "timestamp")}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OURS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _name, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9][0-9_]*", "-+0123456789"),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9][0-9_]*[eE][-+]?[0-9]+|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
        r"|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))",
        "-+0123456789.",
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), list(_first))
# Only plain values: an experiment needs no YAML sets, dates or binary data.
_PLAIN = {"null", "bool", "int", "float", "str", "seq", "map"}
_Loader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix("tag:yaml.org,2002:") in _PLAIN
}


class _Dumper(yaml.SafeDumper):
    """Quotes a text that this loader or YAML 1.1 would read as something else, as `0E0`."""


_Dumper.yaml_implicit_resolvers = {
    first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, []), *_Loader.yaml_implicit_resolvers.get(first, [])]
    for first in {**yaml.SafeDumper.yaml_implicit_resolvers, **_Loader.yaml_implicit_resolvers}
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
                None, None, f"the key {key!r} is already on line {first}: remove one of them", key_node.start_mark
            )
        seen[key] = key_node
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


def _whole(loader: _Loader, node: yaml.ScalarNode) -> int:
    return int(str(loader.construct_scalar(node)).replace("_", ""))


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)


def read_yaml(path: Path) -> dict[str, object]:
    """Return the mapping in an experiment file.

    Raises:
        ConfigError: the file does not exist, is not UTF-8 or not YAML, is empty, or holds something else.
    """
    where = str(path)
    try:
        if not path.is_file():
            raise ConfigError(where, "not a file" if path.exists() else f"no such file{_similar_file(path)}")
        with path.open("rb") as stream:
            # The size that the file system reports may be wrong, so it is not used.
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError(where, f"more than {MAX_BYTES:,} bytes: this is no experiment file")
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(where, f"not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except (OSError, ValueError) as error:
        raise ConfigError(where, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    value = parse_yaml(text, where)
    if value is None:
        raise ConfigError(where, "the file is empty, wanted name, data, model, variants, train and sweep")
    if not isinstance(value, dict):
        raise ConfigError(
            where, f"found {kind_of(value)}, wanted a mapping of name, data, model, variants, train and sweep"
        )
    return value


def dump_yaml(values: Mapping[str, object]) -> str:
    """Return nested plain values as YAML text, which `parse_yaml` reads back unchanged."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def parse_yaml(text: str, where: Location | str) -> object:
    """Return the plain values in a YAML text; messages name a line if `where` is a file's name.

    Raises:
        ConfigError: the text is no YAML, or holds more than plain values.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(node, {}) > MAX_NODES:
            raise ConfigError(where, f"more than {MAX_NODES:,} values after its aliases (*name) are expanded")
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ConfigError(_line(where, mark.line if mark else None), f"not YAML: {error.problem}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        raise ConfigError(_line(where, line), f"not YAML: the character {chr(error.character)!r}") from None
    except yaml.YAMLError as error:
        raise ConfigError(where, f"not YAML: {error}") from None
    except (RecursionError, ValueError, KeyError) as error:
        # Too deep, too many digits, or a wrong tag as in `!!bool perhaps`.
        raise ConfigError(where, f"not usable YAML: {error}") from None


def _line(where: Location | str, line: int | None) -> str:
    """Return `FILE:LINE`; an override has only one line, so it is not numbered."""
    return str(where) if line is None or isinstance(where, Location) else f"{where}:{line + 1}"


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node expands to; a node inside itself counts once, and fails when it is constructed."""
    if id(node) not in known:
        known[id(node)] = 1
        inner = node.value if isinstance(node, yaml.SequenceNode | yaml.MappingNode) else []
        parts = [part for item in inner for part in (item if isinstance(item, tuple) else (item,))]
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def _similar_file(path: Path) -> str:
    """Return a hint at an experiment file with a similar name, in the same folder or under configs/."""
    here = [*path.parent.glob("*.yaml"), *Path("configs").glob("**/*.yaml")]
    near = get_close_matches(path.stem, {p.stem: p for p in here}, n=1)
    return f" (did you mean '{next(p for p in here if p.stem == near[0])}'?)" if near else ""


def kind_of(value: object) -> str:
    """Return what a value is, in words: `a mapping`, `a number`."""
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true/false", type(None): "nothing"}
    return names.get(type(value), "a number")
