"""Writes a stored trial into another database, as it was read."""

import sqlite3

from bnbench.store import database
from bnbench.store.integrity import EPOCH_COLUMNS, StoredTrial


def insert_trial(connection: sqlite3.Connection, stored: StoredTrial) -> None:
    """Insert the rows of a trial, inside a transaction of the caller. They replace those of an earlier one."""
    trial = stored.row["id"]
    for table in ("history", "measurements"):
        connection.execute(f"DELETE FROM {table} WHERE trial = ?", (trial,))  # noqa: S608  our own names
    # SQLite stores NaN as NULL, as it was.
    epochs = [{"trial": trial, **dict(zip(EPOCH_COLUMNS, epoch, strict=True))} for epoch in stored.epochs.tolist()]
    database.insert_rows(connection, "trials", [stored.row])
    database.insert_rows(connection, "history", epochs)
    database.insert_rows(connection, "measurements", stored.measurements)
