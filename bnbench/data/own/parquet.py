"""Opens a Parquet file with its own library, pyarrow, which is an optional part of bnbench."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bnbench.data.formats.archives import check_file
from bnbench.data.own.table_types import Cells, TableFile, TableRows, check_names
from bnbench.errors import DataError

# Rows at a time, and the maximum number of cells of a file.
ROWS, MAX_CELLS = 65_536, 2_000_000_000


def open_parquet(path: Path) -> TableFile:
    """Return a Parquet file as a table.

    Raises:
        DataError: pyarrow is not installed, the file is damaged or too large, or two columns have one name.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"{path}: Parquet needs pyarrow: run `pip install 'bnbench[parquet]'`, or save the table as CSV"
        ) from None
    check_file(path)
    try:
        file = parquet.ParquetFile(path)
        schema, count = file.schema_arrow, file.metadata.num_rows
    except Exception as error:
        raise DataError(f"{path}: cut or damaged ({str(error)[:200]})") from error
    names = tuple(map(str, schema.names))
    check_names(names, str(path))
    if count * len(names) > MAX_CELLS:
        raise DataError(f"{path}: {count:,} rows of {len(names):,} columns, wanted at most {MAX_CELLS:,} cells")

    unreadable = _unreadable(schema)

    def read(columns: Sequence[str], texts: Sequence[str]) -> Iterator[TableRows]:
        _check_types(unreadable, columns, path)
        start = 1
        try:
            for batch in file.iter_batches(batch_size=ROWS, columns=list(columns)):
                cells = {name: _cells(batch.column(name), name in texts) for name in columns}
                yield TableRows(cells, range(start, start + len(batch)), min(1.0, (start + len(batch)) / max(count, 1)))
                start += len(batch)
        except OSError as error:
            raise DataError(f"{path}: cut or damaged ({str(error)[:200]})") from error

    return TableFile(path, names, "row", read, unreadable)


def _unreadable(schema: Any) -> dict[str, str]:
    """Return the columns that have neither numbers nor text, and what they have."""
    found = {str(field.name): _other_type(_value_type(field.type)) for field in schema}
    return {name: what for name, what in found.items() if what}


def _value_type(kind: Any) -> Any:
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind


def _other_type(kind: Any) -> str:
    """Return what the cells of a column are; empty if they are numbers or text."""
    from pyarrow import types

    if types.is_temporal(kind):
        return f"dates or times ({kind})"
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_null(kind)
    return "" if is_number or _is_text(kind) else f"the type {kind}"


def _is_text(kind: Any) -> bool:
    from pyarrow import types

    return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))


def _check_types(unreadable: Mapping[str, str], columns: Sequence[str], path: Path) -> None:
    for name in columns:
        what = unreadable.get(name, "")
        if what.startswith("dates"):
            raise DataError(
                f"{path}: column {name!r} has {what}, which are no numbers: add it to data.drop, or write numbers into "
                "the file"
            )
        if what:
            raise DataError(f"{path}: column {name!r} has {what}, wanted numbers or text")


def _cells(column: Any, as_text: bool) -> Cells:
    """Return the cells of a column; text is missing where it is empty."""
    from pyarrow import types

    kind = _value_type(column.type)
    if _is_text(kind) or as_text or types.is_null(kind):
        return ["" if value is None else str(value) for value in column.to_pylist()]
    return np.array([np.nan if value is None else float(value) for value in column.to_pylist()], np.float64)
