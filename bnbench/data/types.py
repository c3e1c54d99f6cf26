"""The records that the files of this folder hand to one another."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_dir

Array = NDArray[Any]


def _cache_dir() -> Path:
    return Path(os.environ.get("BNBENCH_CACHE") or user_cache_dir("bnbench", appauthor=False)).expanduser()


@dataclass(frozen=True)
class DataDirs:
    """Where data may come from, and where they are kept."""

    data_dir: Path | None = None  # a folder of data set folders that is the user's own: never written to
    cache_dir: Path = field(default_factory=_cache_dir)
    offline: bool = False

    @classmethod
    def from_environment(cls, data_dir: Path | None = None, offline: bool = False) -> "DataDirs":
        """The places as `BNBENCH_DATA` and `BNBENCH_CACHE` name them; a `data_dir` given here wins."""
        named = os.environ.get("BNBENCH_DATA")
        return cls(data_dir or (Path(named).expanduser() if named else None), offline=offline)


@dataclass(frozen=True)
class ParsedArrays:
    """What a data set's own parser makes of its files."""

    x: Array  # (rows, *shape): uint8 or float32
    y: Array  # (rows,) int32 class numbers, or float32 where there are no classes
    classes: tuple[str, ...]
    test_rows: int  # the last so many rows are the official test part


@dataclass(frozen=True)
class FileLayout:
    """One of the forms in which a data set's files may lie in its folder."""

    title: str  # told to the user as `Facts.form`; the same for the same content, however packed
    parts: tuple[tuple[str, ...], ...]  # what is needed, each by any of these names
    parse: Callable[[tuple[Path, ...]], ParsedArrays]  # takes a path a part
    folders: bool = False  # each part is a folder


@dataclass(frozen=True)
class RemoteFile:
    """One file to download."""

    name: str  # under which it is kept
    urls: tuple[str, ...]  # mirrors, tried in turn
    checksum: str | None = None  # of the download itself, "md5:..."; None: the content is checked by parsing it


@dataclass(frozen=True)
class DatasetSpec:
    """All there is to know of a data set before its files are read."""

    name: str
    title: str
    page: str
    licence: str
    rows: int  # as published; Facts hold what was found
    shape: tuple[int, ...]
    class_count: int
    value_range: tuple[float, float]  # of the format
    forms: tuple[FileLayout, ...]  # the first that lies in a folder is taken
    remotes: tuple[RemoteFile, ...] = ()  # all of them together are one of the forms
    package: str = ""  # the installed package that holds the data, for a set without files
    repeats: bool = True  # whether exact repeats are looked for
    advice: str = ""  # how else to get the files
    columns: tuple[str, ...] = ()  # what each value of a row is called in the set's own table; empty: not a table
    other_columns: tuple[str, ...] = ()  # that stand before them there and are no values


@dataclass(frozen=True)
class LocatedFiles:
    """The files of a data set, in one form and one place."""

    form: FileLayout
    paths: tuple[Path, ...]
    version: str = ""  # of the package, for a set without files


@dataclass(frozen=True)
class DatasetInfo:
    """What a plan must know of a data set: all but the values themselves."""

    name: str
    form: str  # which of its upstream forms was found: "Kaggle train.csv"
    fingerprint: str  # sha256 of the parsed arrays, so that two sources of the same rows are one
    shape: tuple[int, ...]  # of one example
    dtype: str  # of the examples as stored: uint8, float32
    classes: tuple[str, ...]  # empty: each row has a number instead
    rows: int
    test_rows: int  # the last so many rows are the official test part; 0: there is none
    repeated_rows: int  # rows that are left out under `repeats: remove`; never official test rows

    @property
    def nbytes(self) -> int:
        """Of all examples as they are stored."""
        return self.rows * prod(self.shape) * (1 if self.dtype == "uint8" else 4)


@dataclass(frozen=True)
class Dataset:
    """A data set's arrays, read-only, and what a plan must know of it."""

    facts: DatasetInfo
    x: Array  # (rows, *facts.shape), as stored: uint8 images and small whole numbers, float32 tables
    y: Array  # (rows,) int32 class numbers, or float32 without classes; official test rows are the last facts.test_rows
    value_range: tuple[float, float]  # of the format: (0, 255) for images
    repeated: NDArray[np.bool_]  # (rows,): left out under `repeats: remove`


@dataclass(frozen=True)
class DatasetListing:
    """One line of `bnbench data list`."""

    name: str
    title: str
    state: str  # "on disk" or "not here"
    where: str  # the folder or package; empty if it is not here
    form: str  # empty if it is not here
    rows: int
    shape: tuple[int, ...]
    class_count: int
    url: str
    licence: str
