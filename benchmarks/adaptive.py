"""How many trainings an adaptive search for edges takes, and how often its interval holds the true ratio.

`python -m benchmarks.adaptive` lets made-up networks answer the product's own designer: two variants, an edge of each
that differs from seed to seed with a normal distribution in decades, nothing trains above it. The best rates are known
beforehand, so that only the search is counted.
"""

import argparse
import math
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.edge import edge_ratio
from bnbench.config.load import check_config
from bnbench.config.schema import Experiment
from bnbench.data.types import DatasetInfo
from bnbench.planning import plan as planning
from bnbench.planning.adaptive.designer import Designer, begin_record
from bnbench.planning.adaptive.edge_search import edge_posterior
from bnbench.planning.adaptive.forms import make_forms
from bnbench.planning.adaptive.place import Outcome
from bnbench.planning.plan import Plan, Trial

RESULTS = Path(__file__).parent / "results" / "adaptive.csv"
ROWS = DatasetInfo("digits", "", "made up", (64,), "float32", tuple("0123456789"), 1797, 0, 0)
CONFIG: dict[str, Any] = {
    "name": "simulated",
    "data": {"name": "digits"},
    "model": {"layers": [{"dense": 8}, "norm", {"dense": "$classes"}]},
    "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
    "train": {"epochs": 3},
}
# Decades.
WITHIN, SDS, SEATS = (0.1, 0.18), (0.05, 0.09, 0.2), (1, 2, 4)
BEST = {"plain": 0.01, "batchnorm": 0.01}


def make_plan(within: float) -> Plan:
    """Return the plan of a search for edges over four decades."""
    sweep = {"learning_rate": {"from": 1e-3, "to": 10.0, "points": 9}, "seeds": 1}
    asked = {"adaptive": {"edge": {"within": within, "at_most": 400}}}
    experiment = check_config({**CONFIG, "sweep": {**sweep, **asked}}, "simulated")

    def make(one: Experiment) -> Plan:
        return planning.make_plan(one, lambda settings: ROWS, "simulated")

    plan = make(experiment)
    return planning.replace(plan, forms=tuple(make_forms(plan, make)))


def search(plan: Plan, edges: dict[str, float], sd: float, seats: int, generator: np.random.Generator) -> Designer:
    """Let a designer find edges, log10 by variant, with so many trainings at the same time."""
    record = begin_record(plan, plan.forms, [])
    record.places[0].best, record.places[0].level = dict(BEST), 0.5
    designer = Designer(plan, plan.forms, record, {}, lambda *_: NotImplemented, lambda *_: "")
    running: deque[Trial] = deque()
    while True:
        started = designer.next_trials(seats - len(running), {trial.id for trial in running})
        running.extend(trial for _, trial in started)
        if not running:
            return designer
        trial = running.popleft()
        trains = math.log10(trial.learning_rate) < generator.normal(edges[trial.variant], sd)
        designer.outcomes[trial.id] = Outcome(float(trains), ok=bool(trains))


def simulate(within: float, sd: float, seats: int, searches: int) -> dict[str, Any]:
    """Return the mean number of trainings of both variants, the half-width of the ratio, and the coverage."""
    generator, plan = np.random.default_rng([round(1000 * within), round(1000 * sd), seats]), make_plan(within)
    counts, widths, covered = [], [], []
    for _ in range(searches):
        # The rates of the lattice must not be at a fixed distance from the truth.
        edges = {name: generator.uniform(-0.9, -0.1) for name in BEST}
        place = search(plan, edges, sd, seats, generator).places[0]
        found = {name: edge_posterior(place, name).edge() for name in BEST}
        _, low, high = map(math.log10, edge_ratio(found["batchnorm"], found["plain"]))
        counts.append(len(place.record.entries))
        widths.append((high - low) / 2)
        covered.append(low <= edges["batchnorm"] - edges["plain"] <= high)
    return {
        "within": within, "sd": sd, "seats": seats, "searches": searches, "trainings": round(float(np.mean(counts)), 1),
        "most_trainings": max(counts), "half_width": round(float(np.mean(widths)), 3),
        "coverage": round(float(np.mean(covered)), 3),
    }  # fmt: skip


def main() -> None:
    """Print a row for each setting, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=200)
    searches = parser.parse_args().searches
    settings = [(within, sd, 1) for within in WITHIN for sd in SDS] + [(0.1, 0.09, seats) for seats in SEATS[1:]]
    table = pd.DataFrame([simulate(*setting, searches) for setting in settings])
    table.to_csv(RESULTS, index=False, lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
