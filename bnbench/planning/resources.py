"""How many trials this machine can train at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from bnbench.planning.plan import Cohort, Program

# On six networks, from Leaf to a CNN, the estimate is 0.9 to 1.5 times the measured peak (docs/performance.md).
# TensorFlow, Keras and compiled code: 0.7 GB after the import, 0.9 GB with a compiled program.
WORKER_BYTES = 1_000_000_000
# Copies of each weight in memory: the weight, its gradient, two optimizer slots, the best and the initial weight.
LIVE_WEIGHTS = 6
# Copies of the data in memory: the arrays, and TensorFlow's copy.
LIVE_DATA = 2
# Of the free memory.
MEMORY_SHARE = 0.8
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class WorkerCount:
    """How many workers to start, and why not more."""

    count: int
    reason: str = ""

    def __str__(self) -> str:
        noun = "worker" if self.count == 1 else "workers"
        text = f"{self.count} {noun}" if self.count else "in this process"
        return f"{text} ({self.reason})" if self.reason else text


def choose_worker_count(cohorts: Sequence[Cohort], wanted: int | None) -> WorkerCount:
    """Return as many workers as wanted; by default as many as cores, memory and trials allow."""
    if wanted is not None:
        return WorkerCount(wanted)
    trials = sum(len(cohort.trials) for cohort in cohorts)
    threads = max((cohort.program.train.threads for cohort in cohorts), default=1)
    need = max((worker_memory(cohort.program) for cohort in cohorts), default=0)
    cores, free = core_count(), free_memory()
    by_cores, by_memory = max(1, cores // threads), max(1, int(MEMORY_SHARE * free / max(need, 1)))
    if by_memory < min(by_cores, trials):
        reason = f"of {cores} cores: each needs about {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        return WorkerCount(by_memory, reason)
    return WorkerCount(max(1, min(by_cores, trials)))


def core_count() -> int:
    """Return how many cores this process may use, within the limits of a container."""
    # It imports 150 modules, which a worker does not need.
    import joblib

    return int(joblib.cpu_count())


def worker_memory(program: Program) -> int:
    """Return about how many bytes a worker needs to train a program."""
    size = 8 if program.train.dtype == "float64" else 4
    # An evaluation takes 500 rows at a time.
    rows = max(program.batch_size, 500)
    weights = LIVE_WEIGHTS * size * program.parameters
    activations = size * rows * program.outputs
    return WORKER_BYTES + weights + activations + LIVE_DATA * program.facts.nbytes


def free_memory() -> int:
    """Return the free memory in bytes, within the limit of a container."""
    free: int = psutil.virtual_memory().available
    try:
        limit = CGROUP_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return free
    return min(free, int(limit)) if limit.isdigit() else free
