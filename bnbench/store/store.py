"""The database of finished trials in a results folder: what a run keeps, and what tables are made of."""

import gc
import json
import logging
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.config import limits
from bnbench.errors import ConfigError, ResultsError, printable
from bnbench.store import database, integrity
from bnbench.store.folder import DATABASE, has_results, lock_folder, require_results
from bnbench.store.integrity import StoredTrial
from bnbench.store.rows import (
    COLUMNS,
    REAL,
    RESERVED,
    Row,
    history_rows,
    measurement_rows,
    plan_rows,
    program_row,
    table_row,
    trial_row,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bnbench.planning.plan import Plan
    from bnbench.planning.trial import Result

__all__ = [
    "DATABASE", "Store", "first_few", "has_results", "open_for_reading", "open_for_writing", "plan_checksum",
    "read_trials", "require_results", "seal_trial",
]  # fmt: skip
PLAN, PROGRAMS = "SELECT * FROM plan ORDER BY number", "SELECT * FROM programs ORDER BY key"
log = logging.getLogger(__name__)


class Store:
    """An open results folder. Made by `claim` for writing and by `read` for looking."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder, self._db = folder, connection

    def set_plan(self, plan: "Plan") -> None:
        """Make this the plan that tables and reports are about; outcomes of other trials stay."""
        with self._transaction():
            self._db.execute("DELETE FROM plan")
            for cohort in plan.cohorts:
                self._insert("programs", [program_row(cohort.program)])
                self._insert("plan", list(plan_rows(cohort)))
            self._insert("notes", [{"name": "plan", "text": "", "checksum": plan_checksum(self._db)}])

    def add(self, result: "Result") -> None:
        """Keep a trial as it ended, in one transaction; what an earlier try left is replaced, but never by a fault."""
        fault = result.fault
        with self._transaction():
            if fault and self._has_result(result.trial):  # another run was first, or only its model was wanted
                why = fault.reason.partition("\n")[0]
                log.error("%s: what was kept of it stays; the new try failed: %s", result.trial, why)
                return
            for table in ("history", "measurements"):
                self._db.execute(f"DELETE FROM {table} WHERE trial = ?", (result.trial,))  # noqa: S608
            self._insert("trials", [trial_row(result)])
            self._insert("history", history_rows(result))
            self._insert("measurements", measurement_rows(result))
            seal_trial(self._db, result.trial)
        self.__dict__.pop("_kept", None)  # what was read before

    def states(self) -> dict[str, str]:
        """Trial id -> status, of every trial that ever ended here; one that is damaged has to be trained anew."""
        return {trial: kept.row["status"] for trial, kept in self._kept.items()}

    def step_seconds(self) -> dict[str, float]:
        """Program -> mean seconds a step, of the trials measured here."""
        return dict(
            self._db.execute(
                "SELECT program, avg(seconds_per_step) FROM trials WHERE status = 'completed' GROUP BY program"
            )
        )

    def trials(self) -> "pd.DataFrame":
        """One row a finished trial of the present plan, as stored; `analysis.trial_table` makes it the public one."""
        import pandas as pd

        planned, programs = self._plan()
        rows = [
            table_row(row, kept, programs[row["program"]])
            for row in planned
            if (kept := self._kept.get(row["trial"])) and row["program"] in programs
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(REAL, "float64"))

    def history(self) -> "pd.DataFrame":
        """One row a trial and epoch of the present plan."""
        import numpy as np
        import pandas as pd

        ended = self._ended()
        epochs = [self._kept[trial].epochs for trial in ended]
        values = np.concatenate([np.empty((0, len(integrity.EPOCH))), *epochs])
        table = pd.DataFrame(dict(zip(integrity.EPOCH, values.T, strict=True)))
        table.insert(0, "trial", np.repeat(np.array(ended, object), [len(part) for part in epochs]))
        watched = [integrity.pre_activation_percentiles(self._kept[trial]) for trial in ended]
        table[list(PRE_ACTIVATIONS)] = np.concatenate([np.empty((0, len(PRE_ACTIVATIONS))), *watched])
        return table.astype({"epoch": "int64", "step": "int64"})

    def measurements(self, name: str) -> "pd.DataFrame":
        """Return what the probe of this name measured in the trials of the present plan.

        Returns:
            One row for each value: `trial`, `layer` (empty: the whole model), `position` (an epoch, unless the probe
            says otherwise), `value` and `unit`. No rows if no trial has such a measurement.
        """
        import numpy as np
        import pandas as pd

        stored = [row for trial in self._ended() for row in self._kept[trial].measurements if row["name"] == name]
        series = [integrity.series_values(row) for row in stored]
        lengths = [len(values) for _, values in series]
        repeated = {
            column: np.repeat(np.array([row[column] for row in stored], object), lengths)
            for column in ("trial", "layer", "unit")
        }
        # `str` also for no rows, whose type pandas cannot infer.
        table = pd.DataFrame(repeated).astype(str)
        table.insert(2, "position", np.concatenate([np.empty(0), *(positions for positions, _ in series)]))
        table.insert(3, "value", np.concatenate([np.empty(0), *(values for _, values in series)]))
        return table

    def step_losses(self, trial: str) -> "NDArray[np.float32]":
        """The mini-batch losses of a trial, (steps,), up to and with the first that is not finite."""
        import numpy as np

        stored = self._stored_trial(trial)
        if stored is None:
            raise ResultsError(f"{self.folder}: no trial {trial} has ended here")
        losses = integrity.step_losses(stored.row)
        if losses is None:
            raise ResultsError(
                f"{self.folder / DATABASE}: the losses of {trial} are damaged; `bnbench repair` leaves it out"
            )
        return np.frombuffer(losses, "<f4")

    def planned(self) -> int:
        """How many trials the present plan holds."""
        return len(self._plan()[0])

    def environment(self) -> str:
        """What environment.json says of the last run that trained; empty where that is not known."""
        row = self._db.execute("SELECT text, checksum FROM notes WHERE name = 'environment'").fetchone()
        return row[0] if row and row[1] == integrity.rows_checksum([row[:1]]) else ""

    def set_environment(self, text: str) -> None:
        """Keep what a run trains on."""
        with self._transaction():
            checksum = integrity.rows_checksum([(text,)])
            self._insert("notes", [{"name": "environment", "text": text, "checksum": checksum}])

    def _plan(self) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
        """The rows of the present plan, and the programs by key.

        Raises:
            ResultsError: they are not what was written.
        """
        planned = integrity.rows_as_dicts(self._db.execute(PLAN))
        programs = integrity.rows_as_dicts(self._db.execute(PROGRAMS))
        row = self._db.execute("SELECT checksum FROM notes WHERE name = 'plan'").fetchone()
        if (row and row[0] != plan_checksum(self._db)) or not _sound_plan(planned, programs):
            raise ResultsError(f"{self.folder / DATABASE}: its plan is damaged; `bnbench run` with its config mends it")
        return planned, {row["key"]: row for row in programs}

    @cached_property
    def _kept(self) -> dict[str, StoredTrial]:
        """Every trial that is whole; what is told of those that are not is told once."""
        kept, damaged = read_trials(self._db)
        if damaged:
            some = (
                f"{len(damaged)} of {len(kept) + len(damaged)} trials are damaged ({first_few(damaged)}) and left out"
            )
            log.warning("%s: %s; `bnbench run` trains them anew", self.folder / DATABASE, some)
        return kept

    def _ended(self) -> list[str]:
        """The trials of the present plan that have ended, each once, in the order of the plan."""
        return [trial for trial in dict.fromkeys(row["trial"] for row in self._plan()[0]) if trial in self._kept]

    def _has_result(self, trial: str) -> bool:
        """Return True if a trial is stored intact and has not failed."""
        stored = self._stored_trial(trial)
        return stored is not None and stored.row["status"] != "failed"

    def _stored_trial(self, trial: str) -> StoredTrial | None:
        """Read one trial; None if it has not ended or is damaged."""
        row, epochs, measurements = trial_rows(self._db, trial)
        return integrity.intact_trial(row, epochs, measurements) if row else None

    def _insert(self, table: str, rows: Sequence[Row]) -> None:
        """Insert rows by column name, each in the place of one with the same key."""
        for row in rows:
            database.insert_row(self._db, table, row)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with database.translated_errors(self.folder / DATABASE), self._db:
            yield


def read_trials(connection: sqlite3.Connection) -> tuple[dict[str, StoredTrial], set[str]]:
    """The trials of a database that are whole, by id, and the ids of those that are not."""
    collects = gc.isenabled()
    gc.disable()  # it would look through every row again and again: 0.2 s of 10,000 trials
    try:
        rows = integrity.rows_as_dicts(connection.execute("SELECT * FROM trials"))
        measurements = integrity.rows_as_dicts(connection.execute("SELECT * FROM measurements ORDER BY trial"))
        history = connection.execute("SELECT * FROM history ORDER BY trial, epoch")
        return integrity.split_intact(rows, history, measurements)
    finally:
        if collects:
            gc.enable()


def seal_trial(connection: sqlite3.Connection, trial: str) -> None:
    """Give a trial the checksum of what can be read back of it."""
    checksum = integrity.trial_checksum(integrity.stored_trial(*trial_rows(connection, trial)))
    connection.execute("UPDATE trials SET checksum = ? WHERE id = ?", (checksum, trial))


def trial_rows(
    connection: sqlite3.Connection, trial: str
) -> tuple[dict[str, Any], list[Sequence[Any]], list[dict[str, Any]]]:
    """The rows of a trial in `trials` (empty if there is none), `history` and `measurements`."""
    rows = integrity.rows_as_dicts(connection.execute("SELECT * FROM trials WHERE id = ?", (trial,)))
    epochs = connection.execute("SELECT * FROM history WHERE trial = ? ORDER BY epoch", (trial,)).fetchall()
    measurements = connection.execute("SELECT * FROM measurements WHERE trial = ?", (trial,))
    return rows[0] if rows else {}, epochs, integrity.rows_as_dicts(measurements)


def plan_checksum(connection: sqlite3.Connection) -> str:
    """That of the present plan and of the programs."""
    return integrity.rows_checksum(*(connection.execute(query).fetchall() for query in (PLAN, PROGRAMS)))


def _sound_plan(planned: Sequence[Mapping[str, Any]], programs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the rows of a plan are such as are kept, whoever wrote them."""
    try:
        for axes in {row["axes"] for row in planned}:
            values = json.loads(axes)
            limits.check_limits(values, "")
            if not RESERVED.isdisjoint(values):
                return False
    except (ValueError, TypeError, AttributeError, RecursionError, ConfigError):
        return False
    return (
        all(database.has_valid_types("plan", row) and integrity.ID.fullmatch(row["trial"]) for row in planned)
        and all(database.has_valid_types("programs", row) for row in programs)
        and all(row["classes"] >= 0 and row["validation_rows"] > 0 for row in programs)
    )


@contextmanager
def open_for_writing(folder: Path) -> Iterator[Store]:
    """A results folder for oneself, made if need be.

    Raises:
        ResultsError: it cannot be written, another process has it, or it is not a results folder of this version.
    """
    path = folder / DATABASE
    with (
        lock_folder(folder),
        closing(database.open_database(path, write=True)) as connection,
        database.translated_errors(path),
    ):
        yield Store(folder, connection)


@contextmanager
def open_for_reading(folder: Path) -> Iterator[Store]:
    """A results folder to look at, as it is at one moment.

    Raises:
        ResultsError: there is none, or it is damaged or of another version.
    """
    require_results(folder)
    path = folder / DATABASE
    with closing(database.open_database(path, write=False)) as connection, database.translated_errors(path):
        connection.execute("BEGIN")
        yield Store(folder, connection)


def first_few(trials: Iterable[object]) -> str:
    """Some of the ids, to tell them: `a, b, c, ...`"""
    some = sorted(map(printable, trials))
    return ", ".join([*some[:3], *["..."] * (len(some) > 3)])
