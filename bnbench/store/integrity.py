"""Checksums over what trials.db holds: SQLite notices a page that makes no sense, but not a digit that has changed.

A trial's is over its row and its epochs as they are read back, so that it does not depend on how SQLite stores them.
"""

import hashlib
import json
import re
import sqlite3
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.analysis.columns import PERCENTILES
from bnbench.store.database import has_valid_types
from bnbench.store.tables import HISTORY

EPOCH = HISTORY.names()[1:]
MAX_LOSSES = 2**30  # bytes: a few of a stranger's file must not unpack to more
MAX_ACTIVATION = 1e30  # larger ones cannot be drawn
ID = re.compile(r"[0-9a-f]{16}")  # of a trial
STATUSES = {"completed", "diverged", "failed"}


@dataclass(frozen=True)
class StoredTrial:
    """A trial as it was kept."""

    row: Mapping[str, Any]  # its columns of `trials`
    # (epochs, EPOCH) NaN: not known.
    epochs: NDArray[np.float64]
    # Its rows of `measurements`, by name and layer.
    measurements: tuple[Mapping[str, Any], ...] = ()


def trial_checksum(kept: StoredTrial) -> str:
    """The checksum of a trial; a column that a later format adds does not change it while it is empty."""
    apart = {"checksum", "step_losses"}
    known = {name: value for name, value in kept.row.items() if value is not None and name not in apart}
    digest = hashlib.sha256(json.dumps(known).encode())
    digest.update(kept.row["step_losses"])
    digest.update(kept.epochs.astype("<f8").tobytes())
    for series in kept.measurements:
        digest.update(json.dumps([series[name] for name in ("name", "layer", "unit")]).encode())
        for content in (series["positions"], series["values"]):
            digest.update(f" {len(content)} ".encode())
            digest.update(content)
    return digest.hexdigest()[:32]


def rows_checksum(*tables: Sequence[Sequence[object]]) -> str:
    """The checksum of whole tables."""
    text = json.dumps(tables, default=repr)  # a flipped bit makes bytes of a text; its checksum then differs
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def epoch_values(history: Sequence[Sequence[Any]]) -> NDArray[np.float64]:
    """The epochs of a trial, (epochs, EPOCH), from its rows of that table."""
    return np.array([row[1:] for row in history], np.float64).reshape(-1, len(EPOCH))


def step_losses(row: Mapping[str, Any]) -> bytes | None:
    """The mini-batch losses of a trial, 4 bytes a step; None where they are not as many as its steps."""
    try:
        wanted = 4 * int(row["steps"])
        content = zlib.decompressobj().decompress(row["step_losses"], min(wanted, MAX_LOSSES) + 1)
    except (zlib.error, TypeError, ValueError, OverflowError):
        return None
    return content if len(content) == wanted else None


def pre_activation_percentiles(kept: StoredTrial) -> NDArray[np.float64]:
    """The pre-activations of a trial, (epochs, PERCENTILES); not a number where there are none, or none that fit."""
    unknown = np.full((len(kept.epochs), len(PERCENTILES)), np.nan)
    text = kept.row.get("pre_activations")
    if text is None:
        return unknown
    try:
        values = np.array(json.loads(text), np.float64)
    except (ValueError, TypeError, OverflowError, RecursionError):  # of a stranger's file
        return unknown
    return values if values.shape == unknown.shape and not (np.abs(values) > MAX_ACTIVATION).any() else unknown


def series_values(series: Mapping[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the positions and the values of a row of `measurements`, each (n,)."""
    return np.frombuffer(series["positions"], "<f8"), np.frombuffer(series["values"], "<f8")


def is_series(row: Mapping[str, Any]) -> bool:
    """Return True if a row of `measurements` has text in its columns of text, and a finite position for each value."""
    if not has_valid_types("measurements", row) or len(row["positions"]) != len(row["values"]):
        return False
    return len(row["positions"]) % 8 == 0 and bool(np.isfinite(series_values(row)[0]).all())


def stored_trial(
    row: Mapping[str, Any], history: Sequence[Sequence[Any]], measurements: Iterable[Mapping[str, Any]]
) -> StoredTrial:
    """Return the trial that rows of the three tables make."""
    return StoredTrial(row, epoch_values(history), tuple(sorted(measurements, key=itemgetter("name", "layer"))))


def intact_trial(
    row: Mapping[str, Any], history: Sequence[Sequence[Any]], measurements: Sequence[Mapping[str, Any]]
) -> StoredTrial | None:
    """Return the trial that rows of the three tables make, or None if they are not what was stored.

    A trial of a format without checksums is accepted if it has all of its epochs and a known status.
    """
    try:
        if not all(is_series(series) for series in measurements):
            return None
        kept = stored_trial(row, history, measurements)
        if not (ID.fullmatch(row["id"]) and has_valid_types("trials", row) and np.isfinite(kept.epochs[:, :2]).all()):
            return None
        if row.get("checksum") is None:  # an older format may have no such column
            return kept if _complete(kept) else None
        return kept if row["checksum"] == trial_checksum(kept) else None
    except (TypeError, ValueError, OverflowError):  # values of another kind than were written
        return None


def _complete(kept: StoredTrial) -> bool:
    """Whether a trial has its epochs one by one up to its last step, or failed before the first."""
    status, epochs = kept.row["status"], kept.epochs
    if not len(epochs):
        return bool(status == "failed")
    ended = status != "completed" or epochs[-1, 1] == kept.row["steps"]
    return ended and status in STATUSES and bool((epochs[:, 0] == np.arange(len(epochs))).all())


def split_intact(
    trials: Iterable[Mapping[str, Any]], history: Iterable[Sequence[Any]], measurements: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, StoredTrial], set[str]]:
    """Return intact trials by id, and the ids of damaged ones.

    Args:
        trials: rows of that table.
        history: rows of that table, sorted by trial.
        measurements: rows of that table, sorted by trial.
    """
    epochs = {trial: list(rows) for trial, rows in groupby(history, itemgetter(0))}
    series = {trial: list(rows) for trial, rows in groupby(measurements, itemgetter("trial"))}
    rows = {row["id"]: row for row in trials}
    checked = {trial: intact_trial(row, epochs.get(trial, []), series.get(trial, [])) for trial, row in rows.items()}
    intact = {trial: stored for trial, stored in checked.items() if stored}
    return intact, (rows.keys() | epochs.keys() | series.keys()) - intact.keys()


def rows_as_dicts(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    """The rows of a query as mappings."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
