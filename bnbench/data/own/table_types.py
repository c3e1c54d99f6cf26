"""An opened own table: the names of its columns, and its cells, some thousand rows at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnbench.data.own.cells import NUMBER
from bnbench.errors import DataError, shorten

# The maximum number of columns.
MAX_COLUMNS = 100_000
# The cells of a column: text, or numbers of a file that stores numbers, NaN where one is missing.
Cells = Sequence[str] | NDArray[np.float64]


@dataclass(frozen=True)
class TableRows:
    """Successive rows of a table."""

    # The cells of the wanted columns, by name.
    cells: Mapping[str, Cells]
    # The line of each row, or its number in a file without lines, counted from 1.
    lines: Sequence[int]
    # The share of the file that has been read with these rows.
    share: float


@dataclass(frozen=True)
class TableFile:
    """An opened table."""

    path: Path
    names: tuple[str, ...]
    # What a row is called in messages: line, row.
    unit: str
    # Returns the rows, with the cells of these columns only. Columns of text are those whose numbers are names, too.
    read: Callable[[Sequence[str], Sequence[str]], Iterator[TableRows]]
    # Columns whose cells cannot be read, and what they have instead of numbers or text.
    unreadable: Mapping[str, str] = field(default_factory=dict)


def check_names(names: Sequence[str], place: str) -> None:
    """Raise if there are too many columns, or two with one name.

    Several columns without a name are allowed here: an index of pandas is one, and `drop` can leave them out.
    """
    if len(names) > MAX_COLUMNS:
        raise DataError(f"{place}: {len(names):,} columns, wanted at most {MAX_COLUMNS:,}")
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name and (other := first.setdefault(name, number)) != number:
            raise DataError(f"{place}: columns {other} and {number} are both called {shorten(name)}: rename one")


def looks_like_a_row(names: Sequence[str]) -> bool:
    """Return whether the names of the columns may be the cells of a row: one of them is a number."""
    return any(NUMBER.fullmatch(name.replace(",", ".")) for name in names)
