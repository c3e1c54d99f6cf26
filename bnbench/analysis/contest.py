"""Where scores compete: the short range near the top that an axis from 0 to 100% would hide."""

import numpy as np
import pandas as pd

from bnbench.analysis.intervals import t_interval_of

# Means this far below the best one still compete with it.
WITHIN = 0.05
# No axis is shorter: within it, scores are equal for the eye and for most questions.
SHORTEST = 0.02
# The part of the range that is added at its ends.
MARGIN = 0.12


def contest_range(summary: pd.DataFrame, score: str) -> tuple[float, float] | None:
    """Return the ends of an axis that shows the scores near the best one, or None if fewer than two variants compete.

    Args:
        summary: `Results.summary` of one setting.
        score: a column of scores without its ending, such as validation_score.
    """
    means, variants = summary[f"{score}_mean"].to_numpy(float), summary["variant"].to_numpy()
    known = (summary["n_ok"].to_numpy() > 0) & ~np.isnan(means)
    means, variants = means[known], variants[known]
    near = means >= means.max(initial=-np.inf) - WITHIN
    if len(set(variants[near])) < 2:
        return None
    low, high = float(means[near].min()), float(means[near].max())
    missing = max(0.0, SHORTEST - (high - low))
    margin = MARGIN * max(high - low, SHORTEST)
    return max(0.0, low - missing / 2 - margin), min(1 + margin, high + missing / 2 + margin)


def band_of(summary: pd.DataFrame, score: str, band: str) -> tuple["pd.Series[float]", "pd.Series[float]"]:
    """Return the lower and the upper end of the band around each mean.

    Args:
        summary: rows with mean, SD, lowest and highest value of a score, and n.
        score: the column without its ending.
        band: `range`, from the lowest to the highest trial, or `ci`, the 95% interval of the mean by Student's t
            (1908). Below three trials there is no interval, and the ends are missing.
    """
    if band == "range":
        return summary[f"{score}_min"], summary[f"{score}_max"]
    values = zip(summary[f"{score}_mean"], summary[f"{score}_sd"], summary["n"], strict=True)
    ends = pd.DataFrame([t_interval_of(*value) for value in values], summary.index, ["low", "high"], float)
    return ends["low"], ends["high"]
