"""Trials -> one metric of one variant, with a value for each seed; claims and published values are judged by it."""

import json
import math
from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.cells import Cells
from bnbench.analysis.collapses import collapsed_trials
from bnbench.analysis.epoch_values import values_after_epoch
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.learning_curves import Curves, default_target, trial_curves
from bnbench.analysis.leave_one_out import judged_rates, widening
from bnbench.analysis.lr_metrics import best_rate, curve_of, curve_values, metrics_of_curve, metrics_over_rates
from bnbench.analysis.registry import METRICS, Metric, get_metric
from bnbench.analysis.trials import scored_trials


class Asked(Protocol):
    """What a claim or a published value asks of trials."""

    @property
    def metric(self) -> str:
        """The name of the metric."""

    @property
    def kind(self) -> str:
        """What is compared: `value`, `ratio`, `difference` or `probability`."""

    @property
    def at(self) -> float | Literal["best"]:
        """The learning rate."""

    @property
    def epoch(self) -> int | None:
        """The epoch after which the metric is taken; None: at the end of training."""

    @property
    def target(self) -> float | None:
        """The validation score to reach; None: the score that the baseline reaches (`default_target`)."""


@dataclass(frozen=True)
class PerSeedScores:
    """A metric of one variant, a value for each seed.

    Attributes:
        values: by seed.
        rate: the learning rate of the trials, or the best one of all seeds; NaN if the metric is about all rates
            together.
        rates: the rate at which each seed is judged, by seed; empty if they were not picked.
        failed: the seeds whose trial collapsed (`find_collapses`); empty if that says nothing about the metric
            (`Metric.may_collapse`).
        open_below, open_above: whether some true value may lie beyond the grid.
    """

    values: "pd.Series[float]" = field(default_factory=lambda: pd.Series(dtype=float))
    rate: float = math.nan
    rates: Mapping[int, float] = field(default_factory=dict)
    failed: Set[int] = frozenset()
    open_below: bool = False
    open_above: bool = False

    def widening(self, n: int, *others: "PerSeedScores") -> float:
        """Return how many times as wide as Student's t the interval over n of the seeds is, compared with others."""
        return widening(n, any(len(set(one.rates.values())) > 1 for one in (self, *others)))


def with_trial_metrics(trials: pd.DataFrame, curves: Curves, asked: Asked, baseline: str) -> pd.DataFrame:
    """Return the trials that did not fail, with a column for each metric of a trial.

    The further column `level` is the lowest score at which a trial counts as trained (`Cells.level`).
    If a metric is asked for after an epoch, it has a further column: the final scores still choose the best rate.
    """
    scored = scored_trials(trials)
    wanted = default_target(scored, curves, baseline) if asked.target is None else asked.target
    table = trial_curves(scored, curves, wanted)
    measured = {
        name: metric.measure_trials(table, curves.history) for name, metric in METRICS.items() if metric.measure_trials
    }
    if asked.epoch is not None:
        values = values_after_epoch(scored, curves.history, get_metric(asked.metric).name, asked.epoch)
        measured[_column(asked)] = table["trial"].map(values).astype(float)
    return table.assign(**measured, level=Cells(trials).level)


def per_seed_scores(asked: Asked, trials: pd.DataFrame, grid: NDArray[Any]) -> PerSeedScores:
    """Return the metric of a variant: of each seed's trial at a rate, or of its trials at all rates.

    A seed has a metric over rates if all of its trials have finished; if the metric belongs to the means over the
    seeds, it is a jackknife pseudo-value. At the best rate, a seed is judged at the best
    rate of the other seeds (`leave_one_out`); the metric `best_rate` is that of each seed alone.

    Args:
        trials: as `with_trial_metrics` returns them, of one variant at one value of the further axes.
        grid: the learning rates, ascending.
    """
    if trials.empty:
        return PerSeedScores()
    metric = get_metric(asked.metric)
    if metric.over_rates:
        return _over_rates(metric, trials, grid, asked.kind)
    if asked.at == "best":
        return _at_best(metric, trials, _column(asked))
    there = trials[trials["learning_rate"] == asked.at].set_index("seed")
    return PerSeedScores(there[_column(asked)], asked.at, failed=_failed(metric, there))


def _at_best(metric: Metric, trials: pd.DataFrame, column: str) -> PerSeedScores:
    """Return a column of the trials by which each seed is judged."""
    named = (trials[name].to_numpy() for name in ("learning_rate", "seed", "validation_score"))
    by_seed = judged_rates(*named)
    judged = trials[trials["learning_rate"] == trials["seed"].map(by_seed)].set_index("seed")
    rates = {int(seed): by_seed[int(seed)] for seed in judged.index}
    return PerSeedScores(judged[column], best_rate(trials), rates, _failed(metric, judged))


def _failed(metric: Metric, by_seed: pd.DataFrame) -> frozenset[int]:
    if by_seed.empty or not metric.may_collapse:
        return frozenset()
    return frozenset(map(int, by_seed.index[collapsed_trials(by_seed, float(by_seed["level"].iloc[0]))]))


def _column(asked: Asked) -> str:
    name = get_metric(asked.metric).name
    return name if asked.epoch is None else f"{name}_after_epoch_{asked.epoch}"


def _over_rates(metric: Metric, trials: pd.DataFrame, grid: NDArray[Any], kind: str) -> PerSeedScores:
    by_seed = ((int(part["seed"].iloc[0]), part) for _, part in trials.groupby("seed"))
    whole = {seed: part for seed, part in by_seed if len(part) == len(grid)}
    if metric.of_means and kind != "probability" and len(whole) >= MIN_VALUES:
        return PerSeedScores(_pseudo_values(metric.name, whole, in_logs=kind == "ratio"))
    values = pd.Series({seed: _measured(metric, part) for seed, part in whole.items()}, dtype=float)
    if metric.scale == "decades":
        return PerSeedScores(values, open_above=any(metrics_over_rates(p).stable_width_open for p in whole.values()))
    is_rate = metric.scale == "factor"
    # If the grid leaves two steps open, the true value may be above or below; with one step it can only be above.
    below = is_rate and metric.grid_steps > 1 and bool((values == grid[0]).any())
    return PerSeedScores(values, open_below=below, open_above=is_rate and bool((values == grid[-1]).any()))


def _pseudo_values(name: str, by_seed: Mapping[int, pd.DataFrame], in_logs: bool) -> "pd.Series[float]":
    """Return what each seed adds to a metric of the curve of means: its jackknife pseudo-values (Tukey 1958).

    With n seeds, n times the metric of all of them minus n - 1 times that of the others. Their mean is the metric
    without the bias of order 1/n that the noise of the highest mean gives it, and their spread is that of the metric.

    Args:
        name: the metric.
        by_seed: the trials of each seed, at every rate.
        in_logs: compute them from the logarithm of the metric, for ratios.
    """
    trials = pd.concat(by_seed.values())
    values, seeds = curve_values(trials), trials["seed"].to_numpy()

    def measured(rows: NDArray[Any]) -> float:
        value = float(getattr(metrics_of_curve(curve_of(values[:, rows]), np.empty(0)), name))
        with np.errstate(divide="ignore"):
            return float(np.log(value)) if in_logs else value

    n, whole = len(by_seed), measured(np.ones(len(seeds), bool))
    with np.errstate(invalid="ignore"):
        pseudo = {seed: n * whole - (n - 1) * np.float64(measured(seeds != seed)) for seed in by_seed}
    return pd.Series({seed: np.exp(value) if in_logs else value for seed, value in pseudo.items()}, dtype=float)


def _measured(metric: Metric, trials: pd.DataFrame) -> float:
    if metric.measure_rates:
        return metric.measure_rates(trials)
    return float(getattr(metrics_over_rates(trials), metric.name))


def matches_axes(place: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Return True if the values of the further axes in a row of a table equal the values that a config names."""
    return all(axis in place and _is_same(place[axis], value) for axis, value in where.items())


def _is_same(cell: Any, value: Any) -> bool:
    """Compare a cell with a value of a config; a list or mapping is text in a table."""
    return bool(cell == (json.dumps(value) if isinstance(value, dict | list) else value)) or (
        value is None and pd.isna(cell)
    )
