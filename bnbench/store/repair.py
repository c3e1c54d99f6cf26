"""A damaged database -> a new one with the trials of it that are whole; the damaged one is moved aside."""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnbench.errors import ResultsError
from bnbench.store import database, integrity, store
from bnbench.store.folder import DATABASE, lock_folder, require_results
from bnbench.store.integrity import StoredTrial
from bnbench.store.results_dir import unwritable_error
from bnbench.store.tables import CREATE

DIGITS = "0123456789abcdef"  # of a trial's id
DEPTH = 3  # digits by which rows are looked for where a table cannot be read whole; few ids share more
PAGE = 4096  # bytes, SQLite's own choice
MAGIC = b"SQLite format 3\0"
OF_PLAN = ("plan", "programs", "notes")
JOURNAL = "-journal"  # behind the name of a database: what SQLite undoes a broken transaction by


@dataclass(frozen=True)
class RepairSummary:
    """What became of a database."""

    kept: int  # trials
    lost: int  # of which something was found, but not all
    plan: bool  # whether the plan is kept, too
    aside: Path | None  # where the damaged file lies now; None: nothing was damaged


@dataclass(frozen=True)
class _Salvaged:
    """What is whole in a database."""

    kept: dict[str, StoredTrial]
    lost: set[str]
    planned: dict[str, list[tuple[Any, ...]]]  # table -> rows, of the plan and what belongs to it; empty: not whole
    sound: bool  # whether all of it could be read


def repair_database(folder: Path) -> RepairSummary:
    """Keep every trial of a folder that is whole, and move the damaged database aside; nothing if all are whole.

    Raises:
        ResultsError: there are no results, another command has them, no trial can be read, or the disk is full.
    """
    require_results(folder)
    path = folder / DATABASE
    with lock_folder(folder):
        with suppress(ResultsError):
            database.open_database(path, write=False).close()  # what a killed run began is undone
        found = _best(path)
        if found.sound and not found.lost:
            return RepairSummary(len(found.kept), 0, bool(found.planned), None)
        if not found.kept:
            raise ResultsError(f"{path}: no trial of bnbench can be read in it; move it away to start anew")
        with database.translated_errors(path):
            return RepairSummary(len(found.kept), len(found.lost), bool(found.planned), _replace(path, found))


def _best(path: Path) -> _Salvaged:
    """What can be read, if need be by the tables of a new database instead of those that the first page tells of."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror or error}") from error
    database.refuse_newer(path, int.from_bytes(content[60:64], "big") if content.startswith(MAGIC) else 0)
    found = _salvaged(content, path)
    return found if found.kept else _salvaged(_first_page() + content[PAGE:], path)


def _first_page() -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(f"PRAGMA page_size = {PAGE}; {CREATE}")
        return connection.serialize()[:PAGE]


def _salvaged(content: bytes, path: Path) -> _Salvaged:
    """What is whole in the content of a database, however long its first page says that it is."""
    content += bytes(-len(content) % PAGE)
    content = content[:28] + (len(content) // PAGE).to_bytes(4, "big") + content[32:]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        with suppress(*database.DAMAGE):  # of a damaged first page
            database.tables_of(connection, path)
        try:
            sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
        except database.DAMAGE:
            sound = False
        trials = _readable(connection, "trials", "id")
        history = _readable(connection, "history", "trial")
        # On a damaged first page, rows of another table may appear as measurements.
        measurements = [row for row in _readable(connection, "measurements", "trial") if integrity.is_series(row)]
        kept, lost = integrity.split_intact(trials, [tuple(row.values()) for row in history], measurements)
        sound_trials = {trial: one for trial, one in kept.items() if integrity.step_losses(one.row) is not None}
        return _Salvaged(sound_trials, lost | (kept.keys() - sound_trials.keys()), _planned(connection), sound)


def _readable(connection: sqlite3.Connection, table: str, key: str, prefix: str = "") -> list[dict[str, Any]]:
    """The rows whose key begins so, as far as they can be read: a damaged page costs those that lie in it."""
    query = f"SELECT * FROM {table} WHERE {key} >= ? AND {key} < ? ORDER BY 1, 2"  # noqa: S608  our own names
    try:
        return integrity.rows_as_dicts(connection.execute(query, (prefix, f"{prefix}g")))
    except database.DAMAGE:
        if len(prefix) == DEPTH:
            return []
        return [row for digit in DIGITS for row in _readable(connection, table, key, prefix + digit)]


def _planned(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """The tables of the plan, if its checksum says that they are whole; a run writes them anew."""
    try:
        tables = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in OF_PLAN}  # noqa: S608
        told = [checksum for name, _, checksum in tables["notes"] if name == "plan"]
        return tables if told == [store.plan_checksum(connection)] else {}
    except database.DAMAGE:
        return {}


def _replace(path: Path, found: _Salvaged) -> Path:
    """Put a new database with what was found in the place of a damaged one; returns where that lies now."""
    beside = path.with_name(f".{path.name}.part")
    try:
        beside.unlink(missing_ok=True)
        with closing(database.open_database(beside, write=True)) as connection, connection:
            _fill(connection, found)
        aside = _free_name(path)
        os.link(path, aside)
        with suppress(FileNotFoundError):  # it belongs to the damaged file and would be played back into the new one
            Path(f"{path}{JOURNAL}").replace(f"{aside}{JOURNAL}")
        beside.replace(path)
    except OSError as error:
        raise unwritable_error(path, error) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return aside


def _fill(connection: sqlite3.Connection, found: _Salvaged) -> None:
    for trial, kept in found.kept.items():
        database.insert_row(connection, "trials", kept.row)
        for epoch in kept.epochs.tolist():
            values = dict(zip(integrity.EPOCH, epoch, strict=True))  # SQLite keeps what is not a number as missing
            database.insert_row(connection, "history", {"trial": trial} | values)
        for series in kept.measurements:
            database.insert_row(connection, "measurements", series)
    for table, rows in found.planned.items():
        for row in rows:
            connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608


def _free_name(path: Path) -> Path:
    """`trials.damaged.db`, or the first of `trials.damaged-2.db` and so on that is free."""
    number, aside = 1, path.with_suffix(".damaged.db")
    while aside.exists():
        number += 1
        aside = path.with_suffix(f".damaged-{number}.db")
    return aside
