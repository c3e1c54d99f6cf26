"""Trials -> tables with a row for each variant and axis value: its metrics over the rates, and the cost of tuning."""

import math
from collections.abc import Iterable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.cells import Cell, Cells, Positions
from bnbench.analysis.columns import CHOICE_MEASURES
from bnbench.analysis.edge import EdgePosterior, place_edges
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.leave_one_out import list_rates, widening
from bnbench.analysis.lr_metrics import DELTA, RateMetrics, metrics_of_curve
from bnbench.analysis.mean_interval import mean_interval
from bnbench.analysis.registry import SCORE_BOUNDS
from bnbench.analysis.trials import DIVERGED
from bnbench.analysis.width_bands import width_bands


def variant_table(cells: Cells, baseline: str, delta: float = DELTA) -> pd.DataFrame:
    """Return one row per variant and axis value, with the columns of `columns.VARIANTS` but those of times in pairs.

    The further axes follow `variant`. `step_times.with_overhead` adds the missing columns.
    """
    rows: list[dict[str, Any]] = []
    for place in cells.places:
        metrics = {
            variant: metrics_of_curve(cell.curve, cell.values("seconds_per_step"), delta)
            for variant, cell in place.cells.items()
        }
        edges = place_edges(place)
        rows += [
            cell.key
            | _variant_row(cell, metrics[variant], metrics.get(baseline))
            | _edge_columns(edges[variant])
            | _judged_columns(cell)
            | _width_columns(cell, delta)
            for variant, cell in place.cells.items()
        ]
    return pd.DataFrame(rows)


def _variant_row(cell: Cell, own: RateMetrics, base: RateMetrics | None) -> dict[str, Any]:
    """Return the scores of a variant at its best rate, its metrics, and both compared with the baseline."""
    at_best = cell.at_best
    return (
        {"best_rate": cell.best_rate, "n": len(at_best), **_mean_and_sd(cell, at_best)}
        | {"stable_from": own.stable_from, "stable_to": own.max_stable_rate}
        | asdict(replace(own, best_rate=cell.best_rate))
        | {
            "best_rate_ratio": own.best_rate / base.best_rate if base else math.nan,
            "bn_mode_gap": float(cell.values("bn_mode_gap", at_best).astype(float).mean()),
            "reestimated_gap": float(cell.values("reestimated_gap", at_best).mean()),
            "n_diverged": int(np.isin(cell.values("outcome"), DIVERGED).sum()),
            "trials": len(cell.rows),
        }
    )


def _edge_columns(posterior: EdgePosterior) -> dict[str, float]:
    """Return the edge with its interval; missing below three seeds."""
    known = len(posterior.outcomes) >= MIN_VALUES
    numbers = posterior.edge().rates if known else (math.nan,) * 3
    return dict(zip(("edge", "edge_low", "edge_high"), numbers, strict=True))


def _width_columns(cell: Cell, delta: float) -> dict[str, float]:
    """Return the ends of the interval of the stable width; missing below three seeds."""
    bands = width_bands(cell.curve_values, cell.values("seed"), delta)
    return {"stable_width_low": bands.low, "stable_width_high": bands.high}


def _judged_columns(cell: Cell, score: str = "test_score") -> dict[str, Any]:
    """Return the score of a variant, each seed judged at the best rate of the other seeds."""
    rows = cell.judged[~np.isnan(cell.values(score, cell.judged))]
    values, rates = cell.values(score, rows), cell.values("learning_rate", rows)
    wide = widening(len(values), len(set(rates)) > 1)
    found = mean_interval(values, cell.collapsed_at(rows).tolist(), SCORE_BOUNDS, ties_at=SCORE_BOUNDS, widening=wide)
    return {f"judged_{name}": getattr(found, name) for name in ("n", "mean", "sd", "low", "high")} | {
        "judged_at": ", ".join(f"{rate:g} ({count})" for rate, count in list_rates(rates))
    }


def _mean_and_sd(cell: Cell, rows: Positions) -> dict[str, float]:
    """Return the mean and SD of the validation and test measures, over the trials that have them."""
    found = {}
    for measure in CHOICE_MEASURES:
        values = cell.values(measure, rows)
        known = values[~np.isnan(values)]
        found[f"{measure}_mean"] = float(known.mean()) if len(known) else math.nan
        found[f"{measure}_sd"] = float(known.std(ddof=1)) if len(known) > 1 else math.nan
    return found


def expected_best(scores: Iterable[float]) -> NDArray[np.float64]:
    """Return the expected highest of k scores drawn without replacement, for k = 1 to all of them, (scores,).

    By order statistics: a score with i lower scores is the highest of k draws in C(i, k-1) of C(n, k) cases. Dodge et
    al. 2019, sec. 3, draw with replacement, but nobody tries the same rate twice.
    """
    ascending = sorted(scores)
    n = len(ascending)
    return np.array(
        [sum(x * (math.comb(i, k - 1) / math.comb(n, k)) for i, x in enumerate(ascending)) for k in range(1, n + 1)]
    )


def tuning_table(cells: Cells) -> pd.DataFrame:
    """Return one row per variant, axis value and number of rates `tried`, with the `expected_score` of the best rate.

    The rates are drawn at random from the grid; the score of a rate is the mean over seeds on the validation part.
    """
    rows: list[dict[str, Any]] = []
    for cell in cells:
        expected = enumerate(expected_best(cell.curve.score.tolist()), start=1)
        rows += [cell.key | {"tried": k, "expected_score": float(best)} for k, best in expected]
    return pd.DataFrame(rows)
