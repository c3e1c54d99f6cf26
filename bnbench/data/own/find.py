"""The readers of own data by their keys, and own data described as data sets are."""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from math import inf
from pathlib import Path
from pkgutil import iter_modules

from bnbench.config.own_data import READING_KEYS
from bnbench.config.schema import Data
from bnbench.data.own import readers
from bnbench.data.own.paths import find_own_path, own_folders
from bnbench.data.own.reader import OwnReader
from bnbench.data.types import DataDirs, DatasetSpec, FileLayout, LocatedFiles, ParsedArrays
from bnbench.errors import DataError


def find_readers() -> dict[str, OwnReader]:
    """Return the readers by the key of `data` that they belong to: every file in `readers/` has one."""
    modules = [import_module(f"{readers.__name__}.{found.name}") for found in iter_modules(readers.__path__)]
    return {module.READER.key: module.READER for module in modules}


READERS: Mapping[str, OwnReader] = find_readers()


def describe_own(settings: Data) -> DatasetSpec:
    """Return own data as a data set of which nothing is known before its files are read."""
    reader = READERS[settings.kind]
    return DatasetSpec(
        name=settings.source,
        title=reader.title,
        page="",
        licence="",
        rows=0,
        shape=(),
        class_count=0,
        value_range=(-inf, inf),
        forms=(_layout(settings),),
    )


def locate_own(settings: Data, places: DataDirs) -> LocatedFiles:
    """Return the file or folder of own data, with a hash of its content and of how it is read.

    Raises:
        SettingsError: it does not exist, or is outside of the folders that may be read.
        DataError: it cannot be read.
    """
    path = find_own_path(settings, places)
    return LocatedFiles(_layout(settings), (path,), content=_digest(path, settings))


def own_folder(settings: Data, places: DataDirs) -> str:
    """Return the folder that the path of own data is relative to; empty if there is no such path."""
    path = find_own_path(settings, places)
    folders = own_folders(settings, places)
    return next((str(folder.absolute()) for folder in folders if path == folder / settings.path), "")


def _layout(settings: Data) -> FileLayout:
    return FileLayout(READERS[settings.kind].title, (), partial(_read_unchanged, settings=settings))


def _read_unchanged(paths: tuple[Path, ...], settings: Data) -> ParsedArrays:
    """Return the arrays of a file or folder.

    Raises:
        DataError: it changed while it was read, so the arrays may be a mixture that no fingerprint should name.
    """
    (path,) = paths
    before = _digest(path, settings)
    parsed = READERS[settings.kind].read(path, settings)
    if _digest(path, settings) != before:
        raise DataError(f"{path}: changed while it was read: try again")
    return parsed


def _digest(path: Path, settings: Data) -> str:
    """Return a hash of the content of a file or folder and of the settings that say how it is read."""
    how = settings.model_dump(include=set(READING_KEYS) - {"table", "arrays", "images"})
    content = READERS[settings.kind].digest(path, settings)
    # The ending of a name decides how a table is read.
    text = json.dumps([settings.kind, path.suffixes[-2:], how, content], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
