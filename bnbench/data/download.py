"""Fetches a data set's files from upstream: one process at a time, all or none, checked before they are kept."""

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

RETRIES = 2  # of each mirror, after a pause of 1 and 2 s
TIMEOUT = 30  # seconds without a byte

Finder = Callable[[DatasetSpec, Path], LocatedFiles | None]


def download_files(source: DatasetSpec, folder: Path, find: Finder) -> LocatedFiles:
    """The files of a data set, fetched into `folder`; `find` tells whether they lie in a folder.

    Raises:
        DataError: no mirror gave a file, what came is not the published content, or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_name(f".{source.name}.lock"), source.name):
            return find(source, folder) or _fetch(source, folder, find)  # found: another process was first
    except OSError as error:
        raise DataError(f"{source.name}: cannot be kept in {folder}: {error}") from error


@contextmanager
def _alone(path: Path, name: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        log.warning("%s: another process is fetching it: waiting", name)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _fetch(source: DatasetSpec, folder: Path, find: Finder) -> LocatedFiles:
    incoming = folder / ".incoming"  # what an interrupted fetch left is used, if it parses
    for remote in source.remotes:
        _download(source, remote, incoming)
    try:
        located = find(source, incoming)
        if located is None:
            raise DataError("the files that came are not the ones that were sought")
        located.form.parse(located.paths)
    except DataError as error:
        shutil.rmtree(incoming)
        urls = ", ".join(remote.urls[0] for remote in source.remotes)
        raise DataError(f"{source.name}: what came from {urls} was refused: {error}") from error
    for remote in source.remotes:
        (incoming / remote.name).replace(folder / remote.name)
    shutil.rmtree(incoming)  # also what a killed download left
    return LocatedFiles(located.form, tuple(folder / path.relative_to(incoming) for path in located.paths))


def _download(source: DatasetSpec, remote: RemoteFile, folder: Path) -> None:
    """One file, from the first mirror that gives it; pooch downloads beside it, checks, then renames."""
    import pooch
    from requests.exceptions import RequestException

    pooch.get_logger().setLevel("WARNING")
    downloader = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty() and find_spec("tqdm") is not None, timeout=TIMEOUT
    )
    problems = []
    for url in remote.urls:
        log.info("%s: fetching %s", source.name, url)
        try:
            pooch.create(
                folder,
                base_url="",
                registry={remote.name: remote.checksum},
                urls={remote.name: url},
                retry_if_failed=RETRIES,
            ).fetch(remote.name, downloader=downloader)
            return
        except (RequestException, ValueError) as error:  # ValueError: pooch's word for a wrong checksum
            problems.append(f"{url}: {error}")
    lines = "\n  ".join(problems)
    raise DataError(
        f"{source.name}: {remote.name} could not be fetched:\n  {lines}\n{source.advice or f'See {source.page}.'}"
    )
