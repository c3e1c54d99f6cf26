"""Twenty independent searches for the edges of a real network, and the edges of a dense grid.

`python -m benchmarks.edge_repetitions` trains the network of the quickstart on digits for ten epochs. The dense grid
has 40 seeds at rates 0.1 decades apart around the edges. Each search takes other seeds than the grid and the others.
"""

import argparse
import math
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd

import bnbench
from bnbench.config.load import load_config

RESULTS = Path(__file__).parent / "results" / "edge_repetitions.csv"
CONFIG = Path(__file__).parents[1] / "configs" / "quickstart.yaml"
RATES = {"from": 1e-3, "to": 10.0, "points": 9}
# log10 of the lowest and the highest rate around the edges, in tenths of a decade.
DENSE = range(-12, 3)
GRID_SEEDS, FIRST_OF_GRID, SEEDS_OF_SEARCH = 40, 1_000_000, 1_000
WITHIN = 0.1


def run(folder: Path, name: str, sweep: dict[str, Any]) -> Any:
    """Train the network with a sweep and return its results."""
    experiment = load_config(CONFIG).dump()
    experiment |= {"name": name, "sweep": sweep, "claims": []}
    experiment["train"]["epochs"] = 10
    return bnbench.run(experiment, results_dir=folder)


def find_ratio(results: Any) -> tuple[float, float, float]:
    """Return log10 of the ratio of the edges, and of the ends of its interval."""
    found = results.edge_ratio("batchnorm")
    return math.log10(found.estimate), math.log10(found.low), math.log10(found.high)


def main() -> None:
    """Print a row for each search, and how many intervals hold the ratio of the dense grid; write the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", type=int, default=20)
    searches = parser.parse_args().searches
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        seeds = list(range(FIRST_OF_GRID, FIRST_OF_GRID + GRID_SEEDS))
        # The best rates are in the grid, because the search for an edge begins there.
        rates = [0.01, *(float(f"{10 ** (i / 10):.12g}") for i in DENSE)]
        truth = find_ratio(run(folder, "grid", {"learning_rate": sorted(set(rates)), "seeds": seeds}))
        rows = []
        for number in range(searches):
            adaptive = {"edge": {"within": WITHIN}, "first_seed": SEEDS_OF_SEARCH * number}
            results = run(folder, f"search-{number}", {"learning_rate": RATES, "adaptive": adaptive})
            estimate, low, high = find_ratio(results)
            counts = results.trials["stage"].value_counts()
            rows.append(
                {
                    "search": number, "edge_trainings": int(counts["edge"]), "other_trainings": int(counts["choose"]),
                    "ratio": 10**estimate, "low": 10**low, "high": 10**high, "half_width": (high - low) / 2,
                    "grid": 10 ** truth[0], "holds": low <= truth[0] <= high,
                }
            )  # fmt: skip
            print(rows[-1], flush=True)
    table = pd.DataFrame(rows).round(4)
    table.to_csv(RESULTS, index=False, lineterminator="\n")
    print(table.to_string(index=False))
    print(f"dense grid: {[round(10**x, 3) for x in truth]}; {table['holds'].sum()} of {searches} intervals hold it")


if __name__ == "__main__":
    main()
