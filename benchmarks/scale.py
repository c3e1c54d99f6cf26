"""The cost of a trial without its training: `bnbench run` with a trainer that trains nothing.

It measures planning, dispatch to worker processes, the store, tables and figures, for 100 to 100,000 trials. `python -m
benchmarks.scale TRIALS` runs one of these sweeps and prints its seconds and its memory.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from bnbench.execution.progress import SilentProgress
from bnbench.planning.plan import Program, Trial
from bnbench.planning.trial import Epoch, OnEpoch, Result, Saving

VALUES = {
    "name": "scale",
    "data": {"name": "digits"},
    "model": {"layers": ["flatten", {"dense": 8}, "norm", {"dense": "$classes"}]},
    "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
    "train": {"epochs": 1},
}
COUNTS = (100, 1_000, 10_000, 100_000)


class Idle:
    """A `Trainer` that ends every trial at once."""

    def devices(self) -> list[str]:
        """Return no devices."""
        return []

    def check(self, program: Program) -> None:
        """Accept every program."""

    def train(self, program: Program, trials: Iterable[Trial], saving: Saving, on_epoch: OnEpoch) -> Iterator[Result]:
        """Yield results with a history of one epoch and a loss for each of its steps."""
        losses = np.ones(program.steps_per_epoch, np.float32)
        for trial in trials:
            epochs = (Epoch(0, 0, None, None, 2.0, 0.5, 0.0), Epoch(1, len(losses), 1.0, 0.75, 1.0, 0.75, 0.1))
            yield Result(trial.id, program.key, 3, epochs, losses, best_epoch=1, seconds=0.1, worker="none")


def peak() -> int:
    """Return the peak memory of this process in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class AtEnd(SilentProgress):
    """Records the memory when the last trial has been stored, before tables and figures are made."""

    bytes = 0

    def end(self) -> None:
        """Record the peak memory at the first call."""
        self.bytes = self.bytes or peak()


def one(trials: int) -> dict[str, float]:
    """Return the seconds of a sweep of this many trials, and the coordinator's peak bytes without and with a report."""
    import bnbench

    # Workers must be able to import the class, so `__main__` must not be its module.
    from benchmarks.scale import Idle
    from bnbench.execution import executors
    from bnbench.execution.process_pool import ProcessPool
    from bnbench.execution.protocols import ExecutorRequest
    from bnbench.execution.worker_starter import WorkerStarter
    from bnbench.planning.resources import WorkerCount

    @contextmanager
    def start(request: ExecutorRequest) -> Iterator[ProcessPool]:
        with ProcessPool(WorkerCount(2), WorkerStarter(Idle)) as started:
            yield started

    executors.EXECUTORS["process-pool"] = start
    seeds = min(1000, trials // 20)
    sweep = {"learning_rate": {"from": 1e-6, "to": 10, "points": trials // 2 // seeds}, "seeds": seeds}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scale.yaml"
        path.write_text(yaml.safe_dump({**VALUES, "sweep": sweep}), encoding="utf-8")
        began = time.perf_counter()
        watcher = AtEnd()
        done = bnbench.run(path, results_dir=folder, watcher=watcher)
        seconds = time.perf_counter() - began
        assert len(done.trials) == trials  # noqa: S101
    return {"trials": trials, "seconds": seconds, "bytes": watcher.bytes, "bytes_with_report": peak()}


def measure(counts: Sequence[int] = COUNTS) -> pd.DataFrame:
    """Return one row per count, each measured in a separate process; a trial's cost is in addition to the first 100."""
    rows = []
    # The first run fills the caches and is not used.
    for count in (counts[0], *counts):
        words = [sys.executable, "-m", "benchmarks.scale", str(count)]
        rows.append(json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout))
        print(f"  scale: {rows[-1]}", file=sys.stderr, flush=True)
    table = pd.DataFrame(rows[1:])
    more = table - table.iloc[0]
    table["milliseconds_a_trial"] = 1e3 * more["seconds"] / more["trials"]
    for name in ("bytes", "bytes_with_report"):
        table[f"{name}_a_trial"] = more[name] / more["trials"]
    return table


if __name__ == "__main__":
    print(json.dumps(one(int(sys.argv[1]))))
