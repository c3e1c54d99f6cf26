"""The table `sources`: where the trials were trained, and with what. A trial has the key of its source."""

import hashlib
import sqlite3

from bnbench.planning.machine import Source
from bnbench.store import database


def write_source(connection: sqlite3.Connection, source: Source) -> str:
    """Write a source, inside a transaction of the caller, and return its key."""
    text = source.to_json()
    key = _key(text)
    database.insert_rows(connection, "sources", [{"key": key, "text": text}])
    return key


def read_sources(connection: sqlite3.Connection) -> dict[str, Source]:
    """Return the sources by key. One whose text has changed, or that bnbench did not write, is left out."""
    sources = {}
    for key, text in connection.execute("SELECT key, text FROM sources"):
        if isinstance(text, str) and key == _key(text):
            try:
                sources[key] = Source.from_json(text)
            except ValueError:
                continue
    return sources


def sources_of_trials(connection: sqlite3.Connection) -> dict[str, Source]:
    """Return the source of each stored trial by id, without those of which it is unknown."""
    sources = read_sources(connection)
    rows = connection.execute("SELECT id, source FROM trials WHERE source IS NOT NULL")
    return {trial: sources[key] for trial, key in rows if key in sources}


def _key(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
