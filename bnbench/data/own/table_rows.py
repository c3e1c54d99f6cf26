"""Turns the cells of an own table into rows of numbers, and collects what is wrong with them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnbench.data.own.cells import BadCell, is_missing, parse_categories, parse_numbers
from bnbench.data.own.table_files import open_table
from bnbench.data.own.table_inputs import InputColumn, TableInputs
from bnbench.data.own.table_types import Cells, TableFile, TableRows
from bnbench.errors import DataError, did_you_mean, shorten

# The maximum number of mistakes in one message.
MAX_LISTED = 20


@dataclass(frozen=True)
class InputChunk:
    """Successive rows of a table as inputs."""

    # (rows, inputs.width) float64. NaN where a value is missing.
    values: NDArray[np.float64]
    # The number of the first of these rows, counted from 1.
    first: int
    # The share of the file that has been read with these rows.
    share: float


@dataclass
class Mistakes:
    """The first mistake of each column."""

    file: TableFile
    # Column -> message.
    found: dict[str, str] = field(default_factory=dict)

    def add(self, column: str, bad: BadCell | None, rows: TableRows) -> None:
        """Note a bad cell, unless its column already has one."""
        if bad:
            place = f"{self.file.path}: {self.file.unit} {rows.lines[bad.row]}, column {shorten(column)}"
            self.found.setdefault(column, f"{place}: {bad.message}")

    def check(self) -> None:
        """Raise if there is a mistake.

        Raises:
            DataError: the message has a line for each column with a mistake.
        """
        if self.found:
            more = [f"and {len(self.found) - MAX_LISTED:,} more columns"] if len(self.found) > MAX_LISTED else []
            raise DataError("\n".join([*list(self.found.values())[:MAX_LISTED], *more]))


def encode_inputs(rows: TableRows, inputs: TableInputs, mistakes: Mistakes) -> NDArray[np.float64]:
    """Return the values of the input columns (rows, width), flags included; mistakes are noted."""
    parts: list[NDArray[np.float64]] = []
    flags: list[NDArray[np.float64]] = []
    for column in inputs.columns:
        values, bad = _encode(rows.cells[column.name], column, inputs.decimal)
        mistakes.add(column.name, bad, rows)
        parts.append(values if values.ndim == 2 else values[:, np.newaxis])
        if column.filled:
            flags.append(np.isnan(values).astype(np.float64)[:, np.newaxis])
    return np.hstack([*parts, *flags])


def _encode(cells: Cells, column: InputColumn, decimal: str) -> tuple[NDArray[np.float64], BadCell | None]:
    if column.values:
        return parse_categories([str(cell) for cell in cells], column)
    return parse_numbers(cells, column.name, decimal, column.filled)


def missing_rows(rows: TableRows, inputs: TableInputs) -> NDArray[np.bool_]:
    """Return which rows miss a value in one of their cells (rows,). A listed category is not missing."""
    categories = {column.name: column.values for column in inputs.columns}
    missing = np.zeros(len(rows.lines), bool)
    for name, cells in rows.cells.items():
        if isinstance(cells, np.ndarray):
            missing |= np.isnan(cells)
        else:
            listed = categories.get(name, ())
            missing |= np.array([is_missing(cell) and cell.strip() not in listed for cell in cells], bool)
    return missing


def keep_rows(rows: TableRows, kept: NDArray[np.bool_]) -> TableRows:
    """Return only some of the rows."""
    if kept.all():
        return rows
    at = np.flatnonzero(kept).tolist()
    cells: Mapping[str, Cells] = {
        name: values[at] if isinstance(values, np.ndarray) else [values[i] for i in at]
        for name, values in rows.cells.items()
    }
    return TableRows(cells, [rows.lines[i] for i in at], rows.share)


def text_columns(inputs: TableInputs) -> list[str]:
    """Return the inputs whose cells are names, even if a file stores them as numbers."""
    return [column.name for column in inputs.columns if column.values]


def read_inputs(path: Path, inputs: TableInputs) -> Iterator[InputChunk]:
    """Yield the inputs of a table that may lack the target, such as the test file of a competition.

    Columns that are no inputs are not read.

    Raises:
        DataError: the file is no such table, lacks an input, or a cell is wrong.
    """
    file, first = open_table(path, inputs), 1
    names = [column.name for column in inputs.columns]
    lacking = [name for name in names if name not in file.names]
    if lacking:
        near = did_you_mean(lacking[0], file.names)
        more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
        raise DataError(f"{path}: no column {shorten(lacking[0])}{near}{more}; found {_some(file.names)}")
    mistakes = Mistakes(file)
    for rows in file.read(names, text_columns(inputs)):
        values = encode_inputs(rows, inputs, mistakes)
        mistakes.check()
        yield InputChunk(values, first, rows.share)
        first += len(values)


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(map(shorten, names[:10])) + (", ..." if len(names) > 10 else "")
