"""Published values and trials -> a table of both, side by side."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from bnbench.analysis.intervals import MIN_VALUES, Interval
from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.mean_interval import mean_interval
from bnbench.analysis.per_seed import PerSeedScores, matches_axes, per_seed_scores, with_trial_metrics
from bnbench.analysis.registry import Metric, find_metric, get_metric
from bnbench.analysis.trials import axes_of, by_axes, scored_trials
from bnbench.config.expectations import Published
from bnbench.results import edges, widths
from bnbench.results.findings import Finding, find_share, find_value
from bnbench.results.pairs import pair_up

PLACES = WITHIN, ABOVE, BELOW, NO_INTERVAL, NOT_MEASURED = "within", "above", "below", "no interval", "not measured"
OUTSIDE = (ABOVE, BELOW)
OF_ONE_TRAINING = "where single trainings lie"


def published_lies(row: Mapping[Any, Any]) -> str:
    """Return where a published value is: `within`, `above` or `below` our interval, or why that is unknown."""
    # Both are infinite: the target is never reached.
    if row["published"] == row["mean"] == math.inf:
        return WITHIN
    if math.isnan(row["low"]):
        return NOT_MEASURED if math.isnan(row["mean"]) else NO_INTERVAL
    if row["published"] < row["low"]:
        return BELOW
    return ABOVE if row["published"] > row["high"] else WITHIN


def is_of_one_training(row: Mapping[Any, Any]) -> bool:
    """Return True if a published value lies outside our interval, but where another one of our trainings may lie.

    That is within the 95% prediction interval of one further seed, the mean ± t(n - 1) SD sqrt(1 + 1/n) (Hahn and
    Meeker 1991, "Statistical intervals", chapter 4), of losses in logarithms. Most published values are of one
    training, so that is where they are expected.
    """
    n, metric = row["n"], find_metric(row["metric"])
    if published_lies(row) not in OUTSIDE or n < MIN_VALUES or metric is None or metric.over_rates or metric.yes_or_no:
        return False
    if metric.skewed:
        # The interval of the mean is t SD / sqrt(n) on either side.
        numbers = (row[name] for name in ("mean", "high", "published"))
        center, end, value = (math.log(number) if number > 0 else -math.inf for number in numbers)
        return abs(value - center) <= (end - center) * math.sqrt(n + 1)
    half = float(stdtrit(n - 1, 0.975)) * row["sd"] * math.sqrt(1 + 1 / n)
    return bool(abs(row["published"] - row["mean"]) <= half)


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
                ours = _find_by_bands(entry, part)
                if ours is not None:
                    measured = (ours.estimate, math.nan, ours.n, ours.low, ours.high)
                    rows.append(_as_row(entry, place, math.nan, Interval(*measured)))
                else:
                    rows.append(_compare_one(entry, place, with_trial_metrics(part, curves, entry, baseline)))
    return pd.DataFrame(rows)


def _find_by_bands(entry: Published, trials: pd.DataFrame) -> Finding | None:
    """Return what is known about a metric of all seeds together; None for a metric of each seed."""
    name = get_metric(entry.metric).name
    if name == edges.METRIC:
        return edges.find_edge("value", trials, entry.variant, "", entry.counts_as_trained)
    if name == widths.METRIC:
        return widths.find_width("value", scored_trials(trials), entry.variant, "")
    return None


def _compare_one(entry: Published, place: dict[str, Any], scored: pd.DataFrame) -> dict[str, Any]:
    grid = np.sort(scored["learning_rate"].unique())
    ours = per_seed_scores(entry, scored[scored["variant"] == entry.variant], grid)
    return _as_row(entry, place, ours.rate, _interval(get_metric(entry.metric), ours))


def _interval(metric: Metric, ours: PerSeedScores) -> Interval:
    """Return our mean over seeds with its interval; of losses the geometric mean, of a yes or no the share of seeds."""
    pairs = pair_up(metric, ours, ours, ("", ""))
    if metric.yes_or_no and len(pairs.own) and np.isfinite(pairs.own).all():
        share = find_share(pairs.own == 1)
        return Interval(share.estimate, math.nan, share.n, share.low, share.high)
    if metric.skewed:
        found = find_value(metric, ours, pairs)
        sd = float(pairs.own.std(ddof=1)) if len(pairs.own) > 1 else math.nan
        return Interval(found.estimate, sd, found.n, found.low, found.high)
    return mean_interval(pairs.own, pairs.kinds, metric.bounds, metric.ties_at, pairs.wide)


def _as_row(entry: Published, place: dict[str, Any], rate: float, measured: Interval) -> dict[str, Any]:
    subject = {"source": entry.source, "basis": entry.basis or "", "variant": entry.variant, **place}
    epoch = math.nan if entry.epoch is None else entry.epoch
    asked = {"learning_rate": rate, "metric": get_metric(entry.metric).name, "epoch": epoch}
    values = {**asked, "published": entry.number, **asdict(measured)}
    row = subject | values | {"difference": measured.mean - entry.number, "note": entry.note}
    return row | {"why_outside": entry.why_outside if published_lies(row) in OUTSIDE else ""}
