"""Reads tables of text by content, whatever separates, quotes and orders their cells; messages name file and line."""

import codecs
import csv
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bnbench.data.types import Array
from bnbench.errors import DataError, did_you_mean, shorten

# The separators that are recognized. If several are equally frequent in the first line, the first of these counts: a
# comma that is as frequent as another one is a decimal comma.
SEPARATORS = ";\t| ,"
# Spaces next to another separator do not separate.
PADDED = re.compile(r" *([;\t|,]) *")
# Spreadsheets write a byte order mark at the start.
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# The maximum number of names in a message.
MAX_NAMED = 3
# A line number and the cells of the line.
Line = tuple[int, list[str]]


@dataclass(frozen=True)
class TableColumns:
    """The columns of a published table. A file may have them in another order, with further columns between them."""

    # The names of the columns with numbers, in the order of the values of a row.
    numbers: tuple[str, ...]
    # The name of the column with the label.
    label: str
    # The name of the column whose ascending whole numbers give the published order of the rows. Empty if there is none.
    key: str = ""


@dataclass(frozen=True)
class LabeledTable:
    """The rows of a table, in the order of the file."""

    labels: list[str]
    # (rows, numbers) float64.
    values: Array
    # The cells of the key column. Empty if the file has no such column.
    keys: list[str]


@dataclass(frozen=True)
class _Positions:
    label: int
    numbers: Sequence[int]
    key: int | None = None


def decode_text(content: bytes, path: Path) -> str:
    """Return the text of a file, with line ends of every system as `\\n`."""
    try:
        text = content.decode("utf-16" if content.startswith(UTF16_MARKS) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file: {error}") from None
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_table(text: str, path: Path, columns: TableColumns, exact: bool) -> LabeledTable:
    """Return the labels and numbers of a table with or without a header.

    Columns are found by name if the header has all names, else by position: the label is the column that is not a
    number, and the numbers are the last of the others.

    Args:
        exact: whether a table without these names must have exactly these columns, and no other names. Only a caller
            that knows the content, for example its fingerprint, can do without.

    Raises:
        DataError: columns are missing, a line has another number of columns, or a cell is not a finite number.
    """
    lines = _read_lines(text, path)
    first = lines[0][1]
    at = _by_name(first, columns)
    has_names = at is not None or is_header(first)
    rows = lines[1:] if has_names else lines
    if not rows:
        raise DataError(f"{path}: no rows")
    at = at or _by_position(first if has_names else [], rows[0], columns, path, exact)
    for number, cells in rows:
        if len(cells) != len(first):
            raise DataError(
                f"{path}: line {number}: {len(cells)} columns, wanted {len(first)} as in line {lines[0][0]}"
            )
    values = [[parse_number(cells[i], f"{path}: line {number}") for i in at.numbers] for number, cells in rows]
    keys = [] if at.key is None else [cells[at.key] for _, cells in rows]
    return LabeledTable([cells[at.label] for _, cells in rows], np.array(values, np.float64), keys)


def parse_number(cell: str, where: str) -> float:
    """Return the finite number in a cell.

    Raises:
        DataError: the cell holds something else; the message begins with `where`.
    """
    try:
        # Python would read 1_0 as ten.
        value = float(cell if "_" not in cell else "")
    except ValueError:
        advice = ": write a decimal point, and no comma in a number" if "," in cell and is_numeric(cell) else ""
        raise DataError(f"{where}: {shorten(cell.strip())} is not a number{advice}") from None
    if not math.isfinite(value):
        raise DataError(f"{where}: {shorten(cell.strip())} is not a finite number")
    return value


def _read_lines(text: str, path: Path) -> list[Line]:
    """Return the lines that are not empty, without the empty cells that separators at the ends of all lines make."""
    sample = next((line for line in text.split("\n") if line.strip()), "")
    separator = max(SEPARATORS, key=PADDED.sub(r"\1", sample).count)
    try:
        reader = csv.reader(text.split("\n"), delimiter=separator, skipinitialspace=True)
        lines = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise DataError(f"{path}: not a table of text: {error}") from None
    lines = [(number, cells) for number, cells in lines if any(cells)]
    if not lines:
        raise DataError(f"{path}: no rows")
    if all(not cells[-1] for _, cells in lines):
        lines = [(number, cells[:-1]) for number, cells in lines]
    if separator != ",":
        lines = [(number, [_with_decimal_point(cell) for cell in cells]) for number, cells in lines]
    return lines


def _with_decimal_point(cell: str) -> str:
    """Return 0.5 for 0,5; between commas a comma in a cell may also separate thousands."""
    return cell.replace(",", ".") if is_numeric(cell) else cell


def is_header(cells: Sequence[str]) -> bool:
    """Return whether a line contains names: no numbers, or 0, 1, 2 ..., as pandas calls columns without names."""
    return not any(map(is_numeric, cells)) or is_numbered(cells)


def is_numbered(cells: Sequence[str]) -> bool:
    """Return whether the cells that are not empty are 0, 1, 2 ..."""
    named = [cell for cell in cells if cell]
    return named == [str(i) for i in range(len(named))]


def is_numeric(cell: str) -> bool:
    """Return whether a cell is meant as a number, even if it is not finite or has a decimal comma: it is no name."""
    try:
        float(cell.replace(",", "."))
    except ValueError:
        return False
    return True


def plain_name(name: str) -> str:
    """Return a name without case and punctuation: `xbox` for `X-Box`."""
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def find_names(header: Sequence[str], wanted: Sequence[str]) -> list[int] | None:
    """Return the positions of the wanted names, or None if the header does not have each of them once."""
    names = [plain_name(name) for name in header]
    plain = [plain_name(name) for name in wanted]
    return None if any(names.count(name) != 1 for name in plain) else [names.index(name) for name in plain]


def _by_name(header: Sequence[str], columns: TableColumns) -> _Positions | None:
    found = find_names(header, (columns.label, *columns.numbers))
    if found is None:
        return None
    return _Positions(found[0], found[1:], _key([plain_name(name) for name in header], columns))


def _key(names: Sequence[str], columns: TableColumns) -> int | None:
    key = plain_name(columns.key)
    return names.index(key) if key and names.count(key) == 1 else None


def _by_position(header: Sequence[str], row: Line, columns: TableColumns, path: Path, exact: bool) -> _Positions:
    """Return the positions of the label, the only column without numbers, and of the last columns with numbers."""
    number, cells = row
    labels = [i for i, cell in enumerate(cells) if not is_numeric(cell)]
    if len(labels) != 1:
        found = f"{len(labels)} of {len(cells)} columns" if labels else "no column"
        raise DataError(f"{path}: line {number}: {found} without a number, wanted one, {columns.label}")
    names = [plain_name(name) for name in header] or [""] * len(cells)
    key = _key(names, columns)
    others = [i for i in range(len(cells)) if i not in (labels[0], key)]
    wanted = len(columns.numbers)
    where = f"{path}: line {number - 1 if header else number}"
    if exact and len(others) >= wanted and header and not is_numbered(header):
        raise DataError(f"{where}: {_other_names(header, columns)}")
    if len(others) < wanted or (exact and len(others) > wanted):
        raise DataError(f"{where}: {_missing(header, len(others), columns)}")
    return _Positions(labels[0], others[len(others) - wanted :], key)


def _other_names(header: Sequence[str], columns: TableColumns) -> str:
    """Say which name a header has in place of a wanted one."""
    wanted, names = (columns.label, *columns.numbers), [plain_name(name) for name in header]
    lacking = [name for name in wanted if names.count(plain_name(name)) != 1]
    known = {plain_name(name) for name in (*wanted, columns.key)}
    odd = next((name for name in header if plain_name(name) not in known), "")
    found = f"unknown column {odd!r}{did_you_mean(odd, lacking)}" if odd else f"column {lacking[0]!r} is repeated"
    return f"{found}, wanted {wanted[0]} and {wanted[1]} to {wanted[-1]}, or no header"


def _missing(header: Sequence[str], found: int, columns: TableColumns) -> str:
    """Say which columns a table lacks, by name if it has a header."""
    count = f"{found} columns of numbers, wanted {len(columns.numbers)}"
    names = [plain_name(name) for name in header]
    missing = [name for name in columns.numbers if plain_name(name) not in names]
    if not header or len(missing) == len(columns.numbers):
        return count
    more = ", ..." if len(missing) > MAX_NAMED else ""
    known = {plain_name(name) for name in (*columns.numbers, columns.label, columns.key)}
    unknown = [name for name in header if name and plain_name(name) not in known][:1]
    odd = "".join(f"; unknown column {name!r}{did_you_mean(name, missing)}" for name in unknown)
    return f"{count}: without {', '.join(missing[:MAX_NAMED])}{more}{odd}"
