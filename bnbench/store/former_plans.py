"""What stored trials were planned as, for those that the present plan no longer contains.

The table `plan` has the present plan only, and the id of a trial is a hash. So the note `former_plans` keeps variant,
learning rate, seed and further axes of every stored trial that an earlier plan had. A trial that no known plan had, in
a database of an earlier version, has no entry.
"""

import json
import sqlite3
from collections.abc import Container, Iterable, Mapping
from typing import Any

from bnbench.config import limits
from bnbench.errors import ConfigError
from bnbench.store import database, integrity
from bnbench.store.notes import read_note, remove_note, write_note
from bnbench.store.rows import PLANNED, RESERVED, Row, with_short_names

NOTE = "former_plans"
COLUMNS = (*PLANNED, "program")


def read_former(connection: sqlite3.Connection) -> dict[str, Row]:
    """Return what stored trials were planned as, by id. It is empty if there is no such note, or if it is damaged."""
    text = read_note(connection, NOTE)
    if text is None:
        return {}
    try:
        rows = json.loads(text)
        return {one["trial"]: with_short_names(one) for one in rows if _is_valid(one)}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return {}


def keep_former(connection: sqlite3.Connection, planned: Iterable[Row], is_kept: Container[str]) -> None:
    """Write the note again, inside a transaction of the caller.

    Args:
        planned: rows of the plan that is about to be replaced.
        is_kept: the ids of the trials that the note shall name; all others are left out.
    """
    rows = {**read_former(connection), **{row["trial"]: {name: row[name] for name in COLUMNS} for row in planned}}
    kept = [row for trial, row in rows.items() if trial in is_kept]
    if not kept:
        remove_note(connection, NOTE)
    else:
        write_note(connection, NOTE, json.dumps(kept))


def axes_are_valid(axes: str) -> bool:
    """Return True if the JSON text of the further axes can be shown. The database may come from another person."""
    try:
        values = json.loads(axes)
        limits.check_limits(values, "")
        return RESERVED.isdisjoint(values)
    except (ValueError, TypeError, AttributeError, RecursionError, ConfigError):
        return False


def _is_valid(row: Mapping[str, Any]) -> bool:
    complete = row.keys() == set(COLUMNS) and database.has_valid_types("plan", row)
    return complete and integrity.ID.fullmatch(row["trial"]) is not None and axes_are_valid(row["axes"])
