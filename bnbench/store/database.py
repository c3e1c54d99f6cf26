"""trials.db as a file of SQLite: its formats, how an older one is brought to this one, and what is told where it fails.

Schema, by format version (`PRAGMA user_version`):
    1  trials: one row a finished trial, by id; every mini-batch loss as float32, little-endian, zlib.
       history: one row a trial and epoch.
       plan, programs: what the last `run` asked for, so that a report needs neither config nor data.
    2  trials.bn_mode_gap.
    3  trials.prediction_share, majority_share, dead_share, dead_layer.
    4  trials.fitted_loss, fitted_accuracy.
    5  trials.gradient_growth.
    6  trials.checksum: of the row and its history. Rows of before have none and are taken as they are.
       notes: of `plan` the checksum of plan and programs; of `environment` what environment.json says.
    7  trials.pre_activations: JSON, percentiles by epoch.
"""

import errno
import math
import os
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from types import NoneType
from typing import Any

from bnbench.errors import ResultsError, shorten
from bnbench.store.results_dir import unwritable_error

FORMAT = 7
SCHEMA = """
CREATE TABLE trials (
    id TEXT PRIMARY KEY, program TEXT NOT NULL, status TEXT NOT NULL, divergence TEXT, diverged_at_step INTEGER,
    steps INTEGER NOT NULL, parameters INTEGER, test_loss REAL, test_accuracy REAL, best_epoch INTEGER,
    best_test_loss REAL, best_test_accuracy REAL, seconds REAL, seconds_per_step REAL, engine TEXT, worker TEXT,
    reason TEXT, traceback TEXT,
    step_losses BLOB, bn_mode_gap REAL, prediction_share REAL, majority_share REAL, dead_share REAL, dead_layer TEXT,
    fitted_loss REAL, fitted_accuracy REAL, gradient_growth REAL, checksum TEXT,
    pre_activations TEXT
) WITHOUT ROWID;
CREATE TABLE history (
    trial TEXT NOT NULL REFERENCES trials (id), epoch INTEGER NOT NULL, step INTEGER NOT NULL, train_loss REAL,
    train_accuracy REAL, validation_loss REAL, validation_accuracy REAL, seconds REAL, PRIMARY KEY (trial, epoch)
) WITHOUT ROWID;
CREATE TABLE programs (
    key TEXT PRIMARY KEY, classes INTEGER NOT NULL, train_rows INTEGER NOT NULL, validation_rows INTEGER NOT NULL,
    test_rows INTEGER NOT NULL, steps_per_epoch INTEGER NOT NULL, validation_is_test INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE plan (
    number INTEGER PRIMARY KEY, trial TEXT NOT NULL, program TEXT NOT NULL, variant TEXT NOT NULL,
    learning_rate REAL NOT NULL, seed INTEGER NOT NULL, axes TEXT NOT NULL
);
"""
NOTES = "CREATE TABLE notes (name TEXT PRIMARY KEY, text TEXT NOT NULL, checksum TEXT NOT NULL) WITHOUT ROWID;"
# By the format that it leads away from.
MIGRATIONS = {
    1: "ALTER TABLE trials ADD COLUMN bn_mode_gap REAL",
    2: """
    ALTER TABLE trials ADD COLUMN prediction_share REAL; ALTER TABLE trials ADD COLUMN majority_share REAL;
    ALTER TABLE trials ADD COLUMN dead_share REAL; ALTER TABLE trials ADD COLUMN dead_layer TEXT""",
    3: "ALTER TABLE trials ADD COLUMN fitted_loss REAL; ALTER TABLE trials ADD COLUMN fitted_accuracy REAL",
    4: "ALTER TABLE trials ADD COLUMN gradient_growth REAL",
    5: f"ALTER TABLE trials ADD COLUMN checksum TEXT; {NOTES}",
    6: "ALTER TABLE trials ADD COLUMN pre_activations TEXT",
}
TABLES = {"trials", "history", "programs", "plan"}  # of every format
CREATE = f"BEGIN; {SCHEMA} {NOTES} PRAGMA user_version = {FORMAT}; COMMIT;"
JOURNAL_MAGIC = bytes.fromhex("d9d505f920a163d7")
# SQLite stores the text of CREATE TABLE and keeps it through migrations. That of format 1 contained this comment.
FORMAT_1_COMMENT = "-- float32, little-endian, zlib"
WORD, OUR_TEXT = re.compile(r"\w+"), re.compile(r"[\w\s(),]*")
WORDS = set(WORD.findall(" ".join((SCHEMA, NOTES, *MIGRATIONS.values()))))  # all that makes our tables
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
    if not write:
        connection.execute("PRAGMA query_only = ON")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = tables_of(connection, path)
    if write and version == 0 and not tables:
        connection.executescript(CREATE)
        return connection
    refuse_newer(path, version)
    if version < 1 or not tables >= TABLES:
        found = f"its tables are {', '.join(sorted(tables))}" if tables else "it has no tables"
        raise ResultsError(f"{path}: not a database of bnbench ({found}): move it away to start anew")
    if version < FORMAT:
        connection = _migrated(connection, version, in_memory=not write)
    for table in (*TABLES, "notes"):
        if {row[1] for row in connection.execute(f"PRAGMA table_info({table})")} != _kinds(table).keys():
            raise ResultsError(
                f"{path}: not a database of bnbench (other columns in {table}): move it away to start anew"
            )
    return connection


def tables_of(connection: sqlite3.Connection, path: Path) -> set[str]:
    """The names of the tables.

    Raises:
        ResultsError: something is there that would run when it is read or written: a view, a trigger, or a table made
            with more words than ours, as one with generated columns.
    """
    tables = set()
    for kind, name, made_by in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        sql = (made_by or "").replace(FORMAT_1_COMMENT, "")
        ours = name not in {*TABLES, "notes"} or (OUR_TEXT.fullmatch(sql) and set(WORD.findall(sql)) <= WORDS)
        if kind not in {"table", "index"} or not ours:
            raise ResultsError(
                f"{path}: holds the {kind} {shorten(name)}, which bnbench did not make: move the file away"
            )
        if kind == "table":
            tables.add(name)
    return tables


@cache
def _kinds(table: str) -> Mapping[str, tuple[type, ...]]:
    """By column of a table, what its values may be."""
    python = {"TEXT": (str,), "INTEGER": (int,), "REAL": (float, int), "BLOB": (bytes,)}
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(CREATE)
        described = connection.execute(f"PRAGMA table_info({table})").fetchall()
    return {
        name: (*python[declared], *([] if needed or key else [NoneType]))
        for _, name, declared, needed, _, key in described
    }


def has_valid_types(table: str, row: Mapping[str, Any]) -> bool:
    """Whether the values of a row are such as bnbench keeps: SQLite holds any in any column."""
    kinds = _kinds(table)
    for name, value in row.items():  # a loop, for 400,000 values of 10,000 trials
        kind = type(value)
        if name in kinds and (kind not in kinds[name] or (kind is float and not math.isfinite(value))):
            return False
    return True


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
    steps = "; ".join(MIGRATIONS[older] for older in range(version, FORMAT))
    connection.executescript(f"BEGIN; {steps}; PRAGMA user_version = {FORMAT}; COMMIT;")
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
