"""Many trials: the time of commands with 10,000 stored trials, and whether memory grows while 2,000 are trained."""

import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import yaml

from bnbench.data.types import DataDirs
from bnbench.execution import sweep
from bnbench.planning.plan import Trial
from bnbench.planning.trial import Epoch, FinalProbeValues, Result, Scores
from bnbench.store import store

COMMAND = (sys.executable, "-m", "bnbench")
EPOCHS, STEPS = 30, 300  # of each trial of the store
BEGINS = re.compile(r"\d+ trials, (\d+) finished, (\d+) to train")
ENDED = re.compile(r"\[[\d:]+\] (\d+) of \d+: ")
SWEEP = {
    "name": "load",
    "data": {"name": "digits", "scale": "unit", "limit": 100},
    "model": {"layers": ["flatten", {"dense": 8}, "norm", {"activation": "relu"}, {"dense": "$classes"}]},
    "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
    "train": {"epochs": 3, "batch_size": 10},
}


def _write(folder: Path, seeds: int) -> Path:
    path = folder / "load.yaml"
    rates = {"learning_rate": {"from": 1e-4, "to": 1, "points": 10}, "seeds": seeds}
    path.write_text(yaml.safe_dump(SWEEP | {"sweep": rates}), encoding="utf-8")
    return path


def _result(trial: Trial, program: str) -> Result:
    """Return the result of a trial that learned something, with a little noise."""
    noise = np.random.default_rng(trial.number)
    accuracy = 0.9 - 0.02 * noise.random(EPOCHS + 1)
    loss = 0.3 + 0.02 * noise.random(EPOCHS + 1)
    epochs = [Epoch(i, 10 * i, loss[i], accuracy[i], loss[i], accuracy[i], 0.01 * i) for i in range(1, EPOCHS + 1)]
    scores = Scores(loss[-1], accuracy[-1])
    return Result(
        trial=trial.id,
        program=program,
        parameters=600,
        epochs=(Epoch(0, 0, None, None, 2.3, 0.1, 0.0), *epochs),
        step_losses=noise.random(STEPS, np.float32),
        test=scores,
        best_epoch=EPOCHS,
        best_test=scores,
        fitted=scores,
        bn_mode_gap=0.001,
        probe=FinalProbeValues(0.12, 0.1, 0.0, "activation_0"),
        seconds=0.3,
        seconds_per_step=1e-4,
        engine="xla",
        worker="pid 1",
    )


def commands(trials: int = 10_000, times: int = 3) -> dict[str, float]:
    """Return the median seconds of each command on a store of this many trials, each with 30 epochs and 300 steps.

    `resume` is the time of `run` with one more seed for each rate, until it begins to train.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        seeds = trials // 20
        path = _write(folder, seeds)
        plan = sweep.prepare_plan(path, {}, DataDirs.from_environment(None, True))
        with store.open_for_writing(folder / "results" / "load") as opened:
            opened.set_plan(plan)
            for cohort in plan.cohorts:
                for trial in cohort.trials:
                    opened.add(_result(trial, cohort.program.key))
        words = {"plan": ["plan", "load.yaml"], "show": ["show", "results/load"], "report": ["report", "results/load"]}
        calls: dict[str, Callable[[], object]] = {
            name: lambda more=more: subprocess.run(  # type: ignore[misc]
                [*COMMAND, *more], cwd=folder, check=True, stdout=subprocess.DEVNULL
            )
            for name, more in words.items()
        }
        calls["resume"] = lambda: _begin(folder, seeds + 1)
        return {name: statistics.median(_timed(call) for _ in range(times)) for name, call in calls.items()}


def _timed(call: Callable[[], object]) -> float:
    began = time.monotonic()
    call()
    return time.monotonic() - began


def _begin(folder: Path, seeds: int) -> None:
    """Run the command until its first line of progress."""
    words = [*COMMAND, "run", "load.yaml", "-o", f"sweep.seeds={seeds}"]
    with subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stderr or ():
            if BEGINS.search(line):
                process.kill()
                return
    raise RuntimeError("it never began to train")


def memory(trials: int = 2_000) -> dict[str, float]:
    """Return the bytes of the coordinator and its workers after 200 trials and at the end, and the relative growth.

    Each is the mean over 100 trials.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write(folder, trials // 20)
        sizes: list[int] = []
        with subprocess.Popen(
            [*COMMAND, "run", "load.yaml", "--jobs", "2", "--verbose"],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            coordinator = psutil.Process(process.pid)
            for line in process.stderr or ():
                if ENDED.match(line):
                    sizes.append(sum(one.memory_info().rss for one in (coordinator, *coordinator.children())))
        if process.returncode or len(sizes) != trials:
            raise RuntimeError(f"{len(sizes)} of {trials} trials ended, exit code {process.returncode}")
    early, late = float(np.mean(sizes[len(sizes) // 10 : len(sizes) // 10 + 100])), float(np.mean(sizes[-100:]))
    return {"trials": trials, "bytes after 200": early, "bytes at the end": late, "growth": late / early - 1}
