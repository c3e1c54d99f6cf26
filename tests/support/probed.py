"""Results folders of made-up trials with measurements of probes, for tests that train nothing."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bnbench.analysis.asked_probes import PROBED
from bnbench.planning.plan import Trial
from bnbench.planning.trial import Epoch, Series
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from support.examples import make_plan
from support.kept import RATES, end

# Three seeds; plain trains up to 0.1, and batchnorm up to 1.
SCORES: Mapping[str, list[float | str]] = {
    "plain": [0.9, 0.9, "constant", "nonfinite"],
    "batchnorm": [0.8, 0.9, 0.9, "constant"],
}
SEEDS = 3
Measure = Callable[[Trial], list[Series]]


def series(name: str, points: Mapping[float, float], layer: str = "") -> Series:
    """Return a series from its values by position."""
    return Series(name, layer, "", np.array(list(points), np.float64), np.array(list(points.values()), np.float64))


def asked(probe: str) -> Series:
    """Return the series that says that a trial ran a probe."""
    return series(PROBED, {0.0: 0.0}, probe)


def probed(folder: Path, measure: Measure, **changes: Any) -> Results:
    """Return the results of SCORES, each trial with what `measure` returns for it, at the rates 0.01, 0.1, 1 and 10.

    Trials have 6 steps with a loss of 1; those that diverge do so at step 2.
    """
    plan = make_plan(**{"sweep__learning_rate": RATES, "sweep__seeds": SEEDS, **changes})
    with store.open_for_writing(folder) as opened:
        # Waiting for the disk would take most of the time, and only matters when the power fails.
        opened._db.execute("PRAGMA synchronous = OFF")
        opened.set_plan(plan)
        for trial in plan.trials:
            score = SCORES[trial.variant][RATES.index(trial.learning_rate)]
            opened.add(replace(end(trial, score), measurements=tuple(measure(trial))))
    results_dir.write_text(folder / results_dir.CONFIG, plan.experiment.to_yaml())
    return Results(folder)


def trained_for(folder: Path, scores: Callable[[Trial, int], float], epochs: int) -> Results:
    """Return results whose trials have these validation scores after each epoch, from 1; chance is 1/3."""
    plan = make_plan(sweep__learning_rate=RATES, sweep__seeds=SEEDS, train__epochs=epochs)
    with store.open_for_writing(folder) as opened:
        opened._db.execute("PRAGMA synchronous = OFF")
        opened.set_plan(plan)
        for trial in plan.trials:
            known = [scores(trial, epoch) for epoch in range(1, epochs + 1)]
            history = [Epoch(i, 6 * i, 0.5, score, 1 - score, score, 0.1 * i) for i, score in enumerate(known, start=1)]
            done = end(trial, known[-1], 6 * epochs)
            opened.add(replace(done, epochs=(done.epochs[0], *history)))
    results_dir.write_text(folder / results_dir.CONFIG, plan.experiment.to_yaml())
    return Results(folder)
