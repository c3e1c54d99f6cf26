"""Widths of the rates around the best one -> what is known about a claim or a published value."""

import math

import numpy as np
import pandas as pd

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.lr_metrics import DELTA, curve_values
from bnbench.analysis.width_bands import WidthBands, width_bands
from bnbench.results.findings import Finding

METRIC = "stable_width"
MEANING = (
    f"between the rates that are surely and those that are perhaps within {100 * DELTA:g} point of the best rate, up "
    "to the next rates of the grid"
)
OPEN = "open where the grid ends"


def find_width(kind: str, scored: pd.DataFrame, of: str, over: str) -> Finding:
    """Return what is known about the stable width of a variant, or about the difference of two.

    Args:
        kind: `value` or `difference`.
        scored: `scored_trials` of all variants at one value of the further axes.
        of, over: the variants; `over` is not used for a value.
    """
    names = [of] if kind == "value" else [of, over]
    bands = [_bands(scored[scored["variant"] == name]) for name in names]
    n = min(band.n for band in bands)
    if not n:
        return Finding().noted("no seed has finished all of its trials")
    own = bands[0]
    estimate = own.width - bands[1].width if len(bands) > 1 else own.width
    if n < MIN_VALUES:
        return Finding(estimate, n=n).noted(f"needs {MIN_VALUES} seeds for an interval, has {n}")
    low, high = (own.low - bands[1].high, own.high - bands[1].low) if len(bands) > 1 else (own.low, own.high)
    is_open = any(math.isinf(band.high) for band in bands)
    return Finding(estimate, low, high, n).noted(MEANING, OPEN if is_open else "")


def _bands(scored: pd.DataFrame) -> WidthBands:
    """Return the bands of one variant, from the seeds that have a trial at each rate."""
    counts = scored.groupby("seed").size()
    whole = scored[scored["seed"].isin(counts.index[counts == scored["learning_rate"].nunique()])]
    if whole.empty:
        return WidthBands(math.nan, math.nan, math.nan, 0)
    return width_bands(curve_values(whole), np.asarray(whole["seed"]))
