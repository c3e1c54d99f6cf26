"""Trials -> how many times as high as the baseline's the highest learning rate of a variant is."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from bnbench.analysis.per_seed import per_seed_scores
from bnbench.analysis.registry import get_metric
from bnbench.analysis.trials import scored_trials
from bnbench.results.findings import Finding, find_comparison, grid_uncertainty, widen_by_grid


@dataclass(frozen=True)
class _Edge:
    """Asks for the largest rate of the run around the best one at which a trial is ok."""

    metric: str = "max_stable_rate"
    at: float | Literal["best"] = "best"
    epoch: int | None = None
    target: float | None = None


def edge_ratio(trials: pd.DataFrame, variant: str, baseline: str) -> Finding:
    """Return the geometric mean ratio of the highest rates of two variants over seeds, with its 95% interval.

    It is what a claim about the ratio of `max_stable_rate` measures: a seed counts if all of its trials of both have
    finished, and the interval is one step of the grid wider at either end. There is none if a seed trains at no rate.

    Args:
        trials: of one value of the further axes.
    """
    scored = scored_trials(trials)
    grid = np.sort(scored["learning_rate"].unique())
    own, base = (per_seed_scores(_Edge(), scored[scored["variant"] == name], grid) for name in (variant, baseline))
    seeds = own.values.index.intersection(base.values.index)
    if seeds.empty:
        return Finding()
    a, b = (sample.values[seeds].to_numpy(float) for sample in (own, base))
    uncertainty = grid_uncertainty(get_metric(_Edge.metric), grid)
    return widen_by_grid("ratio", find_comparison("ratio", a, b, uncertainty), own, base, uncertainty)
