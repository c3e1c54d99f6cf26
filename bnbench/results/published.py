"""Published values and trials -> a table of both, side by side."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.intervals import t_interval
from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.per_seed import matches_axes, per_seed_scores, with_trial_metrics
from bnbench.analysis.registry import get_metric
from bnbench.analysis.trials import axes_of, by_axes
from bnbench.config.expectations import Published


def compare_published(
    published: Sequence[Published], trials: pd.DataFrame, curves: Curves, baseline: str
) -> pd.DataFrame:
    """Return one row per published value and value of the further axes, with the columns of `columns.PUBLISHED`.

    The further axes follow `variant`.
    """
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(trials, axes_of(trials)):
        for entry in published:
            if matches_axes(place, entry.where):
                rows.append(_compare_one(entry, place, with_trial_metrics(part, curves, entry, baseline)))
    return pd.DataFrame(rows)


def _compare_one(entry: Published, place: dict[str, Any], scored: pd.DataFrame) -> dict[str, Any]:
    metric, grid = get_metric(entry.metric), np.sort(scored["learning_rate"].unique())
    ours = per_seed_scores(entry, scored[scored["variant"] == entry.variant], grid)
    interval = asdict(t_interval(ours.values))
    subject = {"source": entry.source, "basis": entry.basis or "", "variant": entry.variant, **place}
    epoch = math.nan if entry.epoch is None else entry.epoch
    asked = {"learning_rate": ours.rate, "metric": metric.name, "epoch": epoch}
    values = {**asked, "published": entry.number, **interval}
    return subject | values | {"difference": interval["mean"] - entry.number, "note": entry.note}
