"""Keeps parsed arrays in `<cache_dir>/parsed/<name>-<key>/`: written beside, renamed, checked when they are read."""

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
from bnbench.data.types import DataDirs, Dataset, DatasetInfo, DatasetSpec, LocatedFiles
from bnbench.data.validate import fingerprint
from bnbench.errors import DataError

log = logging.getLogger("bnbench.data")

PARSER_VERSION = 1  # raised whenever the same files would parse to other arrays or facts
ARRAYS = ("x.npy", "y.npy", "repeated.npy")
# What a damaged record or array raises on reading; json's and numpy's own errors are ValueErrors.
DAMAGE = (DataError, OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
MAX_FACTS = 1_000_000  # bytes


def cache_folder(source: DatasetSpec, located: LocatedFiles, places: DataDirs) -> Path:
    """Where the arrays of these very files are kept; another size or time of any file is another folder."""
    text = json.dumps(
        [PARSER_VERSION, located.form.title, located.version, *(_identity(path) for path in located.paths)]
    )
    return places.cache_dir / "parsed" / f"{source.name}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def _identity(path: Path) -> list[object]:
    try:
        files = sorted(_files(path))
        states = [(file, file.stat()) for file in files]
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    listed = hashlib.sha256()
    for file, state in states:
        listed.update(f"{file.relative_to(path)}|{state.st_size}|{state.st_mtime_ns}\n".encode())
    return [str(path.resolve()), listed.hexdigest()]


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())
    else:
        yield path


def read_info(folder: Path) -> DatasetInfo | None:
    """The recorded facts, without reading an array; None if there are none or they are damaged (and then dropped)."""
    try:
        return _facts(_read_record(folder))
    except DAMAGE as error:
        if folder.is_dir():
            drop_dataset(folder, str(error))
        return None


def read_dataset(folder: Path, source: DatasetSpec) -> Dataset | None:
    """The kept arrays, memory-mapped; None if there are none or they are not as recorded (and then dropped)."""
    try:
        record = _read_record(folder)
        x, y, repeated = (np.load(folder / name, mmap_mode="r", allow_pickle=False) for name in ARRAYS)
        facts = _facts(record)
        if (
            fingerprint(x, y, facts.classes, facts.test_rows) != facts.fingerprint
            or _digest(repeated.tobytes()) != record["repeated"]
        ):
            raise ValueError("its arrays are not the ones that were written")
    except Exception as error:  # NumPy parses a header as Python's own text, which fails in every way there is
        if folder.is_dir():
            drop_dataset(folder, str(error))
        return None
    return Dataset(facts, x, y, source.value_range, repeated)


def write_dataset(folder: Path, dataset: Dataset, source: DatasetSpec) -> Dataset:
    """The data set as kept on disk, memory-mapped; as it is in memory if it cannot be kept there."""
    try:
        _write(folder, dataset)
    except OSError as error:
        log.warning("%s: parsed arrays cannot be kept here, so they are parsed at each start: %s", folder.parent, error)
        return dataset
    kept = read_dataset(folder, source)
    return kept if kept is not None and kept.facts == dataset.facts else dataset


def drop_dataset(folder: Path, reason: str) -> None:
    """Remove what is kept in a folder, and say so."""
    log.warning("%s: dropped and made anew: %s", folder, reason)
    shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, dataset: Dataset) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    # A name without the data set's: what a killed process left is never taken for a record.
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".writing-", ignore_cleanup_errors=True) as name:
        beside = Path(name, folder.name)
        beside.mkdir()
        for file, array in zip(ARRAYS, (dataset.x, dataset.y, dataset.repeated), strict=True):
            np.save(beside / file, array, allow_pickle=False)
        record: dict[str, Any] = {
            "facts": dataclasses.asdict(dataset.facts),
            "repeated": _digest(dataset.repeated.tobytes()),
            "sizes": {file: (beside / file).stat().st_size for file in ARRAYS},
        }
        record["check"] = _check_of(record)
        (beside / "facts.json").write_text(json.dumps(record, indent=1), encoding="utf-8")
        try:
            beside.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another process was first, with the same arrays
                raise


def _read_record(folder: Path) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(read_file(folder / "facts.json", MAX_FACTS))
    if record.pop("check") != _check_of(record):
        raise ValueError("its record was changed after it was written")
    for file, size in record["sizes"].items():
        if not (folder / file).is_file() or (folder / file).stat().st_size != size:
            raise ValueError(f"{file} is not {size} bytes long, as it was when it was written")
    return record


def _facts(record: dict[str, Any]) -> DatasetInfo:
    values = record["facts"]
    return DatasetInfo(**{**values, "shape": tuple(values["shape"]), "classes": tuple(values["classes"])})


def _check_of(record: dict[str, Any]) -> str:
    return _digest(json.dumps(record, sort_keys=True).encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
