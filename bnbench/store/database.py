"""Opens trials.db as a SQLite file: checks that bnbench made it, migrates older formats, and explains errors."""

import errno
import math
import os
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

from bnbench.errors import ResultsError, shorten
from bnbench.store.results_dir import unwritable_error
from bnbench.store.tables import CREATE, FORMAT, SQL_TABLES, SQL_TABLES_BY_NAME, migration

JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
# SQLite stores the text of CREATE TABLE and keeps it through migrations. In format 1 the text contained this comment.
FORMAT_1_COMMENT = "-- float32, little-endian, zlib"
WORD, OUR_TEXT = re.compile(r"\w+"), re.compile(r'[\w\s(),"]*')
# Every word in the SQL of our tables.
WORDS = set(WORD.findall(CREATE))
# SQLite reports damage as an error whose message quotes the unreadable bytes. If Python cannot decode these bytes, it
# raises UnicodeDecodeError instead.
DAMAGE = (sqlite3.Error, UnicodeDecodeError)
UNWRITABLE = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}


def open_database(path: Path, write: bool) -> sqlite3.Connection:
    """Open a database and bring it to the present format.

    Args:
        path: the database file.
        write: if False, the file is never changed. A database of an older format is copied into memory and migrated
            there.

    Raises:
        ResultsError: the database is damaged, has a newer format, was not made by bnbench, or cannot be opened or
            written.
    """
    with translate_errors(path):
        # Reading needs `rw`, too: if a run was killed during a transaction, SQLite must first roll it back. On a
        # read-only disk SQLite falls back to read-only by itself.
        mode = "rwc" if write else "rw"
        _refuse_journal(path)
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=30)
        try:
            return _prepare(connection, path, write)
        except BaseException:
            connection.close()
            raise


def _refuse_journal(path: Path) -> None:
    """Check that the journal names no other file: SQLite would delete it, and journals of bnbench never name one.

    Such a journal ends with a magic number: SQLite's file format, section 3.1.
    """
    journal = Path(f"{path.resolve()}-journal")
    try:
        with journal.open("rb") as file:
            file.seek(-len(JOURNAL_MAGIC), os.SEEK_END)
            names_another = file.read() == JOURNAL_MAGIC
    # The journal does not exist, or is shorter than the magic number.
    except OSError:
        return
    if names_another:
        raise ResultsError(f"{journal}: names another file, as no journal of bnbench does: remove it")


def _prepare(connection: sqlite3.Connection, path: Path, write: bool) -> sqlite3.Connection:
    """Create the tables of an empty database; check any other database, and only then migrate it."""
    if not write:
        connection.execute("PRAGMA query_only = ON")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    names = tables_of(connection, path)
    if write and version == 0 and not names:
        connection.executescript(CREATE)
        return connection
    refuse_newer(path, version)
    _check_tables(connection, path, version, names)
    return _migrate(connection, version, in_memory=not write) if version < FORMAT else connection


def _check_tables(connection: sqlite3.Connection, path: Path, version: int, names: set[str]) -> None:
    """Check that a database has the tables and columns of its format.

    Raises:
        ResultsError: the tables or columns are different. Nothing has been written to the database.
    """
    expected = {table.name for table in SQL_TABLES if table.since <= version}
    if version < 1 or names & SQL_TABLES_BY_NAME.keys() != expected:
        problem = f"its tables are {', '.join(sorted(names))}" if names else "it has no tables"
        raise ResultsError(f"{path}: not a database of bnbench ({problem}): move it away to start again")
    for name in expected:
        columns = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
        if columns != set(SQL_TABLES_BY_NAME[name].names(version)):
            raise ResultsError(
                f"{path}: not a database of bnbench (other columns in {name}): move it away to start again"
            )


def tables_of(connection: sqlite3.Connection, path: Path) -> set[str]:
    """Return the names of the tables.

    Raises:
        ResultsError: the database has something that would run when it is read or written: a view, a trigger, or a
            table whose SQL has other words than ours, such as one with generated columns.
    """
    tables = set()
    for kind, name, made_by in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        sql = (made_by or "").replace(FORMAT_1_COMMENT, "")
        ours = name not in SQL_TABLES_BY_NAME or (OUR_TEXT.fullmatch(sql) and set(WORD.findall(sql)) <= WORDS)
        if kind not in {"table", "index"} or not ours:
            raise ResultsError(
                f"{path}: holds the {kind} {shorten(name)}, which bnbench did not make: move the file away"
            )
        if kind == "table":
            tables.add(name)
    return tables


@cache
def _types(table: str) -> Mapping[str, tuple[type, ...]]:
    """Return the Python types that the values of each column may have."""
    return {column.name: column.types for column in SQL_TABLES_BY_NAME[table].columns}


def has_valid_types(table: str, row: Mapping[str, Any]) -> bool:
    """Return True if each value of a row has a type of its column; SQLite itself accepts any value anywhere."""
    types = _types(table)
    # One plain loop is the fastest way, and 10,000 trials have 400,000 values.
    for name, value in row.items():
        kind = type(value)
        if name in types and (kind not in types[name] or (kind is float and not math.isfinite(value))):
            return False
    return True


def insert_rows(connection: sqlite3.Connection, table: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """Insert rows, which have the same columns, by column name; each replaces a row with the same key."""
    rows = iter(rows)
    if first := next(rows, None):
        names = list(first)
        columns, places = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
        statement = f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({places})"  # noqa: S608  our own names
        # A plan may have a million rows, so they are not collected in a list.
        connection.executemany(statement, ([row[name] for name in names] for row in chain([first], rows)))


def refuse_newer(path: Path, version: int) -> None:
    """Check that this version of bnbench reads a format.

    Raises:
        ResultsError: the format is newer.
    """
    if version > FORMAT:
        raise ResultsError(
            f"{path}: format {version}, but this bnbench reads format {FORMAT}: use the one that wrote it"
        )


def _migrate(connection: sqlite3.Connection, version: int, in_memory: bool) -> sqlite3.Connection:
    """Migrate a database of an older format, or a copy of it in memory."""
    if in_memory:
        copy = sqlite3.connect(":memory:")
        with closing(connection):
            connection.backup(copy)
        connection = copy
    connection.executescript(migration(version))
    return connection


@contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into a ResultsError whose message says what to do."""
    try:
        yield
    except DAMAGE as error:
        raise _error(path, error) from error


def _error(path: Path, error: Exception) -> ResultsError:
    # UnicodeDecodeError has no SQLite code. Text that is not UTF-8 means damage.
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    if getattr(error, "sqlite_errorname", "") == "SQLITE_READONLY_DBMOVED" or not path.exists():
        return ResultsError(f"{path}: removed or replaced while it was in use; run again to train what is missing")
    if kind == sqlite3.SQLITE_BUSY:
        return ResultsError(f"{path}: another command has been using it for half a minute; try again")
    if kind == sqlite3.SQLITE_CONSTRAINT:
        return ResultsError(f"{path}: {error}; everything stored before is intact")
    if kind not in UNWRITABLE:
        why = str(error).partition("\n")[0]
        return ResultsError(f"{path}: damaged ({why}); `bnbench repair {path.parent}` keeps what can be read")
    if kind == sqlite3.SQLITE_FULL:
        return unwritable_error(path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    if not os.access(path, os.R_OK):
        return ResultsError(f"{path}: cannot be read: Permission denied")
    if not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        return unwritable_error(path, OSError(errno.EROFS, "read-only"))
    return unwritable_error(path, OSError(errno.EIO, str(error)))
