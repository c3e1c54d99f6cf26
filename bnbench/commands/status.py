"""What the run of a results folder does at this moment, seen from another terminal or another machine."""

import socket
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bnbench.errors import ResultsError
from bnbench.store import store
from bnbench.store.cancellations import request_cancellation
from bnbench.store.folder import require_results
from bnbench.store.heartbeat import SILENT, Heartbeat, read_heartbeat
from bnbench.store.store import TrialCounts


@dataclass(frozen=True)
class FolderStatus:
    """The state of a results folder.

    Attributes:
        folder: the results folder.
        counts: its trials; None if nothing has been stored yet.
        beat: the last heartbeat; None if no run is under way.
        age: seconds since then.
        running: whether the run is alive, as far as that can be seen.
        faults: id and reason of the stored trials that failed.
    """

    folder: Path
    counts: TrialCounts | None
    beat: Heartbeat | None
    age: float
    running: bool
    faults: tuple[tuple[str, str], ...]


def read_status(folder: Path) -> FolderStatus:
    """Return the state of a results folder, or of a copy of one. Changes nothing.

    Raises:
        ResultsError: the folder has neither results nor a run, or its database is damaged.
    """
    beat = read_heartbeat(folder)
    counts, faults = None, []
    if store.has_results(folder):
        with store.open_for_reading(folder) as opened:
            counts, faults = opened.counts(), opened.faults()
    elif beat is None:
        require_results(folder)
    age = max(0.0, time.time() - beat.time) if beat else 0.0
    return FolderStatus(folder, counts, beat, age, beat is not None and _is_alive(beat, age), tuple(faults))


def cancel(folder: Path, words: list[str]) -> list[str]:
    """Ask the run of a folder to stop trials or workers; return what it is asked to stop.

    Args:
        folder: the results folder.
        words: ids of running trials, or beginnings of them, or names of workers.

    Raises:
        ResultsError: there is no run, or a word names nothing that runs.
    """
    status = read_status(folder)
    if not (status.beat and status.running):
        raise ResultsError(f"{folder}: no run is under way, so there is nothing to cancel")
    chosen = [_running(word, status.beat, folder) for word in words]
    request_cancellation(folder, chosen)
    return chosen


def _running(word: str, beat: Heartbeat, folder: Path) -> str:
    """Return the id of the running trial, or the name of the worker, that a word means."""
    if not word.strip():
        raise ResultsError(f"{folder}: an empty text names no trial and no worker")
    workers = {one.worker for one in beat.running if one.worker}
    if word in workers:
        return word
    trials = [one.trial for one in beat.running if one.trial.startswith(word)]
    if len(trials) == 1:
        return trials[0]
    known = ", ".join([*(one.trial for one in beat.running), *sorted(workers)][:10]) or "nothing yet"
    problem = f"{len(trials)} running trials begin so" if trials else "no running trial and no worker is called so"
    raise ResultsError(f"{folder}: {word!r}: {problem}; running: {known}")


def _is_alive(beat: Heartbeat, age: float) -> bool:
    if beat.host == socket.gethostname():
        # Process ids are used again: the process must have begun before the heartbeat.
        try:
            return bool(psutil.Process(beat.process).create_time() <= beat.time)
        except psutil.Error:
            return False
    return age < SILENT
