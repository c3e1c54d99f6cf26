"""Reads own arrays: an .npz archive, or a folder of .npy files. Nothing is ever unpickled."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path

import numpy as np

from bnbench.config.schema import Data
from bnbench.data.formats.npz import array_file, array_names, read_own_arrays
from bnbench.data.own.digests import digest_files
from bnbench.data.own.labels import number_classes, number_groups
from bnbench.data.own.paths import is_inside
from bnbench.data.own.reader import OwnReader
from bnbench.data.types import Array, ParsedArrays
from bnbench.errors import DataError, SettingsError, not_one_of, shorten

PARTS = ("", "_validation", "_test")
LARGEST = float(np.finfo(np.float32).max)
# Names in a message.
MAX_NAMED = 30


def read_arrays(path: Path, settings: Data) -> ParsedArrays:
    """Return the rows of own arrays in a file or folder, see `parse_arrays`.

    Raises:
        SettingsError: `data` names an array that is not there.
        DataError: an array is damaged, holds objects, is not finite, or the arrays do not fit each other.
    """
    arrays = _read_named(path, settings)
    return parse_arrays(arrays, settings, {key: f"{path}: {name}" for key, name in _named(settings).items()})


def parse_arrays(arrays: Mapping[str, Array], settings: Data, places: Mapping[str, str]) -> ParsedArrays:
    """Return the rows of own arrays: the pool, then the official validation and test parts.

    `x` is uint8 where all parts are, else float32.

    Args:
        arrays: the arrays by their keys in `data`.
        settings: they say whether targets are classes or numbers, and which classes are used.
        places: what a message calls each array.

    Raises:
        DataError: an array is not finite, or the arrays do not fit each other.
    """
    inputs, targets = ([arrays[f"{key}{part}"] for part in PARTS if f"{key}{part}" in arrays] for key in ("x", "y"))
    named = [places[f"x{part}"] for part in PARTS if f"x{part}" in arrays]
    _check_shapes(inputs, targets, named)
    x = _as_rows(inputs, named)
    classes, y = _number_targets(targets, places["y"], settings)
    sizes = {part: len(arrays[f"y{part}"]) for part in PARTS if f"y{part}" in arrays}
    return ParsedArrays(
        x,
        y,
        classes,
        test_rows=sizes.get("_test", 0),
        validation_rows=sizes.get("_validation", 0),
        groups=_groups(arrays, len(x), places),
        columns=_columns(arrays, x.shape[1:], places),
    )


def _named(settings: Data) -> dict[str, str]:
    """Return the names of the arrays by their keys."""
    keys = (*(f"{key}{part}" for part in PARTS for key in ("x", "y")), "group", "columns")
    return {key: name for key in keys if (name := getattr(settings, key)) is not None}


def _read_named(path: Path, settings: Data) -> dict[str, Array]:
    _check_kind(path)
    named, known = _named(settings), array_names(path)
    problems = [
        (steps, not_one_of(name, known[:MAX_NAMED]))
        for steps, name in (((key,), name) for key, name in named.items())
        if name.removesuffix(".npy") not in known
    ]
    if problems:
        raise SettingsError(problems)
    read = read_own_arrays(path, list(dict.fromkeys(named.values())))
    return {key: read[name] for key, name in named.items()}


def _check_kind(path: Path) -> None:
    if path.is_dir() or path.suffix.lower() == ".npz":
        return
    advice = {
        ".npy": "one array: give its folder, and its name as x",
        ".pkl": "a pickle, which can run code",
        ".pickle": "a pickle, which can run code",
        ".csv": "a table: use data.table",
        ".parquet": "a table: use data.table",
    }.get(path.suffix.lower(), "unknown type of file")
    raise DataError(f"{path}: {advice} (an .npz archive or a folder of .npy files is read)")


def _check_shapes(inputs: Sequence[Array], targets: Sequence[Array], places: Sequence[str]) -> None:
    for x, y, place in zip(inputs, targets, places, strict=True):
        if x.dtype.kind not in "buif":
            raise DataError(f"{place}: holds {x.dtype}, wanted numbers")
        if x.ndim < 2 or not prod(x.shape):
            raise DataError(f"{place}: has the shape {x.shape}, wanted (rows, values of a row)")
        if x.shape[1:] != inputs[0].shape[1:]:
            raise DataError(f"{place}: rows of shape {x.shape[1:]}, wanted {inputs[0].shape[1:]} as in the first array")
        if y.ndim == 2 and y.shape[1] > 1:
            raise DataError(f"{place}: its targets have the shape {y.shape}, wanted one class or number for each row: "
                            "if they are one-hot, use y.argmax(axis=1)")  # fmt: skip
        if y.ndim == 0 or y.size != len(y):
            raise DataError(f"{place}: its targets have the shape {y.shape}, wanted one class or number for each row")
        if len(x) != len(y):
            raise DataError(f"{place}: {len(x):,} rows, but {len(y):,} targets")


def _as_rows(inputs: Sequence[Array], places: Sequence[str]) -> Array:
    for x, place in zip(inputs, places, strict=True):
        if x.dtype.kind == "f":
            _check_finite(x, place)
    if all(x.dtype in (np.uint8, np.bool_) for x in inputs):
        return np.concatenate([x.astype(np.uint8) for x in inputs])
    # Adding 0 turns -0 into 0, so that equal rows have equal bytes.
    return np.concatenate([x.astype(np.float32) for x in inputs]) + np.float32(0)


def _check_finite(x: Array, place: str) -> None:
    bad = ~(np.abs(x) <= LARGEST)
    if bad.any():
        row, *rest = np.argwhere(bad)[0].tolist()
        found = x[(row, *rest)]
        what = "a missing value (NaN)" if np.isnan(found) else f"{found}, which is not a finite number of 32 bits"
        at = ", ".join(map(str, rest))
        raise DataError(f"{place}: row {row + 1}, value [{at}]: {what}: remove the row, or write a number")


def _number_targets(targets: Sequence[Array], what: str, settings: Data) -> tuple[tuple[str, ...], Array]:
    y = np.concatenate([one.ravel() for one in targets])
    if settings.task == "number":
        if y.dtype.kind not in "buif":
            raise DataError(f"{what}: holds {y.dtype}, wanted numbers for data.task: number")
        _check_finite(y.astype(np.float64)[:, np.newaxis], what)
        return (), y.astype(np.float32)
    labels = _labels(y, what)
    classes, numbers = number_classes(labels, what, lambda row: f"row {row + 1}", settings.classes)
    unseen = set(range(len(classes))) - set(numbers[: len(targets[0])].tolist())
    if unseen:
        raise DataError(f"{what}: no row of class {classes[min(unseen)]!r}, which the official parts have")
    return classes, numbers


def _labels(y: Array, what: str) -> list[str]:
    """Return the class of each row by name. Floats must be whole: others are no classes."""
    if y.dtype.kind == "S":
        return [label.decode("utf-8", "replace").strip() for label in y.tolist()]
    if y.dtype.kind == "f":
        _check_finite(y[:, np.newaxis], what)
        if (y != np.round(y)).any():
            raise DataError(f"{what}: holds fractions, which are no classes: set data.task: number to predict numbers")
        return [str(int(label)) for label in y.tolist()]
    return [str(label).strip() for label in y.tolist()]


def _groups(arrays: Mapping[str, Array], rows: int, places: Mapping[str, str]) -> Array | None:
    """Return the group of each row; rows of official parts have -1."""
    if "group" not in arrays:
        return None
    groups, pool = arrays["group"], len(arrays["x"])
    if groups.shape != (pool,):
        raise DataError(f"{places['group']}: has the shape {groups.shape}, wanted ({pool},), a group for each row")
    numbers = number_groups([str(label) for label in groups.tolist()])
    return np.concatenate([numbers, np.full(rows - pool, -1, np.int32)])


def _columns(arrays: Mapping[str, Array], shape: tuple[int, ...], places: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of the values of a row; empty if the arrays have none."""
    if "columns" not in arrays:
        return ()
    names, place = arrays["columns"], places["columns"]
    if names.dtype.kind != "U" or names.shape != shape:
        found = f"{names.dtype} of shape {names.shape}"
        raise DataError(f"{place}: {found}, wanted text of shape {shape}, a name for each value of a row")
    counts = Counter(names.tolist())
    repeated = next((name for name, count in counts.items() if count > 1), None)
    if repeated is not None:
        raise DataError(f"{place}: two columns are called {shorten(repeated)}: give each a name of its own")
    return tuple(counts)


def _digest(path: Path, settings: Data) -> str:
    if not path.is_dir():
        return digest_files([path])
    files = [array_file(path, name) for name in dict.fromkeys(_named(settings).values())]
    files = [file for file in files if file.exists() or file.is_symlink()]
    for file in files:
        if not is_inside(file, path):
            raise DataError(f"{file}: leaves its folder: copy the array into {path}")
    return digest_files(files)


READER = OwnReader("arrays", "arrays of NumPy", _digest, read_arrays)
