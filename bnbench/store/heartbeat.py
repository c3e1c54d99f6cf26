"""The heartbeat of a run, in its results folder: what it does at this moment, for `bnbench status` elsewhere.

A run writes the file every few seconds and removes it at its end. In the folder of a run that was killed, or in a copy
of a folder, it stays as it was.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from bnbench.errors import shorten_name
from bnbench.store.results_dir import read_text, write_text

FILE = ".heartbeat.json"
# The maximum number of running trials that are written, and of characters of a text that is read.
MAX_RUNNING, MAX_TEXT = 1000, 300
# A run whose last heartbeat is older, in seconds, and whose process cannot be seen from here, has probably stopped.
SILENT = 60.0


@dataclass(frozen=True)
class RunningTrial:
    """A trial that trains at this moment."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False)

    trial: str
    name: str
    # Where it trains; empty if the executor does not say.
    worker: str
    epoch: int
    epochs: int
    # Seconds since its first epoch was seen.
    seconds: float


@dataclass(frozen=True)
class Heartbeat:
    """What a run does."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(allow_inf_nan=False)

    process: int
    host: str
    # Seconds since 1970: when the run began, and when this was written.
    begun: float
    time: float
    # As a progress display describes it.
    status: str
    todo: int
    finished: int
    # Seconds that are left; None as long as they are unknown.
    left: float | None = None
    # Why trials failed, and how many for each reason.
    reasons: Mapping[str, int] = field(default_factory=dict)
    running: Sequence[RunningTrial] = ()


def write_heartbeat(folder: Path, beat: Heartbeat) -> None:
    """Write the file.

    Raises:
        ResultsError: it cannot be written.
    """
    write_text(folder / FILE, json.dumps(asdict(beat)))


def read_heartbeat(folder: Path) -> Heartbeat | None:
    """Return what a run has written last; None if there is no file, or if bnbench did not write it."""
    try:
        beat = TypeAdapter(Heartbeat).validate_json(read_text(folder / FILE), strict=True)
    # The folder may come from another person, and the file may contain anything.
    except (OSError, ValueError):
        return None
    running = [replace(one, name=_cut(one.name), worker=_cut(one.worker)) for one in beat.running[:MAX_RUNNING]]
    reasons = {_cut(reason): count for reason, count in beat.reasons.items()}
    return replace(beat, host=_cut(beat.host), status=_cut(beat.status), reasons=reasons, running=running)


def _cut(text: str) -> str:
    return shorten_name(text, MAX_TEXT)
