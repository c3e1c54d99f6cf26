"""Results folders of made-up trials, for tests that train nothing."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bnbench import store
from bnbench.plan import Trial
from bnbench.records import Divergence, Epoch, Fault, Result, Scores
from examples import make_plan


def end(trial: Trial, accuracy: float | str) -> Result:
    """A trial that ended with an accuracy on every part; `nonfinite`: it diverged at step 2, `failed`: it failed."""
    start = Epoch(0, 0, None, None, 1.1, 1 / 3, 0.0)
    if accuracy == "nonfinite":
        return Result(trial.id, "p", 57, (start,), np.ones(2, np.float32), Divergence("nonfinite", 2))
    if accuracy == "failed":
        return Result(trial.id, "p", 57, fault=Fault("MemoryError: none left", "Traceback"))
    score = float(accuracy)
    epochs = (start, Epoch(1, 6, 0.5, score, 1 - score, score, 0.1))
    return Result(trial.id, "p", 57, epochs, np.ones(6, np.float32), None, Scores(1 - score, score), 1)


def keep(folder: Path, ends: Sequence[float | str], **changes: Any) -> Path:
    """The folder of the small experiment, with keys changed, whose first trials ended so; chance is 1/3."""
    plan = make_plan(**changes)
    with store.claim(folder) as opened:
        opened.set_plan(plan)
        for trial, accuracy in zip(plan.trials, ends, strict=False):
            opened.add(end(trial, accuracy))
    store.write_text(folder / store.CONFIG, plan.experiment.to_yaml())
    return folder
