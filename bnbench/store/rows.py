"""Results and plans -> rows of trials.db, and stored trials -> rows of the tables of a sweep; all by column name."""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bnbench.analysis.columns import KEYS, OUTCOMES, RESTORED_EPOCH
from bnbench.config.types import MAX_AXIS, MAX_NAME
from bnbench.errors import shorten_name
from bnbench.store import integrity
from bnbench.store.integrity import EPOCH_COLUMNS, StoredTrial
from bnbench.store.privacy import without_paths
from bnbench.store.tables import HISTORY_TABLE, TRIALS_TABLE

if TYPE_CHECKING:
    from bnbench.planning.plan import ChosenCohort, Cohort, Program
    from bnbench.planning.trial import Result, Scores

Row = Mapping[str, Any]

PLANNED = ("trial", "variant", "learning_rate", "seed", "axes")
# Columns of trials that only the store uses; `Store.trials` returns the other columns.
INTERNAL = {"id", "program", "traceback", "step_losses", "checksum", "pre_activations", "source"}
OF_TRIAL = tuple(name for name in TRIALS_TABLE.names() if name not in INTERNAL)
OF_FINAL_EPOCH = tuple(name for name in EPOCH_COLUMNS if name.startswith(("train_", "validation_")))
OF_PROGRAM = ("classes", "train_rows", "validation_rows")
COLUMNS = (*PLANNED, *OF_TRIAL, "epochs", RESTORED_EPOCH, *OF_FINAL_EPOCH, "initial_loss", *OF_PROGRAM)
SQL_COLUMNS = (*TRIALS_TABLE.columns, *HISTORY_TABLE.columns)
REAL_COLUMNS = {column.name for column in SQL_COLUMNS if column.is_real} | {"initial_loss"}
# Columns of floating-point numbers. If a column has no value at all, pandas would give it another type.
REAL = tuple(name for name in COLUMNS if name in REAL_COLUMNS)
# Names that no axis of a sweep may have: tables have columns of these names.
RESERVED = {*COLUMNS, *(column.name for column in (*KEYS, *OUTCOMES))}


def program_row(program: "Program") -> Row:
    """Return the row of `programs` for a program."""
    return {
        "key": program.key,
        "classes": len(program.facts.classes),
        "train_rows": program.sizes.train,
        "validation_rows": program.sizes.validation,
        "test_rows": program.sizes.test,
        "steps_per_epoch": program.steps_per_epoch,
        "validation_is_test": program.data.split.validation == "test",
    }


def plan_rows(cohort: "Cohort | ChosenCohort") -> Iterator[Row]:
    """Return the rows of `plan` for the trials of a cohort."""
    for trial in cohort.trials:
        yield {
            "number": trial.number,
            "trial": trial.id,
            "program": cohort.program.key,
            "variant": trial.variant,
            "learning_rate": trial.learning_rate,
            "seed": trial.seed,
            "axes": json.dumps(dict(trial.axes)),
        }


def trial_row(result: "Result") -> Row:
    """Return the row of `trials` for a result, without its checksum."""
    fault, divergence = result.fault, result.divergence
    return {
        "id": result.trial,
        "program": result.program,
        "status": result.status,
        "divergence": divergence and divergence.kind,
        "diverged_at_step": divergence and divergence.step,
        "steps": len(result.step_losses),
        "parameters": result.parameters,
        **_score_columns("test", result.test),
        "best_epoch": result.best_epoch,
        **_score_columns("best_test", result.best_test),
        **_score_columns("fitted", result.fitted),
        "seconds": result.seconds,
        "seconds_per_step": result.seconds_per_step,
        "engine": result.engine,
        "worker": result.worker,
        "reason": fault and without_paths(fault.reason),
        "traceback": fault and without_paths(fault.traceback),
        "step_losses": zlib.compress(result.step_losses.astype("<f4").tobytes()),
        "bn_mode_gap": result.bn_mode_gap,
        **asdict(result.probe),
        "gradient_growth": result.gradient_growth,
        "pre_activations": json.dumps(result.pre_activations) if result.pre_activations else None,
    }


def _score_columns(part: str, scores: "Scores") -> Row:
    return {f"{part}_loss": scores.loss, f"{part}_accuracy": scores.accuracy}


def history_rows(result: "Result") -> list[Row]:
    """Return the rows of `history` for a result."""
    return [{"trial": result.trial, **asdict(epoch)} for epoch in result.epochs]


def measurement_rows(result: "Result") -> list[Row]:
    """Return the rows of `measurements` for a result."""
    return [
        {
            "trial": result.trial,
            "name": series.name,
            "layer": series.layer,
            "unit": series.unit,
            "positions": series.positions.astype("<f8").tobytes(),
            "values": series.values.astype("<f8").tobytes(),
        }
        for series in result.measurements
    ]


def with_short_names(planned: Row) -> Row:
    """Return a row of `plan` with names that tables and figures can show.

    Only a database that bnbench did not write has longer names.
    """
    if len(planned["variant"]) <= MAX_NAME and len(planned["axes"]) <= MAX_AXIS:
        return planned
    axes = {shorten_name(name, MAX_AXIS): value for name, value in json.loads(planned["axes"]).items()}
    return {**planned, "variant": shorten_name(planned["variant"], MAX_NAME), "axes": json.dumps(axes)}


def table_row(planned: Row, stored: StoredTrial, program: Row) -> dict[str, Any]:
    """Return a row of `Store.trials`: a trial as planned and as it ended.

    The scores of its last epoch, or of the epoch whose weights were restored, are those of the final weights, if these
    are finite.
    """
    row = {name: planned[name] for name in PLANNED} | {name: stored.row[name] for name in OF_TRIAL}
    row |= {name: program[name] for name in OF_PROGRAM}
    if len(stored.epochs):
        restored = integrity.restored_epoch(stored)
        final = dict(zip(EPOCH_COLUMNS, _epoch_row(stored, restored), strict=True))
        row |= {"epochs": int(stored.epochs[-1, 0]), RESTORED_EPOCH: restored}
        row |= {name: final[name] for name in OF_FINAL_EPOCH}
        row["initial_loss"] = float(stored.epochs[0][EPOCH_COLUMNS.index("validation_loss")])
    return row


def _epoch_row(stored: StoredTrial, epoch: int | None) -> list[float]:
    """Return the values of an epoch, or of the last one."""
    rows = stored.epochs[-1:] if epoch is None else stored.epochs[stored.epochs[:, 0] == epoch]
    return list(rows[0].tolist())
