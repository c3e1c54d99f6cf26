"""Reads YAML strictly, into plain values."""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import yaml

from bnbench.config.yaml_syntax import MAX_NODES, Dumper, Loader, RefusedError, expanded_size, mark_values
from bnbench.errors import ConfigError
from bnbench.location import Location, Mark

# A larger file is probably not an experiment.
MAX_BYTES = 200_000
WANTED = "wanted a mapping of name, data, model, variants, train and sweep"


def read_yaml(path: Path) -> dict[str, object]:
    """Return the mapping in an experiment file.

    Raises:
        ConfigError: the file does not exist, is not UTF-8 or not YAML, is empty, or holds something else.
    """
    return read_marked_yaml(path)[0]


def read_marked_yaml(path: Path) -> tuple[dict[str, object], Mark]:
    """Return the mapping in an experiment file, and where its values are written.

    Raises:
        ConfigError: as for `read_yaml`.
    """
    where = str(path)
    value, mark = _parse(_read_text(path), where)
    if mark is None:
        raise ConfigError(where, f"the file is empty, {WANTED}")
    if not isinstance(value, dict):
        raise ConfigError(Location(where, root=mark), f"found {kind_of(value)}, {WANTED}")
    return value, mark


def _read_text(path: Path) -> str:
    where = str(path)
    try:
        if not path.is_file():
            raise ConfigError(where, "not a file" if path.exists() else f"no such file{_similar_file(path)}")
        with path.open("rb") as stream:
            # The size that the file system reports may be wrong, so it is not used.
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ConfigError(where, f"more than {MAX_BYTES:,} bytes: this is no experiment file")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(where, f"not UTF-8 text (byte {error.start}): save it as UTF-8") from None
    except (OSError, ValueError) as error:
        raise ConfigError(where, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def dump_yaml(values: Mapping[str, object]) -> str:
    """Return nested plain values as YAML text, which `parse_yaml` reads back unchanged."""
    return yaml.dump(values, Dumper=Dumper, sort_keys=False, allow_unicode=True)


def parse_yaml(text: str, where: Location | str) -> object:
    """Return the plain values in a YAML text; messages name line and column if `where` is a file's name.

    Raises:
        ConfigError: the text is no YAML, or holds more than plain values.
    """
    return _parse(text, where)[0]


def _parse(text: str, where: Location | str) -> tuple[object, Mark | None]:
    """Return the plain values in a YAML text and their marks; None and None for an empty text."""
    try:
        loader = Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, None
        if expanded_size(node, {}) > MAX_NODES:
            raise ConfigError(where, f"more than {MAX_NODES:,} values after its aliases (*name) are expanded")
        return loader.construct_document(node), mark_values(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = where if mark is None else _at(where, mark.line, mark.column)
        raise ConfigError(place, _explain_error(error)) from None
    except yaml.reader.ReaderError as error:
        line, start = text.count("\n", 0, error.position), text.rfind("\n", 0, error.position) + 1
        place = _at(where, line, error.position - start)
        raise ConfigError(place, f"not YAML: the character {chr(error.character)!r}") from None
    except yaml.YAMLError as error:
        raise ConfigError(where, f"not YAML: {error}") from None
    except RecursionError:
        raise ConfigError(where, "too many lists and mappings inside one another") from None


def _explain_error(error: yaml.MarkedYAMLError) -> str:
    if isinstance(error, RefusedError):
        return str(error.problem)
    # For example: expected a single document in the stream, but found another document.
    context = f"{error.context}, " if str(error.problem).startswith("but ") else ""
    return f"not YAML: {context}{error.problem}"


def _at(where: Location | str, line: int, column: int) -> str:
    """Return `FILE:LINE:COLUMN`; an override is short, so it has no lines."""
    return str(where) if isinstance(where, Location) else f"{where}:{line + 1}:{column + 1}"


def _similar_file(path: Path) -> str:
    """Return a hint at an experiment file with a similar name, in the same folder or under configs/."""
    here = [*path.parent.glob("*.yaml"), *Path("configs").glob("**/*.yaml")]
    near = get_close_matches(path.stem, {p.stem: p for p in here}, n=1)
    return f" (did you mean '{next(p for p in here if p.stem == near[0])}'?)" if near else ""


def kind_of(value: object) -> str:
    """Return what a value is, in words: `a mapping`, `a number`."""
    names = {dict: "a mapping", list: "a list", str: "text", bool: "true/false", type(None): "nothing"}
    return names.get(type(value), "a number")
