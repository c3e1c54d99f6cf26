"""Reads lines with a label and numbers; error messages name the file and the line."""

import math
from pathlib import Path

import numpy as np

from bnbench.data.types import Array
from bnbench.errors import DataError, shorten


def decode_text(content: bytes, path: Path) -> str:
    """Return the text of a file, with line ends of every system as `\\n`."""
    try:
        # Spreadsheets write a byte order mark at the start.
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file: {error}") from None


def labeled_rows(lines: list[str], path: Path, columns: int, first_line: int = 1) -> tuple[list[str], Array]:
    """Return the labels, and the numbers (rows, columns) float64, of lines `label,number,...`; skip empty lines.

    Raises:
        DataError: a line has another number of columns, or a cell is not a finite number.
    """
    labels, rows = [], []
    for number, line in enumerate(lines, first_line):
        if line.strip():
            label, *cells = line.split(",")
            if len(cells) != columns:
                raise DataError(f"{path}: line {number}: {len(cells)} numbers after the label, wanted {columns}")
            labels.append(label.strip())
            rows.append([parse_number(cell, f"{path}: line {number}") for cell in cells])
    if not rows:
        raise DataError(f"{path}: no rows")
    return labels, np.array(rows, np.float64)


def parse_number(cell: str, where: str) -> float:
    """Return the finite number in a cell.

    Raises:
        DataError: the cell holds something else; the message begins with `where`.
    """
    try:
        # Python would read 1_0 as ten.
        value = float(cell if "_" not in cell else "")
    except ValueError:
        raise DataError(f"{where}: {shorten(cell.strip())} is not a number") from None
    if not math.isfinite(value):
        raise DataError(f"{where}: {shorten(cell.strip())} is not a finite number")
    return value
