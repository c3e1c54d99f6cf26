"""Which columns of an own table are inputs, and how they become the values of a row.

A row has the values of all columns, in the order of the file: a number, or one value for each category. After them come
flags, one for each column whose missing values are filled: 1 where the value is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bnbench.config.schema import Data


@dataclass(frozen=True)
class InputColumn:
    """One column of a table that is an input."""

    name: str
    # The categories, which become one value each. Empty for a column of numbers.
    values: tuple[str, ...] = ()
    # Whether a value may be missing.
    filled: bool = False

    @property
    def width(self) -> int:
        """The number of values of a row that the column becomes, without its flag."""
        return len(self.values) or 1


@dataclass(frozen=True)
class TableInputs:
    """All that is needed to read the same columns from another file."""

    columns: tuple[InputColumn, ...]
    decimal: str = "."
    # What is between cells. None: a comma, or a tab in a .tsv file.
    separator: str | None = None
    # Whether the first line has the names of the columns. Else they are called 1, 2, 3 ...
    header: bool = True

    @property
    def width(self) -> int:
        """The number of values of a row, flags included."""
        return sum(column.width + column.filled for column in self.columns)

    @property
    def filled(self) -> tuple[int, ...]:
        """The positions of the values that may be missing."""
        starts = (sum(column.width for column in self.columns[:i]) for i in range(len(self.columns)))
        return tuple(start for start, column in zip(starts, self.columns, strict=True) if column.filled)

    @property
    def value_names(self) -> tuple[str, ...]:
        """The names of the values of a row: `age`, `color=blue`, `age missing`."""
        values = [f"{column.name}={value}" for column in self.columns for value in column.values or ("",)]
        flags = [f"{column.name} missing" for column in self.columns if column.filled]
        return (*(name.removesuffix("=") for name in values), *flags)


def make_table_inputs(settings: Data, columns: Sequence[str]) -> TableInputs:
    """Return the inputs of an own table.

    Args:
        settings: they name the categories, and the columns whose missing values are filled.
        columns: the names of the inputs, in the order of the file.
    """
    missing = settings.missing if isinstance(settings.missing, dict) else {}
    return TableInputs(
        tuple(InputColumn(name, tuple(settings.categories.get(name, ())), name in missing) for name in columns),
        settings.decimal,
        settings.separator,
        settings.header,
    )
