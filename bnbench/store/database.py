"""Opens trials.db as a SQLite file: checks that bnbench made it, migrates older formats, and explains errors."""

import errno
import math
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from bnbench.errors import ResultsError, shorten
from bnbench.store.results_dir import unwritable_error
from bnbench.store.tables import BY_NAME, CREATE, FORMAT, TABLES, migration

JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
# SQLite stores the text of CREATE TABLE and keeps it through migrations. That of format 1 contained this comment.
FORMAT_1_COMMENT = "-- float32, little-endian, zlib"
WORD, OUR_TEXT = re.compile(r"\w+"), re.compile(r'[\w\s(),"]*')
# Every word that creates our tables.
WORDS = set(WORD.findall(CREATE))
DAMAGE = (sqlite3.Error, UnicodeDecodeError)  # SQLite quotes what it cannot read, and Python cannot read that
UNWRITABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def open_database(path: Path, write: bool) -> sqlite3.Connection:
    """An open database of this format; one that is only looked at is never changed, and of an older one a copy is read.

    Raises:
        ResultsError: it is damaged, of a newer format or of something else, or cannot be opened or written.
    """
    with translated_errors(path):
        # Not `ro`: what a killed run began must be rolled back before one may look. On a read-only disk it is that.
        mode = "rwc" if write else "rw"
        _refuse_journal(path)
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=30)
        try:
            return _prepared(connection, path, write)
        except BaseException:
            connection.close()
            raise


def _refuse_journal(path: Path) -> None:
    """Check that no journal names a further one: SQLite deletes what it names, and bnbench's never do.

    The magic number at the end of such a journal is in SQLite's file format, section 3.1.
    """
    journal = Path(f"{path.resolve()}-journal")
    try:
        with journal.open("rb") as file:
            file.seek(-len(JOURNAL_MAGIC), os.SEEK_END)
            names_another = file.read() == JOURNAL_MAGIC
    except OSError:  # there is none, or it is shorter
        return
    if names_another:
        raise ResultsError(f"{journal}: names another file, which bnbench's never do: remove it")


def _prepared(connection: sqlite3.Connection, path: Path, write: bool) -> sqlite3.Connection:
    """Create the tables of an empty database; check any other, and only then migrate it."""
    if not write:
        connection.execute("PRAGMA query_only = ON")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    names = tables_of(connection, path)
    if write and version == 0 and not names:
        connection.executescript(CREATE)
        return connection
    refuse_newer(path, version)
    _check_tables(connection, path, version, names)
    return _migrated(connection, version, in_memory=not write) if version < FORMAT else connection


def _check_tables(connection: sqlite3.Connection, path: Path, version: int, names: set[str]) -> None:
    """Check that a database has the tables and columns of its format.

    Raises:
        ResultsError: it has others. Nothing has been written to it.
    """
    expected = {table.name for table in TABLES if table.since <= version}
    if version < 1 or names & BY_NAME.keys() != expected:
        problem = f"its tables are {', '.join(sorted(names))}" if names else "it has no tables"
        raise ResultsError(f"{path}: not a database of bnbench ({problem}): move it away to start anew")
    for name in expected:
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
        if columns != set(BY_NAME[name].names(version)):
            raise ResultsError(
                f"{path}: not a database of bnbench (other columns in {name}): move it away to start anew"
            )


def tables_of(connection: sqlite3.Connection, path: Path) -> set[str]:
    """The names of the tables.

    Raises:
        ResultsError: something is there that would run when it is read or written: a view, a trigger, or a table made
            with more words than ours, as one with generated columns.
    """
    tables = set()
    for kind, name, made_by in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        sql = (made_by or "").replace(FORMAT_1_COMMENT, "")
        ours = name not in BY_NAME or (OUR_TEXT.fullmatch(sql) and set(WORD.findall(sql)) <= WORDS)
        if kind not in {"table", "index"} or not ours:
            raise ResultsError(
                f"{path}: holds the {kind} {shorten(name)}, which bnbench did not make: move the file away"
            )
        if kind == "table":
            tables.add(name)
    return tables


@cache
def _types(table: str) -> Mapping[str, tuple[type, ...]]:
    """The Python types that the values of each column may have."""
    return {column.name: column.types for column in BY_NAME[table].columns}


def has_valid_types(table: str, row: Mapping[str, Any]) -> bool:
    """Whether the values of a row are such as bnbench keeps: SQLite holds any in any column."""
    types = _types(table)
    # A loop: 10,000 trials have 400,000 values.
    for name, value in row.items():
        kind = type(value)
        if name in types and (kind not in types[name] or (kind is float and not math.isfinite(value))):
            return False
    return True


def insert_row(connection: sqlite3.Connection, table: str, row: Mapping[str, Any]) -> None:
    """Insert a row by column name, in the place of one with the same key."""
    columns = ", ".join(f'"{name}"' for name in row)
    places = ", ".join("?" * len(row))
    connection.execute(f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({places})", list(row.values()))  # noqa: S608


def refuse_newer(path: Path, version: int) -> None:
    """Check that a database is of no later format than this.

    Raises:
        ResultsError: it is.
    """
    if version > FORMAT:
        raise ResultsError(
            f"{path}: format {version}, but this bnbench reads format {FORMAT}: use the one that wrote it"
        )


def _migrated(connection: sqlite3.Connection, version: int, in_memory: bool) -> sqlite3.Connection:
    """A database of an older format, brought to this one; of one that is only looked at a copy is."""
    if in_memory:
        copy = sqlite3.connect(":memory:")
        with closing(connection):
            connection.backup(copy)
        connection = copy
    connection.executescript(migration(version))
    return connection


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Have what SQLite raises told as a message that says how to go on."""
    try:
        yield
    except DAMAGE as error:
        raise _error(path, error) from error


def _error(path: Path, error: Exception) -> ResultsError:
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF  # none: text that is no UTF-8
    if getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY_DBMOVED" or not path.exists():
        return ResultsError(f"{path}: removed or replaced while it was in use; run again to train what is missing")
    if kind == sqlite3.SQLITE_BUSY:
        return ResultsError(f"{path}: another command has been using it for half a minute; try again")
    if kind == sqlite3.SQLITE_CONSTRAINT:
        return ResultsError(f"{path}: {error}; what was kept before is unharmed")
    if kind not in UNWRITABLE:
        why = str(error).partition("\n")[0]
        return ResultsError(f"{path}: damaged ({why}); `bnbench repair {path.parent}` keeps what can be read")
    if kind == sqlite3.SQLITE_FULL:
        return unwritable_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return unwritable_error(path, OSError(errno.EROFS, "read-only"))
    return unwritable_error(path, OSError(errno.EIO, str(error)))
