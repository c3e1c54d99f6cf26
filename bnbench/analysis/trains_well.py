"""Trials -> up to which learning rate every seed of a variant trains well."""

import math
from typing import Any

import pandas as pd

from bnbench.analysis.lr_metrics import RateCurve, contiguous_run, rate_curve
from bnbench.analysis.trials import axes_of, by_axes, scored_trials


def well_table(trials: pd.DataFrame) -> pd.DataFrame:
    """Return one row per variant and axis value: up to which rate every trial trains well, and where that ends.

    Rates below the best one are not judged: nobody would choose them.

    Columns:
        variant, the further axes, best_rate.
        well_to: as in `RateMetrics`.
        n: the smallest number of trials at any of the rates from the best one to `well_to`; at the best one if that is
            missing.
        fails_at, n_not_well, n_there: the next rate of the grid, the number of its trials that do not train well, and
            of all of its trials. It is the best rate if trials there do not train well. After the highest rate
            `fails_at` is missing.
    """
    rows: list[dict[str, Any]] = []
    for place, part in by_axes(scored_trials(trials), axes_of(trials)):
        for variant, cell in part.groupby("variant", sort=False):
            rows.append({"variant": variant, **place} | _where_well_ends(rate_curve(cell)))
    columns = ["variant", *axes_of(trials), "best_rate", "well_to", "n", "fails_at", "n_not_well", "n_there"]
    return pd.DataFrame(rows, columns=columns)


def _where_well_ends(curve: RateCurve) -> dict[str, float]:
    best = curve.best
    run = contiguous_run(curve.n_well == curve.n, best)
    following = run[1] + 1 if run else best
    row = {
        "best_rate": float(curve.rates[best]),
        "well_to": float(curve.rates[run[1]]) if run else math.nan,
        "n": int(curve.n[best:following].min()) if run else int(curve.n[best]),
    }
    if following == len(curve.rates):
        return row | {"fails_at": math.nan, "n_not_well": 0, "n_there": 0}
    failing = int(curve.n[following] - curve.n_well[following])
    return row | {"fails_at": float(curve.rates[following]), "n_not_well": failing, "n_there": int(curve.n[following])}
