"""Trials of one variant -> which rates are surely, and which are perhaps, about as good as its best rate.

The width of one seed's own curve says nothing: noise cuts it short. So each rate is compared with the best one, paired
by seed. A rate is surely within delta of the best if the whole 95% interval of its difference is, and perhaps if a part
of it is.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.analysis.intervals import MIN_VALUES, t_interval
from bnbench.analysis.lr_metrics import DELTA, ROUNDING, contiguous_run, curve_of

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class WidthBands:
    """The width of the rates that score at most delta less than the best one, in decades; NaN if unknown.

    Attributes:
        width: by the curve of means.
        low: of the rates that are surely within delta, an unbroken run that contains the best rate.
        high: up to the next rates on either side that are surely not within delta; infinite if the grid ends before.
        n: number of seeds.
    """

    width: float
    low: float
    high: float
    n: int


def width_bands(values: Numbers, seeds: NDArray[Any], delta: float = DELTA) -> WidthBands:
    """Return the width of the rates around the best one, with the ends of its interval.

    Args:
        values: `lr_metrics.curve_values` of the trials of one variant, (5, trials).
        seeds: the seed of each trial.
        delta: how far below the best score a rate may be.
    """
    curve, n = curve_of(values), len(np.unique(seeds))
    if not curve.n_ok.any():
        return WidthBands(math.nan, math.nan, math.nan, n)
    ends = _differences_to_best(values, seeds, curve.best)
    means = _run(curve.score >= curve.score.max() - delta - ROUNDING, curve.best)
    width = float(np.log10(curve.rates[means[1]] / curve.rates[means[0]]))
    if n < MIN_VALUES:
        return WidthBands(width, math.nan, math.nan, n)
    surely, perhaps = (_run(end >= -delta - ROUNDING, curve.best) for end in ends)
    # Beyond both ends, as far as the rate is not known to be out.
    bordered = np.concatenate([[0.0], curve.rates, [math.inf]])
    with np.errstate(divide="ignore"):
        high = float(np.log10(bordered[perhaps[1] + 2]) - np.log10(bordered[perhaps[0]]))
    return WidthBands(width, float(np.log10(curve.rates[surely[1]] / curve.rates[surely[0]])), high, n)


def _differences_to_best(values: Numbers, seeds: NDArray[Any], best: int) -> tuple[Numbers, Numbers]:
    """Return the ends of the interval of the score at each rate minus that at the best one, paired by seed."""
    rates, columns = np.unique(values[0], return_inverse=True)
    names, rows = np.unique(seeds, return_inverse=True)
    table = np.full((len(names), len(rates)), math.nan)
    table[rows, columns] = values[1]
    low, high = np.full(len(rates), -math.inf), np.full(len(rates), math.inf)
    for i, column in enumerate((table - table[:, [best]]).T):
        found = t_interval(column[~np.isnan(column)])
        if found.n >= MIN_VALUES:
            # Equal differences have no t interval; both ends are their mean.
            low[i], high[i] = (found.mean if math.isnan(end) else end for end in (found.low, found.high))
    low[best] = high[best] = 0.0
    return low, high


def _run(holds: NDArray[np.bool_], best: int) -> tuple[int, int]:
    return contiguous_run(holds, best) or (best, best)
