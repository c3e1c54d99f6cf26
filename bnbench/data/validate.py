"""Turns parsed arrays into a Dataset: checks that hold for every data set, duplicates, and the fingerprint."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bnbench.data.groups import count_group_rows
from bnbench.data.types import Array, Dataset, DatasetInfo, DatasetSpec, LocatedFiles, ParsedArrays
from bnbench.errors import DataError, SettingsError, not_one_of

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
    official = parsed.validation_rows + parsed.test_rows
    repeated = mark_duplicates(parsed.x, official) if source.find_duplicates else np.zeros(len(parsed.x), bool)
    facts = DatasetInfo(
        name=source.name,
        form=located.form.title,
        fingerprint=_fingerprint_of(parsed),
        shape=parsed.x.shape[1:],
        dtype=str(parsed.x.dtype),
        classes=parsed.classes,
        rows=len(parsed.x),
        test_rows=parsed.test_rows,
        repeated_rows=int(repeated.sum()),
        rare_rows=count_rare_rows(parsed.x, official, repeated),
        validation_rows=parsed.validation_rows,
        group_rows=None if parsed.groups is None else count_group_rows(parsed.groups, repeated, official),
        filled=parsed.filled,
        columns=parsed.columns,
        dropped_rows=parsed.dropped_rows,
    )
    return _read_only(Dataset(facts, parsed.x, parsed.y, stored_range(source, parsed.x), repeated, parsed.groups))


def stored_range(source: DatasetSpec, x: Array) -> tuple[float, float]:
    """Return the range that the format of a data set allows; for own numbers, the range of all values that are there.

    Own data of whole numbers from 0 to 255 have this range, like images.
    """
    low, high = source.value_range
    if np.isfinite(low):
        return low, high
    return (0.0, 255.0) if x.dtype == np.uint8 else (float(np.fmin.reduce(x, None)), float(np.fmax.reduce(x, None)))


def _read_only(dataset: Dataset) -> Dataset:
    for array in (dataset.x, dataset.y, dataset.repeated, dataset.groups):
        if array is not None:
            array.setflags(write=False)
    return dataset


def _check(source: DatasetSpec, parsed: ParsedArrays, where: str) -> None:
    x, y, classes = parsed.x, parsed.y, len(parsed.classes)
    if len(x) != len(y) or x.shape[1:] != (source.shape or x.shape[1:]):
        raise DataError(
            f"{where}: {len(y)} labels for examples of shape {x.shape}, wanted one for each of shape {source.shape}"
        )
    labels = "int32" if classes else "float32"
    if str(x.dtype) not in ("uint8", "float32") or str(y.dtype) != labels:
        raise DataError(
            f"{where}: values of type {x.dtype} and labels of type {y.dtype}, wanted uint8 or float32, and {labels}"
        )
    if not 0 <= parsed.test_rows + parsed.validation_rows < len(x):
        official = "test part" if not parsed.validation_rows else "validation and test parts"
        count = parsed.test_rows + parsed.validation_rows
        raise DataError(f"{where}: {count} of {len(x)} rows are the {official}: no row is left for training")
    if x.dtype == np.float32 and (row := _first_bad_row(x, parsed.filled)) is not None:
        raise DataError(f"{where}: row {row + 1} has a value that is not a finite number")
    low, high = source.value_range
    if np.isfinite(low) and (x.min() < low or x.max() > high):
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


def _first_bad_row(x: Array, filled: tuple[int, ...]) -> int | None:
    """Return the first row with a value that is not finite, or None. Values that are filled later may be NaN."""
    for start in range(0, len(x), CHUNK):
        good = np.isfinite(x[start : start + CHUNK])
        if filled:
            good[:, list(filled)] |= np.isnan(x[start : start + CHUNK, list(filled)])
        if not good.all():
            return start + int(np.argwhere(~good)[0][0])
    return None


def select_classes(whole: Dataset, names: Sequence[str]) -> Dataset:
    """Return the rows of some classes only, numbered in the order in which the classes are named.

    Raises:
        SettingsError: the data set has no such class, or no classes at all.
    """
    facts = whole.facts
    if not facts.classes:
        raise _wrong_classes(f"{facts.name} has a number for each row and no classes")
    for name in names:
        if name not in facts.classes:
            raise _wrong_classes(f"{not_one_of(name, facts.classes)} (the classes of {facts.name})")
    numbers = np.full(len(facts.classes), -1, np.int32)
    numbers[[facts.classes.index(name) for name in names]] = np.arange(len(names))
    rows = np.flatnonzero(numbers[whole.y] >= 0)
    x, y, repeated = whole.x[rows], numbers[whole.y[rows]], whole.repeated[rows]
    groups = None if whole.groups is None else whole.groups[rows]
    test_rows = int((rows >= facts.rows - facts.test_rows).sum())
    validation_rows = int((rows >= facts.rows - facts.test_rows - facts.validation_rows).sum()) - test_rows
    own = dataclasses.replace(
        facts,
        fingerprint=fingerprint(x, y, tuple(names), test_rows, validation_rows, groups),
        classes=tuple(names),
        rows=len(rows),
        test_rows=test_rows,
        repeated_rows=int(repeated.sum()),
        rare_rows=count_rare_rows(x, validation_rows + test_rows, repeated),
        validation_rows=validation_rows,
        group_rows=None if groups is None else count_group_rows(groups, repeated, validation_rows + test_rows),
    )
    return _read_only(Dataset(own, x, y, whole.value_range, repeated, groups))


def _wrong_classes(message: str) -> SettingsError:
    return SettingsError([(("classes",), message)])


def mark_duplicates(x: Array, official_rows: int) -> NDArray[np.bool_]:
    """Return which rows of the training pool equal an earlier row of the pool or a row of an official part; (rows,).

    Rows are equal if their values are equal, even with different labels: otherwise the values of one part would be
    known in another. Of equal rows with different labels the first stays; none of the built-in data sets has such rows.
    The rows of official parts, the last `official_rows`, are never marked, because published scores use all of them.
    """
    pool = len(x) - official_rows
    seen = {row.tobytes() for row in x[pool:]}
    repeated = np.zeros(len(x), bool)
    for i in range(pool):
        row = x[i].tobytes()
        repeated[i] = row in seen
        seen.add(row)
    return repeated


def count_rare_rows(x: Array, official_rows: int, repeated: NDArray[np.bool_]) -> tuple[int, ...]:
    """Return `DatasetInfo.rare_rows`.

    The most common value is taken to be the median of some rows: exact where a value fills clearly more than half of
    all rows, which is where the number matters.
    """
    sample = np.sort(x[:: -(-len(x) // SAMPLE)], axis=0)
    common = sample[len(sample) // 2]
    pool = len(x) - official_rows
    differ = [np.zeros(common.shape, np.int64), np.zeros(common.shape, np.int64)]
    for start in range(0, len(x), CHUNK):
        own = _differ(x[start : start + CHUNK], common)
        differ[0] += own.sum(axis=0)
        rows = np.arange(start, start + len(own))
        differ[1] += own[(rows < pool) & ~repeated[start : start + CHUNK]].sum(axis=0)
    everywhere, in_pool = differ
    return tuple(np.sort(in_pool[everywhere > 0])[:LISTED].tolist())


def _differ(x: Array, common: Array) -> NDArray[np.bool_]:
    """Return where rows differ from a row; two missing values are equal."""
    differ: NDArray[np.bool_] = x != common
    return differ & ~(np.isnan(x) & np.isnan(common)) if x.dtype.kind == "f" else differ


def check_published(parsed: ParsedArrays, wanted: str, blocks: str, where: str) -> ParsedArrays:
    """Return parsed arrays that are the published ones, whatever the file looks like.

    Args:
        wanted: the published fingerprint. If empty, any content is accepted.
        blocks: the published `block_digests`, which show where other content differs. Empty if they are unknown.

    Raises:
        DataError: the content is another one.
    """
    found = _fingerprint_of(parsed)
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


def _fingerprint_of(parsed: ParsedArrays) -> str:
    return fingerprint(parsed.x, parsed.y, parsed.classes, parsed.test_rows, parsed.validation_rows, parsed.groups)


def fingerprint(
    x: Array,
    y: Array,
    classes: tuple[str, ...],
    test_rows: int,
    validation_rows: int = 0,
    groups: Array | None = None,
) -> str:
    """Return the sha256 of what defines a data set: types, shapes, values, class names, official parts and groups."""
    digest = hashlib.sha256()
    for array in (x, y):
        digest.update(f"{array.dtype.str} {array.shape}\n".encode())
        for start in range(0, len(array), CHUNK):
            digest.update(np.ascontiguousarray(array[start : start + CHUNK]).tobytes())
    digest.update(json.dumps([classes, test_rows]).encode())
    # What only some data have is left out of the hash of all others, so that their fingerprints stay.
    if validation_rows:
        digest.update(f"validation {validation_rows}\n".encode())
    if groups is not None:
        digest.update(f"groups {groups.dtype.str}\n".encode() + groups.tobytes())
    return digest.hexdigest()
