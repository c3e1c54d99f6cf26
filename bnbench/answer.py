"""Results -> the answer of an experiment in three sentences."""

from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import pandas as pd

from bnbench.analysis import places
from bnbench.plan import label
from bnbench.results import Results

MOST_PLACES = 3  # of further axes that are told one by one


def sentences(results: Results) -> list[str]:
    """Over which rates each variant trains, which is better, and how sure that is; for each value of the axes."""
    if results.summary.empty:
        return ["No trial has ended yet."]
    rates = sorted(results.summary["learning_rate"].unique())
    compared = results.differences_at_best()
    parts = list(places(results.variants, results.axes))
    if not results.axes:
        return _three(results.variants, compared, rates, results.baseline)
    told = []
    for place, part in parts[:MOST_PLACES]:
        here = compared[
            [all(row[axis] == value for axis, value in place.items()) for row in compared.to_dict("records")]
        ]
        named = ", ".join(f"{axis.rpartition('.')[2]} {label(value)}" for axis, value in place.items())
        told.append(f"With {named}: " + " ".join(_three(part, here, rates, results.baseline)))
    if len(parts) > MOST_PLACES:
        told.append(f"{len(parts) - MOST_PLACES} further settings are in the tables.")
    return told


def _three(variants: pd.DataFrame, compared: pd.DataFrame, rates: Sequence[float], baseline: str) -> list[str]:
    rows = variants.to_dict("records")
    trains = f"Every seed trains: {'; '.join(_trains(row, rates) for row in rows)}."
    return [
        trains,
        _better(rows),
        *(_sure(row, baseline) for row in compared.to_dict("records")),
    ]


def _trains(row: Mapping[Any, Any], rates: Sequence[float]) -> str:
    """`plain from 0.001 or less to 0.01`."""
    low, high = row["stable_from"], row["stable_to"]
    if isnan(low):
        return f"{row['variant']} at no rate"
    start = f"from {label(low)}" + (" or less" if low == rates[0] and low < high else "")
    end = f" to {label(high)}" + (" or more" if high == rates[-1] and low < high else "")
    return f"{row['variant']} " + (f"{start}{end}" if low < high else f"at {label(low)} alone")


def _better(rows: Sequence[Mapping[Any, Any]]) -> str:
    """Test accuracy at the rate that validation chose."""
    told = [f"{row['variant']} {_percent(row['test_accuracy_mean'])} (rate {label(row['best_rate'])})" for row in rows]
    return f"At its own best rate each reaches, in mean test accuracy: {', '.join(told)}."


def _sure(row: Mapping[Any, Any], baseline: str) -> str:
    """A variant against the baseline, as far as the interval goes."""
    mean, low, high, n = row["mean"], row["low"], row["high"], row["n"]
    pair = f"{row['variant']} over {baseline}"
    seeds = f"{n} paired seed{'s' if n > 1 else ''}"
    if isnan(low):
        return f"{pair}: {_points(mean)} points, but from {seeds} no interval can be given: not sure at all."
    verdict = "better" if low > 0 else "worse" if high < 0 else "neither shown to be better nor worse"
    return f"{pair}: {_points(mean)} points, 95% interval {_points(low)} to {_points(high)} ({seeds}): {verdict}."


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _percent(share: float) -> str:
    return "none" if isnan(share) else f"{100 * share:.1f}%"
