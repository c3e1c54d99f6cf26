"""Trials -> each variant against the baseline, paired by seed: same split, order and initial kernels."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd

from bnbench.analysis.intervals import holm, pooled, sign_flip, t_interval
from bnbench.analysis.lr_metrics import best_rate
from bnbench.analysis.trials import axes_of, by_axes, scored_trials


def paired_differences(of: pd.DataFrame, over: pd.DataFrame, score: str) -> "pd.Series[float]":
    """The score of the first trials minus that of the second, by seed; only seeds of which both have ended."""
    return (of.set_index("seed")[score] - over.set_index("seed")[score]).dropna()


def at_equal_rate(trials: pd.DataFrame, baseline: str, score: str = "validation_accuracy") -> pd.DataFrame:
    """One row a further variant, axis value and learning rate at which there are pairs.

    Columns: variant, the axes, learning_rate, score, n, mean, SD (ddof 1), low and high (t interval of the paired
    difference), p (sign-flip test) and p_holm (adjusted for the rates of that variant and axis value). Diverged trials
    count as `counted`.
    """
    axes = axes_of(trials)
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(scored_trials(trials), axes):
        over = part[part["variant"] == baseline]
        for variant, of in part[part["variant"] != baseline].groupby("variant", sort=False):
            for rate in sorted(set(of["learning_rate"]) & set(over["learning_rate"])):
                own, base = (cell[cell["learning_rate"] == rate] for cell in (of, over))
                rows.append({"variant": variant, **place, "learning_rate": rate} | _compared(own, base, score))
    return _adjusted(rows, ["variant", *axes])


def at_own_best(trials: pd.DataFrame, baseline: str, score: str = "test_accuracy") -> pd.DataFrame:
    """One row a further variant and axis value, each variant at its own best rate by validation accuracy.

    Columns: variant, the axes, learning_rate, baseline_rate, score, and those of `at_equal_rate`; p_holm is adjusted
    for the axis values of that variant.
    """
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        over = _at_best(part[part["variant"] == baseline])
        for variant, of in part[part["variant"] != baseline].groupby("variant", sort=False):
            own = _at_best(of)
            if not over.empty:
                rates = {"learning_rate": own["learning_rate"].iloc[0], "baseline_rate": over["learning_rate"].iloc[0]}
                rows.append({"variant": variant, **place, **rates} | _compared(own, over, score))
    return _adjusted(rows, ["variant"])


def pooled_at_own_best(trials: pd.DataFrame, baseline: str, score: str = "test_accuracy") -> pd.DataFrame:
    """One row a further variant: the interquartile mean of its paired differences over all axis values.

    Columns: variant, score, cells (axis values), n (pairs), mean, sd, low, high as `intervals.pooled`; each variant at
    its own best rate of each cell.
    """
    found: dict[Any, list[pd.Series[float]]] = {}
    for _, part in by_axes(scored_trials(trials), axes_of(trials)):
        over = _at_best(part[part["variant"] == baseline])
        for variant, of in part[part["variant"] != baseline].groupby("variant", sort=False):
            differences = paired_differences(_at_best(of), over, score)
            if len(differences):
                found.setdefault(variant, []).append(differences)
    rows = [
        {"variant": variant, "score": score, "cells": len(cells), **asdict(pooled([cell.to_numpy() for cell in cells]))}
        for variant, cells in found.items()
    ]
    return pd.DataFrame(rows)


def at_own_best_over_cells(trials: pd.DataFrame, baseline: str, score: str = "test_accuracy") -> pd.DataFrame:
    """One row a further variant: the t interval over seeds of the difference, a mean over all axis values of each seed.

    Columns: variant, score, cells (axis values), n (seeds that have a pair at each of them), mean, sd, low, high.
    A seed has one split at every axis value, so its pairs are not independent and count as one; intervals that take
    them as independent held the truth in 64-74% of simulated cases where they say 95%.
    """
    found: dict[Any, list[pd.Series[float]]] = {}
    for _, part in by_axes(scored_trials(trials), axes_of(trials)):
        over = _at_best(part[part["variant"] == baseline])
        for variant, of in part[part["variant"] != baseline].groupby("variant", sort=False):
            found.setdefault(variant, []).append(paired_differences(_at_best(of), over, score))
    rows = []
    for variant, cells in found.items():
        by_seed = pd.concat(cells, axis=1).dropna().mean(axis=1)
        rows.append({"variant": variant, "score": score, "cells": len(cells), **asdict(t_interval(by_seed))})
    return pd.DataFrame(rows)


def _at_best(ended: pd.DataFrame) -> pd.DataFrame:
    return ended if ended.empty else ended[ended["learning_rate"] == best_rate(ended)]


def _compared(of: pd.DataFrame, over: pd.DataFrame, score: str) -> dict[str, Any]:
    differences = paired_differences(of, over, score)
    return {"score": score, **asdict(t_interval(differences)), "p": sign_flip(differences)}


def _adjusted(rows: list[dict[str, Any]], family: Sequence[str]) -> pd.DataFrame:
    """The table of the rows that hold pairs, with the p-values of each family adjusted for their number."""
    table = pd.DataFrame([row for row in rows if row["n"]])
    if table.empty:
        return table
    table["p_holm"] = table.groupby(list(family), sort=False, dropna=False)["p"].transform(
        lambda p: pd.Series(holm(p), p.index)
    )
    return table
