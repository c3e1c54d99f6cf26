"""Opens an own table of text: CSV, TSV and the like, with the separator that the experiment file says."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bnbench.data.formats.text_blocks import TextBlock, read_blocks, split_cells
from bnbench.data.own.table_inputs import TableInputs
from bnbench.data.own.table_types import TableFile, TableRows, check_names
from bnbench.errors import DataError, shorten

# Lines of another width that a message lists.
MAX_LISTED = 5
# Endings of files with tabs between their cells.
TABS = frozenset({".tsv", ".tab"})


def open_text(path: Path, ending: str, how: TableInputs) -> TableFile:
    """Return a table of text.

    Args:
        path: the file.
        ending: the ending of its name, which decides the separator unless `how` says it.
        how: the separator, and whether the first line has the names of the columns.

    Raises:
        DataError: the file is no text or has no rows, or columns have one name, or there are too many.
    """
    separator = how.separator or ("\t" if ending in TABS else ",")
    for block in read_blocks(path):
        _check_separator(block, separator, path)
        for line, cells in _rows(block, path, separator):
            found = tuple(cell.strip() for cell in cells)
            if found[0].lower().startswith("sep="):
                raise DataError(f"{path}: line {line}: {shorten(found[0])} is a mark for spreadsheets: delete the line")
            names = found if how.header else tuple(str(i + 1) for i in range(len(found)))
            check_names(names, f"{path}: line {line}")
            read = partial(_read_text, path, names, separator, how.header)
            return TableFile(path, names, "line", read)
    raise DataError(f"{path}: no rows")


def _check_separator(block: TextBlock, separator: str, path: Path) -> None:
    """Raise if the separator is not in the first line, but another one is."""
    first = next((line for line in block.content.splitlines() if line.strip()), b"").decode("utf-8", "replace")
    other = next((one for one in (";", "\t", "|", ",") if one in first), "")
    if separator not in first and other:
        shown = {"\t": "tab"}.get(other, f"'{other}'")
        place = f"{path}: line {block.line}"
        raise DataError(f"{place}: one column: if {shown} is between the cells, set data.separator: {shown}")


def _rows(block: TextBlock, path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    for line, cells in split_cells(block, path, separator, strict=True):
        # Spaces at the end of a line separate nothing.
        yield line, cells[:-1] if separator == " " and not cells[-1] else cells


def _read_text(
    path: Path, names: Sequence[str], separator: str, header: bool, columns: Sequence[str], texts: Sequence[str]
) -> Iterator[TableRows]:
    at = {name: i for i, name in enumerate(names)}
    is_first = header
    for block in read_blocks(path):
        rows = list(_rows(block, path, separator))
        if is_first and rows:
            rows, is_first = rows[1:], False
        if not rows:
            continue
        _check_widths(rows, len(names), path)
        by_column = list(zip(*(cells for _, cells in rows), strict=True))
        yield TableRows({name: by_column[at[name]] for name in columns}, [line for line, _ in rows], block.share)


def _check_widths(rows: Sequence[tuple[int, Sequence[Any]]], wanted: int, path: Path) -> None:
    """Raise if rows have another number of cells than there are columns."""
    wrong = [(line, len(cells)) for line, cells in rows if len(cells) != wanted]
    if not wrong:
        return
    lines = [f"{path}: line {line}: {count} cells, wanted {wanted} as in the first line" for line, count in wrong]
    more = [f"and {len(wrong) - MAX_LISTED:,} more lines like these"] if len(wrong) > MAX_LISTED else []
    widths = {count for _, count in wrong}
    if len(wrong) == len(rows) > 1 and len(widths) == 1:
        more.append(
            "if the first cells are names of rows, as R writes them, save the table without (row.names=FALSE)"
            if widths == {wanted + 1}
            else "if the first line is a title or a comment, delete it"
        )
    raise DataError("\n".join([*lines[:MAX_LISTED], *more]))
