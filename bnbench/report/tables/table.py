"""A table of a report: cells of text that sort by their numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bnbench.errors import ResultsError, not_one_of


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        number: what the cell is sorted by; by default its text.
        kind: a word for its look, as `supported`.
        missing: whether the text says why there is no number.
    """

    text: str
    number: float | None = None
    kind: str = ""
    missing: bool = False


@dataclass(frozen=True)
class Table:
    """A table of a report."""

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    sortable: bool = True


def select_columns(table: Table, names: Sequence[str]) -> Table:
    """Return a table with some columns, in this order.

    Raises:
        ResultsError: the table has no column with one of the names.
    """
    header = list(table.header)
    for name in names:
        if name not in header:
            raise ResultsError(f"columns: {not_one_of(name, header)}")
    positions = [header.index(name) for name in names]
    return replace(table, header=names, rows=[[row[position] for position in positions] for row in table.rows])


def drop_equal_columns(table: Table, first: int) -> Table:
    """Return a table with the columns that differ from row to row; its caption has the values of the others.

    Args:
        table: with two rows or more; otherwise nothing is dropped.
        first: the columns before this position stay.
    """
    if len(table.rows) < 2:
        return table
    texts = [{row[i].text for row in table.rows} for i in range(len(table.header))]
    equal = [i for i in range(first, len(texts)) if len(texts[i]) == 1]
    if not equal:
        return table
    listed = "; ".join(f"{table.header[i]}: {table.rows[0][i].text}" for i in equal)
    kept = [i for i in range(len(texts)) if i not in equal]
    return replace(
        table,
        caption=f"{table.caption} The same in every row: {listed}.",
        header=[table.header[i] for i in kept],
        rows=[[row[i] for i in kept] for row in table.rows],
    )
