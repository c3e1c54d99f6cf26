"""Turns what Python code holds (lists, tensors, frames of pandas, arrays) into arrays of numbers or text."""

import sys
from collections.abc import Iterator, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from bnbench.config.own_data import MAX_COLUMN
from bnbench.data.types import Array
from bnbench.errors import DataError, shorten

# Above this, float32 leaves out whole numbers.
LARGEST_WHOLE = 2**24
# The largest number that one byte holds.
LARGEST_BYTE = 255
# Names in a message.
MAX_NAMED = 5
# Types that hold no array, by the name of one of their base classes -> what a message calls them.
REFUSED = {
    "DatasetV2": "a tf.data.Dataset",
    "PyDataset": "a keras.utils.PyDataset",
    "RaggedTensor": "a ragged tensor",
    "SparseTensor": "a sparse tensor",
    "_spbase": "a sparse matrix",
    "spmatrix": "a sparse matrix",
    "DataLoader": "a DataLoader of PyTorch",
    "IterableDataset": "a data set of PyTorch",
}
WANTED = "wanted arrays in memory: of NumPy or pandas, tensors, or lists"
# What holds one value for each row, and what holds one text.
SCALARS, TEXTS = (Real, np.bool_), (str, bytes)


def as_inputs(value: object, name: str) -> tuple[Array, tuple[str, ...]]:
    """Return rows as an array of shape (rows, ...), and the names of their values if they come from a frame.

    Whole numbers from 0 to 255 become uint8, unless they come from a frame: there, each column has a range of its own.
    All other numbers become float32.

    Args:
        name: of the argument, for messages.

    Raises:
        DataError: this is no array, holds something else than numbers, or a number that float32 cannot hold.
    """
    if _is_frame(value):
        array, columns = _frame_values(value, name)
    else:
        array, columns = _as_array(value, name), ()
    if array.dtype.kind not in "buif":
        raise DataError(f"{name}: holds {_describe_type(array)}, wanted numbers")
    return _in_32_bits(array, name, keep_bytes=not columns), columns


def as_labels(value: object, name: str) -> Array:
    """Return the classes, numbers or groups of rows as an array of numbers or text.

    Raises:
        DataError: this is no array, misses a value, or holds something else than numbers or text.
    """
    if _is_frame(value):
        frame: Any = value
        value = frame.iloc[:, 0] if frame.shape[1] == 1 else frame.to_numpy()
    array = _as_array(value, name)
    if array.dtype.kind == "O":
        array = _of_one_kind(array, name)
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind not in "buifU":
        raise DataError(f"{name}: holds {_describe_type(array)}, wanted numbers or text")
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def is_fractional(array: Array) -> bool:
    """Return whether an array holds floats."""
    return array.dtype.kind == "f"


def _is_frame(value: object) -> bool:
    # An import would take most of a second, and a caller that has a frame has imported pandas already.
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, pandas.DataFrame)


def _frame_values(frame: Any, name: str) -> tuple[Array, tuple[str, ...]]:
    """Return the columns of a frame side by side, (rows, columns), and their names; none if they are numbered."""
    names = [str(column) for column in frame.columns]
    other = [names[i] for i, kind in enumerate(_kinds(frame)) if kind not in "buif"]
    if other:
        more = f" and {len(other) - MAX_NAMED} more" if len(other) > MAX_NAMED else ""
        raise DataError(
            f"{name}: has columns that are no numbers: {', '.join(map(shorten, other[:MAX_NAMED]))}{more}: encode "
            "them, for example with pandas.get_dummies, or save a table and use data.table with categories"
        )
    long = next((column for column in names if len(column) > MAX_COLUMN), None)
    if long is not None:
        raise DataError(f"{name}: the name of a column has {len(long):,} characters, wanted at most {MAX_COLUMN}")
    columns = [_column(frame.iloc[:, i], names[i], name) for i in range(len(names))]
    array = np.stack(columns, axis=1) if columns else np.empty((len(frame), 0))
    numbered = all(isinstance(column, Integral) for column in frame.columns)
    return array, () if numbered else tuple(names)


def _kinds(frame: Any) -> Iterator[str]:
    """Yield the kind of each column as NumPy calls it; `O` where pandas has no such kind."""
    for dtype in frame.dtypes:
        kind = getattr(dtype, "kind", "O")
        # The categories of a column may be numbers, but they name something.
        yield "O" if type(dtype).__name__ in {"CategoricalDtype", "SparseDtype"} else kind


def _column(column: Any, title: str, name: str) -> Array:
    """Return a column of numbers as float64; whole numbers beyond that are refused with those beyond float32."""
    values: Array = column.to_numpy(dtype=np.float64, na_value=np.nan)
    missing = np.flatnonzero(np.isnan(values))
    if len(missing):
        raise DataError(
            f"{name}: row {missing[0] + 1}, column {shorten(title)}: a missing value ({len(missing):,} in this "
            "column): remove these rows, or fill them"
        )
    if column.dtype.kind in "ui":
        _check_whole(values, f"{name}: column {shorten(title)}")
    return values


def _as_array(value: object, name: str) -> Array:
    """Return an array of any type, with at least one axis."""
    bases = {base.__name__ for base in type(value).__mro__}
    found = next((REFUSED[base] for base in REFUSED if base in bases), None)
    if value is None or isinstance(value, str | bytes | dict | set) or (found is None and hasattr(value, "__next__")):
        found = "nothing" if value is None else f"a {type(value).__name__}"
    if found is None and not (hasattr(value, "__array__") or isinstance(value, Sequence)):
        found = f"a {type(value).__name__}"
    if found:
        raise DataError(f"{name}: found {found}, {WANTED}")
    try:
        array: Array = np.asarray(value)
    # A tensor that is on another device, or lists of several lengths. Each library has its own errors.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{name}: cannot be turned into an array of NumPy: {reason}") from error
    if array.ndim == 0:
        raise DataError(f"{name}: found a single value, {WANTED}")
    return array


def _in_32_bits(array: Array, name: str, keep_bytes: bool) -> Array:
    """Return numbers as uint8 or float32. Values that are not finite stay: the check of all arrays names them."""
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype.kind in "ui":
        if keep_bytes and array.size and array.min() >= 0 and array.max() <= LARGEST_BYTE:
            return array.astype(np.uint8)
        _check_whole(array, name)
        return array.astype(np.float32)
    with np.errstate(over="ignore"):
        narrow = array.astype(np.float32)
    # A number that overflows is kept as it is, so that the message names it.
    return array if (np.isinf(narrow) & np.isfinite(array)).any() else narrow


def _check_whole(array: Array, name: str) -> None:
    """Raise if float32 cannot hold a whole number, such as an id or a time."""
    beyond = np.argwhere((array > LARGEST_WHOLE) | (array < -LARGEST_WHOLE))
    if len(beyond):
        at = tuple(beyond[0].tolist())
        raise DataError(
            f"{name}[{', '.join(map(str, at))}] is {int(array[at])}, which float32 cannot hold exactly: divide these "
            "numbers, or leave them out if they are ids"
        )


def _of_one_kind(array: Array, name: str) -> Array:
    """Return an array of objects as one of numbers or of text."""
    values = array.ravel().tolist()
    for row, value in enumerate(values):
        # NaN and pandas.NaT are not equal to themselves, and pandas.NA has no truth value.
        if value is None or type(value).__name__ == "NAType" or (isinstance(value, Real) and value != value):
            raise DataError(f"{name}: row {row + 1}: a missing value: remove the row")
        if not isinstance(value, (*SCALARS, *TEXTS)):
            raise DataError(
                f"{name}: row {row + 1}: holds an object of type {type(value).__name__!r}, wanted numbers or text"
            )
    kinds = {isinstance(value, TEXTS) for value in values}
    if len(kinds) > 1:
        raise DataError(f"{name}: holds text and numbers, wanted one of them")
    return np.asarray(values).reshape(array.shape)


def _describe_type(array: Array) -> str:
    return "Python objects" if array.dtype.hasobject else f"{array.dtype}"
