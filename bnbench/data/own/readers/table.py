"""Reads an own table: inputs, target and groups, after strict checks of every cell."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bnbench.config.schema import Data
from bnbench.data.own.cells import BadCell, is_missing, parse_numbers
from bnbench.data.own.digests import digest_files
from bnbench.data.own.labels import number_classes, number_groups
from bnbench.data.own.reader import OwnReader
from bnbench.data.own.table_columns import input_names
from bnbench.data.own.table_files import open_table
from bnbench.data.own.table_inputs import TableInputs, make_table_inputs
from bnbench.data.own.table_rows import Mistakes, encode_inputs, keep_rows, missing_rows, text_columns
from bnbench.data.own.table_types import Cells, TableFile, TableRows
from bnbench.data.types import Array, ParsedArrays
from bnbench.errors import DataError, SettingsError

log = logging.getLogger("bnbench.data")

# The maximum number of values of all rows together: 4 GB.
MAX_VALUES = 1_000_000_000


@dataclass
class _Found:
    """What has been read so far."""

    parts: list[NDArray[np.float32]] = field(default_factory=list)
    targets: list[Cells] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    dropped: int = 0
    values: int = 0


def read_table(path: Path, settings: Data) -> ParsedArrays:
    """Return the rows of a table: x (rows, width) float32, NaN where `data.missing` allows it.

    Raises:
        SettingsError: `data` names a column that the table does not have.
        DataError: the file is no such table, or a cell is wrong; the message has a line for each column with a mistake.
    """
    file = open_table(path, make_table_inputs(settings, ()))
    inputs = make_table_inputs(settings, input_names(file, settings))
    found = _read_rows(file, inputs, settings)
    if not found.lines:
        raise DataError(f"{path}: no rows" + (f": {found.dropped:,} miss a value" if found.dropped else ""))
    # Adding 0 turns -0 into 0, so that equal rows have equal bytes.
    x = np.concatenate(found.parts) + np.float32(0)
    _check_filled(x, inputs, path)
    classes, y = _number_targets(found, file, settings)
    if found.dropped:
        rows = "1 row misses a value and is" if found.dropped == 1 else f"{found.dropped:,} rows miss a value and are"
        log.warning("%s: %s left out (data.missing: drop_rows)", path, rows)
    return ParsedArrays(
        x,
        y,
        classes,
        0,
        groups=number_groups(found.groups) if settings.group else None,
        filled=inputs.filled,
        columns=tuple(column.name for column in inputs.columns),
        dropped_rows=found.dropped,
    )


def _read_rows(file: TableFile, inputs: TableInputs, settings: Data) -> _Found:
    """Return all rows; a mistake in a column does not stop the search for mistakes in others."""
    found, mistakes = _Found(), Mistakes(file)
    target, group = str(settings.target), settings.group
    names = [*(column.name for column in inputs.columns), target, *([group] if group else [])]
    texts = [*text_columns(inputs), *([target] if settings.task != "number" else []), *([group] if group else [])]
    for rows in file.read(names, texts):
        if settings.missing == "drop_rows":
            missing = missing_rows(rows, inputs)
            rows, found.dropped = keep_rows(rows, ~missing), found.dropped + int(missing.sum())
        values = encode_inputs(rows, inputs, mistakes)
        mistakes.add(target, _bad_target(rows.cells[target], settings), rows)
        if group:
            mistakes.add(group, _first_missing(rows.cells[group], "no group"), rows)
        found.values += values.size
        if found.values > MAX_VALUES:
            raise DataError(f"{file.path}: more than {MAX_VALUES:,} values")
        _keep(found, values, rows, settings)
    mistakes.check()
    return found


def _keep(found: _Found, values: NDArray[np.float64], rows: TableRows, settings: Data) -> None:
    found.parts.append(values.astype(np.float32))
    found.targets.append(rows.cells[str(settings.target)])
    found.lines += rows.lines
    if settings.group:
        found.groups += [str(cell).strip() for cell in rows.cells[settings.group]]


def _bad_target(cells: Cells, settings: Data) -> BadCell | None:
    if settings.task == "number":
        bad = parse_numbers(cells, str(settings.target), settings.decimal, may_miss=False)[1]
        known = np.isfinite(cells) if isinstance(cells, np.ndarray) else [not is_missing(cell) for cell in cells]
        return bad if bad is None or known[bad.row] else _first_missing(cells, "no target")
    return _first_missing(cells, "no target")


def _first_missing(cells: Cells, what: str) -> BadCell | None:
    missing = np.isnan(cells) if isinstance(cells, np.ndarray) else np.array([is_missing(cell) for cell in cells], bool)
    rows = np.flatnonzero(missing)
    message = f"{what} in this row: write one, or leave such rows out with data.missing: drop_rows"
    return BadCell(int(rows[0]), message) if rows.size else None


def _check_filled(x: Array, inputs: TableInputs, path: Path) -> None:
    """Raise if a column has no value at all: there would be no mean."""
    filled = [column.name for column in inputs.columns if column.filled]
    for name, position in zip(filled, inputs.filled, strict=True):
        if np.isnan(x[:, position]).all():
            raise SettingsError([(("missing", name), f"{path} has no value in this column: add it to data.drop")])


def _number_targets(found: _Found, file: TableFile, settings: Data) -> tuple[tuple[str, ...], Array]:
    if settings.task == "number":
        name, mark = str(settings.target), settings.decimal
        numbers = [parse_numbers(cells, name, mark, may_miss=False)[0] for cells in found.targets]
        return (), np.concatenate(numbers).astype(np.float32)
    labels: Sequence[str] = [str(cell).strip() for cells in found.targets for cell in cells]
    what = f"{file.path}: the target {settings.target!r}"
    return number_classes(labels, what, lambda row: f"{file.unit} {found.lines[row]}", settings.classes)


READER = OwnReader("table", "table", lambda path, settings: digest_files([path]), read_table)
