"""Results folders with made-up trials of three epochs, for tests that train nothing."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from bnbench.planning.plan import Plan
from bnbench.planning.trial import Divergence, Epoch, FinalProbeValues, Result, Scores
from bnbench.store import results_dir, store
from support.examples import make_plan


def end(plan: Plan, number: int, accuracy: float | None) -> Result:
    """Return a trial of three epochs with dead units and this final score; None: it diverged in its first epoch."""
    trial = plan.trials[number]
    start = Epoch(0, 0, None, None, 1.1, 1 / 3, 0.0)
    if accuracy is None:
        return Result(trial.id, "p", 57, (start,), np.ones(2, np.float32), Divergence("nonfinite", 2))
    epochs = (start, *(Epoch(i, 6 * i, 1 / i, 0.5, 1.1 / i, accuracy * i / 3, 0.1 * i) for i in (1, 2, 3)))
    scores, probe = Scores(0.5, accuracy), FinalProbeValues(0.4, 1 / 3, 0.8, "activation_0")
    return Result(trial.id, "p", 57, epochs, np.ones(18, np.float32), None, scores, 3, scores, probe=probe)


def finished(folder: Path, accuracies: list[float | None], **changes: Any) -> Path:
    plan = make_plan(**changes)
    with store.open_for_writing(folder) as opened:
        # Waiting for the disk would take most of the time, and only matters when the power fails.
        opened._db.execute("PRAGMA synchronous = OFF")
        opened.set_plan(plan)
        for number, accuracy in enumerate(accuracies):
            opened.add(end(plan, number, accuracy))
    results_dir.write_text(folder / results_dir.CONFIG, plan.experiment.to_yaml())
    return folder


def change(folder: Path, statement: str, values: Sequence[object] = ()) -> None:
    """Change stored trials or epochs, with checksums as if they had been stored so."""
    with closing(sqlite3.connect(folder / store.DATABASE)) as database, database:
        database.execute(statement, values)
        for (trial,) in database.execute("SELECT id FROM trials").fetchall():
            store.seal_trial(database, trial)


MIXED: list[float | None] = [0.8, 0.9, 0.7, None, 0.9, 0.95, None, None]
