"""Trials -> one metric of one variant, a value a seed: what claims and published figures are judged by."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.learning_curves import default_target, trial_curves
from bnbench.analysis.lr_metrics import best_rate, metrics_over_rates
from bnbench.analysis.registry import OVER_RATES, RATES
from bnbench.analysis.trials import DIVERGED, scored_trials


@dataclass(frozen=True)
class PerSeedScores:
    """The metric of one variant, a value a seed, and whether some true value may lie beyond the grid."""

    values: "pd.Series[float]" = field(default_factory=lambda: pd.Series(dtype=float))
    rate: float = math.nan  # NaN: of all rates together
    open_below: bool = False
    open_above: bool = False


def with_trial_metrics(
    trials: pd.DataFrame, history: pd.DataFrame, target: float | None, baseline: str
) -> pd.DataFrame:
    """The trials that ended, with a column for each metric of one rate; without a target, what the baseline reaches."""
    ended = scored_trials(trials)
    wanted = default_target(ended, history, baseline) if target is None else target
    return _with_gaps(trial_curves(ended, history, wanted)).assign(
        ok=lambda table: (table["outcome"] == "ok").astype(float)
    )


def _with_gaps(ended: pd.DataFrame) -> pd.DataFrame:
    """How much better the final weights do on the training part than on the validation part, both in inference mode.

    A trial that diverged has no gap: that of chance to chance would be the best of all.
    """
    kept = ~ended["outcome"].isin(DIVERGED)
    return ended.assign(
        accuracy_gap=(ended["fitted_accuracy"] - ended["validation_accuracy"]).where(kept),
        loss_gap=(ended["validation_loss"] - ended["fitted_loss"]).where(kept),
    )


def per_seed_scores(metric: str, at: float | Literal["best"], ended: pd.DataFrame, grid: NDArray[Any]) -> PerSeedScores:
    """The metric of a variant: of each seed's trial at a rate, or of all of its trials where all have ended.

    The best rate, at which a score is taken, is that of all seeds together; a best rate that is the metric itself is
    that of each seed alone.

    Args:
        ended: `scored`, of one variant at one value of the further axes.
        grid: the learning rates, ascending.
    """
    if ended.empty:
        return PerSeedScores()
    if metric not in OVER_RATES:
        metric = metric.replace("r2", "accuracy")  # as tables of trials have it, whichever it is
        rate = best_rate(ended) if at == "best" else at
        return PerSeedScores(ended[ended["learning_rate"] == rate].set_index("seed")[metric], rate)
    whole = {seed: metrics_over_rates(part) for seed, part in ended.groupby("seed") if len(part) == len(grid)}
    values = pd.Series({seed: getattr(figures, metric) for seed, figures in whole.items()}, dtype=float)
    if metric == "stable_width":
        return PerSeedScores(values, open_above=any(figures.stable_width_open for figures in whole.values()))
    above = metric in RATES and bool((values == grid[-1]).any())
    below = metric == "best_rate" and bool((values == grid[0]).any())
    return PerSeedScores(values, open_below=below, open_above=above)


def range_across(samples: Sequence[PerSeedScores]) -> PerSeedScores:
    """The range over several samples of one metric, of each seed that all of them have; missing where one value is."""
    if not samples:
        return PerSeedScores()
    values = pd.concat([sample.values for sample in samples], axis=1, join="inner")
    return PerSeedScores(values.max(axis=1, skipna=False) - values.min(axis=1, skipna=False))


def matches_axes(place: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether values of the further axes, as a table has them, are those that a config names."""
    return all(axis in place and _same(place[axis], value) for axis, value in where.items())


def _same(cell: Any, value: Any) -> bool:
    """A list or mapping stands in a table as text."""
    return bool(cell == (json.dumps(value) if isinstance(value, dict | list) else value)) or (
        value is None and pd.isna(cell)
    )
