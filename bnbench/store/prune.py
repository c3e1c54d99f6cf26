"""Removes stored trials that are not part of the present plan, or that failed, with the files that belong to them.

The trials go in one transaction, and only then their files. So a kill at any moment leaves either all of the trials or
none, and at most files of trials that are gone, which the next prune finds.
"""

import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bnbench.store import integrity, results_dir, store
from bnbench.store.folder import DATABASE, lock_folder, require_results
from bnbench.store.results_dir import CHECKPOINTS, MODELS, TENSORBOARD, unwritable_error

# The beginning of the name of a file that belongs to a trial.
TRIAL = re.compile(rf"{integrity.ID.pattern}(?![0-9a-f])")


@dataclass(frozen=True)
class Prunable:
    """What a prune would remove, or has removed."""

    # The ids of the trials outside the plan, failed ones included.
    outside: tuple[str, ...] = ()
    # The ids of the failed trials in the plan, if they are asked for.
    failed: tuple[str, ...] = ()
    # Saved models, checkpoints and logs of these trials, and those of trials that are not stored.
    files: tuple[Path, ...] = ()
    # The size of these files in bytes.
    file_bytes: int = 0
    # How much smaller the database is, in bytes; 0 before the removal.
    database_bytes: int = 0

    @property
    def trials(self) -> tuple[str, ...]:
        """The ids of all trials."""
        return self.outside + self.failed

    def __bool__(self) -> bool:
        return bool(self.trials or self.files)


def find_prunable(folder: Path, failed: bool = False) -> Prunable:
    """Return what `prune_folder` would remove. Changes nothing.

    Args:
        folder: the results folder.
        failed: whether to remove the failed trials of the plan, too.

    Raises:
        ResultsError: the folder has no results, or they cannot be read.
    """
    with store.open_for_reading(folder) as opened:
        return _find(opened, failed)


def prune_folder(folder: Path, shown: Prunable) -> Prunable:
    """Remove trials and their files; what is no longer prunable stays, as a trial that was planned again meanwhile.

    Args:
        folder: the results folder.
        shown: what may be removed, from `find_prunable`.

    Returns:
        What was removed.

    Raises:
        ResultsError: another process uses the folder, or it cannot be read or written.
    """
    require_results(folder)
    path = folder / DATABASE
    with lock_folder(folder), store.open_locked(folder) as opened:
        now = _find(opened, bool(shown.failed))
        chosen = replace(
            now,
            outside=tuple(trial for trial in now.outside if trial in shown.outside),
            failed=tuple(trial for trial in now.failed if trial in shown.failed),
        )
        files = tuple(file for file in _files(opened, chosen.trials) if file in shown.files)
        before, file_bytes = path.stat().st_size, sum(map(_size, files))
        opened.remove(set(chosen.trials))
        for file in files:
            _remove_file(file)
        opened.compact()
        return replace(chosen, files=files, file_bytes=file_bytes, database_bytes=before - path.stat().st_size)


def _find(opened: store.Store, failed: bool) -> Prunable:
    results_dir.refuse_links(opened.folder)
    outside = opened.outside_ids()
    faults = [trial for trial, status in opened.states().items() if status == "failed"] if failed else []
    found = Prunable(tuple(outside), tuple(sorted(set(faults).difference(outside))))
    files = tuple(_files(opened, found.trials))
    return replace(found, files=files, file_bytes=sum(map(_size, files)))


def _files(opened: store.Store, trials: Collection[str]) -> Iterator[Path]:
    """Yield the files of some trials, and those of trials that are neither stored nor planned."""
    gone, known = set(trials), opened.known_ids()
    for name in (MODELS, CHECKPOINTS, TENSORBOARD):
        for path in sorted((opened.folder / name).glob("*")):
            owner = TRIAL.match(path.name)
            if owner and (owner[0] in gone or owner[0] not in known):
                yield path


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _remove_file(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable_error(path, error) from error
