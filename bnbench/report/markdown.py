"""Text and tables -> Markdown that GitHub shows as it is meant."""

from collections.abc import Iterable, Sequence


def escape_markdown(text: str) -> str:
    """Return text of a config on one line, so that no part of it is a tag, a cell or a link."""
    for mark in "\\`*_[]<>|~&$":
        text = text.replace(mark, f"\\{mark}")
    return " ".join(text.split())


def pipe_table(header: Iterable[str], rows: Iterable[Iterable[str]], numeric: Sequence[bool] = ()) -> str:
    """Return a table; its cells are Markdown already. Columns of numbers stand at the right."""
    first = list(header)
    marks = ["---:" if i < len(numeric) and numeric[i] else "---" for i in range(len(first))]
    lines = [first, marks, *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
