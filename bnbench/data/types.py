"""The records that the files of this room pass to each other."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_dir

Array = NDArray[Any]
# The axes of the shape of an image: height, width, channels.
IMAGE_AXES = 3


def _cache_dir() -> Path:
    return Path(os.environ.get("BNBENCH_CACHE") or user_cache_dir("bnbench", appauthor=False)).expanduser()


@dataclass(frozen=True)
class DataDirs:
    """Where data sets are read from, and where downloads and parsed arrays are cached."""

    # The user's own folder, with a folder for each data set. bnbench never writes to it.
    data_dir: Path | None = None
    cache_dir: Path = field(default_factory=_cache_dir)
    offline: bool = False
    # The folder of the experiment file. The paths of own data are relative to it, or else to `data_dir`.
    config_dir: Path | None = None
    # Where the data were when this experiment was recorded. Only messages name it.
    recorded_dir: str = ""

    @classmethod
    def from_environment(cls, data_dir: Path | None = None, offline: bool = False) -> "DataDirs":
        """Return the folders in `BNBENCH_DATA` and `BNBENCH_CACHE`; a `data_dir` that is given here wins."""
        named = os.environ.get("BNBENCH_DATA")
        return cls(data_dir or (Path(named).expanduser() if named else None), offline=offline)


@dataclass(frozen=True)
class ParsedArrays:
    """The result of parsing the files of a data set."""

    x: Array  # (rows, *shape): uint8 or float32
    y: Array  # (rows,) int32 class numbers, or float32 if there are no classes
    classes: tuple[str, ...]
    # The number of rows in the official test part, which are the last rows.
    test_rows: int
    # The number of rows in the official validation part, which come before the official test part.
    validation_rows: int = 0
    # (rows,) int32: rows with the same number stay in one part. Rows of official parts may have -1, which is no group.
    # None if the rows have no groups.
    groups: Array | None = None
    # The positions of the values of a row that may be NaN, which means missing. The training part fills them.
    filled: tuple[int, ...] = ()
    # The names of the columns of an own table that are inputs, in the order of the file. Empty for other data.
    columns: tuple[str, ...] = ()
    # The number of rows of an own table that are left out, because they miss a value.
    dropped_rows: int = 0


@dataclass(frozen=True)
class FileLayout:
    """One set of files that holds a data set: it may be packed, unpacked, or from another source."""

    # Shown to the user. The same content has the same title, packed or not.
    title: str
    # The files that are needed, each with its possible names.
    parts: tuple[tuple[str, ...], ...]
    # The function that reads the files. It takes one path for each part.
    parse: Callable[[tuple[Path, ...]], ParsedArrays]
    # Whether each part is a folder.
    folders: bool = False


@dataclass(frozen=True)
class RemoteFile:
    """One file to download."""

    name: str
    # Mirrors, tried in this order.
    urls: tuple[str, ...]
    # The checksum of the download, such as "md5:...". If None, only parsing checks the content.
    checksum: str | None = None


@dataclass(frozen=True)
class DatasetSpec:
    """Everything about a data set that is known before its files are read."""

    name: str
    title: str
    page: str
    licence: str
    # As published. 0 and () for own data, which may have any.
    rows: int
    shape: tuple[int, ...]
    class_count: int
    # The range that the format allows. Infinite for own data.
    value_range: tuple[float, float]
    # The first layout whose files are all in a folder is read.
    forms: tuple[FileLayout, ...]
    # Together, these files make one of the layouts.
    remotes: tuple[RemoteFile, ...] = ()
    # The installed package that holds the data, for a data set without files.
    package: str = ""
    # Whether bnbench looks for equal rows.
    find_duplicates: bool = True
    # Other ways to get the files.
    advice: str = ""
    # Files and folders of other known forms, which are not read: a pattern for their names, and what they are.
    other_forms: tuple[tuple[str, str], ...] = ()
    # The names of the values of a row in the original table. Empty if the data set is not a table.
    columns: tuple[str, ...] = ()
    # The names of the columns before the values.
    other_columns: tuple[str, ...] = ()
    # The name of the unit of the numbers, and the same rows in other units. Empty for most data sets.
    unit: str = ""
    in_other_units: "tuple[DatasetSpec, ...]" = ()

    @property
    def units(self) -> tuple[str, ...]:
        """The units that `data.unit` can name, first the default one."""
        return tuple(one.unit for one in (self, *self.in_other_units) if one.unit)


@dataclass(frozen=True)
class LocatedFiles:
    """The files of a data set that were found, in one layout."""

    form: FileLayout
    paths: tuple[Path, ...]
    # The version of the package that holds the data, for a data set without files.
    version: str = ""
    # What the parsed arrays depend on, for own data: a hash of the content of the files and of the settings. If empty,
    # they depend on the paths, sizes and times of the files.
    content: str = ""


@dataclass(frozen=True)
class DatasetInfo:
    """What a plan needs to know about a data set: everything except the values."""

    name: str
    # The title of the layout that was found: "Kaggle train.csv".
    form: str
    # sha256 of the parsed arrays, so that the same rows from two sources are the same data.
    fingerprint: str
    shape: tuple[int, ...]  # of one example
    dtype: str  # of the examples as stored: uint8, float32
    classes: tuple[str, ...]  # empty if each row has a number
    rows: int
    # The number of rows in the official test part, which are the last rows. 0 if there is no official test part.
    test_rows: int
    # Rows that `duplicates: drop` leaves out; official test rows are never left out.
    repeated_rows: int
    # For the values of a row that are almost constant: in how many rows each differs from its most common value,
    # without the official test part and repeated rows. Ascending, only the first few. Constant values are left out.
    rare_rows: tuple[int, ...] = ()
    # The number of rows in the official validation part, which come before the official test part.
    validation_rows: int = 0
    # For groups without official rows: their rows, their rows that are not repeated, and how many groups are like this.
    # None if the rows have no groups.
    group_rows: tuple[tuple[int, int, int], ...] | None = None
    # The positions of the values of a row that may be NaN, which means missing.
    filled: tuple[int, ...] = ()
    # The names of the columns of an own table that are inputs, in the order of the file.
    columns: tuple[str, ...] = ()
    # The number of rows of an own table that are left out, because they miss a value.
    dropped_rows: int = 0

    @property
    def is_image(self) -> bool:
        """Whether each example has rows, columns and channels of pixels."""
        return len(self.shape) == IMAGE_AXES

    @property
    def nbytes(self) -> int:
        """The size of all examples as stored, in bytes."""
        return self.rows * prod(self.shape) * (1 if self.dtype == "uint8" else 4)


@dataclass(frozen=True)
class Dataset:
    """The arrays of a data set, read-only, and its description."""

    facts: DatasetInfo
    # (rows, *facts.shape), as stored: uint8 for images and small whole numbers, float32 for tables.
    x: Array
    # (rows,) int32 class numbers, or float32 without classes. The last facts.test_rows are the official test part.
    y: Array
    # The range that the format allows: (0, 255) for images.
    value_range: tuple[float, float]
    # (rows,): the rows that `duplicates: drop` leaves out.
    repeated: NDArray[np.bool_]
    # (rows,) int32: rows with the same number stay in one part. None if the rows have no groups.
    groups: Array | None = None

    @cached_property
    def extremes(self) -> tuple[Array, Array]:
        """The smallest and the largest number at each position of a row, each of shape `facts.shape`.

        Missing values (NaN) do not count, unless all values at a position are missing.
        """
        if self.facts.filled:
            return np.fmin.reduce(self.x, axis=0), np.fmax.reduce(self.x, axis=0)
        return self.x.min(axis=0), self.x.max(axis=0)


@dataclass(frozen=True)
class DatasetListing:
    """One line of `bnbench data list`."""

    name: str
    title: str
    # "on disk" or "not here".
    state: str
    # The folder or package; empty if the data set is not here.
    where: str
    # Empty if the data set is not here.
    form: str
    rows: int
    shape: tuple[int, ...]
    class_count: int
    url: str
    licence: str
