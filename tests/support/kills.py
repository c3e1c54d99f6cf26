"""SIGKILL at random moments of sweeps: what is lost, and whether the results equal those of an undisturbed run."""

import logging
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pandas as pd
import psutil
import yaml

import bnbench

RUN = (sys.executable, "-m", "bnbench", "run", "--quiet", "--jobs", "2")
log = logging.getLogger(__name__)
VICTIMS = ("worker", "coordinator", "both")
# The longest time of an undisturbed run, in seconds.
PATIENCE = 600
# These columns differ between runs; all others are the same.
OF_A_RUN = ("seconds", "seconds_per_step", "worker")
SWEEP = {
    "name": "killed",
    "data": {"name": "digits", "scale": "unit", "limit": 100},
    "model": {"layers": ["flatten", {"dense": 8}, "norm", {"activation": "relu"}, {"dense": "$classes"}]},
    "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
    "train": {"epochs": 20, "batch_size": 8},
    "sweep": {"learning_rate": [0.01, 0.1, 1.0, 1000.0], "seeds": 10},
}


class Running(Protocol):
    """A command that runs; `subprocess.Popen` is one."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def wait(self, timeout: float | None = None) -> int:
        """Return its exit code.

        Raises:
            subprocess.TimeoutExpired: it still runs.
        """

    def kill(self) -> None:
        """Send it SIGKILL."""


def start_command(folder: Path) -> Running:
    """Start the real command in a folder."""
    words = [*RUN, "killed.yaml"]
    return subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(times: int, start: Callable[[Path], Running] = start_command, seed: int = 0) -> dict[str, int]:
    """Kill a worker, the coordinator or both at this many random moments, sweep after sweep.

    A sweep is disturbed until it ends by itself. Then the same command runs again and must find or train every trial.

    Args:
        start: starts `bnbench run` of `killed.yaml` in a folder, with two workers.

    Returns:
        The number of kills by victim, of sweeps, of trials that are lost or stored twice, and of sweeps whose tables
        differ from those of the undisturbed run.
    """
    chance = random.Random(seed)
    counts = Counter(dict.fromkeys((*VICTIMS, "sweeps", "lost", "twice", "different"), 0))
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "killed.yaml").write_text(yaml.safe_dump(SWEEP), encoding="utf-8")
        began = time.monotonic()
        _complete(start(folder))
        duration = time.monotonic() - began
        wanted = _tables(folder)
        while sum(counts[victim] for victim in VICTIMS) < times:
            shutil.rmtree(folder / "results")
            counts["sweeps"] += 1
            while _disturbed(start(folder), chance, counts, duration, times):
                pass
            _complete(start(folder))
            found = _tables(folder)
            ids, stored = set(wanted[0]["trial"]), found[0].loc[found[0]["status"] != "failed", "trial"]
            counts["lost"] += len(ids - set(stored))
            counts["twice"] += int(stored.duplicated().sum())
            counts["different"] += not all(map(pd.DataFrame.equals, found, wanted))
            log.info("%s", dict(counts))
    return dict(counts)


def _tables(folder: Path) -> list[pd.DataFrame]:
    found = bnbench.open(folder / "results" / "killed")
    return [
        table.drop(columns=list(OF_A_RUN), errors="ignore") for table in (found.trials, found.history, found.summary)
    ]


def _complete(process: Running) -> None:
    """Wait for an undisturbed command."""
    try:
        code = process.wait(PATIENCE)
    except BaseException:
        process.kill()
        raise
    if code:
        raise RuntimeError(f"the command ended with exit code {code}")


def _workers(process: Running) -> list[psutil.Process]:
    """Return the workers of a command; none if it has just ended."""
    try:
        return psutil.Process(process.pid).children()
    except psutil.NoSuchProcess:
        return []


def _kill(worker: psutil.Process) -> bool:
    """Kill a worker; return False if it has ended."""
    try:
        worker.kill()
    except psutil.NoSuchProcess:
        return False
    return True


def _disturbed(process: Running, chance: random.Random, counts: Counter[str], duration: float, times: int) -> bool:
    """Kill a command or its workers; return True if the command was killed and must be started again."""
    try:
        while sum(counts[victim] for victim in VICTIMS) < times:
            with suppress(subprocess.TimeoutExpired):
                process.wait(chance.uniform(0, duration))
                return False
            victim = chance.choice(VICTIMS)
            workers = _workers(process)
            # There may be no worker yet, or the chosen one has just ended.
            if victim != "coordinator" and not (workers and _kill(chance.choice(workers))):
                continue
            if victim != "worker":
                process.kill()
            counts[victim] += 1
            if victim != "worker":
                process.wait(PATIENCE)
                return True
        process.wait(PATIENCE)
        return False
    except BaseException:
        process.kill()
        raise
