"""Tables that fit the width of a terminal: headers are broken first, then cells, then the table itself."""

import re
from collections.abc import Iterator, Sequence
from io import StringIO
from itertools import zip_longest

GAP = 2
# A column of text is never made narrower than its longest word or this.
MIN_TEXT = 16
_PIECE = re.compile(r"[^_ ]*(?:_+| +|$)")
_NUMBER = re.compile(r"[+-]?[\d.]+(?:e[+-]?\d+)?%?")

Row = Sequence[str]


def plain_table(rows: Sequence[Row]) -> str:
    """Return rows as text in columns, with two spaces between them."""
    widths = _widths(rows)
    gap = " " * GAP
    return "\n".join(
        gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def fit_table(
    header: Row, rows: Sequence[Row], width: int | None, optional: Sequence[int] = ()
) -> tuple[str, list[int]]:
    """Return a table of at most `width` columns as text, and the columns that it leaves out.

    Args:
        header: the names of the columns.
        rows: the cells.
        width: characters in a line; None for any number.
        optional: positions of columns that may be left out, the least important one first.

    Returns:
        The text. If not even broken cells suffice, the columns are in several tables below each other, each with the
        first column. And the positions of the columns that are left out.
    """
    if width is None or table_width([header, *rows]) <= width:
        return plain_table([header, *rows]), []
    kept, left_out = list(range(len(header))), list[int]()
    for position in [*optional, -1]:
        table = [[row[i] for i in kept] for row in rows]
        broken = _break_header([header[i] for i in kept], table)
        if table_width([*broken, *table]) <= width:
            return plain_table([*broken, *table]), sorted(left_out)
        if position >= 0:
            kept.remove(position)
            left_out.append(position)
    # Without the optional columns it does not fit either: break cells, and leave nothing out.
    return "\n\n".join(_blocks(header, rows, width)), []


def table_width(rows: Sequence[Row]) -> int:
    """Return how many characters the lines of a table have if no cell is broken."""
    return _total(_widths(rows))


def _widths(rows: Sequence[Row]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + GAP * (len(widths) - 1)


def _break_header(header: Row, rows: Sequence[Row]) -> list[list[str]]:
    """Return a header in several lines: each name is broken at `_` and spaces, to the width of its cells."""
    cells = _widths(rows) if rows else [0] * len(header)
    lines = [_pack(_PIECE.findall(name), width) for name, width in zip(header, cells, strict=True)]
    return [list(line) for line in zip_longest(*lines, fillvalue="")]


def _pack(pieces: Sequence[str], width: int) -> list[str]:
    lines = [""]
    width = max(width, *(len(piece.rstrip()) for piece in pieces))
    for piece in pieces:
        if len((lines[-1] + piece).rstrip()) > width:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def _blocks(header: Row, rows: Sequence[Row], width: int) -> Iterator[str]:
    """Yield tables with broken cells, each with the first column and as many others as fit."""
    least = [_least(name, [row[i] for row in rows]) for i, name in enumerate(header)]
    block = [0]
    for i in range(1, len(header)):
        if len(block) > 1 and _total([least[j] for j in (*block, i)]) > width:
            yield _break_cells(header, rows, block, width)
            block = [0]
        block.append(i)
    yield _break_cells(header, rows, block, width)


def _least(name: str, cells: Sequence[str]) -> int:
    """Return the smallest width of a column: that of its numbers, or of its longest word."""
    if all(_NUMBER.fullmatch(cell) or not cell for cell in cells):
        return max(map(len, (*_PIECE.findall(name), *cells)))
    longest = max(len(word) for cell in (name, *cells) for word in cell.split(" "))
    return max(longest, min(MIN_TEXT, max(map(len, cells))))


def _break_cells(header: Row, rows: Sequence[Row], columns: Sequence[int], width: int) -> str:
    """Return some columns as a table whose cells are broken at spaces."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), show_header=False)
    for i in columns:
        is_number = all(_NUMBER.fullmatch(row[i]) or not row[i] for row in rows)
        table.add_column(no_wrap=is_number, overflow="fold")
    shown = [[row[i] for i in columns] for row in rows]
    for row in [*_break_header([header[i] for i in columns], shown), *shown]:
        table.add_row(*map(Text, row))
    console = Console(file=StringIO(), width=width, color_system=None, legacy_windows=False)
    with console.capture() as captured:
        console.print(table)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())
