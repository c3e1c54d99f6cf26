"""Keeps what XLA compiled, so that the next run of a program compiles nothing (0.6 of 1.2 s on the Leaf network).

TensorFlow reads and writes such files itself, but neither checks them nor survives a damaged one. So each run works in
a folder of its own, which starts with links to the kept files whose checksum, part of their name, is right.
"""

import errno
import hashlib
import logging
import os
import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

MAX_BYTES = 2**28  # kept; a program takes 0.1 to 2 MB
FREE_BYTES = 2**26  # with less than this left it is not used: where TensorFlow cannot write a file the trial fails
ABANDONED = 30 * 86400  # seconds after which the folder of a run that was killed is removed
log = logging.getLogger(__name__)


@contextmanager
def open_xla_cache(cache_dir: Path) -> Iterator[dict[str, str]]:
    """The environment variables by which TensorFlow uses the cache; none where it cannot be written."""
    flags = os.environ.get("TF_XLA_FLAGS", "")
    if "persistent_cache" in flags:  # the user has one
        yield {}
        return
    kept = cache_dir / "compiled" / _machine()
    folder = kept / f"run-{uuid4().hex}"
    lock = FileLock(f"{folder}.lock")
    try:
        kept.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(kept).free < FREE_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        lock.acquire()
        folder.mkdir()
        _remove_old(kept)
        known = _link_sound(kept, folder)
    except OSError as error:
        log.info("%s: compiled programs are not kept: %s", kept, error)
        _remove(folder, lock)
        yield {}
        return
    try:
        yield {"TF_XLA_FLAGS": f"{flags} --tf_xla_persistent_cache_directory={folder}".strip()}
    finally:
        with suppress(OSError):
            for path in folder.glob("*.pb"):
                if path.name not in known:
                    path.replace(kept / f"{_checksum(path)}-{path.name}")
        _remove(folder, lock)


def _remove(folder: Path, lock: FileLock) -> None:
    """Leave nothing of a run's own folder behind."""
    shutil.rmtree(folder, ignore_errors=True)
    lock.release()
    with suppress(OSError):
        Path(lock.lock_file).unlink()


def _link_sound(kept: Path, folder: Path) -> set[str]:
    """Link every kept file that is whole into the folder; remove the others."""
    known = set()
    for path in kept.glob("*.pb"):
        checksum, _, name = path.name.partition("-")
        with suppress(FileNotFoundError):  # another run may be tidying up
            if _checksum(path) == checksum:
                os.link(path, folder / name)
                known.add(name)
            else:
                path.unlink()
    return known


def _remove_old(kept: Path) -> None:
    """The oldest files beyond MOST_BYTES, and what killed runs left."""
    size = 0
    for path in sorted(kept.glob("*.pb"), key=lambda path: path.stat().st_mtime, reverse=True):
        size += path.stat().st_size
        if size > MAX_BYTES:
            path.unlink(missing_ok=True)
    for path in kept.glob("run-*[!k]"):  # folders, not their locks
        lock = FileLock(f"{path}.lock", timeout=0)
        with suppress(Timeout):  # it is in use, whatever the clock says
            if time.time() - path.stat().st_mtime > ABANDONED:
                lock.acquire()
                _remove(path, lock)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]


def _machine() -> str:
    """Names what machine code depends on: the processor's abilities and the compiler's version."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        processor = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        processor = platform.processor()
    text = "\n".join((platform.system(), platform.machine(), processor, version("tensorflow")))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
