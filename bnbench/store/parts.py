"""The note `part`: which part of its sweep a results folder is for. The folder has the plan of the whole sweep.

The note `device` has the name of the graphics cards that train it. It is empty for the processor, and a folder of an
earlier version has none.
"""

import json
import sqlite3
from dataclasses import asdict

from bnbench.errors import ConfigError
from bnbench.planning.part import Part
from bnbench.store.notes import read_note, remove_note, write_note

NOTE, DEVICE = "part", "device"
SEEDS = "SELECT seed FROM plan GROUP BY seed ORDER BY min(number)"


def read_part(connection: sqlite3.Connection) -> Part | None:
    """Return the part; None if the folder is for the whole sweep, or if the note is damaged."""
    text = read_note(connection, NOTE)
    if text is None:
        return None
    try:
        values = json.loads(text)
        number, count, overlap = (int(values[name]) for name in ("number", "count", "overlap"))
    # The database may come from another person and contain anything.
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    return Part(number, count, overlap) if 1 <= number <= count and overlap >= 0 else None


def write_part(connection: sqlite3.Connection, part: Part | None) -> None:
    """Write the note, or remove it, inside a transaction of the caller."""
    if part is None:
        remove_note(connection, NOTE)
    else:
        write_note(connection, NOTE, json.dumps(asdict(part)))


def read_device(connection: sqlite3.Connection) -> str | None:
    """Return the name of the cards, empty for the processor; None if it is unknown or the note is damaged."""
    return read_note(connection, DEVICE)


def write_device(connection: sqlite3.Connection, device: str) -> None:
    """Write the note, inside a transaction of the caller."""
    write_note(connection, DEVICE, device)


def seeds_of_part(connection: sqlite3.Connection) -> list[int] | None:
    """Return the seeds of the present plan that the folder is for; None if it is for all of them."""
    part = read_part(connection)
    if part is None:
        return None
    try:
        return part.seeds([seed for (seed,) in connection.execute(SEEDS)])
    except ConfigError:
        # The plan has changed since, and has fewer seeds.
        return None
