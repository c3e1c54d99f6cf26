"""The lock and the content of a results folder: one writer at a time, and a clear error if there are no results."""

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bnbench.config.networks import network_file
from bnbench.errors import ResultsError
from bnbench.store import results_dir
from bnbench.store.results_dir import unwritable_error, write_text

DATABASE = "trials.db"
LOCK, OWNER = ".lock", ".owner"
# The maximum number of other results folders in a message.
MAX_LISTED = 10


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Hold a results folder for this process alone; create it if it is missing.

    A folder that is created and stays empty is removed again.

    Raises:
        ResultsError: it cannot be written, or another process has it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / LOCK, timeout=0)
    owner = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    try:
        created = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ResultsError(f"{folder}: in use by {_owner(folder)}; wait for it, or stop it and run again") from None
    except OSError as error:
        raise _no_folder_error(folder, error) from error
    try:
        write_text(folder / OWNER, json.dumps(owner))
        yield
    finally:
        # The disk may have become unwritable.
        with suppress(OSError):
            (folder / OWNER).unlink(missing_ok=True)
            if created and [path.name for path in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
                for path in created:
                    path.rmdir()
        lock.release()


def _no_folder_error(folder: Path, error: OSError) -> ResultsError:
    """Return an error that says why a results folder cannot be created or locked."""
    for path in (folder, *folder.parents):
        # `readlink` needs no rights in the folder that the link leads to.
        with suppress(OSError):
            if path.is_symlink() and not path.exists():
                return ResultsError(f"{path}: a link to nothing ({path.readlink()}): remove it, or create its target")
            if path.exists() and not path.is_dir():
                return ResultsError(f"{path}: not a folder, so results cannot be written there")
    return unwritable_error(folder, error)


def _owner(folder: Path) -> str:
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def has_results(folder: Path) -> bool:
    """Whether a folder has a database with content. A run that is killed as it begins leaves an empty file.

    Raises:
        ResultsError: the folder cannot be read, or something else has the name of the database.
    """
    path = folder / DATABASE
    try:
        if (path.exists() or path.is_symlink()) and not path.is_file():
            raise ResultsError(f"{path}: not a file, so it cannot be the database of results: move it away")
        return path.is_file() and path.stat().st_size > 0
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be read: {error.strerror}") from error


def require_results(folder: Path) -> None:
    """Check that a folder has results.

    Raises:
        ResultsError: it has none. The message names folders in it that have some, or else folders next to it.
    """
    if has_results(folder):
        return
    others = ""
    if inside := _results_folders_in(folder):
        others = f"; the results folders in it are {', '.join(inside)}"
    elif known := _results_folders_in(folder.parent):
        others = f"; there are {', '.join(known)}"
    raise ResultsError(f"{folder}: no results here (no {DATABASE}){others}")


def _results_folders_in(directory: Path) -> list[str]:
    """Return the names of the results folders in a directory; of many, the first ones and how many more there are."""
    known = sorted(path.parent.name for path in directory.glob(f"*/{DATABASE}"))
    more = [f"{len(known) - MAX_LISTED:,} more"] if len(known) > MAX_LISTED else []
    return [*known[:MAX_LISTED], *more]


def list_files(folder: Path) -> list[str]:
    """Return the files of a results folder that exist, those that people read first. Names of folders end with `/`."""
    tables = [f"{name}.csv" for name in ("trials", "history", "summary")]
    written = [results_dir.REPORT, results_dir.PAGE, *tables, results_dir.CLAIMS, results_dir.PUBLISHED]
    networks = sorted(path.name for path in folder.glob(network_file("*")))
    files = [*written, results_dir.CONFIG, *networks, results_dir.ENVIRONMENT, results_dir.RUN, DATABASE]
    folders = [results_dir.PLOTS, results_dir.MODELS, results_dir.CHECKPOINTS, results_dir.TENSORBOARD]
    return [
        *(name for name in files if (folder / name).is_file()),
        *(f"{name}/" for name in folders if (folder / name).is_dir()),
    ]
