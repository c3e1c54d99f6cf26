"""The database of finished trials in a results folder.

Schema, by format version (`PRAGMA user_version`):
    1  trials: one row a finished trial, by id; every mini-batch loss as float32, little-endian, zlib.
       history: one row a trial and epoch.
       plan, programs: what the last `run` asked for, so that a report needs neither config nor data.
    2  trials.bn_mode_gap.
    3  trials.prediction_share, majority_share, dead_share, dead_layer.
    4  trials.fitted_loss, fitted_accuracy.
    5  trials.gradient_growth.
"""

import json
import os
import socket
import sqlite3
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

from bnbench.errors import ResultsError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bnbench.plan import Plan
    from bnbench.records import Result

FORMAT = 5
DATABASE = "trials.db"
SCHEMA = """
CREATE TABLE trials (
    id TEXT PRIMARY KEY, program TEXT NOT NULL, status TEXT NOT NULL, divergence TEXT, diverged_at_step INTEGER,
    steps INTEGER NOT NULL, parameters INTEGER, test_loss REAL, test_accuracy REAL, best_epoch INTEGER,
    best_test_loss REAL, best_test_accuracy REAL, seconds REAL, seconds_per_step REAL, engine TEXT, worker TEXT,
    reason TEXT, traceback TEXT,
    step_losses BLOB, bn_mode_gap REAL, prediction_share REAL, majority_share REAL, dead_share REAL, dead_layer TEXT,
    fitted_loss REAL, fitted_accuracy REAL, gradient_growth REAL
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
NUMBERS = ("_loss", "_accuracy", "_gap", "_share", "_growth", "seconds", "seconds_per_step")  # ends of their names
# By the format that it leads away from.
MIGRATIONS = {
    1: "ALTER TABLE trials ADD COLUMN bn_mode_gap REAL",
    2: """
    ALTER TABLE trials ADD COLUMN prediction_share REAL; ALTER TABLE trials ADD COLUMN majority_share REAL;
    ALTER TABLE trials ADD COLUMN dead_share REAL; ALTER TABLE trials ADD COLUMN dead_layer TEXT""",
    3: "ALTER TABLE trials ADD COLUMN fitted_loss REAL; ALTER TABLE trials ADD COLUMN fitted_accuracy REAL",
    4: "ALTER TABLE trials ADD COLUMN gradient_growth REAL",
}
# The last epoch is that of the final weights, unless those are not finite numbers.
TRIALS = """
SELECT plan.trial, plan.variant, plan.learning_rate, plan.seed, plan.axes, trials.status, trials.divergence,
    trials.diverged_at_step, last.epoch AS epochs, trials.steps, last.train_loss, last.train_accuracy,
    last.validation_loss, last.validation_accuracy,
    trials.test_loss, trials.test_accuracy, trials.best_epoch, trials.best_test_loss, trials.best_test_accuracy,
    trials.fitted_loss, trials.fitted_accuracy, trials.bn_mode_gap, trials.prediction_share, trials.majority_share,
    trials.dead_share, trials.dead_layer, trials.gradient_growth, first.validation_loss AS initial_loss,
    trials.parameters, trials.seconds, trials.seconds_per_step, trials.engine, trials.worker, trials.reason,
    programs.classes, programs.validation_rows
FROM plan JOIN trials ON trials.id = plan.trial JOIN programs ON programs.key = plan.program
    LEFT JOIN history AS first ON first.trial = plan.trial AND first.epoch = 0
    LEFT JOIN history AS last ON last.trial = plan.trial
        AND last.epoch = (SELECT max(epoch) FROM history WHERE history.trial = plan.trial)
ORDER BY plan.number
"""
HISTORY = """
SELECT history.* FROM history
    JOIN (SELECT trial, min(number) AS number FROM plan GROUP BY trial) AS planned ON planned.trial = history.trial
ORDER BY planned.number, history.epoch
"""


class Store:
    """An open results folder. Made by `claim` for writing and by `read` for looking."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder, self._db = folder, connection

    def set_plan(self, plan: "Plan") -> None:
        """Make this the plan that tables and reports are about; outcomes of other trials stay."""
        with self._transaction():
            self._db.execute("DELETE FROM plan")
            for cohort in plan.cohorts:
                program = cohort.program
                sizes = (program.sizes.train, program.sizes.validation, program.sizes.test, program.steps_per_epoch)
                is_test = program.data.split.validation == "test"
                self._insert("programs", [(program.key, len(program.facts.classes), *sizes, is_test)])
                trials = [(t, json.dumps(dict(t.axes))) for t in cohort.trials]
                self._insert(
                    "plan",
                    [(t.number, t.id, program.key, t.variant, t.learning_rate, t.seed, axes) for t, axes in trials],
                )

    def add(self, result: "Result") -> None:
        """Keep a trial as it ended, in one transaction; what an earlier try left is replaced."""
        fault, divergence = result.fault, result.divergence
        row = (
            result.trial, result.program, result.status, divergence and divergence.kind, divergence and divergence.step,
            len(result.step_losses), result.parameters, *astuple(result.test), result.best_epoch,
            *astuple(result.best_test), result.seconds, result.seconds_per_step, result.engine, result.worker,
            fault and fault.reason, fault and fault.traceback,
            zlib.compress(result.step_losses.astype("<f4").tobytes()), result.bn_mode_gap,
            *astuple(result.probe), *astuple(result.fitted), result.gradient_growth,
        )  # fmt: skip
        with self._transaction():
            self._db.execute("DELETE FROM history WHERE trial = ?", (result.trial,))
            self._insert("trials", [row])
            self._insert("history", [(result.trial, *astuple(epoch)) for epoch in result.epochs])

    def states(self) -> dict[str, str]:
        """Trial id -> status, of every trial that ever ended here."""
        return dict(self._db.execute("SELECT id, status FROM trials").fetchall())

    def step_seconds(self) -> dict[str, float]:
        """Program -> mean seconds a step, of the trials measured here."""
        return dict(
            self._db.execute(
                "SELECT program, avg(seconds_per_step) FROM trials WHERE status = 'completed' GROUP BY program"
            )
        )

    def trials(self) -> "pd.DataFrame":
        """One row a finished trial of the present plan, as stored; `analysis.trial_table` makes it the public one."""
        return self._table(TRIALS)

    def history(self) -> "pd.DataFrame":
        """One row a trial and epoch of the present plan."""
        return self._table(HISTORY)

    def _table(self, query: str) -> "pd.DataFrame":
        import pandas as pd

        cursor = self._db.execute(query)
        table = pd.DataFrame(cursor.fetchall(), columns=[column[0] for column in cursor.description])
        # A column without one known number would not be one of numbers.
        numbers = [name for name in table.columns if name.endswith(NUMBERS)]
        return table.astype(dict.fromkeys(numbers, "float64"))

    def step_losses(self, trial: str) -> "NDArray[np.float32]":
        """The mini-batch losses of a trial, (steps,), up to and with the first that is not finite."""
        import numpy as np

        row = self._db.execute("SELECT step_losses FROM trials WHERE id = ?", (trial,)).fetchone()
        if row is None:
            raise ResultsError(f"{self.folder}: no trial {trial} has ended here")
        return np.frombuffer(zlib.decompress(row[0]), "<f4")

    def planned(self) -> int:
        """How many trials the present plan holds."""
        return int(self._db.execute("SELECT count(*) FROM plan").fetchone()[0])

    def _insert(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Whole rows, each replacing one of the same key; `table` is one of SCHEMA's."""
        if rows:
            places = ", ".join("?" * len(rows[0]))
            self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({places})", rows)  # noqa: S608

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            with self._db:
                yield
        except sqlite3.Error as error:
            raise ResultsError(f"{self.folder / DATABASE}: {error}; what was kept before is unharmed") from error


@contextmanager
def claim(folder: Path) -> Iterator[Store]:
    """A results folder for oneself, made if need be.

    Raises:
        ResultsError: it cannot be written, another process has it, or it is not a results folder of this version.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0)
    owner = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
        (folder / ".owner").write_text(json.dumps(owner), encoding="utf-8")
    except Timeout:
        raise ResultsError(f"{folder}: in use by {_owner(folder)}; wait for it, or stop it and run again") from None
    except OSError as error:
        raise ResultsError(f"{folder}: cannot be written: {error.strerror or error}") from error
    try:
        with closing(_connect(folder, "rwc")) as connection, _damage_told(folder):
            yield Store(folder, connection)
    finally:
        (folder / ".owner").unlink(missing_ok=True)
        lock.release()


@contextmanager
def read(folder: Path) -> Iterator[Store]:
    """A results folder to look at.

    Raises:
        ResultsError: there is none, or it is damaged or of another version.
    """
    if not exists(folder):
        known = sorted(path.parent.name for path in folder.parent.glob(f"*/{DATABASE}"))
        there = f"; there are {', '.join(known)}" if known else ""
        raise ResultsError(f"{folder}: no results here (no {DATABASE}){there}")
    with closing(_connect(folder, "ro")) as connection, _damage_told(folder):
        yield Store(folder, connection)


def exists(folder: Path) -> bool:
    """Whether trials have been kept there; an empty file is what a run leaves that was killed as it began."""
    path = folder / DATABASE
    return path.is_file() and path.stat().st_size > 0


@contextmanager
def _damage_told(folder: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise ResultsError(f"{folder / DATABASE}: cannot be read ({error}); move it away to start anew") from error


def _connect(folder: Path, mode: str) -> sqlite3.Connection:
    path = folder / DATABASE
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode={mode}", uri=True, timeout=30)
    except sqlite3.Error as error:
        raise ResultsError(f"{path}: cannot be opened ({error})") from error
    try:
        version = _prepare(connection, make=mode == "rwc")
    except sqlite3.Error as error:
        connection.close()
        raise ResultsError(f"{path}: not a readable database ({error}); move it away to start anew") from error
    if version in MIGRATIONS:
        return _migrated(connection, version, in_memory=mode == "ro")
    if version != FORMAT:
        connection.close()
        raise ResultsError(
            f"{path}: format {version}, but this bnbench reads format {FORMAT}: use the one that wrote it"
        )
    return connection


def _prepare(connection: sqlite3.Connection, make: bool) -> int:
    """The format of a database; an empty one is given the tables, if that is allowed."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    empty = not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if make and version == 0 and empty:
        connection.executescript(f"BEGIN; {SCHEMA} PRAGMA user_version = {FORMAT}; COMMIT;")
        return FORMAT
    return version


def _migrated(connection: sqlite3.Connection, version: int, in_memory: bool) -> sqlite3.Connection:
    """A database of an older format, brought to this one; of one that is only looked at a copy is."""
    if in_memory:
        copy = sqlite3.connect(":memory:")
        with closing(connection):
            connection.backup(copy)
        connection = copy
    for older in range(version, FORMAT):
        connection.executescript(f"BEGIN; {MIGRATIONS[older]}; PRAGMA user_version = {older + 1}; COMMIT;")
    return connection


def _owner(folder: Path) -> str:
    try:
        owner = json.loads((folder / ".owner").read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError):
        return "another process"
