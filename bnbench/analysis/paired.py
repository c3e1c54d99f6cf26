"""Trials -> differences of each variant to the baseline, paired by seed: same split, data order and initial weights."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from bnbench.analysis.cells import Cell, Cells, Positions
from bnbench.analysis.intervals import holm, pooled, sign_flip, t_interval, t_interval_of
from bnbench.analysis.leave_one_out import widening


class _Pair(NamedTuple):
    """The trials of a variant and of the baseline at one value of the further axes; None without a baseline there."""

    own: Cell
    base: Cell | None


def at_equal_rate(cells: Cells, baseline: str, score: str = "validation_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline, axis value and learning rate at which there are pairs.

    Columns: variant, the axes, learning_rate, score, n, mean, sd (ddof 1), low and high (t interval of the paired
    difference), p (sign-flip test) and p_holm (adjusted for the rates of that variant and axis value). Diverged trials
    count as in `scored_trials`.
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
        known = [part.to_numpy() for part in parts if len(part)]
        if known:
            rows.append({"variant": variant, "score": score, "cells": len(known), **asdict(pooled(known))})
    return pd.DataFrame(rows)


def at_own_best_over_cells(cells: Cells, baseline: str, score: str = "test_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline: the t interval over seeds of its mean difference.

    The mean of a seed is taken over all axis values. Columns: variant, score, cells (axis values), n (seeds with a pair
    at each of them), mean, sd, low, high. A seed has one split at every axis value, so its pairs are not independent
    and count as one. Intervals that treat them as independent covered 64-74% of simulated cases instead of 95%.
    """
    rows = []
    differ = {own.variant for own, base in _pairs(cells, baseline) if _differ(own, *([base] if base else []))}
    for variant, parts in _differences_by_variant(cells, baseline, score).items():
        by_seed = pd.concat(parts, axis=1).dropna().mean(axis=1)
        wide = widening(len(by_seed), variant in differ)
        rows.append(
            {"variant": variant, "score": score, "cells": len(parts), **asdict(t_interval(by_seed, widening=wide))}
        )
    return pd.DataFrame(rows)


def _judged_at(cell: Cell) -> tuple[float, ...]:
    """Return the rates at which the seeds of a cell are judged, one of each seed, ascending."""
    return tuple(sorted(cell.values("learning_rate", cell.judged).tolist()))


def _differ(*cells: Cell) -> bool:
    """Return whether the seeds of any of the cells are judged at different rates."""
    return any(len(set(_judged_at(cell))) > 1 for cell in cells)


def _compared_at_best(own: Cell, base: Cell, score: str) -> dict[str, Any]:
    found = _compared(own, base, (own.judged, base.judged), score)
    if not _differ(own, base):
        return {"widened": 1.0} | found
    wide = widening(found["n"], True)
    ends = t_interval_of(found["mean"], found["sd"], found["n"], widening=wide)
    return {"widened": wide} | found | dict(zip(("low", "high"), ends, strict=True)) | {"p": math.nan}


def _pairs(cells: Cells, baseline: str) -> Iterator[_Pair]:
    """Yield each variant with the baseline, at each value of the further axes."""
    for place in cells.places:
        for variant, own in place.cells.items():
            if variant != baseline:
                yield _Pair(own, place.cells.get(baseline))


def _differences_by_variant(cells: Cells, baseline: str, score: str) -> dict[str, list["pd.Series[float]"]]:
    """Return the paired differences at the best rates, by seed: by variant, one series for each axis value."""
    by_variant: dict[str, list[pd.Series[float]]] = {}
    for own, base in _pairs(cells, baseline):
        sides = [_by_seed(own, own.judged, score), _by_seed(base, base.judged, score) if base else pd.Series()]
        by_variant.setdefault(own.variant, []).append((sides[0] - sides[1]).dropna())
    return by_variant


def _by_seed(cell: Cell, rows: Positions, score: str) -> "pd.Series[float]":
    return pd.Series(cell.values(score, rows), cell.values("seed", rows))


def _compared(own: Cell, base: Cell, rows: tuple[Positions, Positions], score: str) -> dict[str, Any]:
    """Return the difference at some trials of each, paired by seed."""
    values, others = own.values(score, rows[0]), base.values(score, rows[1])
    seeds, other_seeds = own.values("seed", rows[0]), base.values("seed", rows[1])
    if not np.array_equal(seeds, other_seeds):
        _, first, second = np.intersect1d(seeds, other_seeds, return_indices=True)
        values, others = values[first], others[second]
    # inf - inf is invalid.
    with np.errstate(invalid="ignore"):
        differences = values - others
    differences = differences[~np.isnan(differences)]
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
