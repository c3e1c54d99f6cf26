"""What a trial costs on a Ray cluster in addition to its training: `PYTHONPATH=tests python -m benchmarks.cluster`.

Two nodes of one core on this machine, and trainers that only wait. The same trials run in two local workers, by turns.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.protocols import ExecutorRequest
from bnbench.execution.ray_cluster import open_ray_pool
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning.plan import Plan
from bnbench.planning.resources import WorkerCount
from bnbench.planning.trial import Saving
from support.examples import make_plan
from support.ray_nodes import RayNodes
from support.ray_trainers import slow_trainer
from support.trainers import Lasting

RESULTS = Path(__file__).parent / "results" / "cluster.csv"


@contextmanager
def opened(where: str, plan: Plan, nodes: RayNodes, seconds: float, seats: int) -> Iterator[ProcessPool]:
    """Open the seats of the cluster, or local workers."""
    if where == "ray":
        request = ExecutorRequest(DataDirs(), plan.cohorts, jobs=seats, address=nodes.address)
        with open_ray_pool(request, partial(slow_trainer, seconds=seconds)) as pool:
            yield pool
    else:
        with ProcessPool(WorkerCount(seats), WorkerStarter(partial(Lasting, seconds))) as pool:
            yield pool


def run(where: str, nodes: RayNodes, trials: int, seconds: float, seats: int) -> dict[str, float | str]:
    """Train so many trials; return the time from the first result of each seat on, and the median gap of a trial."""
    plan = make_plan(variants={"plain": {}}, sweep__learning_rate=[0.1], sweep__seeds=trials)
    ends: list[tuple[str, float]] = []
    with opened(where, plan, nodes, seconds, seats) as pool:
        for cohort in plan.cohorts:
            for trial in cohort.trials:
                pool.submit(cohort.program, trial, Saving(Path("unused")))
        for result in pool.results(lambda trial, epoch: None):
            ends.append((result.worker, time.perf_counter()))
    gaps, spans = [], []
    for worker in {worker for worker, _ in ends}:
        times = [moment for one, moment in ends if one == worker]
        gaps += np.diff(times).tolist()
        spans.append((len(times) - 1) / (times[-1] - times[0]))
    return {
        "where": where, "seats": seats, "trials": trials, "seconds of a trial": seconds,
        "ms in addition to a trial": 1000 * (float(np.median(gaps)) - seconds), "trials per second": sum(spans),
    }  # fmt: skip


def main() -> None:
    """Measure both ways by turns; print the medians and write all rows as CSV."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    # The trainers need no rows.
    access.load_planned = lambda settings, places, facts: facts.fingerprint  # type: ignore[assignment, return-value]
    rows = []
    with RayNodes() as nodes:
        nodes.add()
        for pair in range(options.pairs):
            for where in ("ray", "local")[:: 1 if pair % 2 == 0 else -1]:
                for trials, seconds, seats in ((300, 0.0, 1), (options.trials, options.seconds, 2)):
                    rows.append({"pair": pair, **run(where, nodes, trials, seconds, seats)})
                    print(rows[-1], file=sys.stderr, flush=True)
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS, index=False, float_format="%.4g")
    values = ["ms in addition to a trial", "trials per second"]
    print(table.groupby(["seconds of a trial", "where"])[values].median().to_string())


if __name__ == "__main__":
    main()
