"""The note `design`: what an adaptive design has decided so far. A folder of a full grid has none, or a former one."""

import sqlite3

from bnbench.planning.adaptive.record import DesignRecord, read_record
from bnbench.store.notes import read_note, remove_note, write_note

# A former design belongs to a folder whose plan is a full grid now. Another run of the design goes on with it.
NOTE, FORMER = "design", "former_design"


def read_design(connection: sqlite3.Connection, former: bool = False) -> DesignRecord | None:
    """Return the design; None if there is none, or if the note is damaged.

    Args:
        connection: the database.
        former: whether a design that the present plan does not belong to is returned, too.
    """
    for name in (NOTE, FORMER) if former else (NOTE,):
        if (text := read_note(connection, name)) is not None:
            return read_record(text)
    return None


def write_design(connection: sqlite3.Connection, design: DesignRecord | None) -> None:
    """Write the note, inside a transaction of the caller. Without a design, the present one becomes a former one.

    Args:
        connection: the database.
        design: what has been decided.
    """
    if design:
        write_note(connection, NOTE, design.to_text())
        remove_note(connection, FORMER)
    elif (text := read_note(connection, NOTE)) is not None:
        write_note(connection, FORMER, text)
        remove_note(connection, NOTE)
