"""Read tables (.csv, .csv.gz) as rows for a saved model, block by block.

pandas parses a block if all of its lines are plain; any other block is read again cell by cell, which finds the line
and the column of a mistake.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.commands.predict_columns import input_columns
from bnbench.commands.predict_rows import CHUNK_NUMBERS, InputRows
from bnbench.data.formats.delimited import parse_number
from bnbench.data.formats.text_blocks import TextBlock, read_blocks, split_cells
from bnbench.errors import DataError
from bnbench.store.model_card import ModelCard

# Most of a table. What is left without them is searched for what is not plain.
PLAIN = b"0123456789.,+- \t\n"
# pandas takes words for numbers (True is 1), and it ends lines at other control characters than Python does.
NOT_PLAIN = re.compile(rb"(?i)true|false|[\x00-\x08\x0b-\x1f]")
# Since 3.1 pandas always parses numbers exactly, and the option is deprecated.
EXACT: dict[str, Any] = (
    {} if tuple(map(int, pd.__version__.split(".")[:2])) >= (3, 1) else {"float_precision": "round_trip"}
)


@dataclass(frozen=True)
class _Layout:
    """Which columns of a table are inputs."""

    # The number of all columns.
    width: int
    # The positions of the inputs, in the order of the model.
    columns: Sequence[int]
    # Columns that look like labels and are not used.
    notes: tuple[str, ...]


def read_table(path: Path, card: ModelCard) -> Iterator[InputRows]:
    """Yield the rows of a CSV file with one sample per row, with or without a header."""
    layout, first = None, 1
    for block in read_blocks(path):
        rest = block
        if layout is None:
            found = _find_layout(block, card, path)
            if found is None:
                continue
            layout, rest = found
        for values in _parse_block(rest, layout, path):
            yield InputRows(path, values.reshape(-1, *card.shape), layout.notes, first, block.share)
            first += len(values)


def _find_layout(block: TextBlock, card: ModelCard, path: Path) -> tuple[_Layout, TextBlock] | None:
    """Return the layout that the first line gives, and the rest of the block; None if all lines are empty."""
    lines = block.content.splitlines(keepends=True)
    for line, cells in split_cells(block, path):
        first = [cell.strip() for cell in cells]
        place = f"{path}: line {line}"
        columns, is_header, notes = input_columns(first, card, place)
        layout = _Layout(len(first), columns, tuple(f"{path}: {note}" for note in notes))
        # A line may have line breaks inside quotes, so it is the last of several.
        start = line - block.line + 1 if is_header else 0
        return layout, TextBlock(b"".join(lines[start:]), block.line + start, block.share)
    return None


def _parse_block(block: TextBlock, layout: _Layout, path: Path) -> Iterator[NDArray[np.float64]]:
    """Yield the inputs of a block, (rows, inputs) each time."""
    values = _parse_plain(block.content, layout)
    if values is None:
        yield from _parse_cells(block, layout, path)
    elif len(values):
        yield values


def _parse_plain(content: bytes, layout: _Layout) -> NDArray[np.float64] | None:
    """Return the inputs of a block, or None if it is not plain: finite numbers, equal columns, no empty line."""
    content = content.replace(b"\r\n", b"\n")
    content += b"" if content.endswith(b"\n") else b"\n"
    if content == b"\n":
        return np.empty((0, len(layout.columns)))
    data = np.frombuffer(content, np.uint8)
    commas, ends = np.flatnonzero(data == ord(",")), np.flatnonzero(data == ord("\n"))
    if (np.diff(np.searchsorted(commas, ends), prepend=0) != layout.width - 1).any():
        return None
    if NOT_PLAIN.search(content.translate(None, PLAIN)):
        return None
    options = {"header": None, "index_col": False, "na_filter": False, "skipinitialspace": True, **EXACT}
    try:
        table = pd.read_csv(BytesIO(content), usecols=list(layout.columns), dtype=np.float64, **options)
    except (ValueError, OverflowError):
        return None
    values: NDArray[np.float64] = table[list(layout.columns)].to_numpy()
    return values if len(values) == len(ends) and np.isfinite(values).all() else None


def _parse_cells(block: TextBlock, layout: _Layout, path: Path) -> Iterator[NDArray[np.float64]]:
    """Yield the inputs of a block, read cell by cell.

    Raises:
        DataError: a line has another number of columns than the first, or a cell is not a finite number.
    """
    rows: list[list[float]] = []
    for line, cells in split_cells(block, path):
        if len(cells) != layout.width:
            problem = f"{len(cells)} columns, expected {layout.width} as in the first line"
            raise DataError(f"{path}: line {line}: {problem}")
        rows.append([parse_number(cells[i], f"{path}: line {line}, column {i + 1}") for i in layout.columns])
        if len(rows) * len(layout.columns) >= CHUNK_NUMBERS:
            yield np.array(rows, np.float64)
            rows = []
    if rows:
        yield np.array(rows, np.float64)
