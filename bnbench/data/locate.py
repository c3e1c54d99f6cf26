"""Finds the files of a data set in the user's folder or in the cache, or downloads them into the cache."""

import logging
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bnbench.data import download
from bnbench.data.other_forms import describe_other_files
from bnbench.data.types import DataDirs, DatasetSpec, FileLayout, LocatedFiles
from bnbench.errors import DataError

log = logging.getLogger("bnbench.data")


def locate_files(source: DatasetSpec, places: DataDirs, fetch: bool = False) -> LocatedFiles:
    """Return the files of a data set from the first folder that has all of them, or download them if `fetch` is set.

    Raises:
        DataError: the user's folder does not exist, or the files are missing. The message says where bnbench looked,
            and how to get the files.
    """
    found = find_files(source, places)
    if found is not None:
        return found
    if fetch and source.remotes and not places.offline:
        return download.download_files(source, fetched_folder(source, places), find_in_folder)
    raise DataError(_not_here(source, places))


def find_files(source: DatasetSpec, places: DataDirs) -> LocatedFiles | None:
    """Return the files of a data set from the first folder that has all of them; None if no folder has."""
    if places.data_dir is not None and not places.data_dir.is_dir():
        what = "is a file, wanted a folder" if places.data_dir.exists() else "does not exist"
        raise DataError(f"{places.data_dir}: the data folder (--data-dir or BNBENCH_DATA) {what}")
    if source.package:
        return _installed(source)
    for folder in _folders(source, places):
        found = find_in_folder(source, folder)
        if found is not None:
            return found
        if _partial(source, folder):
            log.warning("%s: only a part of %s is here: %s", folder, source.name, _partial(source, folder))
    return None


def find_in_folder(source: DatasetSpec, folder: Path) -> LocatedFiles | None:
    """Return the files of the first layout that is complete in a folder; None if no layout is."""
    try:
        for form in source.forms:
            paths = [_part(folder, names, form) for names in form.parts]
            if all(paths):
                return LocatedFiles(form, tuple(path for path in paths if path))
    except OSError as error:
        raise DataError(f"{folder}: cannot be read: {error.strerror}") from error
    return None


def fetched_folder(source: DatasetSpec, places: DataDirs) -> Path:
    """Return the folder for the downloaded files of a data set."""
    return places.cache_dir / "files" / source.name


def _folders(source: DatasetSpec, places: DataDirs) -> Iterator[Path]:
    if places.data_dir is not None:
        yield places.data_dir / source.name
    yield fetched_folder(source, places)


def _part(folder: Path, names: tuple[str, ...], form: FileLayout) -> Path | None:
    for path in (folder / name for name in names):
        if path.is_dir() and not form.folders:
            raise DataError(f"{path}: is a folder, wanted a file")
        if path.is_dir() if form.folders else path.exists():
            return path
    return None


def _partial(source: DatasetSpec, folder: Path) -> str:
    """Return `has a.gz, lacks b.gz` for an incomplete layout; an empty text if no layout has any file."""
    for form in source.forms:
        found = [(names, _part(folder, names, form)) for names in form.parts]
        present = [str(path.relative_to(folder)) for _, path in found if path]
        if present:
            missing = [names[0] for names, path in found if not path]
            return f"has {', '.join(present)}, lacks {', '.join(missing)}"
    return ""


def _installed(source: DatasetSpec) -> LocatedFiles:
    try:
        return LocatedFiles(source.forms[0], (), f"{source.package} {version(source.package)}")
    except PackageNotFoundError:
        raise DataError(f"{source.name}: install the package {source.package}, which holds this data set") from None


def _any_of(names: tuple[str, ...]) -> str:
    """Return `x.gz (or x)`."""
    return f"{names[0]} (or {', '.join(names[1:])})" if names[1:] else names[0]


def _not_here(source: DatasetSpec, places: DataDirs) -> str:
    wanted = dict.fromkeys(", ".join(map(_any_of, form.parts)) for form in source.forms)
    lines = [f"{source.name}: its files are not here. bnbench looked for the files of one of these lines:"]
    lines += [f"    {files}" for files in wanted]
    for folder in _folders(source, places):
        state = _partial(source, folder) if folder.is_dir() else "the folder does not exist"
        lines.append(f"  in {folder}: {state or 'none of them'}")
    if places.data_dir is not None:
        lines += [f"  {line}" for line in describe_other_files(source, places, places.data_dir / source.name)]
    if places.data_dir is None:
        lines.append("  and in no folder of yours, because neither --data-dir nor BNBENCH_DATA is set")
    offline = " (without --offline)" if places.offline else ""
    lines.append(
        f"To get them, run `bnbench data fetch {source.name}`{offline}, or put them into a folder {source.name}/"
    )
    lines.append("inside the folder that --data-dir or BNBENCH_DATA names.")
    lines.append(f"They are published at {source.page}. {source.advice}".rstrip())
    return "\n".join(lines)
