"""Writes arrays that Python code holds into the cache, where they are own data like those of a file."""

import hashlib
import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from bnbench.config.schema import Data
from bnbench.data.own.as_arrays import as_inputs, as_labels, is_fractional
from bnbench.data.own.paths import arrays_folder
from bnbench.data.own.readers.arrays import parse_arrays
from bnbench.data.types import Array, DataDirs
from bnbench.errors import DataError

log = logging.getLogger("bnbench.data")

# Floats that are whole numbers, and no more different ones than this, may be meant as classes.
FEW_CLASSES = 20
# Digits of the name of a file.
DIGITS = 32
# Rows that are hashed at a time.
CHUNK = 10_000


@dataclass(frozen=True)
class GivenArrays:
    """Arrays as Python code gives them: of NumPy or pandas, tensors, or lists."""

    # The rows, (rows, *shape), and their classes or numbers, (rows,).
    x: object
    y: object
    # Official parts: pairs of rows and classes or numbers.
    validation: object = None
    test: object = None
    # (rows,): rows with the same value stay in one part. None if the rows have no groups.
    groups: object = None
    # By default, floats are numbers, and everything else is classes.
    task: Literal["classes", "number"] | None = None


def store_arrays(given: GivenArrays, places: DataDirs) -> dict[str, object]:
    """Write arrays to `<cache>/arrays/<digest>.npz` if they are not there, and return the keys of `data` for them.

    The name of the file is a hash of its content, so the same arrays have the same name in every process.

    Raises:
        DataError: something is no array, is not finite, or the arrays do not fit each other; or the cache cannot be
            written.
    """
    arrays, names = _take_arrays(given)
    keys: dict[str, object] = {
        "arrays": f"{_digest(arrays)}.npz",
        **{key: key for key in arrays},
        "task": _find_task(arrays["y"], given.task),
    }
    # All that can be wrong is found before anything is written.
    parse_arrays(arrays, Data.model_validate(keys), names)
    _write(arrays, arrays_folder(places) / str(keys["arrays"]))
    return keys


def _take_arrays(given: GivenArrays) -> tuple[dict[str, Array], dict[str, str]]:
    """Return the arrays by their keys in `data`, and what the caller calls each of them."""
    names = {"x": "x", "y": "y", "group": "groups", "columns": "the columns of x"}
    pairs: dict[str, tuple[object, object]] = {"": (given.x, given.y)}
    for part, value in (("validation", given.validation), ("test", given.test)):
        if value is not None:
            pairs[f"_{part}"] = _as_pair(value, f"{part}_data")
            names |= {f"x_{part}": f"{part}_data: x", f"y_{part}": f"{part}_data: y"}
    arrays: dict[str, Array] = {}
    columns: dict[str, tuple[str, ...]] = {}
    for part, (x, y) in pairs.items():
        arrays[f"x{part}"], columns[part] = as_inputs(x, names[f"x{part}"])
        arrays[f"y{part}"] = as_labels(y, names[f"y{part}"])
        _check_columns(columns[part], columns[""], names[f"x{part}"])
    if given.groups is not None:
        arrays["group"] = as_labels(given.groups, names["group"])
    if columns[""]:
        arrays["columns"] = np.array(columns[""])
    return arrays, names


def _as_pair(value: object, name: str) -> tuple[object, object]:
    if not isinstance(value, tuple | list) or len(value) != 2:
        found = f"{len(value)} values" if isinstance(value, tuple | list) else f"a {type(value).__name__}"
        raise DataError(f"{name}: found {found}, wanted a pair (x, y)")
    return value[0], value[1]


def _check_columns(found: tuple[str, ...], wanted: tuple[str, ...], name: str) -> None:
    """Raise if two frames have other columns, or the same in another order. An array has no names to compare."""
    if found and wanted and found != wanted:
        at = next((i for i, pair in enumerate(zip(found, wanted, strict=False)) if pair[0] != pair[1]), None)
        what = f"{len(found)} columns, and x has {len(wanted)}" if at is None else f"column {at + 1} is {found[at]!r}"
        raise DataError(f"{name}: {what}, wanted the columns of x in the same order: {', '.join(wanted[:5])} ...")


def _find_task(y: Array, given: str | None) -> str:
    if given or not is_fractional(y):
        return given or "classes"
    distinct = np.unique(y)
    if len(distinct) <= FEW_CLASSES and bool((distinct == np.round(distinct)).all()):
        log.warning(
            "y holds %d different whole numbers as floats, which are taken as numbers to predict: give task='classes' "
            "if they are classes, or task='number' to say that they are not",
            len(distinct),
        )
    return "number"


def _digest(arrays: Mapping[str, Array]) -> str:
    digest = hashlib.sha256()
    for key, array in sorted(arrays.items()):
        digest.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        for start in range(0, len(array), CHUNK):
            digest.update(array[start : start + CHUNK].tobytes())
    return digest.hexdigest()[:DIGITS]


def _write(arrays: Mapping[str, Array], path: Path) -> None:
    """Write an archive under a temporary name and rename it when it is complete."""
    if path.is_file():
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".writing-", ignore_cleanup_errors=True) as folder:
            written = Path(folder, path.name)
            # Not `np.savez(**arrays)`, whose own argument `file` a key could hide.
            with written.open("wb") as file:
                np.savez(file, allow_pickle=False, **arrays)
            written.replace(path)
    except OSError as error:
        raise DataError(f"{path}: the arrays cannot be written into the cache: {error.strerror or error}") from error
