"""Looks at each column of a table, some thousand rows at a time: numbers, text, dates, missing and different values."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bnbench.data.own.cells import as_number, is_date, is_missing, parse_plain
from bnbench.data.own.table_types import Cells, TableFile
from bnbench.errors import DataError

# If a column has more different values, they are not counted.
MAX_VALUES = 100


@dataclass
class ColumnLook:
    """What is in a column."""

    name: str
    decimal: str = "."
    rows: int = 0
    # The cells that mean a missing value, are numbers, and are dates or times; the others are text.
    missing: int = 0
    numbers: int = 0
    dates: int = 0
    # Whether all numbers are whole.
    whole: bool = True
    # The rows of each different value; None if there are more than MAX_VALUES. Missing values count, too, as they are
    # written.
    counts: dict[str, int] | None = field(default_factory=dict)
    # The line of a cell that is text, and the cell.
    text_at: tuple[int, str] | None = None
    # Whether each number is the one before plus one, beginning with 0 or 1.
    counts_rows: bool = True
    _last: float | None = None

    @property
    def texts(self) -> int:
        """The cells that are neither missing nor numbers nor dates."""
        return self.rows - self.missing - self.numbers - self.dates

    @property
    def is_numeric(self) -> bool:
        """Whether every cell that is not missing is a number."""
        return self.numbers > 0 and self.numbers + self.missing == self.rows

    @property
    def values(self) -> dict[str, int] | None:
        """The rows of each different value that is not missing; None if there are more than MAX_VALUES."""
        if self.counts is None:
            return None
        return {value: rows for value, rows in self.counts.items() if not is_missing(value)}

    def add(self, cells: Cells, lines: Sequence[int]) -> None:
        """Look at further cells."""
        self.rows += len(cells)
        if isinstance(cells, np.ndarray):
            self._add_numbers(cells, int(np.isnan(cells).sum()))
            return
        stripped = [cell.strip() for cell in cells]
        plain = parse_plain(stripped, self.decimal)
        if plain is not None and np.isfinite(plain).all():
            self._add_numbers(plain, 0, stripped)
        else:
            self._add_text(stripped, lines)

    def _add_numbers(self, values: NDArray[np.float64], missing: int, texts: Sequence[str] | None = None) -> None:
        self.missing += missing
        self.numbers += len(values) - missing
        present = values if not missing else values[~np.isnan(values)]
        self.whole = self.whole and bool((present == np.round(present)).all())
        self._follow(values)
        if self.counts is not None:
            self._count(Counter(texts if texts is not None else map(_number_text, values.tolist())))

    def _follow(self, values: NDArray[np.float64]) -> None:
        if not self.counts_rows or not len(values):
            return
        begins = values[0] in (0, 1) if self._last is None else values[0] == self._last + 1
        self.counts_rows = bool(begins and (np.diff(values) == 1).all())
        self._last = float(values[-1])

    def _add_text(self, cells: Sequence[str], lines: Sequence[int]) -> None:
        self.counts_rows = False
        tally = Counter(cells)
        for cell, rows in tally.items():
            self._classify(cell, rows)
            if self.text_at is None and self._is_text(cell):
                self.text_at = lines[cells.index(cell)], cell
        if self.counts is not None:
            self._count(tally)

    def _classify(self, cell: str, rows: int) -> None:
        if is_missing(cell):
            self.missing += rows
        elif (number := as_number(cell, self.decimal)) is not None:
            self.numbers += rows
            self.whole = self.whole and number == round(number)
        elif is_date(cell):
            self.dates += rows

    def _is_text(self, cell: str) -> bool:
        return not (is_missing(cell) or as_number(cell, self.decimal) is not None or is_date(cell))

    def _count(self, tally: Mapping[str, int]) -> None:
        counts = self.counts if self.counts is not None else {}
        for value, rows in tally.items():
            counts[value] = counts.get(value, 0) + rows
        self.counts = counts if len(counts) <= MAX_VALUES else None


def _number_text(value: float) -> str:
    """Return a number as a file with types has it in a column of classes; empty if it is missing."""
    return "" if value != value else str(int(value)) if value == int(value) else repr(value)


def look_at_columns(file: TableFile, decimal: str) -> dict[str, ColumnLook]:
    """Return what is in each column that can be read, by name. Columns without a name are left out.

    Raises:
        DataError: the file is damaged, its rows have several lengths, or it has no rows.
    """
    names = [name for name in file.names if name and name not in file.unreadable]
    looks = {name: ColumnLook(name, decimal) for name in names}
    rows = 0
    for chunk in file.read(names, ()):
        rows += len(chunk.lines)
        for name, look in looks.items():
            look.add(chunk.cells[name], chunk.lines)
    if not rows:
        raise DataError(
            f"{file.path}: no rows below the names of the columns" if file.names else f"{file.path}: no rows"
        )
    return looks


def count_different(file: TableFile, names: Iterable[str]) -> dict[str, int]:
    """Return how many different values, apart from missing ones, each of these columns has."""
    wanted = list(names)
    seen: dict[str, set[str]] = {name: set() for name in wanted}
    for chunk in file.read(wanted, wanted) if wanted else ():
        for name in wanted:
            seen[name].update(str(cell).strip() for cell in chunk.cells[name])
    return {name: sum(not is_missing(value) for value in values) for name, values in seen.items()}


def renames(file: TableFile, names: Iterable[str], target: str) -> list[str]:
    """Return which of these columns have one value for each value of the target, and another one for each other."""
    wanted = list(names)
    pairs: dict[str, set[tuple[str, str]]] = {name: set() for name in wanted}
    read = [*wanted, target]
    for chunk in file.read(read, read) if wanted else ():
        answers = [str(cell).strip() for cell in chunk.cells[target]]
        for name in wanted:
            pairs[name].update(zip((str(cell).strip() for cell in chunk.cells[name]), answers, strict=True))
    return [name for name, found in pairs.items() if _is_one_to_one(found)]


def _is_one_to_one(pairs: set[tuple[str, str]]) -> bool:
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
