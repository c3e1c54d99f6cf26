"""Text and tables -> Markdown that GitHub shows as it is meant."""

from collections.abc import Iterable


def escape_markdown(text: str) -> str:
    """Return text of a config on one line, so that no part of it is a tag, a cell or a link."""
    for mark in "\\`*_[]<>|~&$":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def pipe_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; its cells are Markdown already."""
    first = list(header)
    lines = [first, ["---"] * len(first), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
