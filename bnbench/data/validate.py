"""Parsed arrays -> Dataset: the checks that hold for every set, the repeated rows, the fingerprint."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnbench.data.types import Array, Dataset, DatasetInfo, DatasetSpec, LocatedFiles, ParsedArrays
from bnbench.errors import DataError, not_one_of

CHUNK = 1024  # rows at a time where all at once, in float64, would be several times the data (CIFAR-10: 25 MB)


def validate_arrays(source: DatasetSpec, located: LocatedFiles, parsed: ParsedArrays) -> Dataset:
    """The data set that checked arrays make.

    Raises:
        DataError: rows, types, values or labels that the set cannot have.
    """
    where = str(located.paths[0]) if located.paths else located.version
    _check(source, parsed, where)
    repeated = mark_duplicates(parsed.x, parsed.test_rows) if source.repeats else np.zeros(len(parsed.x), bool)
    facts = DatasetInfo(
        name=source.name,
        form=located.form.title,
        fingerprint=fingerprint(parsed.x, parsed.y, parsed.classes, parsed.test_rows),
        shape=parsed.x.shape[1:],
        dtype=str(parsed.x.dtype),
        classes=parsed.classes,
        rows=len(parsed.x),
        test_rows=parsed.test_rows,
        repeated_rows=int(repeated.sum()),
    )
    for array in (parsed.x, parsed.y, repeated):
        array.setflags(write=False)
    return Dataset(facts, parsed.x, parsed.y, source.value_range, repeated)


def _check(source: DatasetSpec, parsed: ParsedArrays, where: str) -> None:
    x, y, classes = parsed.x, parsed.y, len(parsed.classes)
    if len(x) != len(y) or x.shape[1:] != source.shape:
        raise DataError(
            f"{where}: {len(y)} labels for examples of shape {x.shape}, wanted as many, of shape {source.shape} each"
        )
    labels = "int32" if classes else "float32"
    if str(x.dtype) not in ("uint8", "float32") or str(y.dtype) != labels:
        raise DataError(
            f"{where}: values of type {x.dtype} and labels of type {y.dtype}, wanted uint8 or float32, and {labels}"
        )
    if not 0 <= parsed.test_rows < len(x):
        raise DataError(
            f"{where}: {len(x)} rows of which {parsed.test_rows} are the test part: none is left to train on"
        )
    if x.dtype == np.float32 and not np.isfinite(x).all():
        raise DataError(
            f"{where}: row {int(np.argwhere(~np.isfinite(x))[0][0]) + 1} holds a value that is not a finite number"
        )
    low, high = source.value_range
    if x.min() < low or x.max() > high:
        raise DataError(f"{where}: values from {x.min()} to {x.max()}, wanted {low:g} to {high:g}")
    if not classes:
        if not np.isfinite(y).all() or y.min() == y.max():
            raise DataError(f"{where}: numbers from {y.min()} to {y.max()}, wanted finite ones that differ")
        return
    if y.min() < 0 or y.max() >= classes:
        raise DataError(f"{where}: labels from {y.min()} to {y.max()}, wanted 0 to {classes - 1}")
    missing = [name for name, count in zip(parsed.classes, np.bincount(y, minlength=classes), strict=True) if not count]
    if missing:
        raise DataError(f"{where}: no row of class {', '.join(missing[:5])}")


def select_classes(whole: Dataset, names: Sequence[str]) -> Dataset:
    """The rows of some classes alone, numbered in the order in which they are named.

    Raises:
        DataError: no such class, or a data set without classes.
    """
    facts = whole.facts
    if not facts.classes:
        raise DataError(f"data.classes: {facts.name} has a number a row and no classes")
    for name in names:
        if name not in facts.classes:
            raise DataError(f"data.classes: {facts.name}: {not_one_of(name, facts.classes)}")
    numbers = np.full(len(facts.classes), -1, np.int32)
    numbers[[facts.classes.index(name) for name in names]] = np.arange(len(names))
    kept = np.flatnonzero(numbers[whole.y] >= 0)
    x, y, repeated = whole.x[kept], numbers[whole.y[kept]], whole.repeated[kept]
    test_rows = int((kept >= facts.rows - facts.test_rows).sum())
    own = dataclasses.replace(
        facts,
        fingerprint=fingerprint(x, y, tuple(names), test_rows),
        classes=tuple(names),
        rows=len(kept),
        test_rows=test_rows,
        repeated_rows=int(repeated.sum()),
    )
    for array in (x, y, repeated):
        array.setflags(write=False)
    return Dataset(own, x, y, whole.value_range, repeated)


def mark_duplicates(x: Array, test_rows: int) -> NDArray[np.bool_]:
    """Which rows of the training pool equal an earlier one of the pool or any official test row; (rows,).

    Rows are equal if their values are, whatever their labels: either way one part would know the values of another.
    Of equal rows with two labels the first is kept. (In the files at hand no equal rows have two labels.)
    Official test rows are never marked: all of them are scored, as everybody does.
    """
    pool = len(x) - test_rows
    seen = {row.tobytes() for row in x[pool:]}
    repeated = np.zeros(len(x), bool)
    for i in range(pool):
        row = x[i].tobytes()
        repeated[i] = row in seen
        seen.add(row)
    return repeated


def fingerprint(x: Array, y: Array, classes: tuple[str, ...], test_rows: int) -> str:
    """The sha256 of all that makes two data sets one: types, shapes, values, class names, the official test part."""
    digest = hashlib.sha256()
    for array in (x, y):
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        for start in range(0, len(array), CHUNK):
            digest.update(np.ascontiguousarray(array[start : start + CHUNK]).tobytes())
    digest.update(json.dumps([classes, test_rows]).encode())
    return digest.hexdigest()
