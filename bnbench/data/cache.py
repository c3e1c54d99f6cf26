"""Caches parsed arrays in `<cache_dir>/parsed/<name>-<key>/`.

They are written to a temporary folder that is then renamed, and checked when they are read.
"""

import dataclasses
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bnbench.data.formats.archives import read_file
from bnbench.data.types import Array, DataDirs, Dataset, DatasetInfo, DatasetSpec, LocatedFiles
from bnbench.data.validate import fingerprint, stored_range
from bnbench.errors import DataError

log = logging.getLogger("bnbench.data")

# Increase this number whenever a change of the code makes the same files parse to different arrays or facts.
PARSER_VERSION = 2
ARRAYS = ("x.npy", "y.npy", "repeated.npy")
# Only data with groups have this one.
GROUPS = "groups.npy"
# Begins the folder name of the user's own data. Their content decides the rest: the name of a file does not.
OWN = "own"
# Errors from reading a damaged record or array. json and numpy raise ValueErrors.
DAMAGE = (DataError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
# The maximum size of a record in bytes. It may name a hundred thousand columns.
MAX_FACTS = 20_000_000


def cache_folder(source: DatasetSpec, located: LocatedFiles, places: DataDirs) -> Path:
    """Return the cache folder for exactly these files.

    If the size or time of a file changes, so does the folder. For own data, only the content decides.
    """
    of_files = [located.content] if located.content else [_identity(path) for path in located.paths]
    text = json.dumps([PARSER_VERSION, located.form.title, located.version, *of_files])
    name = OWN if located.content else source.name
    return places.cache_dir / "parsed" / f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _identity(path: Path) -> list[object]:
    try:
        files = sorted(_files(path))
        states = [(file, file.stat()) for file in files]
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    digest = hashlib.sha256()
    for file, state in states:
        digest.update(f"{file.relative_to(path)}|{state.st_size}|{state.st_mtime_ns}\n".encode())
    return [str(path.resolve()), digest.hexdigest()]


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
    else:
        yield path


def read_info(folder: Path, source: DatasetSpec) -> DatasetInfo | None:
    """Return the cached description without reading an array, or None. A damaged description is removed."""
    try:
        return _facts(_read_record(folder), source)
    except DAMAGE as error:
        if folder.is_dir():
            drop_dataset(folder, str(error))
        return None


def read_dataset(folder: Path, source: DatasetSpec) -> Dataset | None:
    """Return the cached arrays, or None. Damaged arrays are removed.

    They are read into memory: a file that changes later cannot change what the fingerprint was computed of.
    """
    try:
        record = _read_record(folder)
        facts = _facts(record, source)
        x, y, repeated = (_load(folder / name) for name in ARRAYS)
        groups = _load(folder / GROUPS) if facts.group_rows is not None else None
        found = fingerprint(x, y, facts.classes, facts.test_rows, facts.validation_rows, groups)
        if found != facts.fingerprint or _digest(repeated.tobytes()) != record["repeated"]:
            raise ValueError("its arrays have changed since they were written")
    except Exception as error:
        # NumPy parses the header of an array as Python text, and a damaged header can raise almost any error.
        if folder.is_dir():
            drop_dataset(folder, str(error))
        return None
    return Dataset(facts, x, y, stored_range(source, x), repeated, groups)


def _load(path: Path) -> Array:
    # A map of a file refuses a header that announces more than the file has.
    array: Array = np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    array.setflags(write=False)
    return array


def write_dataset(folder: Path, dataset: Dataset) -> Dataset:
    """Cache a data set and return it. If the cache cannot be written, log a warning."""
    try:
        _write(folder, dataset)
    except OSError as error:
        log.warning("%s: the cache cannot be written, so files are parsed at each start: %s", folder.parent, error)
    return dataset


def drop_dataset(folder: Path, reason: str) -> None:
    """Remove a cache folder, and log the reason."""
    log.warning("%s: removed from the cache, and parsed again: %s", folder, reason)
    shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, dataset: Dataset) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The temporary name does not begin with the name of the data set, so the leftovers of a killed process are never
    # read.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-", ignore_cleanup_errors=True) as name:
        written = Path(name, folder.name)
        written.mkdir()
        arrays = dict(zip(ARRAYS, (dataset.x, dataset.y, dataset.repeated), strict=True))
        if dataset.groups is not None:
            arrays[GROUPS] = dataset.groups
        for file, array in arrays.items():
            np.save(written / file, array, allow_pickle=False)
        record: dict[str, Any] = {
            "facts": dataclasses.asdict(dataset.facts),
            "repeated": _digest(dataset.repeated.tobytes()),
            "sizes": {file: (written / file).stat().st_size for file in arrays},
        }
        record["check"] = _check_of(record)
        (written / "facts.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
        try:
            written.rename(folder)
        except OSError:
            # If the folder exists, another process has cached the same arrays meanwhile.
            if not folder.is_dir():
                raise


def _read_record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(read_file(folder / "facts.json", MAX_FACTS))
    if record.pop("check") != _check_of(record):
        raise ValueError("its record has changed since it was written")
    for file, size in record["sizes"].items():
        if not (folder / file).is_file() or (folder / file).stat().st_size != size:
            raise ValueError(f"{file} no longer has {size} bytes")
    return record


def _facts(record: dict[str, Any], source: DatasetSpec) -> DatasetInfo:
    """Return the description in a record. Own data may have been cached under another name."""
    values = record["facts"]
    return DatasetInfo(**{**{name: _as_tuples(value) for name, value in values.items()}, "name": source.name})


def _as_tuples(value: Any) -> Any:
    return tuple(map(_as_tuples, value)) if isinstance(value, list) else value


def _check_of(record: dict[str, Any]) -> str:
    return _digest(json.dumps(record, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
