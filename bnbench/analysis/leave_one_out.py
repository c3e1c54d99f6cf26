"""Trials -> the rate at which each seed is judged: the best one of the other seeds.

A score at a rate that the same seeds chose is too high, because a rate is also chosen for its luck. So each seed is
judged at the rate with the highest mean validation score over the other seeds. These rates depend on each other, which
makes the spread over the seeds too narrow; where they differ, the interval is widened (`widening`).
"""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.lr_metrics import ROUNDING

# How much wider than Student's t the interval of a mean over n seeds is, whose rates differ: 1 + WIDER ln(n). It is
# fitted to simulated sweeps, see docs/explanation/coverage.md: t alone held the truth in 93% at n = 3 and 84% at 20.
WIDER = 0.18
SAME_SEEDS = "picked and judged on the same seeds"

Numbers = NDArray[np.float64]


def judged_rates(rates: Numbers, seeds: NDArray[Any], scores: Numbers) -> dict[int, float]:
    """Return the learning rate at which each seed is judged.

    With fewer than three seeds it is the best rate of all seeds together, because one other seed is no guide.

    Args:
        rates: the learning rate of each trial of one variant, (trials,).
        seeds: its seed.
        scores: its validation score.

    Returns:
        By seed, the rate with the highest mean score over the other seeds; if several are equal, the lowest.
    """
    grid, columns = np.unique(rates, return_inverse=True)
    names, rows = np.unique(seeds, return_inverse=True)
    sums, counts = np.zeros((2, len(names), len(grid)))
    np.add.at(sums, (rows, columns), scores)
    np.add.at(counts, (rows, columns), 1)
    alone = len(names) < MIN_VALUES
    # Of all seeds, or of all but the seed of the row.
    totals, n = (part.sum(axis=0) - (0 if alone else part) for part in (sums, counts))
    with np.errstate(invalid="ignore", divide="ignore"):
        means = np.broadcast_to(totals / n, (len(names), len(grid)))
    means = np.where(np.isnan(means), -math.inf, means)
    best = (means >= means.max(axis=1, keepdims=True, initial=-math.inf) - ROUNDING).argmax(axis=1)
    return {int(name): float(grid[index]) for name, index in zip(names, best, strict=True)}


def widening(n: int, picks_differ: bool) -> float:
    """Return how many times as wide as Student's t the interval over n seeds must be.

    Args:
        n: number of seeds.
        picks_differ: whether the seeds of any of the variants are judged at different rates.
    """
    return 1 + WIDER * math.log(n) if picks_differ and n else 1.0


def list_rates(rates: Iterable[float]) -> list[tuple[float, int]]:
    """Return each rate with the number of seeds that are judged at it, the most frequent first."""
    known, counts = np.unique(np.fromiter(rates, float), return_counts=True)
    return sorted(zip(known.tolist(), counts.tolist(), strict=True), key=lambda pair: -pair[1])
