"""How often the intervals of the credit of norm slots hold the truth.

`python -m benchmarks.credit` lets made-up networks with three or six norm slots answer the product's own designer. The
edges of the subsets are random, so are the Shapley values. The edge of a seed differs from that of its variant with a
normal distribution in decades; `shared` is the correlation of what two variants with the same seed differ by. The best
rates are known beforehand, so that only the search is counted.
"""

import argparse
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.shapley import find_shares, shapley_weights
from bnbench.config.credit import needed_subsets
from bnbench.config.load import check_config
from bnbench.data.types import DatasetInfo
from bnbench.planning import plan as planning
from bnbench.planning.adaptive.designer import Designer, begin_record
from bnbench.planning.adaptive.edge_search import edge_posterior
from bnbench.planning.adaptive.forms import make_forms
from bnbench.planning.adaptive.place import Outcome
from bnbench.planning.credit import expand_credit
from bnbench.planning.plan import Plan

RESULTS = Path(__file__).parent / "results" / "credit.csv"
ROWS = DatasetInfo("digits", "", "made up", (64,), "float32", tuple("0123456789"), 1797, 0, 0)
BEST = 0.01
Subset = frozenset[str]


def make_plan(slots: int, within: float) -> Plan:
    """Return the plan of the credit of a network with so many norm slots, over four decades."""
    values: dict[str, Any] = {
        "name": "simulated",
        "data": {"name": "digits"},
        "model": {"layers": [*[{"dense": 8}, "norm", {"activation": "relu"}] * slots, {"dense": "$classes"}]},
        "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
        "train": {"epochs": 3},
        "credit": {"slots": "all"},
        "sweep": {
            "learning_rate": {"from": 1e-3, "to": 10.0, "points": 9},
            "seeds": 1,
            "adaptive": {"edge": {"within": within, "at_most": 400}},
        },
    }
    experiment, where = expand_credit(check_config(values, "simulated"), "simulated")
    plan = planning.make_plan(experiment, lambda settings: ROWS, where)
    forms = make_forms(plan, lambda one: planning.make_plan(one, lambda settings: ROWS, where))
    return planning.replace(plan, forms=tuple(forms))


def draw_edges(slots: list[str], generator: np.random.Generator) -> dict[Subset, float]:
    """Return log10 of the edge of every subset: each slot adds something, and so does each pair of neighbors."""
    alone = generator.uniform(0, 0.5, len(slots)) * 3 / len(slots)
    pairs = generator.uniform(-0.3, 0.1, len(slots)) * 3 / len(slots)
    start = generator.uniform(-0.9, -0.7)
    edges = {}
    for subset in map(frozenset, needed_subsets(slots)):
        inside = [slot in subset for slot in slots]
        joint = sum(pair for pair, (a, b) in zip(pairs, pairwise(inside), strict=False) if a and b)
        edges[subset] = start + float(alone @ inside) + joint
    return edges


def search(plan: Plan, edges: dict[str, float], sd: float, shared: float, generator: np.random.Generator) -> Designer:
    """Let a designer find the edges, log10 by variant."""
    record = begin_record(plan, plan.forms, [])
    record.places[0].best, record.places[0].level = dict.fromkeys(edges, BEST), 0.5
    designer = Designer(plan, plan.forms, record, {}, lambda *_: NotImplemented, lambda *_: "")
    common = generator.normal(0, sd * math.sqrt(shared), 1000)
    while trials := designer.next_trials(1, set()):
        for _, trial in trials:
            own = generator.normal(common[trial.seed], sd * math.sqrt(1 - shared))
            trains = math.log10(trial.learning_rate) < edges[trial.variant] + own
            designer.outcomes[trial.id] = Outcome(float(trains), ok=bool(trains))
    return designer


def simulate(slots: int, within: float, sd: float, shared: float, searches: int) -> dict[str, Any]:
    """Return the mean number of trainings, the half-width of a slot's credit, and the coverage of slots and total."""
    generator = np.random.default_rng([slots, round(1000 * within), round(1000 * sd), round(10 * shared)])
    plan = make_plan(slots, within)
    credit = plan.experiment.credit
    if credit is None or credit.subsets is None:
        raise AssertionError("the plan has the subsets")
    players, counts, widths, covered, totals = list(credit.players), [], [], [], []
    subsets = list(map(frozenset, needed_subsets(players)))
    for _ in range(searches):
        edges = draw_edges(sorted(players), generator)
        truth = shapley_weights(players, subsets) @ np.array([edges[subset] for subset in subsets])
        by_name = {name: edges[frozenset(subset)] for name, subset in credit.subsets.items()}
        place = search(plan, by_name, sd, shared, generator).places[0]
        found = {frozenset(subset): edge_posterior(place, name) for name, subset in credit.subsets.items()}
        shares = find_shares(players, found, credit.sampled or ())
        parts = [share.credit for share in shares.shares]
        counts.append(len(place.record.entries))
        widths += [(part.high - part.low) / 2 for part in parts]
        covered += [part.low <= value <= part.high for part, value in zip(parts, truth, strict=True)]
        totals.append(shares.total.low <= truth.sum() <= shares.total.high)
    return {
        "slots": slots, "subsets": len(credit.subsets), "within": within, "sd": sd, "shared": shared,
        "searches": searches, "trainings": round(float(np.mean(counts)), 1),
        "half_width": round(float(np.mean(widths)), 3), "coverage": round(float(np.mean(covered)), 3),
        "coverage_total": round(float(np.mean(totals)), 3),
    }  # fmt: skip


def main() -> None:
    """Print a row for each setting, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=200)
    searches = parser.parse_args().searches
    settings = [(3, 0.1, 0.05, 0.0), (3, 0.1, 0.09, 0.0), (3, 0.1, 0.09, 0.5), (3, 0.2, 0.2, 0.0)]
    rows = [simulate(*setting, searches) for setting in settings]
    # A network with six slots takes as long as six with three.
    rows.append(simulate(6, 0.2, 0.09, 0.0, max(searches // 4, 1)))
    table = pd.DataFrame(rows)
    table.to_csv(RESULTS, index=False, lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
