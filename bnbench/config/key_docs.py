"""Renders the reference page of all keys of experiment files, from their JSON schema. `make docs` writes it."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]
PAGE = """\
# All keys

Every key of [an experiment file](experiment-file.md) with its values, its default and its meaning. The JSON schema
that `bnbench schema` prints makes this page: run `make docs` after a change. A key is `required`, has a default, or can
be left out. An editor with the schema completes all of this while you write.
"""
HEAD = "| key | values | default | meaning |\n| --- | --- | --- | --- |"
# Longer lists of names are in other pages, or in `bnbench schema`.
MAX_NAMES = 8
# Types of JSON that have a better name.
TYPES = {"string": "text", "boolean": "true or false"}


def render_keys(schema: Schema) -> str:
    """Return the page: a table for the whole file, then one for each kind of part that has keys of its own."""
    records = {name: part for name, part in schema["$defs"].items() if _is_record(part)}
    sections = [_section("The whole file", schema), *(_section(f"`{name}`", part) for name, part in records.items())]
    return "\n\n".join([PAGE.rstrip(), *sections]) + "\n"


def _is_record(part: Schema) -> bool:
    """Return whether a definition has a fixed set of keys. A layer has the arguments of its Keras class."""
    return "properties" in part and part.get("additionalProperties") is False


def _section(heading: str, part: Schema) -> str:
    rows = [_row(key, value, key in part.get("required", ())) for key, value in part["properties"].items()]
    text = [_cell(part["description"])] if heading != "The whole file" and part.get("description") else []
    return "\n\n".join([f"## {heading}", *text, "\n".join([HEAD, *rows])])


def _row(key: str, value: Schema, required: bool) -> str:
    default = "required" if required else _json(value["default"]) if _has_default(value) else ""
    return f"| `{key}` | {_unique(_values(value))} | {default} | {_cell(value.get('description', ''))} |"


def _has_default(value: Schema) -> bool:
    """Return whether there is a default to show: that of a part with keys of its own is in its table."""
    return value.get("default") not in (None, "", [], {}) and "$ref" not in value


def _values(value: Schema) -> Iterator[str]:
    """Yield what a value may be, in words."""
    if "$ref" in value:
        yield _reference(value["$ref"].rpartition("/")[2])
    for kind in ("anyOf", "oneOf"):
        for option in value.get(kind, ()):
            yield from _values(option)
    if "const" in value:
        yield _json(value["const"])
    elif "enum" in value:
        yield _names(value["enum"])
    elif "type" in value:
        yield from _of_type(value)


def _of_type(value: Schema) -> Iterator[str]:
    kind = value["type"]
    if isinstance(kind, list):
        for one in kind:
            yield from _of_type({**value, "type": one})
    elif kind == "array":
        items = _unique(_values(value.get("items", {})))
        yield f"list of {items}" if items else "list"
    elif kind == "object":
        inside = value.get("additionalProperties")
        yield f"names with {_unique(_values(inside))}" if isinstance(inside, Mapping) and inside else "mapping"
    # null means that the key is left out.
    elif kind != "null":
        yield TYPES.get(str(kind), str(kind)) + _limits(value)


def _unique(words: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(words))


def _limits(value: Schema) -> str:
    """Return ` from 1 to 10`, ` above 0` and so on; empty without limits."""
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    return "".join(f" {word} {value[key]:,}" for key, word in words.items() if key in value)


def _reference(name: str) -> str:
    """Return a link to the table of a record; the name of a family of Keras classes, or of a layer, as it is."""
    return f"[{name}](#{name.lower()})" if name[0].isupper() and name != "Layer" else f"names of {name.lower()}"


def _names(names: Sequence[Any]) -> str:
    return ", ".join(map(_json, names)) if len(names) <= MAX_NAMES else f"one of {len(names)} names"


def _json(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _main() -> None:
    schema = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    Path(sys.argv[2]).write_text(render_keys(schema), encoding="utf-8")


if __name__ == "__main__":
    _main()
