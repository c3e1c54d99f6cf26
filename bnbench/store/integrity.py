"""Checksums of the contents of trials.db. SQLite detects a page with an invalid structure, but not a changed value.

The checksum of a trial covers its row, its epochs and its measurements as Python reads them, so it does not depend on
how SQLite stores them.
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

from bnbench.analysis.asked_probes import PROBED
from bnbench.analysis.columns import PERCENTILES, RESTORED_EPOCH
from bnbench.store.database import has_valid_types
from bnbench.store.tables import HISTORY_TABLE

EPOCH_COLUMNS = HISTORY_TABLE.names()[1:]
# In bytes. This limit protects against zip bombs: small files that unpack to enormous ones.
MAX_LOSSES = 2**30
# Larger values cannot be drawn.
MAX_ACTIVATION = 1e30
# The id of a trial.
ID = re.compile(r"[0-9a-f]{16}")
STATUSES = {"completed", "diverged", "failed"}


@dataclass(frozen=True)
class StoredTrial:
    """A trial as it was read from the database."""

    # The row of this trial in the table `trials`.
    row: Mapping[str, Any]
    # Shape (epochs, EPOCH_COLUMNS); NaN if a value is unknown.
    epochs: NDArray[np.float64]
    # The rows of this trial in the table `measurements`, sorted by name and layer.
    measurements: tuple[Mapping[str, Any], ...] = ()


def trial_checksum(stored: StoredTrial) -> str:
    """Return the checksum of a trial. It skips columns without a value, so a newer format gives the same checksum."""
    excluded = {"checksum", "step_losses"}
    known = {name: value for name, value in stored.row.items() if value is not None and name not in excluded}
    digest = hashlib.sha256(json.dumps(known).encode())
    digest.update(stored.row["step_losses"])
    digest.update(stored.epochs.astype("<f8").tobytes())
    for series in stored.measurements:
        digest.update(json.dumps([series[name] for name in ("name", "layer", "unit")]).encode())
        for content in (series["positions"], series["values"]):
            digest.update(f" {len(content)} ".encode())
            digest.update(content)
    return digest.hexdigest()[:32]


def rows_checksum(*tables: Iterable[Sequence[object]]) -> str:
    """Return the checksum of whole tables: of the JSON text of the list of tables, made row by row."""
    # Damage can turn text into bytes, which JSON cannot encode. `repr` encodes them, and the checksum differs.
    encoder = json.JSONEncoder(default=repr)
    digest = hashlib.sha256(b"[")
    for table, rows in enumerate(tables):
        digest.update(b", [" if table else b"[")
        for i, row in enumerate(rows):
            digest.update(((", " if i else "") + encoder.encode(row)).encode())
        digest.update(b"]")
    digest.update(b"]")
    return digest.hexdigest()[:32]


def epoch_values(history: Sequence[Sequence[Any]]) -> NDArray[np.float64]:
    """Return the epochs of a trial, (epochs, EPOCH_COLUMNS), from its rows in the table `history`."""
    return np.array([row[1:] for row in history], np.float64).reshape(-1, len(EPOCH_COLUMNS))


def decompress_step_losses(row: Mapping[str, Any]) -> bytes | None:
    """Return the mini-batch losses of a trial, 4 bytes per step; None if there is not one loss per step."""
    try:
        size = 4 * int(row["steps"])
        content = zlib.decompressobj().decompress(row["step_losses"], min(size, MAX_LOSSES) + 1)
    except (zlib.error, TypeError, ValueError, OverflowError):
        return None
    return content if len(content) == size else None


def pre_activation_percentiles(stored: StoredTrial) -> NDArray[np.float64]:
    """Return the pre-activations of a trial, (epochs, PERCENTILES); NaN if they were not recorded or are invalid."""
    unknown = np.full((len(stored.epochs), len(PERCENTILES)), np.nan)
    text = stored.row.get("pre_activations")
    if text is None:
        return unknown
    try:
        values = np.array(json.loads(text), np.float64)
    # The database may come from another person and contain anything.
    except (ValueError, TypeError, OverflowError, RecursionError):
        return unknown
    return values if values.shape == unknown.shape and not (np.abs(values) > MAX_ACTIVATION).any() else unknown


def series_values(series: Mapping[str, Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the positions and the values of a row of `measurements`, each (n,)."""
    return np.frombuffer(series["positions"], "<f8"), np.frombuffer(series["values"], "<f8")


def restored_epoch(stored: StoredTrial) -> int | None:
    """Return the epoch whose weights are the final ones of a trial, or None if these are those of its last epoch."""
    for series in stored.measurements:
        if series["name"] == RESTORED_EPOCH:
            _, values = series_values(series)
            # The database may come from another person and contain anything.
            return int(values[0]) if len(values) and values[0] in stored.epochs[:, 0] else None
    return None


def looks_of_probe(stored: StoredTrial, probe: str) -> float:
    """Return how many looks a trial was asked to take with a probe; -1 if it was not asked to run it."""
    for series in stored.measurements:
        if series["name"] == PROBED and series["layer"] == probe:
            return float(max(series_values(series)[1], default=-1))
    return -1


def is_series(row: Mapping[str, Any]) -> bool:
    """Return True if a row of `measurements` has values of the right types, and a finite position for each value."""
    if not has_valid_types("measurements", row) or len(row["positions"]) != len(row["values"]):
        return False
    return len(row["positions"]) % 8 == 0 and bool(np.isfinite(series_values(row)[0]).all())


def assemble_trial(
    row: Mapping[str, Any], history: Sequence[Sequence[Any]], measurements: Iterable[Mapping[str, Any]]
) -> StoredTrial:
    """Return the trial built from its rows in the three tables."""
    return StoredTrial(row, epoch_values(history), tuple(sorted(measurements, key=itemgetter("name", "layer"))))


def check_trial(
    row: Mapping[str, Any], history: Sequence[Sequence[Any]], measurements: Sequence[Mapping[str, Any]]
) -> StoredTrial | None:
    """Return the trial built from its rows in the three tables, or None if they changed after they were stored.

    A trial from a format without checksums is accepted if it has all of its epochs and a known status.
    """
    try:
        if not all(is_series(series) for series in measurements):
            return None
        stored = assemble_trial(row, history, measurements)
        if not (ID.fullmatch(row["id"]) and has_valid_types("trials", row) and np.isfinite(stored.epochs[:, :2]).all()):
            return None
        # Format 5 and older have no such column. A migration fills it with NULL.
        if row.get("checksum") is None:
            return stored if _is_complete(stored) else None
        return stored if row["checksum"] == trial_checksum(stored) else None
    # Damage can change the type of a value, for example from a number to text.
    except (TypeError, ValueError, OverflowError):
        return None


def _is_complete(stored: StoredTrial) -> bool:
    """Return True if a trial has all epochs up to its last step, or failed before the first."""
    status, epochs = stored.row["status"], stored.epochs
    if not len(epochs):
        return bool(status == "failed")
    ended = status != "completed" or epochs[-1, 1] == stored.row["steps"]
    return ended and status in STATUSES and bool((epochs[:, 0] == np.arange(len(epochs))).all())


def split_intact(
    trials: Iterable[Mapping[str, Any]], history: Iterable[Sequence[Any]], measurements: Iterable[Mapping[str, Any]]
) -> tuple[dict[str, StoredTrial], set[str]]:
    """Return intact trials by id, and the ids of damaged ones.

    Args:
        trials: rows of the table `trials`.
        history: rows of the table `history`, sorted by trial.
        measurements: rows of the table `measurements`, sorted by trial.
    """
    epochs = {trial: list(rows) for trial, rows in groupby(history, itemgetter(0))}
    series = {trial: list(rows) for trial, rows in groupby(measurements, itemgetter("trial"))}
    rows = {row["id"]: row for row in trials}
    checked = {trial: check_trial(row, epochs.get(trial, []), series.get(trial, [])) for trial, row in rows.items()}
    intact = {trial: stored for trial, stored in checked.items() if stored}
    return intact, (rows.keys() | epochs.keys() | series.keys()) - intact.keys()


def rows_as_dicts(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    """Return the rows of a query as mappings."""
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor]
