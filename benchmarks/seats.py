"""How far one coordinator goes: an executor whose seats train nothing, from one seat to a thousand.

`python -m benchmarks.seats` measures sweeps of made-up trials with the scheduler of the process pool and the store of a
real run. Each trial ends at once, so that the coordinator is all that takes time: its rate is where it saturates.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.reports import EPOCHS, made_up_result
from bnbench.data.types import DataDirs
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.protocols import ExecutorRequest
from bnbench.execution.sweep import SweepOptions, prepare_plan, run_sweep
from bnbench.planning.machine import this_machine
from bnbench.planning.resources import WorkerCount
from bnbench.planning.trial import Fault

RESULTS = Path(__file__).parent / "results" / "seats.csv"
SEATS = (1, 10, 100, 1000)
TRIALS = 100_000
# How long a trial seems to take when the scheduler decides whether starting another seat saves time.
SECONDS = 1.0
EXPERIMENT: dict[str, Any] = {
    "name": "made-up",
    "data": {"name": "digits"},
    "model": {"layers": ["flatten", {"dense": 8}, "norm", {"activation": "relu"}, {"dense": "$classes"}]},
    "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": {"batch": {"momentum": 0.9}}}},
    "train": {"epochs": EPOCHS, "batch_size": 64},
    "sweep": {"learning_rate": {"from": 1e-4, "to": 1e-2, "points": 50}, "seeds": 1000},
}


class Seat:
    """A seat that ends each trial at once."""

    def __init__(self, inbox: "SimpleQueue[Any]", number: int) -> None:
        self.name, self._inbox = f"seat {number}", inbox
        self._program: Any = None
        self._noise = np.zeros(EPOCHS + 1)
        self._answer("hello", ["none"])

    def _answer(self, kind: str, value: Any) -> None:
        self._inbox.put((self, (kind, value)))

    def send(self, task: Any) -> None:
        """Do a task."""
        kind, *rest = task
        if kind == "check":
            self._answer("checked", None)
        elif kind == "prepare":
            self._answer("prepared", None)
        else:
            if kind == "train":
                self._program, trial = rest[:2]
            else:
                (trial,) = rest
            result = made_up_result(self._program, trial, self._noise)
            fingerprint, machine = self._program.facts.fingerprint, this_machine()
            self._answer(
                "result", replace(result, fingerprint=fingerprint, machine=machine, threads=1, seconds=SECONDS)
            )

    def kill(self) -> None:
        """Do nothing."""

    stop = kill

    def cause_of_death(self) -> Fault:
        """Return a reason that never occurs."""
        return Fault("simulated", "")


class Starter:
    """Starts simulated seats."""

    def __init__(self) -> None:
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self._count = 0

    def start(self) -> Seat:
        """Start a seat."""
        self._count += 1
        return Seat(self.inbox, self._count)

    def close(self) -> None:
        """Do nothing."""


def simulate(seats: int, trials: int) -> dict[str, float]:
    """Run a sweep with so many seats; return its time and the memory of this process, which is the coordinator."""

    @contextmanager
    def open_pool(request: ExecutorRequest) -> Iterator[ProcessPool]:
        with ProcessPool(WorkerCount(seats), Starter()) as pool:
            yield pool

    seeds = max(1, trials // 100)
    plan = prepare_plan({**EXPERIMENT, "sweep": {**EXPERIMENT["sweep"], "seeds": seeds}}, {}, DataDirs())
    with tempfile.TemporaryDirectory() as folder:
        places = DataDirs(cache_dir=Path(folder) / "cache")
        options = SweepOptions(
            Path(folder) / "results", places, lambda _: None, open_executor=open_pool, time_steps=False
        )
        began, used = time.perf_counter(), time.process_time()
        run_sweep(plan, options)
        seconds, processor = time.perf_counter() - began, time.process_time() - used
        size = (Path(folder) / "results" / "trials.db").stat().st_size
    count = len(plan.trials)
    return {
        "seats": seats, "trials": count, "seconds": seconds, "trials per second": count / seconds,
        "processor ms per trial": 1000 * processor / count, "bytes on disk per trial": size / count,
        "peak MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def main() -> None:
    """Measure each number of seats in a process of its own; print the table and write it as CSV."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seats", description=__doc__.splitlines()[0])
    parser.add_argument("seats", nargs="*", type=int, default=SEATS)
    parser.add_argument("--trials", type=int, default=TRIALS)
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(simulate(options.seats[0], options.trials)))
        return
    rows = []
    for seats in options.seats:
        words = [sys.executable, "-m", "benchmarks.seats", str(seats), "--trials", str(options.trials), "--here"]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        rows.append(json.loads(done.stdout))
        print(rows[-1], file=sys.stderr, flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS, index=False, float_format="%.4g")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
