"""Names the files that look like a data set but are not read: other forms, unfinished downloads, wrong folders."""

from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from bnbench.data.types import DataDirs, DatasetSpec

# Folders below the folder of a data set that are searched, and the maximum number of files and folders in them.
DEPTH, MAX_SEEN = 3, 2000
# The maximum number of lines.
MAX_LINES = 10
# How browsers and download tools end the names of unfinished files.
UNFINISHED = ("*.part", "*.partial", "*.crdownload", "*.download", "*.aria2", "*.tmp", "*.filepart", "*.opdownload")
# How similar a name must be, from 0 to 1.
SIMILAR = 0.85


def describe_other_files(source: DatasetSpec, places: DataDirs, folder: Path) -> list[str]:
    """Return a line for each file or folder in the user's folder that may be a data set but is not read.

    Args:
        folder: the folder in which the files of the data set belong.
    """
    if places.data_dir is None:
        return []
    seen = [*_seen(folder), *(path for other in _folders_with_similar_names(source, places) for path in _seen(other))]
    # Files next to the folder of the data set count only if no other data set has the same file names.
    direct = [path for path in _entries(places.data_dir) if _is_own_name(path, source)]
    lines = dict.fromkeys(line for path in (*seen, *direct) if (line := _describe(path, source, folder)))
    return [*list(lines)[:MAX_LINES], *(["..."] if len(lines) > MAX_LINES else [])]


def _describe(path: Path, source: DatasetSpec, folder: Path) -> str:
    """Return what a file or folder is; empty if it is unknown, or where it belongs."""
    name, wanted = path.name, _wanted(source)
    empty = _emptiness(path)
    # First, because a pattern such as `*.npz` also fits the name of a file that is read.
    if name in wanted:
        return _misplaced(path, folder, wanted[name], empty)
    for pattern, what in source.other_forms:
        if fnmatch(name.casefold(), pattern.casefold()):
            return f"{path}: {what}{empty and f' ({empty})'}"
    if any(fnmatch(name.casefold(), pattern) for pattern in UNFINISHED):
        return f"{path}: an unfinished download{empty and f' ({empty})'}"
    lower = {own.casefold(): right for own, right in wanted.items()}
    near = get_close_matches(name.casefold(), lower, 1, SIMILAR)
    return f"{path}: rename it if it is {folder / lower[near[0]]}{empty and f' ({empty})'}" if near else ""


def _misplaced(path: Path, folder: Path, right: str, empty: str) -> str:
    """Return what is wrong with a file or folder that has the right name; empty if nothing is."""
    if path in (folder / right, folder / path.name):
        return f"{path}: {empty}" if empty else ""
    problem = f"{path}: {empty}, and it is" if empty else f"{path}:"
    if path.parent == folder.parent and _plain(folder.parent.resolve().name) == _plain(folder.name):
        return f"{problem} one folder too high: give {folder.parent.resolve().parent} as the data folder"
    return f"{problem} in the wrong folder: move it to {folder / right}"


def _wanted(source: DatasetSpec) -> dict[str, str]:
    """Return the paths of all files and folders of all layouts, by their last names; the first path of a name wins."""
    names = [name for form in reversed(source.forms) for part in reversed(form.parts) for name in reversed(part)]
    return {PurePosixPath(name).name: name for name in names}


def _emptiness(path: Path) -> str:
    if _is_folder(path):
        return "" if any(_entries(path)) else "the folder is empty"
    try:
        return "the file is empty" if path.is_file() and not path.stat().st_size else ""
    except OSError:
        return ""


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # Nothing below a folder can be looked at without the right to enter it.
        return False


def _is_own_name(path: Path, source: DatasetSpec) -> bool:
    """Return whether a name is that of this data set alone: MNIST and Fashion-MNIST have the same files."""
    patterns = [pattern for pattern, _ in source.other_forms]
    own = [name for name in (*_wanted(source), *patterns) if _plain(source.name)[:4] in _plain(name)]
    return any(fnmatch(path.name.casefold(), name.casefold()) for name in own)


def _folders_with_similar_names(source: DatasetSpec, places: DataDirs) -> Iterator[Path]:
    """Yield folders like `Fashion-MNIST` or `cifar-10`, and the user's folder itself if it is called so."""
    data_dir = places.data_dir
    if data_dir is None:
        return
    if _plain(data_dir.resolve().name) == _plain(source.name):
        yield data_dir
    for path in _entries(data_dir):
        if path.name != source.name and _is_folder(path) and _plain(path.name) == _plain(source.name):
            yield path


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _seen(folder: Path) -> Iterator[Path]:
    """Yield the files and folders below a folder, the upper ones first."""
    level, count = [folder], 0
    for _ in range(DEPTH):
        below = []
        for path in (path for parent in level for path in _entries(parent)):
            count += 1
            if count > MAX_SEEN:
                return
            yield path
            if _is_folder(path) and not path.is_symlink():
                below.append(path)
        level = below


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []
