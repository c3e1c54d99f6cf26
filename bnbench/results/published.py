"""Published figures and trials -> the two side by side."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.intervals import t_interval
from bnbench.analysis.per_seed import matches_axes, per_seed_scores, with_trial_metrics
from bnbench.analysis.trials import axes_of, by_axes
from bnbench.config.expectations import Published


def compare_published(
    published: Sequence[Published], trials: pd.DataFrame, history: pd.DataFrame, baseline: str
) -> pd.DataFrame:
    """One row a published figure and axis value that it may be of.

    Columns: source, variant, the axes, learning_rate (NaN: of all rates), metric, published, ours as mean, sd, n, low
    and high over seeds (t interval), the difference of that mean to what was published, and the note.
    """
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(trials, axes_of(trials)):
        for figure in published:
            if matches_axes(place, figure.where):
                own = with_trial_metrics(part, history, figure.target, baseline)
                grid = np.sort(own["learning_rate"].unique())
                ours = per_seed_scores(figure.metric, figure.at, own[own["variant"] == figure.variant], grid)
                found = asdict(t_interval(ours.values))
                named = {"source": figure.source, "variant": figure.variant, **place, "learning_rate": ours.rate}
                told = {"metric": figure.metric, "published": figure.number}
                rows.append(named | told | found | {"difference": found["mean"] - figure.number, "note": figure.note})
    return pd.DataFrame(rows)
