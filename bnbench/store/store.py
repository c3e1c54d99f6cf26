"""The finished trials of a results folder: a run stores them, and the tables of the results are made from them."""

import gc
import logging
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.errors import ResultsError, printable
from bnbench.planning.machine import Source
from bnbench.planning.part import Part
from bnbench.planning.step_times import TrainedPrograms
from bnbench.store import database, former_plans, integrity
from bnbench.store.designs import read_design, write_design
from bnbench.store.folder import DATABASE, has_results, lock_folder, require_results
from bnbench.store.integrity import StoredTrial
from bnbench.store.notes import read_note, write_note
from bnbench.store.parts import read_device, read_part, seeds_of_part, write_device, write_part
from bnbench.store.rate_guesses import PlannedGuess, planned_rate_guesses, read_rate_guesses, write_rate_guesses
from bnbench.store.rows import (
    COLUMNS,
    REAL,
    Row,
    history_rows,
    measurement_rows,
    plan_rows,
    program_row,
    table_row,
    trial_row,
    with_short_names,
)
from bnbench.store.sources import read_sources, sources_of_trials, write_source
from bnbench.store.step_times import PlannedTimes, planned_step_times, read_step_times, write_step_times
from bnbench.store.stored_rows import insert_trial

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from bnbench.planning.adaptive.record import DesignRecord
    from bnbench.planning.plan import ChosenPlan, Plan
    from bnbench.planning.rate_guess import RateGuess
    from bnbench.planning.step_times import StepTimes
    from bnbench.planning.trial import Result

__all__ = [
    "DATABASE", "Store", "first_few", "has_results", "lock_folder", "open_for_reading", "open_for_writing",
    "open_locked", "plan_checksum",
    "read_trials", "require_results", "seal_trial",
]  # fmt: skip
PLAN, PROGRAMS = "SELECT * FROM plan ORDER BY number", "SELECT * FROM programs ORDER BY key"
OUTSIDE = "SELECT id FROM trials WHERE id NOT IN (SELECT trial FROM plan) ORDER BY id"
log = logging.getLogger(__name__)


class TrialCounts(NamedTuple):
    """How many trials a results folder has."""

    planned: int
    # Trials of the plan that completed or diverged, and those that failed.
    ended: int
    failed: int
    # Stored trials outside the plan.
    outside: int


class Store:
    """An open results folder. `open_for_writing` and `open_for_reading` make it."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder, self._db = folder, connection

    def set_plan(self, plan: "Plan | ChosenPlan", design: "DesignRecord | None" = None) -> None:
        """Make this the plan that tables and reports show. Stored trials that are not part of it stay stored.

        Args:
            plan: the trials.
            design: the adaptive design that has chosen them; None for a full grid.
        """
        with self._transaction():
            replaced = self._planned_and_stored()
            self._forget("_plan", "_ended")
            self._db.execute("DELETE FROM plan")
            for cohort in plan.cohorts:
                self._insert("programs", [program_row(cohort.program)])
                self._insert("plan", plan_rows(cohort))
            self._seal_plan()
            former_plans.keep_former(self._db, replaced, {trial for (trial,) in self._db.execute(OUTSIDE)})
            write_design(self._db, design)

    def design(self, former: bool = False) -> "DesignRecord | None":
        """Return what an adaptive design has decided; None for a full grid.

        Args:
            former: whether a design is returned, too, after which a full grid was planned here.
        """
        return read_design(self._db, former)

    def set_design(self, design: "DesignRecord") -> None:
        """Record what an adaptive design has decided, without a further trial."""
        with self._transaction():
            write_design(self._db, design)

    def planned_rows(self, trials: Collection[str]) -> "tuple[list[dict[str, Any]], list[Row]]":
        """Return the rows of `trials` and of `series` for some trials of the present plan, as far as they have ended.

        It reads these trials only. `as_table` makes a table of the former.
        """
        planned, programs = self._plan
        found = {row["trial"]: row for row in planned if row["trial"] in trials}
        ended = {trial: stored for trial in found if (stored := self._read_trial(trial))}
        rows = [table_row(found[trial], stored, programs[found[trial]["program"]]) for trial, stored in ended.items()]
        return rows, [row for stored in ended.values() for row in stored.measurements]

    def known_rows(self) -> list[Row]:
        """Return what trials are planned as, or were in an earlier plan: rows of the table `plan`."""
        former = [row for row in former_plans.read_former(self._db).values() if "program" in row]
        return [*self._plan[0], *former]

    def add(self, result: "Result", commit: str = "", part: str = "") -> None:
        """Store a finished trial in one transaction.

        It replaces an earlier try, but a failed try never replaces a result.

        Args:
            result: the trial.
            commit: the commit of bnbench that trained it, if it is known.
            part: the part of the sweep that is trained, for example `1/3`.
        """
        fault = result.fault
        with self._transaction():
            # A result exists already if another run stored it meanwhile, or if this run trained the trial again only to
            # save its model.
            if fault and self._has_result(result.trial):
                reason = fault.reason.partition("\n")[0]
                log.error("%s: the new try failed, and its stored result stays: %s", result.trial, reason)
                return
            for table in ("history", "measurements"):
                self._db.execute(f"DELETE FROM {table} WHERE trial = ?", (result.trial,))  # noqa: S608
            source = None
            if result.machine:
                source = write_source(self._db, Source(result.machine, result.threads, commit, part))
            self._insert("trials", [{**trial_row(result), "source": source}])
            self._insert("history", history_rows(result))
            self._insert("measurements", measurement_rows(result))
            seal_trial(self._db, result.trial)
        self._forget("_intact", "_ended")

    def states(self) -> dict[str, str]:
        """Return the status of every stored trial by id, without damaged trials, so that these are trained again."""
        return {trial: stored.row["status"] for trial, stored in self._intact.items()}

    def unprobed(self, probes: "Sequence[tuple[str, int]]") -> set[str]:
        """Return the intact trials that were not asked to run all of these probes with at least so many looks."""
        return {
            trial
            for trial, stored in self._intact.items()
            if any(integrity.looks_of_probe(stored, name) < looks for name, looks in probes)
        }

    def outside_ids(self) -> list[str]:
        """Return the ids of the intact trials outside the present plan, in ascending order."""
        return [trial for (trial,) in self._db.execute(OUTSIDE) if trial in self._intact]

    def known_ids(self) -> set[str]:
        """Return the ids of all trials that are stored, intact or damaged, or planned."""
        return {trial for (trial,) in self._db.execute("SELECT id FROM trials UNION SELECT trial FROM plan")}

    def remove(self, trials: Collection[str]) -> None:
        """Remove trials in one transaction. What the plan says stays as it is."""
        with self._transaction():
            for table, key in (("history", "trial"), ("measurements", "trial"), ("trials", "id")):
                rows = [(trial,) for trial in trials]
                self._db.executemany(f"DELETE FROM {table} WHERE {key} = ?", rows)  # noqa: S608  our own names
            former_plans.keep_former(self._db, (), {trial for (trial,) in self._db.execute(OUTSIDE)})
        self._forget("_intact", "_ended")

    def compact(self) -> None:
        """Give the space of removed trials back to the disk. Without space for a copy, the file keeps its size."""
        with suppress(sqlite3.OperationalError):
            self._db.execute("VACUUM")

    def counts(self) -> "TrialCounts":
        """Return how many trials there are. It reads no trial, so damaged ones count, too."""
        planned = self._count_planned()
        within = "SELECT status, count(*) FROM plan JOIN trials ON plan.trial = trials.id GROUP BY status"
        stored = dict(self._db.execute(within))
        outside = self._db.execute(f"SELECT count(*) FROM ({OUTSIDE})").fetchone()[0]  # noqa: S608  our own query
        failed = stored.pop("failed", 0)
        return TrialCounts(planned, sum(stored.values()), failed, outside)

    def faults(self) -> list[tuple[str, str]]:
        """Return the id and the reason of each trial of the present plan that failed."""
        query = "SELECT id, reason FROM plan JOIN trials ON plan.trial = id WHERE status = 'failed' ORDER BY number"
        return [(str(trial), str(reason)) for trial, reason in self._db.execute(query)]

    def step_seconds(self) -> dict[str, float]:
        """Return the mean seconds per step of the stored trials, by program."""
        return dict(
            self._db.execute(
                "SELECT program, avg(seconds_per_step) FROM trials WHERE status = 'completed' GROUP BY program"
            )
        )

    def trained_programs(self) -> TrainedPrograms:
        """Return the step times of the programs, and the trials of the present plan that have ended, by program.

        It reads no checksum: what it returns only decides which programs are timed, and for how long.
        """
        query = "SELECT plan.program, learning_rate, seed, status, seconds FROM plan JOIN trials ON plan.trial = id"
        ended: dict[str, dict[tuple[float, int], str]] = {}
        total = 0.0
        for program, rate, seed, status, seconds in self._db.execute(query):
            if status != "failed":
                ended.setdefault(program, {})[rate, seed] = status
                total += seconds or 0.0
        return TrainedPrograms(self.step_seconds(), ended, total)

    def step_times(self) -> dict[tuple[str, str], "StepTimes"]:
        """Return the times of programs that were trained by turns, by the keys of the two programs."""
        return read_step_times(self._db)

    def planned_step_times(self) -> list[PlannedTimes]:
        """Return the times of variants of the present plan that were trained by turns."""
        return planned_step_times(self._db)

    def add_step_times(self, times: "StepTimes") -> None:
        """Store the times of two programs that were trained by turns; they replace earlier ones."""
        with self._transaction():
            write_step_times(self._db, times)

    def rate_guesses(self) -> dict[tuple[str, str], "RateGuess"]:
        """Return the predicted edges, by program and predictor."""
        return read_rate_guesses(self._db)

    def planned_rate_guesses(self) -> list[PlannedGuess]:
        """Return the predicted edges of the variants of the present plan."""
        return planned_rate_guesses(self._db)

    def add_rate_guesses(self, guesses: "Sequence[RateGuess]") -> None:
        """Store predicted edges; they replace earlier ones of the same program and predictor."""
        with self._transaction():
            write_rate_guesses(self._db, guesses)

    def known_sources(self) -> "list[Source]":
        """Return where trials were trained, each place and way once."""
        return list(read_sources(self._db).values())

    def sources(self) -> "dict[str, Source]":
        """Return where each stored trial was trained, by id, without those of which it is unknown."""
        return sources_of_trials(self._db)

    def stored_trials(self) -> dict[str, StoredTrial]:
        """Return the intact trials by id, as they are stored."""
        return dict(self._intact)

    def source_texts(self) -> dict[str, str]:
        """Return the sources of trials as they are stored, by key."""
        return dict(self._db.execute("SELECT key, text FROM sources"))

    def add_stored(self, stored: StoredTrial, source: str | None) -> None:
        """Store a trial of another results folder as it is there.

        Args:
            stored: the trial.
            source: the text of its source, if it has one.
        """
        with self._transaction():
            insert_trial(self._db, stored)
            if source is not None:
                self._insert("sources", [{"key": stored.row["source"], "text": source}])
        self._forget("_intact", "_ended")

    def has_plan_of(self, other: "Store") -> bool:
        """Return whether another results folder has the same present plan: the same trials with the same ids."""
        rows = (self._db.execute(PLAN), other._db.execute(PLAN))
        return all(one == two for one, two in zip_longest(*rows))

    def planned_ids(self) -> set[str]:
        """Return the ids of the trials of the present plan."""
        return {row["trial"] for row in self._plan[0]}

    def copy_plan(self, other: "Store") -> None:
        """Make the plan of another results folder the present one, for the whole sweep.

        Its environment and its device are copied, too.
        """
        with self._transaction():
            self._forget("_plan", "_ended")
            self._db.execute("DELETE FROM plan")
            for table, query in (("programs", PROGRAMS), ("plan", PLAN)):
                self._insert(table, integrity.rows_as_dicts(other._db.execute(query)))
            self._seal_plan()
            write_part(self._db, None)
            if (device := other.device()) is not None:
                write_device(self._db, device)
        if text := other.environment():
            self.set_environment(text)

    def part(self) -> "Part | None":
        """Return the part of the sweep that this folder is for; None if it is for all of it."""
        return read_part(self._db)

    def set_part(self, part: "Part | None") -> None:
        """Record the part of the sweep that this folder is for."""
        with self._transaction():
            write_part(self._db, part)

    def device(self) -> str | None:
        """Return the name of the cards that train this folder, empty for the processor; None if it is unknown."""
        return read_device(self._db)

    def set_device(self, device: str) -> None:
        """Record the cards that train this folder; an empty name is the processor."""
        with self._transaction():
            write_device(self._db, device)

    def trials(self) -> "pd.DataFrame":
        """Return one row per finished trial of the present plan, as `analysis.trial_table` takes it."""
        return self._table(*self._plan)

    def outside(self) -> "pd.DataFrame":
        """Return one row per stored trial outside the present plan, with the columns of `trials`.

        Variant, learning rate, seed and axes are those of the last plan that had the trial. They are missing, and
        `axes` is empty, if that plan is unknown.
        """
        ids, former = self.outside_ids(), former_plans.read_former(self._db)
        unknown = {"variant": None, "learning_rate": None, "seed": None, "axes": "{}"}
        rows = [
            former.get(trial, {"trial": trial, "program": self._intact[trial].row["program"], **unknown})
            for trial in ids
        ]
        # A plan may have a million rows, and most folders have no such trial.
        table = self._table(rows, self._plan[1] if ids else {})
        # Where some are unknown, pandas would have other types.
        return table.astype({"learning_rate": "float64", "seed": "Int64"})

    def history(self, outside: bool = False) -> "pd.DataFrame":
        """Return one row per trial and epoch of the present plan, or of the trials outside it."""
        import numpy as np
        import pandas as pd

        ended = self.outside_ids() if outside else self._ended
        epochs = [self._intact[trial].epochs for trial in ended]
        values = np.concatenate([np.empty((0, len(integrity.EPOCH_COLUMNS))), *epochs])
        table = pd.DataFrame(dict(zip(integrity.EPOCH_COLUMNS, values.T, strict=True)))
        table.insert(0, "trial", np.repeat(np.array(ended, object), [len(part) for part in epochs]))
        percentiles = [integrity.pre_activation_percentiles(self._intact[trial]) for trial in ended]
        table[list(PRE_ACTIVATIONS)] = np.concatenate([np.empty((0, len(PRE_ACTIVATIONS))), *percentiles])
        return table.astype({"epoch": "int64", "step": "int64"})

    def series(self, outside: bool = False) -> "list[Row]":
        """Return the rows of `measurements` of the trials of the present plan, or of those outside it.

        `measurements.series_table` makes a table of them.
        """
        ended = self.outside_ids() if outside else self._ended
        return [row for trial in ended for row in self._intact[trial].measurements]

    def step_losses(self, trial: str) -> "NDArray[np.float32]":
        """Return the loss of every mini-batch of a trial, (steps,)."""
        import numpy as np

        stored = self._read_trial(trial)
        if stored is None:
            raise ResultsError(f"{self.folder}: no intact trial {trial} is stored here")
        losses = integrity.decompress_step_losses(stored.row)
        if losses is None:
            raise ResultsError(
                f"{self.folder / DATABASE}: the losses of {trial} are damaged; `bnbench repair` removes this trial"
            )
        return np.frombuffer(losses, "<f4")

    def planned(self) -> int:
        """Return the number of trials in the present plan.

        Of a part of a sweep these are the trials of the part, and those of the plan that are stored here nevertheless,
        because the part had more seeds before.

        Raises:
            ResultsError: the plan is damaged.
        """
        return self._count_planned() if self._plan else 0

    def planned_values(self) -> dict[str, set[Any]]:
        """Return the values that the present plan has of `variant`, `learning_rate`, `seed` and `axes` (JSON)."""
        planned, _ = self._plan
        return {name: {row[name] for row in planned} for name in ("variant", "learning_rate", "seed", "axes")}

    def environment(self) -> str:
        """Return the text of environment.json of the last run that trained; empty if it is unknown."""
        return read_note(self._db, "environment") or ""

    def set_environment(self, text: str) -> None:
        """Store the text of environment.json."""
        with self._transaction():
            write_note(self._db, "environment", text)

    @cached_property
    def _plan(self) -> tuple[list[Row], dict[str, dict[str, Any]]]:
        """The rows of the present plan, and the programs by key.

        Raises:
            ResultsError: the plan or the programs are damaged.
        """
        planned = integrity.rows_as_dicts(self._db.execute(PLAN))
        programs = integrity.rows_as_dicts(self._db.execute(PROGRAMS))
        row = self._db.execute("SELECT checksum FROM notes WHERE name = 'plan'").fetchone()
        if (row and row[0] != plan_checksum(self._db)) or not _is_valid_plan(planned, programs):
            raise ResultsError(
                f"{self.folder / DATABASE}: its plan is damaged; `bnbench run` with its config writes it again"
            )
        return list(map(with_short_names, planned)), {row["key"]: row for row in programs}

    @cached_property
    def _intact(self) -> dict[str, StoredTrial]:
        """The intact trials by id. The first use logs a warning if others are damaged."""
        intact, damaged = read_trials(self._db)
        if damaged:
            count = f"{len(damaged)} of {len(intact) + len(damaged)} trials"
            problem = f"{count} are damaged ({first_few(damaged)}) and left out"
            log.warning("%s: %s; `bnbench run` trains them again", self.folder / DATABASE, problem)
        return intact

    def _table(self, planned: Iterable[Row], programs: Mapping[str, Row]) -> "pd.DataFrame":
        """Return one row for each trial of a plan that has ended."""
        rows = [
            table_row(row, stored, programs[row["program"]])
            for row in planned
            if (stored := self._intact.get(row["trial"])) and row["program"] in programs
        ]
        return as_table(rows)

    def _planned_and_stored(self) -> list[Row]:
        """Return the rows of the present plan whose trials are stored; none if the plan is damaged."""
        if not self._db.execute("SELECT 1 FROM trials LIMIT 1").fetchone():
            return []
        stored = {trial for (trial,) in self._db.execute("SELECT id FROM trials")}
        try:
            return [row for row in self._plan[0] if row["trial"] in stored]
        except ResultsError:
            return []

    def _count_planned(self) -> int:
        chosen = seeds_of_part(self._db)
        if chosen is None:
            return int(self._db.execute("SELECT count(*) FROM plan").fetchone()[0])
        query = "SELECT seed, count(*), count(id) FROM plan LEFT JOIN trials ON plan.trial = id GROUP BY seed"
        return sum(count if seed in chosen else stored for seed, count, stored in self._db.execute(query))

    def _seal_plan(self) -> None:
        self._insert("notes", [{"name": "plan", "text": "", "checksum": plan_checksum(self._db)}])

    @cached_property
    def _ended(self) -> list[str]:
        """The trials of the present plan that have ended, each once, in the order of the plan."""
        return [trial for trial in dict.fromkeys(row["trial"] for row in self._plan[0]) if trial in self._intact]

    def _has_result(self, trial: str) -> bool:
        """Return True if a trial is stored intact and has not failed."""
        stored = self._read_trial(trial)
        return stored is not None and stored.row["status"] != "failed"

    def _read_trial(self, trial: str) -> StoredTrial | None:
        """Read one trial; return None if it has not ended or is damaged."""
        row, epochs, measurements = trial_rows(self._db, trial)
        return integrity.check_trial(row, epochs, measurements) if row else None

    def _forget(self, *names: str) -> None:
        """Drop what has been read, so that the next use reads it again."""
        for name in names:
            self.__dict__.pop(name, None)

    def _insert(self, table: str, rows: Iterable[Row]) -> None:
        database.insert_rows(self._db, table, rows)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with database.translate_errors(self.folder / DATABASE), self._db:
            yield


def as_table(rows: Sequence[Mapping[str, Any]]) -> "pd.DataFrame":
    """Return rows of trials as a table with the columns of `Store.trials`."""
    import pandas as pd

    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(dict.fromkeys(REAL, "float64"))


def read_trials(connection: sqlite3.Connection) -> tuple[dict[str, StoredTrial], set[str]]:
    """Return the intact trials of a database by id, and the ids of damaged ones."""
    collects = gc.isenabled()
    # Otherwise the garbage collector visits every row several times: 0.2 s for 10,000 trials.
    gc.disable()
    try:
        rows = integrity.rows_as_dicts(connection.execute("SELECT * FROM trials"))
        measurements = integrity.rows_as_dicts(connection.execute("SELECT * FROM measurements ORDER BY trial"))
        history = connection.execute("SELECT * FROM history ORDER BY trial, epoch")
        return integrity.split_intact(rows, history, measurements)
    finally:
        if collects:
            gc.enable()


def seal_trial(connection: sqlite3.Connection, trial: str) -> None:
    """Store the checksum of a trial, computed from its rows as SQLite returns them."""
    checksum = integrity.trial_checksum(integrity.assemble_trial(*trial_rows(connection, trial)))
    connection.execute("UPDATE trials SET checksum = ? WHERE id = ?", (checksum, trial))


def trial_rows(
    connection: sqlite3.Connection, trial: str
) -> tuple[dict[str, Any], list[Sequence[Any]], list[dict[str, Any]]]:
    """Return the rows of a trial in `trials` (an empty mapping if there is none), `history` and `measurements`."""
    rows = integrity.rows_as_dicts(connection.execute("SELECT * FROM trials WHERE id = ?", (trial,)))
    epochs = connection.execute("SELECT * FROM history WHERE trial = ? ORDER BY epoch", (trial,)).fetchall()
    measurements = connection.execute("SELECT * FROM measurements WHERE trial = ?", (trial,))
    return rows[0] if rows else {}, epochs, integrity.rows_as_dicts(measurements)


def plan_checksum(connection: sqlite3.Connection) -> str:
    """Return the checksum of the present plan and its programs."""
    return integrity.rows_checksum(*(connection.execute(query) for query in (PLAN, PROGRAMS)))


def _is_valid_plan(planned: Sequence[Mapping[str, Any]], programs: Sequence[Mapping[str, Any]]) -> bool:
    """Return True if the rows of a plan are valid. The database may come from another person."""
    return (
        all(former_plans.axes_are_valid(axes) for axes in {row["axes"] for row in planned})
        and all(database.has_valid_types("plan", row) and integrity.ID.fullmatch(row["trial"]) for row in planned)
        and all(database.has_valid_types("programs", row) for row in programs)
        and all(row["classes"] >= 0 and row["validation_rows"] > 0 for row in programs)
    )


@contextmanager
def open_for_writing(folder: Path) -> Iterator[Store]:
    """Open a results folder for this process alone; create it if it is missing.

    Raises:
        ResultsError: the folder cannot be written, another process uses it, or its database is damaged or too new.
    """
    with lock_folder(folder), open_locked(folder) as opened:
        yield opened


@contextmanager
def open_locked(folder: Path) -> Iterator[Store]:
    """Open a results folder that this process has locked with `lock_folder`.

    Raises:
        ResultsError: the folder cannot be written, or its database is damaged or too new.
    """
    path = folder / DATABASE
    with closing(database.open_database(path, write=True)) as connection, database.translate_errors(path):
        yield Store(folder, connection)


@contextmanager
def open_for_reading(folder: Path) -> Iterator[Store]:
    """Open a results folder for reading, as it is at this moment.

    Raises:
        ResultsError: there are no results, or the database is damaged or has a newer format.
    """
    require_results(folder)
    path = folder / DATABASE
    with closing(database.open_database(path, write=False)) as connection, database.translate_errors(path):
        connection.execute("BEGIN")
        yield Store(folder, connection)


def first_few(trials: Iterable[object]) -> str:
    """Return the first three ids as text: `a, b, c, ...`"""
    ids = sorted(map(printable, trials))
    more = ["..."] if len(ids) > 3 else []
    return ", ".join(ids[:3] + more)
