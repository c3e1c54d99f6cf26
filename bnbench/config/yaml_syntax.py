"""The YAML of experiment files: YAML 1.1 as people write it, with plain values only and marks for messages.

`1e-3` is a number, `on` is text, every key is text, and tabs separate values as in YAML 1.2. Tags and repeated keys are
refused.
"""

import re

import yaml

from bnbench.location import Mark

# The maximum number of values; Python takes 30 us to read each of them.
MAX_NODES = 10_000
# The maximum number of mappings and lists inside one another.
MAX_DEPTH = 50
LINE_BREAKS = "\r\n\x85\u2028\u2029"
TAG_PREFIX = "tag:yaml.org,2002:"


class RefusedError(yaml.MarkedYAMLError):
    """A text is YAML, but an experiment file cannot contain it."""

    def __init__(self, problem: str, mark: yaml.Mark) -> None:
        super().__init__(None, None, problem, mark)


class Loader(yaml.SafeLoader):
    """Reads the YAML of experiment files."""

    nodes = depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Return the next value; raise if it has a tag, or if there are too many values."""
        event = self.peek_event()  # type: ignore[no-untyped-call]
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise RefusedError(f"more than {MAX_NODES:,} values", event.start_mark)
        if self.depth > MAX_DEPTH:
            raise RefusedError(f"more than {MAX_DEPTH} lists and mappings inside one another", event.start_mark)
        if getattr(event, "tag", None) is not None:
            tag = event.tag.replace(TAG_PREFIX, "!!")
            raise RefusedError(f"found the tag {tag}, wanted a value without a tag: leave it out", event.start_mark)
        self.depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1

    def fetch_flow_collection_start(self, token: type[yaml.Token]) -> None:
        """Begin a list or mapping in brackets; PyYAML is slow if very many are nested."""
        if self.flow_level > MAX_DEPTH:
            raise RefusedError(f"more than {MAX_DEPTH} lists and mappings inside one another", self.get_mark())
        super().fetch_flow_collection_start(token)

    def scan_tag_directive_value(self, start_mark: yaml.Mark) -> tuple[str, str]:
        """Refuse `%TAG`: no value can have a tag."""
        raise RefusedError("found the directive %TAG, wanted values without tags: leave it out", start_mark)

    # PyYAML takes a tab only inside quotes and in a few other places. YAML allows tabs wherever spaces separate values,
    # but not in the indentation of block mappings and lists.

    def scan_to_next_token(self) -> None:
        """Skip spaces, tabs, comments and line breaks."""
        super().scan_to_next_token()
        while self.peek() == "\t":
            mark, begins_line = self.get_mark(), not self._line_before(self.column).strip(" ")
            self._skip_blanks()
            indents = begins_line and not self.flow_level and mark.column <= self.indent
            if indents and self.peek() not in f"#\0{LINE_BREAKS}":
                raise RefusedError("found a tab in the indentation, wanted spaces", mark)
            super().scan_to_next_token()

    def add_indent(self, column: int) -> bool:
        """Begin a block mapping or list at a column of the present line."""
        if not self.flow_level and "\t" in self._line_before(column):
            raise RefusedError("found a tab in the indentation, wanted spaces", self.get_mark())
        return bool(super().add_indent(column))

    def scan_plain_spaces(self, indent: int, start_mark: yaml.Mark) -> list[str]:
        """Return the blanks between two words of a text without quotes."""
        length = 0
        while self.peek(length) in " \t":
            length += 1
        blanks = self.prefix(length)
        if "\t" in blanks:
            self.forward(length)
            if self.peek() not in LINE_BREAKS:
                return [blanks]
        chunks = list(super().scan_plain_spaces(indent, start_mark) or [])
        if self.flow_level or self.column >= indent:
            self._skip_blanks()
        return chunks

    def scan_block_scalar_indicators(self, start_mark: yaml.Mark) -> tuple[bool | None, int | None]:
        """Read what follows `|` or `>`; PyYAML wants a space behind it."""
        end = self.pointer
        while self.buffer[end] in "-+123456789":
            end += 1
        if self.buffer[end] == "\t":
            self.buffer = f"{self.buffer[:end]} {self.buffer[end + 1 :]}"
        return super().scan_block_scalar_indicators(start_mark)

    def scan_block_scalar_ignored_line(self, start_mark: yaml.Mark) -> None:
        """Skip blanks and a comment behind `|` or `>`."""
        self._skip_blanks()
        super().scan_block_scalar_ignored_line(start_mark)

    def _line_before(self, column: int) -> str:
        """Return the present line up to a column."""
        begin = self.pointer - self.column
        return str(self.buffer[begin : begin + column])

    def _skip_blanks(self) -> None:
        while self.peek() in " \t":
            self.forward()


# YAML 1.1 reads 1e-3 as text, 010 as eight, 1:30 as ninety, `on` as true and 2024-01-01 as a date; `=` is a default.
_OURS = {TAG_PREFIX + name for name in ("float", "int", "bool", "timestamp", "value")}
Loader.yaml_implicit_resolvers = {
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
    Loader.add_implicit_resolver(TAG_PREFIX + _name, re.compile(f"^(?:{_pattern})$"), list(_first))
# Only plain values: an experiment needs no YAML sets, dates or binary data.
_PLAIN = {"null", "bool", "int", "float", "str", "seq", "map"}
Loader.yaml_constructors = {
    tag: constructor
    for tag, constructor in yaml.SafeLoader.yaml_constructors.items()
    if tag is None or tag.removeprefix(TAG_PREFIX) in _PLAIN
}


class Dumper(yaml.SafeDumper):
    """Quotes a text that this loader or YAML 1.1 would read as something else, as `0E0`."""


Dumper.yaml_implicit_resolvers = {
    first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, []), *Loader.yaml_implicit_resolvers.get(first, [])]
    for first in {**yaml.SafeDumper.yaml_implicit_resolvers, **Loader.yaml_implicit_resolvers}
}


def _mapping(loader: Loader, node: yaml.MappingNode) -> dict[str, object]:
    """Return a mapping. Its keys are texts as they are written, so `1` and `"1"` are one key, which is refused."""
    seen: dict[str, yaml.ScalarNode] = {}
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise RefusedError("a key must be a word or a number", key.start_mark)
        first = seen.setdefault(key.value, key)
        if first is not key:
            why = "" if first.tag == key.tag else " (a key is text, with quotes or without)"
            line = first.start_mark.line + 1
            raise RefusedError(f"the key {key.value!r} is already on line {line}{why}: remove one", key.start_mark)
    loader.flatten_mapping(node)
    return {key.value: loader.construct_object(value, deep=True) for key, value in node.value}


def _whole(loader: Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    try:
        return int(text)
    except ValueError:
        # Python refuses more than 4,300 digits.
        raise RefusedError(f"a whole number of {len(text):,} digits is too long", node.start_mark) from None


def _text(loader: Loader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


Loader.add_constructor(TAG_PREFIX + "map", _mapping)
Loader.add_constructor(TAG_PREFIX + "int", _whole)
# `<<` is a merge key only where a key can be; as a value it is text.
Loader.add_constructor(TAG_PREFIX + "merge", _text)


def expanded_size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node expands to; a node inside itself counts once, and fails when it is constructed."""
    if id(node) not in known:
        known[id(node)] = 1
        inner = node.value if isinstance(node, yaml.SequenceNode | yaml.MappingNode) else []
        parts = [part for item in inner for part in (item if isinstance(item, tuple) else (item,))]
        known[id(node)] = 1 + sum(expanded_size(part, known) for part in parts)
    return known[id(node)]


def mark_values(node: yaml.Node) -> Mark:
    """Return the marks of a node that has been constructed, so that its merge keys (`<<`) are resolved.

    The mark of an alias (`*name`) or a merged value is the place where the value is written.
    """
    return _mark(node, None, {})


def _mark(node: yaml.Node, key: yaml.Node | None, known: dict[int, dict[str | int, Mark]]) -> Mark:
    if id(node) not in known:
        inner: dict[str | int, Mark] = {}
        known[id(node)] = inner
        if isinstance(node, yaml.MappingNode):
            inner.update({name.value: _mark(value, name, known) for name, value in node.value})
        elif isinstance(node, yaml.SequenceNode):
            inner.update({i: _mark(value, None, known) for i, value in enumerate(node.value)})
    return Mark(*_position(node), key=_position(key) if key else None, inner=known[id(node)])


def _position(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1
