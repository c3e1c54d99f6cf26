"""Repairs a damaged database: writes its intact trials into a new one and moves the damaged file aside."""

import os
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnbench.errors import ResultsError
from bnbench.planning.part import Part
from bnbench.store import database, integrity, store
from bnbench.store.folder import DATABASE, lock_folder, require_results
from bnbench.store.integrity import StoredTrial
from bnbench.store.results_dir import unwritable_error
from bnbench.store.stored_rows import insert_trial
from bnbench.store.tables import CREATE

# The digits of the id of a trial.
DIGITS = "0123456789abcdef"
# If a table cannot be read at once, its rows are read by the first digits of the id. Few ids share more than DEPTH
# digits.
DEPTH = 3
# The page size of SQLite in bytes, by default.
PAGE = 4096
MAGIC = b"SQLite format 3\0"
OF_PLAN = ("plan", "programs", "notes")
SOURCES = "sources"
# The ending of the file with which SQLite undoes an interrupted transaction.
JOURNAL = "-journal"


@dataclass(frozen=True)
class RepairSummary:
    """What a repair saved."""

    # Number of intact trials.
    kept: int
    # Number of trials with missing or damaged rows.
    lost: int
    # Whether the plan is intact, too.
    plan: bool
    # Where the damaged file is now, or None if nothing was damaged.
    aside: Path | None
    # The part of the sweep that the folder is for.
    part: Part | None = None


@dataclass(frozen=True)
class _Salvaged:
    """What is intact in a database."""

    intact: dict[str, StoredTrial]
    lost: set[str]
    # The rows of each table in OF_PLAN; empty if they are damaged.
    planned: dict[str, list[dict[str, Any]]]
    # The rows of `sources`, whose keys tell if they are intact.
    sources: list[dict[str, Any]]
    # Whether SQLite finds no damage.
    sound: bool


def repair_database(folder: Path) -> RepairSummary:
    """Save every intact trial of a results folder and move the damaged database aside; do nothing if all are intact.

    Raises:
        ResultsError: there are no results, another command uses the folder, no trial can be read, or the disk is full.
    """
    require_results(folder)
    path = folder / DATABASE
    with lock_folder(folder):
        with suppress(ResultsError):
            # Opening the database makes SQLite undo an interrupted transaction.
            database.open_database(path, write=False).close()
        salvaged = _salvage_file(path)
        if salvaged.sound and not salvaged.lost:
            return RepairSummary(len(salvaged.intact), 0, bool(salvaged.planned), None)
        if not salvaged.intact:
            raise ResultsError(f"{path}: no trial of bnbench can be read in it; move it away to start again")
        with database.translate_errors(path):
            aside = _replace(path, salvaged)
        with store.open_for_reading(folder) as opened:
            part = opened.part()
        return RepairSummary(len(salvaged.intact), len(salvaged.lost), bool(salvaged.planned), aside, part)


def _salvage_file(path: Path) -> _Salvaged:
    """Salvage a file. If its first page, which names the tables, is damaged, try the first page of a new database."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror or error}") from error
    database.refuse_newer(path, int.from_bytes(content[60:64], "big") if content.startswith(MAGIC) else 0)
    salvaged = _salvage(content, path)
    return salvaged if salvaged.intact else _salvage(_first_page() + content[PAGE:], path)


def _first_page() -> bytes:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(f"PRAGMA page_size = {PAGE}; {CREATE}")
        return connection.serialize()[:PAGE]


def _salvage(content: bytes, path: Path) -> _Salvaged:
    """Salvage the content of a database, whatever length its first page declares."""
    content += bytes(-len(content) % PAGE)
    content = content[:28] + (len(content) // PAGE).to_bytes(4, "big") + content[32:]
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(content)
        # The first page may be damaged.
        with suppress(*database.DAMAGE):
            database.tables_of(connection, path)
        try:
            sound = connection.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",)
        except database.DAMAGE:
            sound = False
        trials = _readable(connection, "trials", "id")
        history = _readable(connection, "history", "trial")
        # On a damaged first page, rows of another table may appear as measurements.
        measurements = [row for row in _readable(connection, "measurements", "trial") if integrity.is_series(row)]
        checked, lost = integrity.split_intact(trials, [tuple(row.values()) for row in history], measurements)
        intact = {trial: one for trial, one in checked.items() if integrity.decompress_step_losses(one.row) is not None}
        sources = _readable(connection, SOURCES, "key")
        return _Salvaged(intact, lost | (checked.keys() - intact.keys()), _planned_rows(connection), sources, sound)


def _readable(connection: sqlite3.Connection, table: str, key: str, prefix: str = "") -> list[dict[str, Any]]:
    """Return the readable rows whose key starts with a prefix. The rows in a damaged page are lost."""
    query = f"SELECT * FROM {table} WHERE {key} >= ? AND {key} < ? ORDER BY 1, 2"  # noqa: S608  our own names
    try:
        return integrity.rows_as_dicts(connection.execute(query, (prefix, f"{prefix}g")))
    except database.DAMAGE:
        if len(prefix) == DEPTH:
            return []
        return [row for digit in DIGITS for row in _readable(connection, table, key, prefix + digit)]


def _planned_rows(connection: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
    """Return the tables of the plan if their checksum fits; otherwise the next run writes them again."""
    try:
        queries = {name: connection.execute(f"SELECT * FROM {name}") for name in OF_PLAN}  # noqa: S608  our own names
        tables = {name: integrity.rows_as_dicts(query) for name, query in queries.items()}
        checksums = [note["checksum"] for note in tables["notes"] if note["name"] == "plan"]
        return tables if checksums == [store.plan_checksum(connection)] else {}
    except database.DAMAGE:
        return {}


def _replace(path: Path, salvaged: _Salvaged) -> Path:
    """Replace a damaged database with a new one; return where the damaged file is now."""
    new = path.with_name(f".{path.name}.part")
    try:
        new.unlink(missing_ok=True)
        with closing(database.open_database(new, write=True)) as connection, connection:
            _fill(connection, salvaged)
        aside = _free_name(path)
        os.link(path, aside)
        # The journal belongs to the damaged file; SQLite would apply it to the new one.
        with suppress(FileNotFoundError):
            Path(f"{path}{JOURNAL}").replace(f"{aside}{JOURNAL}")
        new.replace(path)
    except OSError as error:
        raise unwritable_error(path, error) from error
    finally:
        with suppress(OSError):
            new.unlink(missing_ok=True)
    return aside


def _fill(connection: sqlite3.Connection, salvaged: _Salvaged) -> None:
    for stored in salvaged.intact.values():
        insert_trial(connection, stored)
    sources = [row for row in salvaged.sources if database.has_valid_types(SOURCES, row)]
    database.insert_rows(connection, SOURCES, sources)
    for table, rows in salvaged.planned.items():
        database.insert_rows(connection, table, rows)


def _free_name(path: Path) -> Path:
    """Return `trials.damaged.db`, or the first free name of `trials.damaged-2.db` and so on."""
    number, aside = 1, path.with_suffix(".damaged.db")
    while aside.exists():
        number += 1
        aside = path.with_suffix(f".damaged-{number}.db")
    return aside
