"""The lock and the presence of a results folder: one writer at a time, and a clear error if there are no results."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bnbench.errors import ResultsError
from bnbench.store.results_dir import unwritable_error, write_text

DATABASE = "trials.db"


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold a results folder for this process alone; create it if it is missing.

    Raises:
        ResultsError: it cannot be written, or another process has it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0)
    owner = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ResultsError(f"{folder}: in use by {_owner(folder)}; wait for it, or stop it and run again") from None
    except OSError as error:
        raise unwritable_error(folder, error) from error
    try:
        write_text(folder / ".owner", json.dumps(owner))
        yield
    finally:
        # The disk may have become unwritable.
        with suppress(OSError):
            (folder / ".owner").unlink(missing_ok=True)
        lock.release()


def _owner(folder: Path) -> str:
    try:
        owner = json.loads((folder / ".owner").read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def has_results(folder: Path) -> bool:
    """Whether a folder has a database with content. A run that is killed as it begins leaves an empty file."""
    path = folder / DATABASE
    return path.is_file() and path.stat().st_size > 0


def require_results(folder: Path) -> None:
    """Check that a folder has results.

    Raises:
        ResultsError: it has none. The message names the folders next to it that have some.
    """
    if not has_results(folder):
        known = sorted(path.parent.name for path in folder.parent.glob(f"*/{DATABASE}"))
        others = f"; there are {', '.join(known)}" if known else ""
        raise ResultsError(f"{folder}: no results here (no {DATABASE}){others}")
