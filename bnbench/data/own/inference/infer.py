"""Infers what a file or folder of the user is, and the keys of `data` for it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from bnbench.data.formats.images import ENDINGS
from bnbench.data.locate import find_in_folder
from bnbench.data.own.inference.arrays import infer_arrays
from bnbench.data.own.inference.images import infer_images
from bnbench.data.own.inference.table import infer_table
from bnbench.data.own.inference.types import Inferred
from bnbench.data.own.paths import list_folder
from bnbench.data.own.table_files import OTHERS, PARQUET, TEXT, ending_of
from bnbench.data.types import DatasetSpec
from bnbench.errors import ConfigError, DataError

ARCHIVE, ARRAY = ".npz", ".npy"
# Files in a message.
MAX_NAMED = 5


def infer_own(path: Path, written: str, target: str | None = None) -> Inferred:
    """Return the keys of `data` for a file or folder, the path first.

    Args:
        path: a table, an .npz archive, a folder of .npy files, or a folder with a folder of images for each class.
        written: the path as the experiment file has it.
        target: the column or array that the user names as the target.

    Raises:
        ConfigError: there is no such column or array.
        DataError: it is something else, cannot be read, or has no target or no inputs.
    """
    kind = _kind_of(path)
    if kind == "table":
        found = infer_table(path, target)
    elif kind == "arrays":
        found = infer_arrays(path, target)
    else:
        if target is not None:
            raise ConfigError("--target", "the classes of images are the names of their folders: leave it out")
        found = _infer_images(path)
    return replace(found, settings={kind: written, **found.settings})


def _infer_images(path: Path) -> Inferred:
    try:
        return infer_images(path)
    except DataError as error:
        tables = _tables_in(list_folder(path))
        if not tables:
            raise
        raise DataError(f"{error}; for a table, give the file: {tables}") from error


def _kind_of(path: Path) -> str:
    if path.is_dir():
        return _kind_of_folder(path)
    ending = ending_of(path)
    if ending in (*TEXT, *PARQUET):
        return "table"
    if ending == ARCHIVE:
        return "arrays"
    wanted = "wanted a table (.csv, .tsv, .txt, .parquet), an .npz archive, or a folder of .npy files or of images"
    advice = OTHERS.get(ending, "unknown type of file").partition(": use data.")[0]
    raise DataError(f"{path}: {advice}; {wanted}")


def _kind_of_folder(path: Path) -> str:
    entries = list_folder(path)
    names = [entry.suffix.lower() for entry in entries if not entry.is_dir()]
    if ARRAY in names:
        return "arrays"
    if any(name in ENDINGS for name in names) or any(entry.is_dir() for entry in entries):
        return "images"
    if tables := _tables_in(entries):
        raise DataError(f"{path}: a folder with {tables}: give one of these files")
    raise DataError(f"{path}: no .npy files, and no folders of images, in this folder")


def _tables_in(entries: Sequence[Path]) -> str:
    """Return the names of some tables and archives of arrays, with commas between them."""
    return ", ".join([entry.name for entry in entries if ending_of(entry) in (*TEXT, *PARQUET, ARCHIVE)][:MAX_NAMED])


def built_in_files(path: Path, sources: Iterable[DatasetSpec]) -> DatasetSpec | None:
    """Return the built-in data set whose files a folder has; None if it has none.

    MNIST and its like have files of the same names: the name of the folder decides.
    """
    if not path.is_dir():
        return None
    complete = [source for source in sources if source.remotes and find_in_folder(source, path)]
    alike = [source for source in complete if _plain(source.name) == _plain(path.resolve().name)]
    return next(iter(alike or (complete if len(complete) == 1 else ())), None)


def other_form(path: Path, sources: Iterable[DatasetSpec]) -> str:
    """Return what a path is, if it is a known form of a built-in data set that is not read; else an empty text."""
    return next(_other_forms(path, sources), "")


def _other_forms(path: Path, sources: Iterable[DatasetSpec]) -> Iterator[str]:
    name = path.name.casefold()
    for source in sources:
        for pattern, what in source.other_forms:
            # `*.npz` may be anything.
            if _plain(source.name)[:4] in _plain(pattern) and fnmatch(name, pattern.casefold()):
                yield f"{source.name}: {what}"


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
