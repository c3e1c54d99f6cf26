"""Scores of seeds -> which trainings collapsed: those far below the seeds that train."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.lr_metrics import ROUNDING
from bnbench.analysis.trials import DIVERGED

# A gap is wider than this share of the distance from chance to the level of a training that trains.
GAP = 0.5
# It is also wider than so many standard errors of the difference of two scores.
ERRORS = 3


def find_collapses(
    scores: NDArray[Any], diverged: NDArray[np.bool_], level: float, chance: float, rows: float
) -> NDArray[np.bool_]:
    """Return which of the trainings of one variant collapsed, (seeds,).

    Every training that diverged collapsed. If no seed trains, all collapsed. Otherwise sort the scores. A wide gap is
    one whose lower end does not train, and that exceeds half the distance from chance to the level and three binomial
    standard errors of a difference. All scores below the highest wide gap have collapsed. Without a wide gap, the
    seeds are one group, and the t interval of their mean has its nominal coverage (docs/explanation/coverage.md).

    Args:
        scores: the validation scores, (seeds,).
        diverged: which trainings diverged, (seeds,).
        level: the lowest score at which a training counts as trained: halfway from chance to the best mean.
        chance: the score of guessing.
        rows: number of validation rows; NaN if it is unknown or if the scores are R².
    """
    trains = ~diverged & (scores >= level - ROUNDING)
    if not trains.any():
        return ~trains
    up_to_trained = np.sort(scores[~diverged & (scores <= scores[trains].min())])
    middle = (up_to_trained[:-1] + up_to_trained[1:]) / 2
    errors = ERRORS * np.sqrt(2 * np.clip(middle * (1 - middle), 0, None) / rows)
    wide = np.diff(up_to_trained) > np.maximum(GAP * (level - chance), np.nan_to_num(errors))
    return diverged | (scores < up_to_trained[1:][wide][-1]) if wide.any() else diverged


def collapsed_trials(trials: pd.DataFrame, level: float) -> NDArray[np.bool_]:
    """Return which trials collapsed. The table has those of one variant, one trial a seed, with all columns."""
    if trials.empty:
        return np.zeros(0, bool)
    scores, diverged = trials["validation_score"].to_numpy(float), trials["outcome"].isin(DIVERGED).to_numpy()
    chance, rows = (float(trials[name].iloc[0]) for name in ("chance", "score_rows"))
    return find_collapses(scores, diverged, level, chance, rows)
