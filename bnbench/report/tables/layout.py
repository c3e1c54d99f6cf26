"""A table of a report -> the same table as a page lays it out: without empty columns, with its decimals aligned."""

import re
from collections.abc import Sequence
from dataclasses import replace

from bnbench.report.tables.table import Cell, Table

# A number as a cell shows it, and what may follow it: a unit, an interval.
NUMBER = re.compile(r"([^0-9]*[0-9][0-9,]*)(\.[0-9]+)?(?:e[+-][0-9]+)?$")


def without_empty_columns(table: Table) -> Table:
    """Return a table without the columns in which every cell lacks a number for one reason; the caption names them."""
    if not table.rows:
        return table
    columns = list(zip(*table.rows, strict=True))
    empty = {i: columns[i][0].text for i in range(len(columns)) if _is_empty(columns[i])}
    if not empty:
        return table
    named = "; ".join(f"{table.header[i]} ({reason or 'empty'})" for i, reason in empty.items())
    kept = [i for i in range(len(columns)) if i not in empty]
    return replace(
        table,
        caption=f"{table.caption} Left out because no row has a value: {named}.",
        header=[table.header[i] for i in kept],
        rows=[[row[i] for i in kept] for row in table.rows],
    )


def columns_of(table: Table) -> list[Sequence[Cell]]:
    """Return the cells of each column; a table without rows has empty columns."""
    return list(zip(*table.rows, strict=True)) if table.rows else [()] * len(table.header)


def _is_empty(column: Sequence[Cell]) -> bool:
    return all(cell.missing for cell in column) and len({cell.text for cell in column}) == 1


def is_numeric(column: Sequence[Cell]) -> bool:
    """Return whether a column holds numbers, so that its cells and its header stand at the right."""
    return any(cell.number is not None for cell in column)


def decimal_pads(table: Table) -> list[list[str]]:
    """Return for each cell what is missing behind its number so that the points of a column are below each other.

    A page shows it as space of that width: `.000` behind 1 where another cell has 0.125.
    """
    columns = [_pads(column) for column in zip(*table.rows, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _pads(column: Sequence[Cell]) -> list[str]:
    found = [NUMBER.match(cell.text) if cell.number is not None else None for cell in column]
    parts = [match[2] or "" if match else None for match in found]
    longest = max((len(part) for part in parts if part is not None), default=0)
    return ["" if part is None else _zeros(longest - len(part), first="0" if part else ".") for part in parts]


def _zeros(count: int, first: str) -> str:
    return first + "0" * (count - 1) if count else ""
