"""Trials -> how scores, differences and the highest rates move with a further axis."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.cells import Cells, rows_judged
from bnbench.analysis.leave_one_out import widening
from bnbench.analysis.mean_interval import mean_interval
from bnbench.analysis.registry import SCORE_BOUNDS
from bnbench.analysis.trials import axes_of

# The numbers of each row of the tables here; `lowest` and `highest` are the spread by setting of the other axes.
STATISTICS = ("mean", "low", "high", "lowest", "highest")
# The columns of `seed_scores` other than the variant and the further axes.
SCORED = ("seed", "value", "picks_differ", "collapsed")


def is_scale(values: Sequence[Any]) -> bool:
    """Return True if the values of an axis are numbers, which have an order and a place on a scale."""
    return all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)


def axis_values(table: pd.DataFrame, axis: str) -> list[Any]:
    """Return the values of an axis: numbers in ascending order, words as in the experiment."""
    values = table[axis].drop_duplicates().tolist()
    return sorted(values) if is_scale(values) else values


def seed_scores(cells: Cells, score: str = "test_score") -> pd.DataFrame:
    """Return one row per variant, axis value and seed: the score at the best rate of the variant there.

    Columns: variant, the further axes, seed, value, picks_differ (whether the seeds there are judged at different
    rates), collapsed (whether the trial collapsed). The best rate is that of the other seeds (`leave_one_out`).
    """
    judged = rows_judged(cells)
    return judged.assign(value=judged[score])[["variant", *cells.axes, *SCORED]].reset_index(drop=True)


def seed_differences(scores: pd.DataFrame, baseline: str) -> pd.DataFrame:
    """Return `seed_scores` of the variants other than the baseline, minus its score at the same values and seed."""
    keys = [name for name in scores.columns if name not in ("variant", *SCORED[1:])]
    base = scores.loc[scores["variant"] == baseline, [*keys, *SCORED[1:]]]
    joined = scores[scores["variant"] != baseline].merge(base, on=keys, suffixes=("", "_base"))
    joined["value"] -= joined.pop("value_base")
    joined["picks_differ"] |= joined.pop("picks_differ_base")
    # A number for each of the four cases.
    joined["collapsed"] = joined["collapsed"].astype(int) + 2 * joined.pop("collapsed_base").astype(int)
    return joined


def by_value(values: pd.DataFrame, axis: str, bounds: tuple[float, float] = SCORE_BOUNDS) -> pd.DataFrame:
    """Return one row per variant and value of an axis: the mean over the other axes, and its spread by setting.

    Args:
        values: as `seed_scores` or `seed_differences` return them.
        axis: its name.
        bounds: between which the values must lie.

    Returns:
        Columns: variant, the axis, settings (of the other axes), n (seeds with a value at all of them), mean, low, high
        (`mean_interval` over seeds of their means over the settings: the settings of a seed are not independent),
        lowest and highest (mean over seeds of the lowest and of the highest setting).
    """
    rows = []
    for variant, own in _with_settings(values, axis).groupby("variant", sort=False):
        for value, part in own.groupby(axis, sort=False, dropna=False):
            rows.append({"variant": variant, axis: value} | _over_settings(_by_setting(part), part, bounds))
    return pd.DataFrame(rows, columns=["variant", axis, "settings", "n", *STATISTICS])


def change(
    values: pd.DataFrame, axis: str, first: Any, last: Any, bounds: tuple[float, float] = SCORE_BOUNDS
) -> pd.DataFrame:
    """Return one row per variant: how much its values change from one value of an axis to another, paired by seed.

    Args:
        values: as `seed_scores` or `seed_differences` return them.
        axis: its name.
        first, last: the two values of the axis.
        bounds: between which the values must lie.

    Returns:
        Columns as of `by_value`, without the axis; only settings of the other axes that have both values count.
    """
    rows, size = [], bounds[1] - bounds[0]
    for variant, own in _with_settings(values, axis).groupby("variant", sort=False):
        parts = [own[_equals(own[axis], value)] for value in (first, last)]
        moved = (_by_setting(parts[1]) - _by_setting(parts[0])).dropna(axis=1, how="all")
        parts = [part[part["setting"].isin(moved.columns)] for part in parts]
        both = pd.concat([part.assign(setting=part["setting"] + end) for part, end in zip(parts, "01", strict=True)])
        rows.append({"variant": variant} | _over_settings(moved, both, (-size, size)))
    return pd.DataFrame(rows, columns=["variant", "settings", "n", *STATISTICS])


def edges_by_value(well: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return one row per variant and value of an axis: the highest rates at which every seed trains, by setting.

    Args:
        well: a `trains_well.well_table`.

    Returns:
        Columns: variant, the axis, settings (of the other axes), missing (settings at which some seed fails even at the
        best rate), lowest, highest, middle (their geometric mean); NaN if all are missing.
    """
    rows = []
    for (variant, value), part in well.groupby(["variant", axis], sort=False, dropna=False):
        known = part["trains_to"].dropna()
        rows.append(
            {"variant": variant, axis: value, "settings": len(part), "missing": len(part) - len(known)}
            | {"lowest": known.min(), "highest": known.max(), "middle": 10 ** np.log10(known).mean()}
        )
    return pd.DataFrame(rows, columns=["variant", axis, "settings", "missing", "lowest", "highest", "middle"])


def leading_axis(values: pd.DataFrame, axes: Sequence[str]) -> str:
    """Return the axis that explains most of the spread by setting: the highest ratio of sums of squares.

    Args:
        values: as `seed_scores` or `seed_differences` return them. With several variants, the deviations from the mean
            of each variant are added up.
    """
    cells = values.groupby(["variant", *axes], sort=False, dropna=False)["value"].mean().reset_index()
    cells["value"] -= cells.groupby("variant")["value"].transform("mean")
    explained = {
        axis: float((cells.groupby(["variant", axis], dropna=False)["value"].transform("mean") ** 2).sum())
        for axis in axes
    }
    return max(axes, key=lambda axis: (round(explained[axis], 12), -list(axes).index(axis)))


def unaffected(trials: pd.DataFrame) -> set[str]:
    """Return the variants that no further axis changes: their trials are the same ones at all values."""
    axes = axes_of(trials)
    settings = len(trials[axes].drop_duplicates()) if axes else 1
    if settings == 1:
        return set()
    counts = trials.groupby(["variant", "trial"], sort=False).size().groupby("variant").min()
    return {str(name) for name, count in counts.items() if count == settings}


def _with_settings(values: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return values with the setting of the other axes in a column `setting`."""
    others = [name for name in values.columns if name not in ("variant", axis, *SCORED)]
    setting = pd.Series("", values.index)
    # As text, because NaN does not equal itself; without other axes there is one setting.
    for name in others:
        setting = setting + values[name].astype(str) + ", "
    return values.assign(setting=setting)


def _by_setting(values: pd.DataFrame, column: str = "value") -> pd.DataFrame:
    """Return values as a table: a row a seed, a column a setting of the other axes."""
    return values.pivot(index="seed", columns="setting", values=column)


def _over_settings(table: pd.DataFrame, rows: pd.DataFrame, bounds: tuple[float, float]) -> dict[str, float]:
    """Return the statistics of a table of `_by_setting`, made of some rows of values."""
    means = table.mean()
    whole = table.dropna() if len(table.columns) else table.iloc[:0]
    # Which trainings of a seed collapsed.
    collapsed = _by_setting(rows, "collapsed").loc[whole.index] if len(whole) else whole
    kinds = list(collapsed.itertuples(index=False, name=None))
    wide = widening(len(whole), bool(rows["picks_differ"].any()))
    interval = mean_interval(whole.mean(axis=1), kinds, bounds, widening=wide)
    return {
        "settings": len(table.columns),
        "n": interval.n,
        "mean": interval.mean,
        "low": interval.low,
        "high": interval.high,
        "lowest": float(means.min()) if len(means) else math.nan,
        "highest": float(means.max()) if len(means) else math.nan,
    }


def _equals(column: "pd.Series[Any]", value: Any) -> "pd.Series[bool]":
    return column.isna() if pd.isna(value) else column == value
