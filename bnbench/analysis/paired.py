"""Trials -> differences of each variant to the baseline, paired by seed: same split, data order and initial weights."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import pandas as pd

from bnbench.analysis.intervals import holm, pooled, sign_flip, t_interval
from bnbench.analysis.lr_metrics import best_rate
from bnbench.analysis.trials import axes_of, by_axes, scored_trials


class _Pair(NamedTuple):
    """The trials of a variant and of the baseline at one value of the further axes."""

    variant: str
    place: dict[str, Any]
    own: pd.DataFrame
    base: pd.DataFrame


def paired_differences(own: pd.DataFrame, base: pd.DataFrame, score: str) -> "pd.Series[float]":
    """Return a score of `own` minus the same score of `base`, for each seed with a finished trial in both."""
    return (own.set_index("seed")[score] - base.set_index("seed")[score]).dropna()


def at_equal_rate(trials: pd.DataFrame, baseline: str, score: str = "validation_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline, axis value and learning rate at which there are pairs.

    Columns: variant, the axes, learning_rate, score, n, mean, sd (ddof 1), low and high (t interval of the paired
    difference), p (sign-flip test) and p_holm (adjusted for the rates of that variant and axis value). Diverged trials
    count as in `scored_trials`.
    """
    rows: list[dict[str, Any]] = []
    for variant, place, own, base in _pairs(trials, baseline):
        for rate in sorted(set(own["learning_rate"]) & set(base["learning_rate"])):
            differences = _compared(own[own["learning_rate"] == rate], base[base["learning_rate"] == rate], score)
            rows.append({"variant": variant, **place, "learning_rate": rate} | differences)
    return _adjusted(rows, ["variant", *axes_of(trials)])


def at_own_best(trials: pd.DataFrame, baseline: str, score: str = "test_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline and axis value, each variant at its own best rate.

    The best rate has the highest mean validation score. Columns: variant, the axes, learning_rate,
    baseline_rate, and from score on the columns of `at_equal_rate`; p_holm is adjusted for the axis values of the
    variant.
    """
    rows = []
    for variant, place, own, base in _pairs_at_best(trials, baseline):
        if not base.empty:
            rates = {"learning_rate": own["learning_rate"].iloc[0], "baseline_rate": base["learning_rate"].iloc[0]}
            rows.append({"variant": variant, **place, **rates} | _compared(own, base, score))
    return _adjusted(rows, ["variant"])


def pooled_at_own_best(trials: pd.DataFrame, baseline: str, score: str = "test_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline: the interquartile mean of its differences, all axis values.

    Columns: variant, score, cells (axis values), n (pairs), mean, sd, low, high as in `intervals.pooled`; each variant
    at its own best rate of each cell.
    """
    rows = []
    for variant, cells in _differences_by_variant(trials, baseline, score).items():
        known = [cell.to_numpy() for cell in cells if len(cell)]
        if known:
            rows.append({"variant": variant, "score": score, "cells": len(known), **asdict(pooled(known))})
    return pd.DataFrame(rows)


def at_own_best_over_cells(trials: pd.DataFrame, baseline: str, score: str = "test_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline: the t interval over seeds of its mean difference.

    The mean of a seed is taken over all axis values. Columns: variant, score, cells (axis values), n (seeds with a pair
    at each of them), mean, sd, low, high. A seed has one split at every axis value, so its pairs are not independent
    and count as one. Intervals that treat them as independent covered 64-74% of simulated cases instead of 95%.
    """
    rows = []
    for variant, cells in _differences_by_variant(trials, baseline, score).items():
        by_seed = pd.concat(cells, axis=1).dropna().mean(axis=1)
        rows.append({"variant": variant, "score": score, "cells": len(cells), **asdict(t_interval(by_seed))})
    return pd.DataFrame(rows)


def _pairs(trials: pd.DataFrame, baseline: str) -> Iterator[_Pair]:
    """Yield each variant with the baseline, at each value of the further axes."""
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        base = part[part["variant"] == baseline]
        for variant, own in part[part["variant"] != baseline].groupby("variant", sort=False):
            yield _Pair(str(variant), place, own, base)


def _pairs_at_best(trials: pd.DataFrame, baseline: str) -> Iterator[_Pair]:
    """Yield the same pairs, with only the trials at each variant's own best rate."""
    for pair in _pairs(trials, baseline):
        yield pair._replace(own=_at_best(pair.own), base=_at_best(pair.base))


def _at_best(scored: pd.DataFrame) -> pd.DataFrame:
    return scored if scored.empty else scored[scored["learning_rate"] == best_rate(scored)]


def _differences_by_variant(trials: pd.DataFrame, baseline: str, score: str) -> dict[str, list["pd.Series[float]"]]:
    """Return the paired differences at the best rates: by variant, one series for each axis value."""
    by_variant: dict[str, list[pd.Series[float]]] = {}
    for pair in _pairs_at_best(trials, baseline):
        by_variant.setdefault(pair.variant, []).append(paired_differences(pair.own, pair.base, score))
    return by_variant


def _compared(own: pd.DataFrame, base: pd.DataFrame, score: str) -> dict[str, Any]:
    differences = paired_differences(own, base, score)
    return {"score": score, **asdict(t_interval(differences)), "p": sign_flip(differences)}


def _adjusted(rows: list[dict[str, Any]], family: Sequence[str]) -> pd.DataFrame:
    """Return the rows that have pairs as a table, with the p-values of each family adjusted for their number."""
    table = pd.DataFrame([row for row in rows if row["n"]])
    if table.empty:
        return table
    table["p_holm"] = table.groupby(list(family), sort=False, dropna=False)["p"].transform(
        lambda p: pd.Series(holm(p), p.index)
    )
    return table
