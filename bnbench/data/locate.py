"""Finds a data set's files: in the user's own folder, in the cache, or by fetching them into the cache."""

import logging
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bnbench.data import download
from bnbench.data.types import DataDirs, DatasetSpec, FileLayout, LocatedFiles
from bnbench.errors import DataError

log = logging.getLogger("bnbench.data")


def locate_files(source: DatasetSpec, places: DataDirs, fetch: bool = False) -> LocatedFiles:
    """The files of a data set in the first place that holds them all, fetched if they are nowhere and may be.

    Raises:
        DataError: the user's folder does not exist, or the files are nowhere: where was sought, and how to get them.
    """
    found = find_files(source, places)
    if found is not None:
        return found
    if fetch and source.remotes and not places.offline:
        return download.download_files(source, fetched_folder(source, places), find_in_folder)
    raise DataError(_not_here(source, places))


def find_files(source: DatasetSpec, places: DataDirs) -> LocatedFiles | None:
    """The files of a data set in the first place that holds them all; nothing is fetched."""
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
            log.warning("%s: not all of %s is here: %s", folder, source.name, _partial(source, folder))
    return None


def find_in_folder(source: DatasetSpec, folder: Path) -> LocatedFiles | None:
    """The first form of a data set whose parts all lie in a folder."""
    for form in source.forms:
        paths = [_part(folder, names, form) for names in form.parts]
        if all(paths):
            return LocatedFiles(form, tuple(path for path in paths if path))
    return None


def fetched_folder(source: DatasetSpec, places: DataDirs) -> Path:
    """Where the files of a data set are kept once fetched."""
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
    """`has a.gz, lacks b.gz` where some parts of a form are here and some are not."""
    for form in source.forms:
        here = [names[0] for names in form.parts if _part(folder, names, form)]
        if here:
            return f"has {', '.join(here)}, lacks {', '.join(n[0] for n in form.parts if n[0] not in here)}"
    return ""


def _installed(source: DatasetSpec) -> LocatedFiles:
    try:
        return LocatedFiles(source.forms[0], (), f"{source.package} {version(source.package)}")
    except PackageNotFoundError:
        raise DataError(f"{source.name}: comes with the package {source.package}, which is not installed") from None


def _not_here(source: DatasetSpec, places: DataDirs) -> str:
    wanted = " or ".join(dict.fromkeys(", ".join(names[0] for names in form.parts) for form in source.forms))
    lines = [f"{source.name}: its files are not here. Sought: {wanted}"]
    for folder in _folders(source, places):
        state = _partial(source, folder) if folder.is_dir() else "there is no such folder"
        lines.append(f"  in {folder}: {state or 'none of them'}")
    if places.data_dir is None:
        lines.append("  in no folder of your own: --data-dir and BNBENCH_DATA name none")
    offline = " (not while offline)" if places.offline else ""
    lines.append(f"To get them: `bnbench data fetch {source.name}`{offline}, or put them into a folder {source.name}/")
    lines.append("of the folder that --data-dir or BNBENCH_DATA names.")
    lines.append(f"They are published at {source.page}. {source.advice}".rstrip())
    return "\n".join(lines)
