"""Results -> the answer of an experiment in three sentences."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import isnan
from typing import Any

import pandas as pd

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import format_value
from bnbench.analysis.trials import by_axes
from bnbench.results.results import Results

MAX_PLACES = 3  # of further axes that are told one by one


def headline_sentences(results: Results) -> list[str]:
    """Over which rates each variant trains, which is better, and how sure that is; for each value of the axes."""
    return [results.said(sentence) for sentence in _sentences(results)]


def _sentences(results: Results) -> list[str]:
    if results.summary.empty:
        return ["No trial has ended yet."]
    compared = results.differences_at_best()
    parts = list(by_axes(results.variants, results.axes))
    told = []
    for place, part in parts[:MAX_PLACES]:
        here = _three(part, _there(results.summary, place), _there(compared, place), results.baseline)
        named = ", ".join(f"{axis.rpartition('.')[2]} {format_value(value)}" for axis, value in place.items())
        told += [f"With {named}: {' '.join(here)}"] if place else here
    further = len(parts) - MAX_PLACES
    if further > 0:
        told.append(f"{further} further setting{'s are' if further > 1 else ' is'} in the tables.")
    if len(parts) > 1:
        told += _over_all(results)
    return told


def _over_all(results: Results) -> Iterator[str]:
    """Each further variant against the baseline over all values of the further axes, where an interval is known."""
    for row in results.differences_over_all().to_dict("records"):
        if not isnan(row["low"]):
            yield f"Over all {row['cells']} settings {row['variant']} over {results.baseline}: {_verdict(row)}."


def _there(table: pd.DataFrame, place: Mapping[str, Any]) -> pd.DataFrame:
    """The rows at one value of each further axis; null is a value too."""
    rows = table.to_dict("records")
    same = [all(row[axis] == v or (pd.isna(row[axis]) and pd.isna(v)) for axis, v in place.items()) for row in rows]
    return table[same]


def _three(variants: pd.DataFrame, summary: pd.DataFrame, compared: pd.DataFrame, baseline: str) -> list[str]:
    rows = variants.to_dict("records")
    cells = {name: part.sort_values("learning_rate") for name, part in summary.groupby("variant", sort=False)}
    dead = {str(name) for name, part in cells.items() if not part["n_ok"].any()}
    found = {row["variant"]: row for row in compared.to_dict("records")}
    if len(dead) == len(cells):
        named = ", ".join(map(str, cells))
        return [f"At no rate does any trial of {named} do better than chance: there is nothing to compare."]
    return [
        f"Every seed does better than chance: {'; '.join(_trains(row, cells[row['variant']]) for row in rows)}.",
        _better(rows, cells, dead),
        *_sure([row["variant"] for row in rows], found, dead, baseline),
    ]


def _trains(row: Mapping[Any, Any], cells: pd.DataFrame) -> str:
    """`plain from 0.001, the lowest tried, to 0.01`: the runs of rates at which every seed of a variant is ok."""
    rates, ok = cells["learning_rate"].tolist(), (cells["n_ok"] == cells["n"]).tolist()
    runs = [
        [rate for rate, _ in run] for holds, run in groupby(zip(rates, ok, strict=True), lambda one: one[1]) if holds
    ]
    if not runs:
        return f"{row['variant']} at no rate"
    told = " and ".join(_run(run[0], run[-1], rates, alone=len(runs) == 1) for run in runs)
    at_best = any(row["best_rate"] in run for run in runs)
    return f"{row['variant']} {told}" + (
        "" if at_best else f", but not at its best rate, {format_value(row['best_rate'])}"
    )


def _run(low: float, high: float, rates: Sequence[float], alone: bool) -> str:
    """From one rate to another; where the grid ends nobody knows whether the run does."""
    if len(rates) == 1:
        return f"at {format_value(low)}, the only rate tried"
    lowest, highest = ", the lowest tried" * (low == rates[0]), ", the highest tried" * (high == rates[-1])
    if low == high:
        return f"at {format_value(low)}{lowest or highest or ' alone' * alone}"
    return f"from {format_value(low)}{lowest and lowest + ','} to {format_value(high)}{highest}"


def _better(rows: Sequence[Mapping[Any, Any]], cells: Mapping[Any, pd.DataFrame], dead: set[str]) -> str:
    """Test accuracy at the rate that validation chose."""
    told = []
    for row in rows:
        at_best = cells[row["variant"]].set_index("learning_rate").loc[row["best_rate"]]
        lost = f"; {at_best['n_diverged']} of {at_best['n']} diverged, counted at chance" * bool(at_best["n_diverged"])
        spread = "" if isnan(row["test_accuracy_sd"]) else f" ± {100 * row['test_accuracy_sd']:.1f}"
        score = f"{_percent(row['test_accuracy_mean'])}{spread} (rate {format_value(row['best_rate'])}{lost})"
        told.append(f"{row['variant']} {'chance (no seed trains at any rate)' if row['variant'] in dead else score}")
    return f"At its own best rate each reaches, in test accuracy (mean ± SD over seeds): {', '.join(told)}."


def _sure(names: Sequence[str], found: Mapping[Any, Mapping[Any, Any]], dead: set[str], baseline: str) -> Iterator[str]:
    """Each further variant against the baseline, as far as the interval goes."""
    if baseline not in names:
        yield f"No trial of {baseline}, the baseline, has ended: there is nothing to compare with."
        return
    for name in names:
        pair = f"{name} over {baseline}"
        if name == baseline:
            continue
        if {name, baseline} <= dead:
            yield f"{pair}: neither trains, so there is nothing to compare."
        elif name in found:
            yield f"{pair}: {_verdict(found[name])}."
        else:
            yield f"{pair}: no seed has ended at the best rates of both, so they cannot be compared yet."


def _verdict(row: Mapping[Any, Any]) -> str:
    mean, low, high, n = row["mean"], row["low"], row["high"], row["n"]
    seeds = f"{n} paired seed{'s' if n > 1 else ''}"
    if isnan(low) and n >= MIN_VALUES:
        return f"{_points(mean)} points at every one of {seeds}, so no interval can be given"
    if isnan(low):
        return f"{_points(mean)} points, but from {seeds} no interval can be given: not sure at all"
    verdict = "better" if low > 0 else "worse" if high < 0 else "neither shown to be better nor worse"
    return f"{_points(mean)} points, 95% interval {_points(low)} to {_points(high)} ({seeds}): {verdict}"


def _points(share: float) -> str:
    told = f"{100 * share:+.1f}"
    return told if float(told) or abs(share) < 1e-9 else f"{100 * share:+.1g}"  # -0.0002: below 0 all the same


def _percent(share: float) -> str:
    return "none" if isnan(share) else f"{100 * share:.1f}%"
