"""Lines of a label and numbers -> labels and arrays, with each fault told by file and line."""

import math
from pathlib import Path

import numpy as np

from bnbench.data.types import Array
from bnbench.errors import DataError


def decode_text(content: bytes, path: Path) -> str:
    """Text of a file, with the line ends of any system made one."""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")  # -sig: spreadsheets put a mark at the start
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: no text file: {error}") from None


def labeled_rows(lines: list[str], path: Path, columns: int, first_line: int = 1) -> tuple[list[str], Array]:
    """The labels, and the numbers (rows, columns) float64, of lines `label,number,...`; empty lines are passed over.

    Raises:
        DataError: a line with another number of columns, or a cell that is no finite number.
    """
    labels, rows = [], []
    for place, line in enumerate(lines, first_line):
        if line.strip():
            label, *cells = line.split(",")
            if len(cells) != columns:
                raise DataError(f"{path}: line {place}: {len(cells)} numbers after the label, wanted {columns}")
            labels.append(label.strip())
            rows.append([parse_number(cell, f"{path}: line {place}") for cell in cells])
    if not rows:
        raise DataError(f"{path}: holds no rows")
    return labels, np.array(rows, np.float64)


def parse_number(cell: str, where: str) -> float:
    """The finite number that a cell holds.

    Raises:
        DataError: it holds none; `where` names the place.
    """
    try:
        value = float(cell if "_" not in cell else "")  # Python would read 1_0 as ten
    except ValueError:
        raise DataError(f"{where}: {cell.strip()!r} is not a number") from None
    if not math.isfinite(value):
        raise DataError(f"{where}: {cell.strip()!r} is not a finite number")
    return value
