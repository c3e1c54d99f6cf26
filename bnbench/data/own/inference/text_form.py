"""Infers how a table of text is written: what separates cells, the decimal mark, whether the first line has names."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bnbench.data.formats.text_blocks import TextBlock, read_blocks, split_cells
from bnbench.data.own.cells import as_number, is_missing
from bnbench.errors import DataError

# The lines that are looked at.
SAMPLE = 500
# In the order in which they are tried: a comma next to one of the first three is a decimal comma, and a space next to
# any other one separates nothing.
SEPARATORS = ";\t|, "
# The share of lines that must have the same number of cells.
REGULAR = 0.9
_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?")
_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+([eE][+-]?[0-9]+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+")


@dataclass(frozen=True)
class TextForm:
    """How a table of text is written."""

    separator: str
    decimal: str
    header: bool


def infer_text_form(path: Path) -> TextForm:
    """Return how a table of text is written, from its first lines.

    Raises:
        DataError: the file is no text, is empty, or has one column.
    """
    block = next(iter(read_blocks(path)), None)
    if block is None:
        raise DataError(f"{path}: no rows")
    lines = block.content.splitlines(keepends=True)[:SAMPLE]
    if not any(map(bytes.strip, lines)):
        raise DataError(f"{path}: no rows")
    sample = replace(block, content=b"".join(lines))
    separator = _separator(sample, path)
    rows = _rows(sample, path, separator)
    decimal = _decimal(rows, separator)
    return TextForm(separator, decimal, _has_header(rows, decimal))


def _rows(block: TextBlock, path: Path, separator: str) -> list[list[str]]:
    rows = [[cell.strip() for cell in cells] for _, cells in split_cells(block, path, separator)]
    # Spaces at the end of a line separate nothing.
    return [cells[:-1] if separator == " " and not cells[-1] else cells for cells in rows]


def _separator(block: TextBlock, path: Path) -> str:
    for separator in SEPARATORS:
        # Else the whole line would be a cell, which may be too long.
        if separator.encode() not in block.content:
            continue
        widths = Counter(map(len, _rows(block, path, separator)))
        width, lines = max(widths.items(), key=lambda item: item[1], default=(0, 0))
        if width > 1 and lines >= REGULAR * widths.total():
            return separator
    # Lines of several widths: the reader names them.
    first = block.content.splitlines()[0].decode("utf-8", "replace")
    found = max(SEPARATORS.rstrip(), key=first.count)
    if found not in first:
        raise DataError(
            f"{path}: one column: a target needs at least one other column (looked for , ; | tab and space)"
        )
    return found


def _decimal(rows: Sequence[Sequence[str]], separator: str) -> str:
    cells = [cell for row in rows for cell in row]
    commas = [cell for cell in cells if _COMMA.fullmatch(cell)]
    points = sum(bool(_POINT.fullmatch(cell)) for cell in cells)
    # 1,234 is a thousand where commas separate cells, too.
    thousands = separator == "," and all(map(_THOUSANDS.fullmatch, commas))
    return "," if len(commas) > points and not thousands else "."


def _has_header(rows: Sequence[Sequence[str]], decimal: str) -> bool:
    """Return whether the first line has names: no number, or text above a column of numbers."""
    first, others = rows[0], rows[1:]
    if not others or _are_positions(first):
        return True
    columns = [[row[i] for row in others if len(row) > i] for i in range(len(first))]
    if any(as_number(cell, decimal) is not None for cell in first):
        return any(_is_name_of_numbers(cell, column, decimal) for cell, column in zip(first, columns, strict=True))
    # Text alone: it is a row if its cells are also those of other rows.
    return not all(cell in column for cell, column in zip(first, columns, strict=True))


def _are_positions(cells: Sequence[str]) -> bool:
    """Return whether cells are 0, 1, 2 ..., which pandas writes as names; an index before them has no name."""
    numbers = list(cells[1:] if cells[0] == "" else cells)
    return len(numbers) > 2 and numbers == [str(i) for i in range(len(numbers))]


def _is_name_of_numbers(cell: str, column: Sequence[str], decimal: str) -> bool:
    if as_number(cell, decimal) is not None or is_missing(cell):
        return False
    present = [other for other in column if not is_missing(other)]
    return bool(present) and all(as_number(other, decimal) is not None for other in present)
