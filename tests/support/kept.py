"""Results folders of made-up trials, for tests that train nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bnbench.planning.plan import Trial
from bnbench.planning.trial import Divergence, Epoch, Fault, FinalProbeValues, Result, Scores
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from support.examples import make_plan


def end(trial: Trial, accuracy: float | str, steps: int = 6) -> Result:
    """Return a trial that ended with this score on every part.

    `nonfinite`: it diverged at step 2; `failed`: it failed; `constant`: it gives every row the same class.
    """
    start = Epoch(0, 0, None, None, 1.1, 1 / 3, 0.0)
    if accuracy == "nonfinite":
        return Result(trial.id, "p", 57, (start,), np.ones(2, np.float32), Divergence("nonfinite", 2))
    if accuracy == "failed":
        return Result(trial.id, "p", 57, fault=Fault("MemoryError: none left", "Traceback"))
    score = 1 / 3 if accuracy == "constant" else float(accuracy)
    probe = (
        FinalProbeValues(1.0, 1 / 3, 1.0, "activation_0")
        if accuracy == "constant"
        else FinalProbeValues(0.4, 1 / 3, 0.1, "activation_0")
    )
    epochs = (start, Epoch(1, steps, 0.5, score, 1 - score, score, 0.1))
    return Result(trial.id, "p", 57, epochs, np.ones(steps, np.float32), None, Scores(1 - score, score), 1, probe=probe)


def keep(folder: Path, ends: Sequence[float | str | None], steps: int = 6, **changes: Any) -> Path:
    """Store the first trials of the small experiment, with keys changed, and return the folder; chance is 1/3.

    None is a trial that has not finished.
    """
    plan = make_plan(**changes)
    with store.open_for_writing(folder) as opened:
        # Waiting for the disk would take most of the time, and only matters when the power fails.
        opened._db.execute("PRAGMA synchronous = OFF")
        opened.set_plan(plan)
        for trial, accuracy in zip(plan.trials, ends, strict=False):
            if accuracy is not None:
                opened.add(end(trial, accuracy, steps))
    results_dir.write_text(folder / results_dir.CONFIG, plan.experiment.to_yaml())
    return folder


NORMS: dict[str, object] = {"plain": "none", "batchnorm": {"batch": {"momentum": 0.9}}, "layernorm": "layer"}
RATES = [0.01, 0.1, 1.0, 10.0]
Cells = Mapping[str, Sequence[Sequence[float | str | None]]]


def compared(folder: Path, *places: Cells, **changes: Any) -> Results:
    """Return the results of variants by name: for each of the rates 0.01, 0.1, 1, 10 how its seeds ended.

    With 15 validation rows, a score up to 0.698 is chance. Several `places` are the values of a further axis.
    """
    cells = list(places[0].values())
    settings: dict[str, Any] = {
        "variants": {name: {"norm": NORMS.get(name, "batch")} for name in places[0]},
        "sweep__learning_rate": RATES[: len(cells[0])],
        "sweep__seeds": len(cells[0][0]),
    }
    if len(places) > 1:
        settings["sweep__grid"] = {"model.params.units": [4 + i for i in range(len(places))]}
    ends = [end for place in places for rates in place.values() for seeds in rates for end in seeds]
    return Results(keep(folder, ends, **(settings | changes)))
