"""Trials -> up to which learning rate a variant trains well, up to which it trains at all, and what ends there."""

import math
from typing import Any

import pandas as pd

from bnbench.analysis.cells import Cells
from bnbench.analysis.lr_metrics import RateCurve, contiguous_run

COLUMNS = (
    "best_rate", "well_to", "n", "fails_at", "score_lost", "trains_to", "ends_at", "n_not_ok", "n_there",
)  # fmt: skip


def well_table(cells: Cells) -> pd.DataFrame:
    """Return one row per variant and axis value: up to which rate it trains well and at all, and where that ends.

    Rates below the best one are not judged: nobody would choose them.

    Columns:
        variant, the further axes, best_rate.
        well_to: as in `RateMetrics`.
        n: the smallest number of trials at any of the rates from the best one to `well_to`; at the best one if that is
            missing.
        fails_at, score_lost: the next rate of the grid, at which the variant does not train well, and how far its mean
            score there is below the best. It is the best rate if a trial there is not ok. After the highest rate
            both are missing.
        trains_to: the largest rate such that every trial is ok there and at every rate from the best one up to it.
            Missing if a trial at the best rate is not ok, and if no trial of the variant is ok.
        ends_at, n_not_ok, n_there: the next rate of the grid, the number of its trials that are not ok, and of all of
            its trials; as above.
    """
    rows: list[dict[str, Any]] = [cell.key | _where_it_ends(cell.curve) for cell in cells]
    return pd.DataFrame(rows, columns=["variant", *cells.axes, *COLUMNS])


def _where_it_ends(curve: RateCurve) -> dict[str, float]:
    best = curve.best
    well, trains = (contiguous_run(holds, best) for holds in (curve.well, curve.ok))
    after_well, after = (run[1] + 1 if run else best for run in (well, trains))
    row = {
        "best_rate": float(curve.rates[best]),
        "well_to": float(curve.rates[well[1]]) if well else math.nan,
        "n": int(curve.n[best:after_well].min()) if well else int(curve.n[best]),
        "trains_to": float(curve.rates[trains[1]]) if trains else math.nan,
        "n_not_ok": 0,
        "n_there": 0,
    }
    if after_well < len(curve.rates):
        lost = float(curve.score[best] - curve.score[after_well])
        row |= {"fails_at": float(curve.rates[after_well]), "score_lost": lost}
    if after < len(curve.rates):
        failing = int(curve.n[after] - curve.n_ok[after])
        row |= {"ends_at": float(curve.rates[after]), "n_not_ok": failing, "n_there": int(curve.n[after])}
    return row
