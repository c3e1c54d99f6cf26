"""The database of finished trials in a results folder: what a run keeps, and what tables are made of."""

import gc
import json
import logging
import os
import socket
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import astuple
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bnbench.analysis.columns import PRE_ACTIVATIONS, TABLES, column_names
from bnbench.config import limits
from bnbench.errors import ConfigError, ResultsError, printable
from bnbench.store import database, integrity
from bnbench.store.integrity import StoredTrial
from bnbench.store.results_dir import unwritable_error, write_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bnbench.planning.plan import Plan
    from bnbench.planning.trial import Result

DATABASE = "trials.db"
NUMBERS = ("_loss", "_accuracy", "_gap", "_share", "_growth", "seconds", "seconds_per_step")  # ends of their names
PLANNED = ("trial", "variant", "learning_rate", "seed", "axes")
OF_TRIAL = (
    "status", "divergence", "diverged_at_step", "steps", "test_loss", "test_accuracy", "best_epoch", "best_test_loss",
    "best_test_accuracy", "fitted_loss", "fitted_accuracy", "bn_mode_gap", "prediction_share", "majority_share",
    "dead_share", "dead_layer", "gradient_growth", "parameters", "seconds", "seconds_per_step", "engine", "worker",
    "reason",
)  # fmt: skip
OF_LAST_EPOCH = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")
OF_PROGRAM = ("classes", "validation_rows")
NO_AXES = {*PLANNED, *OF_TRIAL, *OF_LAST_EPOCH, *OF_PROGRAM, *column_names(TABLES["trials"])}
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
                program = cohort.program
                sizes = (program.sizes.train, program.sizes.validation, program.sizes.test, program.steps_per_epoch)
                is_test = program.data.split.validation == "test"
                self._insert("programs", [(program.key, len(program.facts.classes), *sizes, is_test)])
                trials = [(t, json.dumps(dict(t.axes))) for t in cohort.trials]
                self._insert(
                    "plan",
                    [(t.number, t.id, program.key, t.variant, t.learning_rate, t.seed, axes) for t, axes in trials],
                )
            self._insert("notes", [("plan", "", plan_checksum(self._db))])

    def add(self, result: "Result") -> None:
        """Keep a trial as it ended, in one transaction; what an earlier try left is replaced, but never by a fault."""
        fault, divergence = result.fault, result.divergence
        row = (
            result.trial, result.program, result.status, divergence and divergence.kind, divergence and divergence.step,
            len(result.step_losses), result.parameters, *astuple(result.test), result.best_epoch,
            *astuple(result.best_test), result.seconds, result.seconds_per_step, result.engine, result.worker,
            fault and fault.reason, fault and fault.traceback,
            zlib.compress(result.step_losses.astype("<f4").tobytes()), result.bn_mode_gap,
            *astuple(result.probe), *astuple(result.fitted), result.gradient_growth, None,
            json.dumps(result.pre_activations) if result.pre_activations else None,
        )  # fmt: skip
        with self._transaction():
            if fault and self._has_ended(result.trial):  # another run was first, or only its model was wanted
                why = fault.reason.partition("\n")[0]
                log.error("%s: what was kept of it stays; the new try failed: %s", result.trial, why)
                return
            self._db.execute("DELETE FROM history WHERE trial = ?", (result.trial,))
            self._insert("trials", [row])
            self._insert("history", [(result.trial, *astuple(epoch)) for epoch in result.epochs])
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
            _table_row(row, kept, programs[row["program"]])
            for row in planned
            if (kept := self._kept.get(row["trial"])) and row["program"] in programs
        ]
        columns = [*PLANNED, *OF_TRIAL, "epochs", *OF_LAST_EPOCH, "initial_loss", *OF_PROGRAM]
        table = pd.DataFrame(rows, columns=columns)
        # A column without one known number would not be one of numbers.
        numbers = [name for name in table.columns if name.endswith(NUMBERS)]
        return table.astype(dict.fromkeys(numbers, "float64"))

    def history(self) -> "pd.DataFrame":
        """One row a trial and epoch of the present plan."""
        import numpy as np
        import pandas as pd

        ended = [trial for trial in dict.fromkeys(row["trial"] for row in self._plan()[0]) if trial in self._kept]
        epochs = [self._kept[trial].epochs for trial in ended]
        values = np.concatenate([np.empty((0, len(integrity.EPOCH))), *epochs])
        table = pd.DataFrame(dict(zip(integrity.EPOCH, values.T, strict=True)))
        table.insert(0, "trial", np.repeat(np.array(ended, object), [len(part) for part in epochs]))
        watched = [integrity.pre_activation_percentiles(self._kept[trial]) for trial in ended]
        table[list(PRE_ACTIVATIONS)] = np.concatenate([np.empty((0, len(PRE_ACTIVATIONS))), *watched])
        return table.astype({"epoch": "int64", "step": "int64"})

    def step_losses(self, trial: str) -> "NDArray[np.float32]":
        """The mini-batch losses of a trial, (steps,), up to and with the first that is not finite."""
        import numpy as np

        if trial not in self._kept:
            raise ResultsError(f"{self.folder}: no trial {trial} has ended here")
        losses = integrity.step_losses(self._kept[trial].row)
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
            self._insert("notes", [("environment", text, integrity.rows_checksum([(text,)]))])

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

    def _has_ended(self, trial: str) -> bool:
        """Whether a trial is kept whole, and not as one that failed."""
        rows = integrity.rows_as_dicts(self._db.execute("SELECT * FROM trials WHERE id = ?", (trial,)))
        epochs = self._db.execute("SELECT * FROM history WHERE trial = ? ORDER BY epoch", (trial,)).fetchall()
        return any(row["status"] != "failed" and integrity.intact_trial(row, epochs) for row in rows)

    def _insert(self, table: str, rows: Sequence[Sequence[object]]) -> None:
        """Whole rows, each replacing one of the same key; `table` is one of SCHEMA's."""
        if rows:
            places = ", ".join("?" * len(rows[0]))
            self._db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({places})", rows)  # noqa: S608

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
        return integrity.split_intact(rows, connection.execute("SELECT * FROM history ORDER BY trial, epoch"))
    finally:
        if collects:
            gc.enable()


def seal_trial(connection: sqlite3.Connection, trial: str) -> None:
    """Give a trial the checksum of what can be read back of it."""
    (row,) = integrity.rows_as_dicts(connection.execute("SELECT * FROM trials WHERE id = ?", (trial,)))
    epochs = connection.execute("SELECT * FROM history WHERE trial = ? ORDER BY epoch", (trial,)).fetchall()
    kept = StoredTrial(row, integrity.epoch_values(epochs))
    connection.execute("UPDATE trials SET checksum = ? WHERE id = ?", (integrity.trial_checksum(kept), trial))


def plan_checksum(connection: sqlite3.Connection) -> str:
    """That of the present plan and of the programs."""
    return integrity.rows_checksum(*(connection.execute(query).fetchall() for query in (PLAN, PROGRAMS)))


def _sound_plan(planned: Sequence[Mapping[str, Any]], programs: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the rows of a plan are such as are kept, whoever wrote them."""
    try:
        for axes in {row["axes"] for row in planned}:
            values = json.loads(axes)
            limits.check_limits(values, "")
            if not NO_AXES.isdisjoint(values):
                return False
    except (ValueError, TypeError, AttributeError, RecursionError, ConfigError):
        return False
    return (
        all(database.has_valid_types("plan", row) and integrity.ID.fullmatch(row["trial"]) for row in planned)
        and all(database.has_valid_types("programs", row) for row in programs)
        and all(row["classes"] >= 0 and row["validation_rows"] > 0 for row in programs)
    )


def _table_row(planned: Mapping[str, Any], kept: StoredTrial, program: Mapping[str, Any]) -> dict[str, Any]:
    """A trial as it was planned and as it ended; its last epoch is that of the final weights, if those are finite."""
    row = {name: planned[name] for name in PLANNED} | {name: kept.row[name] for name in OF_TRIAL}
    row |= {name: program[name] for name in OF_PROGRAM}
    if len(kept.epochs):
        last = dict(zip(integrity.EPOCH, kept.epochs[-1].tolist(), strict=True))
        row |= {"epochs": int(last["epoch"])} | {name: last[name] for name in OF_LAST_EPOCH}
        row["initial_loss"] = float(kept.epochs[0][integrity.EPOCH.index("validation_loss")])
    return row


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """A results folder for oneself, made if need be.

    Raises:
        ResultsError: it cannot be written, or another process has it.
    """
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=0)
    owner = {"process": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise ResultsError(f"{folder}: in use by {_owner(folder)}; wait for it, or stop it and run again") from None
    except OSError as error:
        raise unwritable_error(folder, error) from error
    try:
        write_text(folder / ".owner", json.dumps(owner))
        yield
    finally:
        with suppress(OSError):  # of a disk that can no longer be written
            (folder / ".owner").unlink(missing_ok=True)
        lock.release()


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


def has_results(folder: Path) -> bool:
    """Whether trials have been kept there; an empty file is what a run leaves that was killed as it began."""
    path = folder / DATABASE
    return path.is_file() and path.stat().st_size > 0


def require_results(folder: Path) -> None:
    """Check that there are results.

    Raises:
        ResultsError: there are none.
    """
    if not has_results(folder):
        known = sorted(path.parent.name for path in folder.parent.glob(f"*/{DATABASE}"))
        there = f"; there are {', '.join(known)}" if known else ""
        raise ResultsError(f"{folder}: no results here (no {DATABASE}){there}")


def first_few(trials: Iterable[object]) -> str:
    """Some of the ids, to tell them: `a, b, c, ...`"""
    some = sorted(map(printable, trials))
    return ", ".join([*some[:3], *["..."] * (len(some) > 3)])


def _owner(folder: Path) -> str:
    try:
        owner = json.loads((folder / ".owner").read_text(encoding="utf-8"))
        return f"process {owner['process']} on {owner['host']} since {owner['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
