"""Text and tables as Markdown that GitHub shows as they are meant."""

from collections.abc import Iterable


def escape_markdown(text: str) -> str:
    """What a config says, as text and on one line: no tag, no cell, no link."""
    for mark in "\\`*_[]<>|~&$":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def pipe_table(header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table; its cells are Markdown already."""
    first = list(header)
    lines = [first, ["---"] * len(first), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
