"""The time of `bnbench report` and `bnbench show` for made-up results, which nothing has trained.

The sweeps have 100 to 100,000 trials of two variants, and one has 512 cells: two variants at each of 256 settings of
eight further axes. `python -m benchmarks.reports write FOLDER SWEEP` writes the results of one of them.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.data.types import DataDirs
from bnbench.execution.sweep import prepare_plan
from bnbench.planning.plan import Plan, Program, Trial
from bnbench.planning.trial import Divergence, Epoch, Result, Scores
from bnbench.store import results_dir, store

EPOCHS = 20
AXES = [f"units_{i}" for i in range(8)]
# The rate up to which each variant trains.
EDGES = {"plain": 0.3, "batchnorm": 3.0}
COMMANDS = {"report": ["report"], "show": ["show"]}


def rates(seeds: int, points: int) -> dict[str, Any]:
    """Return a sweep over learning rates."""
    return {"learning_rate": {"from": 1e-4, "to": 1e2, "points": points}, "seeds": seeds}


SWEEPS: Mapping[str, dict[str, Any]] = {
    "100 trials": rates(5, 10),
    "1,000 trials": rates(20, 25),
    "10,000 trials": rates(100, 50),
    "100,000 trials": rates(1000, 50),
    "512 cells on 8 axes": rates(3, 3) | {"grid": {f"model.params.{axis}": [8, 16] for axis in AXES}},
}


class Cost(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def experiment(sweep: Mapping[str, Any]) -> dict[str, Any]:
    """Return an experiment with a sweep. Each axis is the width of a layer."""
    widths = AXES if "grid" in sweep else AXES[:1]
    layers = [part for axis in widths for part in ({"dense": f"${axis}"}, "norm", {"activation": "relu"})]
    return {
        "name": "made-up",
        "data": {"name": "digits"},
        "model": {"params": dict.fromkeys(widths, 8), "layers": ["flatten", *layers, {"dense": "$classes"}]},
        "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": {"batch": {"momentum": 0.9}}}},
        "train": {"epochs": EPOCHS, "batch_size": 64},
        "sweep": dict(sweep),
    }


def write_results(folder: Path, sweep: Mapping[str, Any]) -> None:
    """Write the results folder of a sweep as a run leaves it before its report."""
    plan = prepare_plan(experiment(sweep), {}, DataDirs())
    with store.open_for_writing(folder) as opened:
        # Waiting for the disk would take most of the time.
        opened._db.execute("PRAGMA synchronous = OFF")
        opened.set_plan(plan)
        for result in made_up_results(plan):
            opened.add(result)
    results_dir.write_text(folder / results_dir.CONFIG, plan.experiment.to_yaml())


def made_up_results(plan: Plan) -> Iterator[Result]:
    """Yield a result for each trial: it learns up to the edge of its variant, then stays at chance, then diverges."""
    noise = np.random.default_rng(0)
    for cohort in plan.cohorts:
        for trial in cohort.trials:
            yield made_up_result(cohort.program, trial, noise.normal(0, 0.01, EPOCHS + 1))


def made_up_result(program: Program, trial: Trial, noise: NDArray[np.float64]) -> Result:
    """Return a result whose curve has this noise, (epochs + 1,)."""
    steps, distance = program.steps_per_epoch, trial.learning_rate / EDGES[trial.variant]
    if distance > 10:
        lost = (Epoch(0, 0, None, None, 2.3, 0.1, 0.0),)
        divergence = Divergence("nonfinite", 3)
        return Result(trial.id, program.key, 1000, lost, np.ones(3, np.float32), divergence, seconds=0.1, engine="xla")
    top = 0.97 if distance <= 1 else 0.1
    learned = 1 - np.exp(-np.arange(EPOCHS + 1) * 10 * max(distance, 0.001) ** 0.5)
    score = np.clip(0.1 + (top - 0.1) * learned + noise, 0.0, 1.0).round(4)
    loss = 2.4 - 2.3 * score
    epochs = tuple(
        Epoch(i, i * steps, *((loss[i] * 0.9, score[i]) if i else (None, None)), loss[i], score[i], 0.05 * i)
        for i in range(EPOCHS + 1)
    )
    final = Scores(float(loss[-1]), float(score[-1]))
    return Result(
        trial.id, program.key, 1000, epochs, np.full(steps * EPOCHS, loss[-1], np.float32), test=final,
        best_epoch=int(score.argmax()), best_test=final, fitted=final, seconds=0.05 * EPOCHS, seconds_per_step=0.002,
        engine="xla", worker="none",
    )  # fmt: skip


def cost(command: Sequence[str]) -> Cost:
    """Return what a command of bnbench takes, in a process of its own."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "bnbench", *command], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def measure(pairs: int, sweeps: Sequence[str] = tuple(SWEEPS)) -> pd.DataFrame:
    """Return one row per sweep, command and round."""
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        for name in sweeps:
            folder = Path(directory) / name
            write_results(folder, SWEEPS[name])
            for number in range(pairs):
                for title, words in COMMANDS.items():
                    rows.append(
                        {"sweep": name, "command": title, "round": number} | cost([*words, str(folder)])._asdict()
                    )
                    print(f"  reports: {rows[-1]}", file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def summary(measured: pd.DataFrame) -> pd.DataFrame:
    """Return one row per sweep and command: the median over rounds, and lowest and highest."""
    groups = measured.groupby(["sweep", "command"], sort=False)
    parts = {name: groups[name].median() for name in Cost._fields}
    ends = {"lowest": groups["seconds"].min(), "highest": groups["seconds"].max()}
    return pd.DataFrame(parts | ends).reset_index()


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_results(Path(sys.argv[2]), SWEEPS[sys.argv[3]])
    else:
        print(summary(measure(int(sys.argv[1]), sys.argv[2:] or tuple(SWEEPS))).to_string(index=False))
