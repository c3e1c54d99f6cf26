"""Downloads the files of a data set: one process at a time, all files or none, and checked before they are stored."""

import logging
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from bnbench.data.types import DatasetSpec, LocatedFiles, RemoteFile
from bnbench.errors import DataError

log = logging.getLogger("bnbench.data")

# Further attempts for each mirror, after pauses of 1 and 2 s.
RETRIES = 2
# Seconds without a byte.
TIMEOUT = 30

Finder = Callable[[DatasetSpec, Path], LocatedFiles | None]


def download_files(source: DatasetSpec, folder: Path, find: Finder) -> LocatedFiles:
    """Download the files of a data set into `folder` and return them.

    Args:
        find: returns the files of a data set in a folder, or None.

    Raises:
        DataError: no mirror works, the content is not the published one, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_name(f".{source.name}.lock"), source.name):
            # Another process may have downloaded them in the meantime.
            return find(source, folder) or _fetch(source, folder, find)
    except OSError as error:
        raise DataError(f"{source.name}: cannot be written to {folder}: {error}") from error


@contextmanager
def _alone(path: Path, name: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s: another process is downloading it: waiting", name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch(source: DatasetSpec, folder: Path, find: Finder) -> LocatedFiles:
    # Files that an interrupted download left here are used if they parse.
    incoming = folder / ".incoming"
    for remote in source.remotes:
        _download(source, remote, incoming)
    try:
        located = find(source, incoming)
        if located is None:
            raise DataError("it has other files than expected")
        located.form.parse(located.paths)
    except DataError as error:
        shutil.rmtree(incoming)
        urls = ", ".join(remote.urls[0] for remote in source.remotes)
        raise DataError(f"{source.name}: the download from {urls} has the wrong content: {error}") from error
    for remote in source.remotes:
        (incoming / remote.name).replace(folder / remote.name)
    # This also removes what a killed download left.
    shutil.rmtree(incoming)
    return LocatedFiles(located.form, tuple(folder / path.relative_to(incoming) for path in located.paths))


def _download(source: DatasetSpec, remote: RemoteFile, folder: Path) -> None:
    """Download one file from the first mirror that works; pooch writes a temporary file, checks and renames it."""
    import pooch
    from requests.exceptions import RequestException

    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty() and find_spec("tqdm") is not None, timeout=TIMEOUT
    )
    problems = []
    for url in remote.urls:
        log.info("%s: downloading %s", source.name, url)
        try:
            pooch.create(
                folder,
                base_url="",
                registry={remote.name: remote.checksum},
                urls={remote.name: url},
                retry_if_failed=RETRIES,
            ).fetch(remote.name, downloader=downloader)
            return
        except (RequestException, ValueError) as error:
            # pooch raises a ValueError for a wrong checksum.
            problems.append(f"{url}: {error}")
    lines = "\n  ".join(problems)
    raise DataError(
        f"{source.name}: {remote.name} could not be downloaded:\n  {lines}\n{source.advice or f'See {source.page}.'}"
    )
