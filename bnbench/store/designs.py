"""The note `design`: what an adaptive design has decided so far. A folder of a full grid has none, or a former one."""

import sqlite3

from bnbench.planning.adaptive.record import DesignRecord, read_record
from bnbench.store import database, integrity

# A former design belongs to a folder whose plan is a full grid now. Another run of the design goes on with it.
NOTE, FORMER = "design", "former_design"


def read_design(connection: sqlite3.Connection, former: bool = False) -> DesignRecord | None:
    """Return the design; None if there is none, or if the note is damaged.

    Args:
        connection: the database.
        former: whether a design that the present plan does not belong to is returned, too.
    """
    for name in (NOTE, FORMER) if former else (NOTE,):
        row = connection.execute("SELECT text, checksum FROM notes WHERE name = ?", (name,)).fetchone()
        if row and row[1] == integrity.rows_checksum([row[:1]]):
            return read_record(row[0])
    return None


def write_design(connection: sqlite3.Connection, design: DesignRecord | None) -> None:
    """Write the note, inside a transaction of the caller. Without a design, the present one becomes a former one.

    Args:
        connection: the database.
        design: what has been decided.
    """
    if design is None:
        design = read_design(connection)
        name = FORMER
        connection.execute("DELETE FROM notes WHERE name = ?", (NOTE,))
        if design is None:
            return
    else:
        name = NOTE
        connection.execute("DELETE FROM notes WHERE name = ?", (FORMER,))
    text = design.to_text()
    checksum = integrity.rows_checksum([(text,)])
    database.insert_rows(connection, "notes", [{"name": name, "text": text, "checksum": checksum}])
