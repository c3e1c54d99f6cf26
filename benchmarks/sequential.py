"""The constants of the repeated t intervals: how small p must be at each look, so that all looks together err rarely.

`python -m benchmarks.sequential` simulates normal differences without an effect. At look n, of at most N, the null is
rejected if p < k sqrt(n / N). So k is a quantile of the lowest p / sqrt(n / N) of a path (Jennison and Turnbull 1984).
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtr

from bnbench.analysis.look_levels import CONSTANTS, looks_up_to

RESULTS = Path(__file__).parent / "results" / "sequential.csv"
PATHS = 600_000
# Paths that are simulated at the same time.
CHUNK = 50_000
LEVELS = {0.95: 0.05, 0.90: 0.10}


def lowest_ratios(most: int, paths: int, generator: np.random.Generator) -> NDArray[np.float64]:
    """Return the lowest p / sqrt(n / N) over the looks of each path, (paths,)."""
    parts = []
    for start in range(0, paths, CHUNK):
        values = generator.standard_normal((min(CHUNK, paths - start), most))
        sums, squares = values.cumsum(axis=1), (values**2).cumsum(axis=1)
        lowest = np.full(len(values), np.inf)
        for n in looks_up_to(most):
            mean = sums[:, n - 1] / n
            sd = np.sqrt((squares[:, n - 1] - n * mean**2) / (n - 1))
            p = 2 * stdtr(n - 1, -np.abs(mean) * np.sqrt(n) / sd)
            lowest = np.minimum(lowest, p / np.sqrt(n / most))
        parts.append(lowest)
    return np.concatenate(parts)


def main() -> None:
    """Print the constants next to those that are in use, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--paths", type=int, default=PATHS)
    paths = parser.parse_args().paths
    generator, rows = np.random.default_rng(0), []
    for most in CONSTANTS[0.95]:
        ratios = lowest_ratios(most, paths, generator)
        for confidence, error in LEVELS.items():
            used = CONSTANTS[confidence][most]
            errs = float(np.mean(ratios < used))
            rows.append((most, confidence, round(float(np.quantile(ratios, error)), 5), used, round(errs, 4)))
    table = pd.DataFrame(rows, columns=["most_seeds", "confidence", "simulated", "used", "type_1_error"])
    table.to_csv(RESULTS, index=False, lineterminator="\n")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
