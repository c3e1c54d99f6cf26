"""The help of a command as reStructuredText: examples are code blocks, and no mark of the text is one of the markup."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

# sphinx-click gives lines that click must not wrap as lines of a line block.
LINE = "| "
_CODE = re.compile(r"`([^`]*)`")
_MARKS = re.compile(r"([*\\|]|_(?=\W|$))")


def help_markup(lines: Sequence[str]) -> list[str]:
    """Return the lines of a help text, with examples as blocks of code and the rest as text."""
    groups = groupby(lines, lambda line: line.startswith(LINE))
    return [line for is_code, group in groups for line in (_code(group) if is_code else map(_text, group))]


def _code(lines: Iterator[str]) -> list[str]:
    return ["", ".. code-block:: text", "", *(f"   {line.removeprefix(LINE)}" for line in lines), ""]


def _text(line: str) -> str:
    # The odd parts were between backticks.
    parts = _CODE.split(line)
    return "".join(f"``{part}``" if i % 2 else _MARKS.sub(r"\\\1", part) for i, part in enumerate(parts))
