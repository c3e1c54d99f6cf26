"""Finds the file or folder of own data. No path leaves the folder of the experiment file or `--data-dir`."""

from collections.abc import Iterator
from pathlib import Path

from bnbench.config.schema import Data
from bnbench.data.types import DataDirs
from bnbench.errors import DataError, SettingsError, did_you_mean


def find_own_path(settings: Data, places: DataDirs) -> Path:
    """Return the path of own data, in the first of `own_folders` that has it.

    Raises:
        SettingsError: none of them has it, or a link leads out of them.
    """
    folders = own_folders(settings, places)
    for folder in folders:
        path = folder / settings.path
        if _exists(path):
            if not is_inside(path, folder):
                raise _problem(settings, f"{path} is a link that leaves {folder}: copy the data into this folder")
            return path
    raise _problem(settings, _not_found(settings, folders, places))


def own_folders(settings: Data, places: DataDirs) -> list[Path]:
    """Return the folders in which own data are searched: that of the experiment file, then `--data-dir`.

    Arrays that were given from Python are also searched in the cache. Their name is a hash of their content, so a
    config of a stranger can only name arrays that the stranger already has.
    """
    given = [folder for folder in (places.config_dir, places.data_dir) if folder is not None]
    return [*given, arrays_folder(places)] if settings.from_python else given


def arrays_folder(places: DataDirs) -> Path:
    """Return the folder of the arrays that were given from Python."""
    return places.cache_dir / "arrays"


def _exists(path: Path) -> bool:
    try:
        return path.exists() or path.is_symlink()
    except OSError:
        # For example, a name is too long for the file system.
        return False


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether a path is in a folder after all links have been followed."""
    try:
        return path.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        # A link to nothing, or in a circle.
        return False


def list_folder(folder: Path) -> list[Path]:
    """Return the entries of a folder by name, without hidden ones.

    Raises:
        DataError: the folder cannot be read, or has a link that leads out of it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: a file, wanted a folder")
    try:
        entries = sorted(path for path in folder.iterdir() if not _is_hidden(path.name))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error
    for path in entries:
        if path.is_symlink() and not is_inside(path, folder):
            raise DataError(f"{path}: a link that leaves its folder: copy the file, or remove the link")
    return entries


def _is_hidden(name: str) -> bool:
    """Return whether a name is one that systems write into folders on their own."""
    return name.startswith(".") or name in {"__MACOSX", "Thumbs.db", "desktop.ini"}


def _problem(settings: Data, message: str) -> SettingsError:
    return SettingsError([((settings.kind,), message)])


def _not_found(settings: Data, folders: list[Path], places: DataDirs) -> str:
    if settings.from_python:
        return (
            f"{settings.path!r} was given from Python, and the cache ({arrays_folder(places)}) no longer has it: call "
            "bnbench.sweep again with the same arrays (the same trials are found), or give the folder of this file "
            "with --data-dir"
        )
    if not folders:
        return f"{settings.path!r} is relative to no folder: give the folder of the data with --data-dir"
    where = " or ".join(map(str, folders))
    near = next(filter(None, (_nearest(folder / settings.path) for folder in folders)), "")
    if places.recorded_dir:
        advice = f"; this experiment was recorded with the data in {places.recorded_dir}: give it with --data-dir"
    else:
        advice = "" if near else "; for data in another folder, give it with --data-dir"
    return f"no {settings.path!r} in {where}{near}{advice}"


def _nearest(path: Path) -> str:
    def names() -> Iterator[str]:
        try:
            yield from (other.name for other in path.parent.iterdir())
        except OSError:
            return

    return did_you_mean(path.name, names())
