"""How many trials this machine can train side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import psutil

from bnbench.planning.plan import Cohort, Program

# Of the peak memory of a worker on six networks, Leaf to a CNN (docs/performance.md): estimate / measured 0.9 to 1.5.
WORKER_BYTES = (
    1_000_000_000  # TensorFlow, Keras and compiled code: 0.7 GB when imported, 0.9 when a program is compiled
)
LIVE_WEIGHTS = 6  # weight, gradient, two optimizer slots, best weights, initial weights
LIVE_DATA = 2  # the file's pages, shared between workers, and TensorFlow's copy
MEMORY_SHARE = 0.8  # of what is free
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Jobs:
    """How many workers, and why not more."""

    count: int
    reason: str = ""

    def __str__(self) -> str:
        told = f"{self.count} worker{'s' * (self.count != 1)}" if self.count else "in this process"
        return told + (f" ({self.reason})" if self.reason else "")


def choose_jobs(cohorts: Sequence[Cohort], wanted: int | None) -> Jobs:
    """As many workers as were wanted; else as cores, memory and trials allow."""
    if wanted is not None:
        return Jobs(wanted)
    trials = sum(len(cohort.trials) for cohort in cohorts)
    threads = max((cohort.program.train.threads for cohort in cohorts), default=1)
    need = max((worker_memory(cohort.program) for cohort in cohorts), default=0)
    cores, free = joblib.cpu_count(), free_memory()
    by_cores, by_memory = max(1, cores // threads), max(1, int(MEMORY_SHARE * free / max(need, 1)))
    if by_memory < min(by_cores, trials):
        reason = f"of {cores} cores: each needs about {need / 1e9:.1f} GB, {free / 1e9:.1f} GB are free"
        return Jobs(by_memory, reason)
    return Jobs(max(1, min(by_cores, trials)))


def worker_memory(program: Program) -> int:
    """About how many bytes a worker takes that trains a program."""
    size = 8 if program.train.dtype == "float64" else 4
    rows = max(program.batch_size, 500)  # an evaluation takes so many at a time
    weights = LIVE_WEIGHTS * size * program.parameters
    activations = size * rows * program.outputs
    return WORKER_BYTES + weights + activations + LIVE_DATA * program.facts.nbytes


def free_memory() -> int:
    """Bytes that may still be taken here, within the limit of a container."""
    free: int = psutil.virtual_memory().available
    try:
        limit = CGROUP_LIMIT.read_text(encoding="ascii").strip()
    except OSError:
        return free
    return min(free, int(limit)) if limit.isdigit() else free
