"""Turns the cells of one column into numbers or categories, and says what is wrong with a cell that is neither."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnbench.data.own.table_inputs import InputColumn
from bnbench.errors import did_you_mean, shorten

# Cells that mean a missing value, without case.
MISSING = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "null", "none", "?"})
NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
INFINITE = re.compile(r"(?i)[+-]?inf(inity)?")
# Optional parts of a second, noon and time zone follow 20:15 or 20:15:30.
_TIME = r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}([.,][0-9]+)?)?( ?[AaPp]\.?[Mm]\.?)?( ?(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2}))?"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAYS = (
    # 2020-01-31, 2020/1/31, 31.01.2020, 1/31/20.
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}",
    r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}",
    r"[0-9]{4}\.[0-9]{1,2}\.[0-9]{1,2}",
    r"[0-9]{1,2}[-/.][0-9]{1,2}[-/.]([0-9]{4}|[0-9]{2})",
    # 31-Jan-2020, 31 January 2020, Jan 31, 2020.
    rf"[0-9]{{1,2}}[- .]+{_MONTH}[- ,]+[0-9]{{2,4}}",
    rf"{_MONTH} [0-9]{{1,2}},? [0-9]{{4}}",
)
DATE = re.compile(rf"(?i){_TIME}|({'|'.join(_DAYS)})([T ]+{_TIME})?")
LARGEST = float(np.finfo(np.float32).max)
THOUSANDS = re.compile(r"[+-]?[0-9]{1,3}([ ',.][0-9]{3})+([.,][0-9]+)?")


@dataclass(frozen=True)
class BadCell:
    """A cell that cannot be used."""

    # The position among the cells.
    row: int
    # What is wrong with it.
    message: str


def parse_numbers(
    cells: Sequence[str] | NDArray[np.float64], column: str, decimal: str, may_miss: bool
) -> tuple[NDArray[np.float64], BadCell | None]:
    """Return the numbers of a column (rows,), NaN where a value is missing, and the first bad cell or None.

    Args:
        cells: text, or numbers of a file that stores numbers, NaN where one is missing.
        column: its name, for messages.
        decimal: the decimal mark of text, `.` or `,`.
        may_miss: whether missing values are allowed.
    """
    if isinstance(cells, np.ndarray):
        with np.errstate(invalid="ignore"):
            bad = np.flatnonzero(~(np.abs(cells) <= LARGEST) & ~(np.isnan(cells) & may_miss))
        text = "" if not bad.size or np.isnan(cells[bad[0]]) else repr(float(cells[bad[0]]))
        return cells, BadCell(int(bad[0]), _why_no_number(text, column, ".")) if bad.size else None
    values = parse_plain(cells, decimal)
    if values is not None and (np.isfinite(values).all() and (np.abs(values) <= LARGEST).all()):
        return values, None
    return _parse_each(cells, column, decimal, may_miss)


def parse_plain(cells: Sequence[str], decimal: str) -> NDArray[np.float64] | None:
    """Return the numbers of a column (rows,), or None if a cell needs a closer look."""
    text = "\n".join(cells)
    # Python reads 1_0 as ten, and digits of other scripts.
    if "_" in text or not text.isascii():
        return None
    if decimal == ",":
        if "." in text:
            return None
        cells = text.replace(",", ".").split("\n")
    try:
        return np.array(list(map(float, cells)), np.float64)
    except ValueError:
        return None


def _parse_each(
    cells: Sequence[str], column: str, decimal: str, may_miss: bool
) -> tuple[NDArray[np.float64], BadCell | None]:
    values = np.full(len(cells), np.nan)
    for row, cell in enumerate(map(str.strip, cells)):
        number = as_number(cell, decimal)
        if number is not None and abs(number) <= LARGEST:
            values[row] = number
        elif not (may_miss and is_missing(cell)):
            return values, BadCell(row, _why_no_number(cell, column, decimal))
    return values, None


def as_number(cell: str, decimal: str) -> float | None:
    """Return the number in a cell, or None if it is no number."""
    if decimal == ",":
        cell = "" if "." in cell else cell.replace(",", ".")
    return float(cell) if NUMBER.fullmatch(cell) else None


def is_missing(cell: str) -> bool:
    """Return whether a cell means a missing value."""
    return cell.strip().casefold() in MISSING


def is_date(cell: str) -> bool:
    """Return whether a cell is a date or a time."""
    return bool(DATE.fullmatch(cell.strip()))


def _why_no_number(cell: str, column: str, decimal: str) -> str:
    shown = shorten(cell)
    if as_number(cell, decimal) is not None:
        return f"{shown} is too large, wanted a number up to {LARGEST:.3g}"
    if is_missing(cell):
        found = f"has a missing value, {shown}" if cell else "is empty"
        return f"{found}: set data.missing to {{{column}: mean}} or drop_rows, or add {column} to data.drop"
    if INFINITE.fullmatch(cell):
        return f"{shown} is infinite, wanted a finite number"
    if is_date(cell):
        return f"{shown} is a date or a time, which is no number: add {column} to data.drop, or write numbers"
    if decimal == "." and as_number(cell, ",") is not None:
        return f"{shown} is no number: if the comma is a decimal comma, set data.decimal: ','"
    if decimal == "," and as_number(cell, ".") is not None:
        return f"{shown} has a decimal point, but data.decimal is ','"
    if THOUSANDS.fullmatch(cell):
        return f"{shown} is no number: write it without separators of thousands"
    return f"{shown} is text: list its values in data.categories.{column}, or add {column} to data.drop"


def parse_categories(cells: Sequence[str], column: InputColumn) -> tuple[NDArray[np.float64], BadCell | None]:
    """Return the one-hot values of a column of categories (rows, values), and the first bad cell or None."""
    known = {value: i for i, value in enumerate(column.values)}
    codes = np.array([known.get(cell.strip(), -1) for cell in cells], np.int64)
    hot = np.zeros((len(cells), len(known)))
    good = np.flatnonzero(codes >= 0)
    hot[good, codes[good]] = 1
    bad = np.flatnonzero(codes < 0)
    if not bad.size:
        return hot, None
    row = int(bad[0])
    return hot, BadCell(row, _why_no_category(cells[row].strip(), column))


def _why_no_category(cell: str, column: InputColumn) -> str:
    listed = [shorten(value) for value in column.values[:5]] + (["..."] if len(column.values) > 5 else [])
    found = "is empty" if not cell else f"{shorten(cell)} is not listed"
    advice = "; '' can be a category, and data.missing: drop_rows leaves such rows out" if is_missing(cell) else ""
    known = f"data.categories.{column.name}: {', '.join(listed)}"
    return f"{found} in {known}{did_you_mean(cell, column.values)}{advice}"
