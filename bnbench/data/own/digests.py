"""Hashes of the content of own files, by which their parsed arrays are cached."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from bnbench.data.formats.archives import check_file, damage_reported
from bnbench.data.own.paths import list_folder
from bnbench.errors import DataError

# The maximum number of files in a folder of images.
MAX_FILES = 2_000_000


def digest_files(paths: Iterable[Path]) -> str:
    """Return the hash of the content of some files, whatever their names are."""
    digest = hashlib.sha256()
    for path in paths:
        with damage_reported(path):
            check_file(path)
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def digest_folder(folder: Path) -> str:
    """Return a hash of the place of a folder and of the names, sizes and times of its files.

    Reading all files would take as long as parsing them.
    """
    digest = hashlib.sha256(f"{folder.resolve()}\n".encode())
    waiting, count = [folder], 0
    while waiting:
        for path in list_folder(waiting.pop()):
            count += 1
            if count > MAX_FILES:
                raise DataError(f"{folder}: more than {MAX_FILES:,} files")
            if path.is_dir():
                waiting.append(path)
            with damage_reported(path):
                state = path.stat()
                name = str(path.relative_to(folder))
                digest.update(f"{name!r}|{state.st_size}|{state.st_mtime_ns}\n".encode(errors="surrogatepass"))
    return digest.hexdigest()
