"""Trials -> differences of each variant to the baseline, paired by seed: same split, data order and initial weights."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bnbench.analysis.cells import Cell, Cells, Positions
from bnbench.analysis.intervals import holm, pooled, sign_flip
from bnbench.analysis.leave_one_out import widening
from bnbench.analysis.mean_interval import count_ties, mean_interval, mixes_kinds
from bnbench.analysis.registry import DIFFERENCE_BOUNDS


class _Pair(NamedTuple):
    """The trials of a variant and of the baseline at one value of the further axes; None without a baseline there."""

    own: Cell
    base: Cell | None


def at_equal_rate(cells: Cells, baseline: str, score: str = "validation_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline, axis value and learning rate at which there are pairs.

    Columns: variant, the axes, learning_rate, score, n, mean, sd (ddof 1), low and high (`mean_interval` of the
    paired difference), n_equal (pairs that are equal), mixed (whether pairs differ in which of their trials collapsed,
    `find_collapses`), p (sign-flip test) and p_holm (adjusted for the rates of that variant and axis value). Diverged
    trials count as in `scored_trials`. A loss has no interval of its difference, but that of the
    ratio of geometric means: ratio, ratio_low and ratio_high.
    """
    rows: list[dict[str, Any]] = []
    for own, base in _pairs(cells, baseline):
        if base is None:
            continue
        for rate in np.intersect1d(own.curve.rates, base.curve.rates).tolist():
            differences = _compared(own, base, (own.at(rate), base.at(rate)), score)
            rows.append({**own.key, "learning_rate": rate} | differences)
    return _adjusted(rows, ["variant", *cells.axes])


def at_own_best(cells: Cells, baseline: str, score: str = "test_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline and axis value, each variant at its own best rate.

    The best rate has the highest mean validation score. Each seed is judged at the best rate of the other seeds
    (`leave_one_out`).

    Columns: variant, the axes, learning_rate, baseline_rate (the best of all seeds), judged_at, baseline_judged_at (the
    rates at which the seeds are judged), widened (how many times as wide as Student's t the interval is), and from
    score on the columns of `at_equal_rate`. p_holm is adjusted for the axis values of the variant. If seeds are judged
    at different rates, their differences are not independent, and p is missing.
    """
    rows = []
    for own, base in _pairs(cells, baseline):
        if base:
            rates = {"learning_rate": own.best_rate, "baseline_rate": base.best_rate}
            judged = {"judged_at": _judged_at(own), "baseline_judged_at": _judged_at(base)}
            rows.append({**own.key, **rates, **judged} | _compared_at_best(own, base, score))
    return _adjusted(rows, ["variant"])


def pooled_at_own_best(cells: Cells, baseline: str, score: str = "test_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline: the interquartile mean of its differences, all axis values.

    Columns: variant, score, cells (axis values), n (pairs), mean, sd, low, high as in `intervals.pooled`; each variant
    at its own best rate of each cell.
    """
    rows = []
    for variant, parts in _differences_by_variant(cells, baseline, score).items():
        known = [part["value"].to_numpy() for part in parts if len(part)]
        if known:
            rows.append({"variant": variant, "score": score, "cells": len(known), **asdict(pooled(known))})
    return pd.DataFrame(rows)


def at_own_best_over_cells(cells: Cells, baseline: str, score: str = "test_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline: the interval over seeds of its mean difference.

    The mean of a seed is taken over all axis values. Columns: variant, score, cells (axis values), n (seeds with a pair
    at each of them), mean, sd, low, high. A seed has one split at every axis value, so its pairs are not independent
    and count as one. Intervals that treat them as independent covered 64-74% of simulated cases instead of 95%.
    """
    rows = []
    differ = {own.variant for own, base in _pairs(cells, baseline) if _differ(own, *([base] if base else []))}
    for variant, parts in _differences_by_variant(cells, baseline, score).items():
        whole = pd.concat(parts, axis=1, keys=range(len(parts))).dropna().sort_index()
        by_seed, kinds = (whole.xs(name, axis=1, level=1).to_numpy() for name in ("value", "kind"))
        wide = widening(len(whole), variant in differ)
        patterns = list(map(tuple, kinds.tolist()))
        found = mean_interval(by_seed.astype(float).mean(axis=1), patterns, _bounds(score), widening=wide)
        rows.append({"variant": variant, "score": score, "cells": len(parts), **asdict(found)})
    return pd.DataFrame(rows)


def _judged_at(cell: Cell) -> tuple[float, ...]:
    """Return the rates at which the seeds of a cell are judged, one of each seed, ascending."""
    return tuple(sorted(cell.values("learning_rate", cell.judged).tolist()))


def _differ(*cells: Cell) -> bool:
    """Return whether the seeds of any of the cells are judged at different rates."""
    return any(len(set(_judged_at(cell))) > 1 for cell in cells)


def _compared_at_best(own: Cell, base: Cell, score: str) -> dict[str, Any]:
    wide = widening(len(np.intersect1d(own.values("seed", own.judged), base.values("seed", base.judged))), True)
    wide = wide if _differ(own, base) else 1.0
    found = _compared(own, base, (own.judged, base.judged), score, wide)
    return {"widened": wide} | found | ({"p": math.nan} if wide > 1 else {})


def _pairs(cells: Cells, baseline: str) -> Iterator[_Pair]:
    """Yield each variant with the baseline, at each value of the further axes."""
    for place in cells.places:
        for variant, own in place.cells.items():
            if variant != baseline:
                yield _Pair(own, place.cells.get(baseline))


def _differences_by_variant(cells: Cells, baseline: str, score: str) -> dict[str, list[pd.DataFrame]]:
    """Return the paired differences at the best rates: by variant, for each axis value a table of `_differences`."""
    by_variant: dict[str, list[pd.DataFrame]] = {}
    for own, base in _pairs(cells, baseline):
        none = pd.DataFrame({"value": [], "ratio": [], "kind": []}, dtype=float)
        pairs = _differences(own, base, (own.judged, base.judged), score) if base else none
        by_variant.setdefault(own.variant, []).append(pairs)
    return by_variant


def _differences(own: Cell, base: Cell, rows: tuple[Positions, Positions], score: str) -> pd.DataFrame:
    """Return the differences at some trials of each, a row a seed.

    Columns: value, ratio, kind (which of the two collapsed; 0 if none did).
    """
    seeds, other_seeds = own.values("seed", rows[0]), base.values("seed", rows[1])
    both, first, second = np.intersect1d(seeds, other_seeds, return_indices=True)
    one, other = rows[0][first], rows[1][second]
    # inf - inf is invalid.
    with np.errstate(invalid="ignore", divide="ignore"):
        values = own.values(score, one) - base.values(score, other)
        ratios = own.values(score, one) / base.values(score, other)
    # Of all seeds of each, as in claims: whether the other variant has a seed does not change what collapsed.
    kinds = own.collapsed_at(rows[0])[first] + 2 * base.collapsed_at(rows[1])[second]
    known = ~np.isnan(values)
    return pd.DataFrame({"value": values[known], "ratio": ratios[known], "kind": kinds[known]}, both[known])


def _compared(
    own: Cell, base: Cell, rows: tuple[Positions, Positions], score: str, wide: float = 1.0
) -> dict[str, Any]:
    """Return the difference at some trials of each, paired by seed."""
    pairs = _differences(own, base, rows, score)
    values, kinds = pairs["value"].to_numpy(), pairs["kind"].to_numpy()
    kinds_of_pairs = {"n_equal": count_ties(values, (0.0,)), "mixed": mixes_kinds(kinds.tolist())}
    interval = mean_interval(values, kinds.tolist(), _bounds(score), (0.0,), wide)
    found = {"score": score, **asdict(interval), **kinds_of_pairs, "p": sign_flip(values)}
    return found if score.endswith("_score") else found | _ratio(pairs, wide)


def _ratio(pairs: pd.DataFrame, wide: float) -> dict[str, float]:
    """Return the ratio of two losses, geometric mean over the seeds, with its interval; the difference has none.

    Losses are skewed: the t interval of their difference covered 82 to 85% of simulated cases.
    """
    with np.errstate(divide="ignore"):
        logs = np.log(pairs["ratio"].to_numpy())
    found = mean_interval(logs, pairs["kind"].tolist(), None, (0.0,), wide)
    ends = {"ratio": found.mean, "ratio_low": found.low, "ratio_high": found.high}
    return {"low": math.nan, "high": math.nan} | {name: float(np.exp(value)) for name, value in ends.items()}


def _bounds(score: str) -> tuple[float, float] | None:
    """Return between which values the difference of two scores lies; None for losses."""
    return DIFFERENCE_BOUNDS if score.endswith("_score") else None


def _adjusted(rows: list[dict[str, Any]], family: Sequence[str]) -> pd.DataFrame:
    """Return the rows that have pairs as a table, with the p-values of each family adjusted for their number."""
    table = pd.DataFrame([row for row in rows if row["n"]])
    if table.empty:
        return table
    table["p_holm"] = table.groupby(list(family), sort=False, dropna=False)["p"].transform(
        lambda p: pd.Series(holm(p), p.index)
    )
    return table
