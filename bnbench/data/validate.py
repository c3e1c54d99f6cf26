"""Turns parsed arrays into a Dataset: checks that hold for every data set, duplicates, and the fingerprint."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnbench.data.types import Array, Dataset, DatasetInfo, DatasetSpec, LocatedFiles, ParsedArrays
from bnbench.errors import ConfigError, DataError, not_one_of

# Rows at a time. All rows at once, in float64, would take several times the memory of the data.
CHUNK = 1024
# Rows from which the most common values are taken, and how many of the rarest values are listed.
SAMPLE, LISTED = 1001, 50
# Parts of the rows that have a checksum each, and its number of hexadecimal digits.
BLOCKS, DIGITS = 30, 4


def validate_arrays(source: DatasetSpec, located: LocatedFiles, parsed: ParsedArrays) -> Dataset:
    """Check parsed arrays and return them as a data set.

    Raises:
        DataError: the data set cannot have this number of rows, type, value or label.
    """
    where = str(located.paths[0]) if located.paths else located.version
    _check(source, parsed, where)
    repeated = mark_duplicates(parsed.x, parsed.test_rows) if source.find_duplicates else np.zeros(len(parsed.x), bool)
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
        rare_rows=count_rare_rows(parsed.x, parsed.test_rows, repeated),
    )
    for array in (parsed.x, parsed.y, repeated):
        array.setflags(write=False)
    return Dataset(facts, parsed.x, parsed.y, source.value_range, repeated)


def _check(source: DatasetSpec, parsed: ParsedArrays, where: str) -> None:
    x, y, classes = parsed.x, parsed.y, len(parsed.classes)
    if len(x) != len(y) or x.shape[1:] != source.shape:
        raise DataError(
            f"{where}: {len(y)} labels for examples of shape {x.shape}, wanted one for each of shape {source.shape}"
        )
    labels = "int32" if classes else "float32"
    if str(x.dtype) not in ("uint8", "float32") or str(y.dtype) != labels:
        raise DataError(
            f"{where}: values of type {x.dtype} and labels of type {y.dtype}, wanted uint8 or float32, and {labels}"
        )
    if not 0 <= parsed.test_rows < len(x):
        raise DataError(f"{where}: {parsed.test_rows} of {len(x)} rows are the test part: no row is left for training")
    if x.dtype == np.float32 and not np.isfinite(x).all():
        raise DataError(
            f"{where}: row {int(np.argwhere(~np.isfinite(x))[0][0]) + 1} has a value that is not a finite number"
        )
    low, high = source.value_range
    if x.min() < low or x.max() > high:
        raise DataError(f"{where}: values from {x.min()} to {x.max()}, wanted {low:g} to {high:g}")
    if not classes:
        if not np.isfinite(y).all() or y.min() == y.max():
            raise DataError(f"{where}: targets from {y.min()} to {y.max()}, wanted finite numbers that differ")
        return
    if y.min() < 0 or y.max() >= classes:
        raise DataError(f"{where}: labels from {y.min()} to {y.max()}, wanted 0 to {classes - 1}")
    missing = [name for name, count in zip(parsed.classes, np.bincount(y, minlength=classes), strict=True) if not count]
    if missing:
        raise DataError(f"{where}: no row of class {', '.join(missing[:5])}")


def select_classes(whole: Dataset, names: Sequence[str]) -> Dataset:
    """Return the rows of some classes only, numbered in the order in which the classes are named.

    Raises:
        ConfigError: the data set has no such class, or no classes at all.
    """
    facts = whole.facts
    if not facts.classes:
        raise ConfigError("data.classes", f"{facts.name} has a number for each row and no classes")
    for name in names:
        if name not in facts.classes:
            raise ConfigError("data.classes", f"{not_one_of(name, facts.classes)} (the classes of {facts.name})")
    numbers = np.full(len(facts.classes), -1, np.int32)
    numbers[[facts.classes.index(name) for name in names]] = np.arange(len(names))
    rows = np.flatnonzero(numbers[whole.y] >= 0)
    x, y, repeated = whole.x[rows], numbers[whole.y[rows]], whole.repeated[rows]
    test_rows = int((rows >= facts.rows - facts.test_rows).sum())
    own = dataclasses.replace(
        facts,
        fingerprint=fingerprint(x, y, tuple(names), test_rows),
        classes=tuple(names),
        rows=len(rows),
        test_rows=test_rows,
        repeated_rows=int(repeated.sum()),
        rare_rows=count_rare_rows(x, test_rows, repeated),
    )
    for array in (x, y, repeated):
        array.setflags(write=False)
    return Dataset(own, x, y, whole.value_range, repeated)


def mark_duplicates(x: Array, test_rows: int) -> NDArray[np.bool_]:
    """Return which rows of the training pool equal an earlier row of the pool or an official test row; (rows,).

    Rows are equal if their values are equal, even with different labels: otherwise the values of one part would be
    known in another. Of equal rows with different labels the first stays; none of the built-in data sets has such rows.
    Official test rows are never marked, because published test scores use all of them.
    """
    pool = len(x) - test_rows
    seen = {row.tobytes() for row in x[pool:]}
    repeated = np.zeros(len(x), bool)
    for i in range(pool):
        row = x[i].tobytes()
        repeated[i] = row in seen
        seen.add(row)
    return repeated


def count_rare_rows(x: Array, test_rows: int, repeated: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return `DatasetInfo.rare_rows`.

    The most common value is taken to be the median of some rows: exact where a value fills clearly more than half of
    all rows, which is where the number matters.
    """
    sample = np.sort(x[:: -(-len(x) // SAMPLE)], axis=0)
    common = sample[len(sample) // 2]
    pool = len(x) - test_rows
    differ = [np.zeros(common.shape, np.int64), np.zeros(common.shape, np.int64)]
    for start in range(0, len(x), CHUNK):
        own = x[start : start + CHUNK] != common
        differ[0] += own.sum(axis=0)
        rows = np.arange(start, start + len(own))
        differ[1] += own[(rows < pool) & ~repeated[start : start + CHUNK]].sum(axis=0)
    everywhere, in_pool = differ
    return tuple(np.sort(in_pool[everywhere > 0])[:LISTED].tolist())


def check_published(parsed: ParsedArrays, wanted: str, blocks: str, where: str) -> ParsedArrays:
    """Return parsed arrays that are the published ones, whatever the file looks like.

    Args:
        wanted: the published fingerprint. If empty, any content is accepted.
        blocks: the published `block_digests`, which show where other content differs. Empty if they are unknown.

    Raises:
        DataError: the content is another one.
    """
    found = fingerprint(parsed.x, parsed.y, parsed.classes, parsed.test_rows)
    if not wanted or found == wanted:
        return parsed
    own, rows = block_digests(parsed.x, parsed.y), -(-len(parsed.x) // BLOCKS)
    differ = [i for i in range(BLOCKS) if own[DIGITS * i : DIGITS * (i + 1)] != blocks[DIGITS * i : DIGITS * (i + 1)]]
    place = (
        f"numbers or labels differ from the published ones, first in rows {differ[0] * rows + 1} to "
        f"{min((differ[0] + 1) * rows, len(parsed.x))}, in {len(differ)} of {BLOCKS} blocks of {rows} rows"
        if blocks and differ
        else "numbers or labels differ from the published ones"
        if differ
        else "the names of the classes differ from the published ones"
    )
    raise DataError(f"{where}: {place} (fingerprint {found[:16]}, wanted {wanted[:16]}): download it again")


def block_digests(x: Array, y: Array) -> str:
    """Return a short checksum for each of BLOCKS parts of the rows, in their order."""
    rows = -(-len(x) // BLOCKS)
    starts = range(0, BLOCKS * rows, rows)
    return "".join(
        hashlib.sha256(x[i : i + rows].tobytes() + y[i : i + rows].tobytes()).hexdigest()[:DIGITS] for i in starts
    )


def fingerprint(x: Array, y: Array, classes: tuple[str, ...], test_rows: int) -> str:
    """Return the sha256 of what defines a data set: types, shapes, values, class names and the official test part."""
    digest = hashlib.sha256()
    for array in (x, y):
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        for start in range(0, len(array), CHUNK):
            digest.update(np.ascontiguousarray(array[start : start + CHUNK]).tobytes())
    digest.update(json.dumps([classes, test_rows]).encode())
    return digest.hexdigest()
