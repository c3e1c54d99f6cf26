"""The table notes: a text by name, each with a checksum."""

import sqlite3

from bnbench.store import database, integrity


def read_note(connection: sqlite3.Connection, name: str) -> str | None:
    """Return the text of a note; None if there is no such note, or if it is damaged."""
    row = connection.execute("SELECT text, checksum FROM notes WHERE name = ?", (name,)).fetchone()
    return row[0] if row and row[1] == integrity.rows_checksum([row[:1]]) else None


def write_note(connection: sqlite3.Connection, name: str, text: str) -> None:
    """Write a note, or write it again, inside a transaction of the caller."""
    checksum = integrity.rows_checksum([(text,)])
    database.insert_rows(connection, "notes", [{"name": name, "text": text, "checksum": checksum}])


def remove_note(connection: sqlite3.Connection, name: str) -> None:
    """Remove a note, if it is there, inside a transaction of the caller."""
    connection.execute("DELETE FROM notes WHERE name = ?", (name,))
