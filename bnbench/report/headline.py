"""Results -> the headline: the answer of an experiment in three sentences."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from math import isnan
from typing import Any

import pandas as pd

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import RateFormat, format_axes, format_count, format_percent
from bnbench.analysis.trials import by_axes
from bnbench.results.results import Results

# The maximum number of values of the further axes that get their own sentences.
MAX_PLACES = 3


def headline_sentences(results: Results) -> list[str]:
    """Return over which rates each variant trains, which is better and how sure that is, for each axis value."""
    if results.summary.empty:
        return ["No trial has finished yet."]
    compared = results.differences_at_best()
    parts = list(by_axes(results.variants, results.axes))
    sentences = []
    for place, part in parts[:MAX_PLACES]:
        three = _at_one_place(results, part, _rows_at(results.summary, place), _rows_at(compared, place))
        sentences += [f"With {format_axes(place, place)}: {' '.join(three)}"] if place else three
    further = len(parts) - MAX_PLACES
    if further > 0:
        verb = "is" if further == 1 else "are"
        sentences.append(f"{format_count(further, 'further setting')} {verb} in the tables.")
    if len(parts) > 1:
        sentences += _over_all(results)
    return sentences


def _over_all(results: Results) -> Iterator[str]:
    """Compare each variant with the baseline over all values of the further axes, if there is an interval."""
    for row in results.differences_over_all().to_dict("records"):
        if not isnan(row["low"]):
            yield f"Over all {row['cells']} settings {row['variant']} over {results.baseline}: {_verdict(row)}."


def _rows_at(table: pd.DataFrame, place: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows at one value of each further axis; null is a value, too."""
    rows = table.to_dict("records")
    same = [all(row[axis] == v or (pd.isna(row[axis]) and pd.isna(v)) for axis, v in place.items()) for row in rows]
    return table[same]


def _at_one_place(results: Results, variants: pd.DataFrame, summary: pd.DataFrame, compared: pd.DataFrame) -> list[str]:
    rows = variants.to_dict("records")
    cells = {name: part.sort_values("learning_rate") for name, part in summary.groupby("variant", sort=False)}
    dead = {str(name) for name, part in cells.items() if not part["n_ok"].any()}
    if len(dead) == len(cells):
        named = ", ".join(map(str, cells))
        return [f"At no rate does any trial of {named} do better than chance: there is nothing to compare."]
    differences = {row["variant"]: row for row in compared.to_dict("records")}
    return [
        f"Every seed does better than chance: {'; '.join(_trains(row, cells[row['variant']]) for row in rows)}.",
        _scores_at_best(rows, cells, dead, results.score_name),
        *_comparisons([row["variant"] for row in rows], differences, dead, results.baseline),
    ]


def _trains(row: Mapping[Any, Any], cells: pd.DataFrame) -> str:
    """Return `plain from 0.001, the lowest tried, to 0.01`: the runs of rates at which every seed is ok."""
    rates, ok = cells["learning_rate"].tolist(), (cells["n_ok"] == cells["n"]).tolist()
    runs = [
        [rate for rate, _ in run] for holds, run in groupby(zip(rates, ok, strict=True), lambda one: one[1]) if holds
    ]
    if not runs:
        return f"{row['variant']} at no rate"
    where = " and ".join(_run(run[0], run[-1], rates, alone=len(runs) == 1) for run in runs)
    at_best = any(row["best_rate"] in run for run in runs)
    exception = "" if at_best else f", but not at its best rate, {RateFormat(rates)(row['best_rate'])}"
    return f"{row['variant']} {where}{exception}"


def _run(low: float, high: float, rates: Sequence[float], alone: bool) -> str:
    """Return a run of rates in words. If the run reaches an end of the grid, it may continue beyond the grid."""
    rate_text = RateFormat(rates)
    if len(rates) == 1:
        return f"at {rate_text(low)}, the only rate tried"
    lowest = ", the lowest tried" if low == rates[0] else ""
    highest = ", the highest tried" if high == rates[-1] else ""
    if low == high:
        return f"at {rate_text(low)}{lowest or highest or (' alone' if alone else '')}"
    return f"from {rate_text(low)}{lowest and lowest + ','} to {rate_text(high)}{highest}"


def _scores_at_best(
    rows: Sequence[Mapping[Any, Any]], cells: Mapping[Any, pd.DataFrame], dead: set[str], score_name: str
) -> str:
    """Return the test scores at the rates that validation chose."""
    scores = []
    for row in rows:
        own = cells[row["variant"]].set_index("learning_rate")
        at_best, rate = own.loc[row["best_rate"]], RateFormat(own.index)(row["best_rate"])
        score = "chance (no seed trains at any rate)" if row["variant"] in dead else _score_at_best(row, at_best, rate)
        scores.append(f"{row['variant']} {score}")
    return f"At its own best rate each reaches, in test {score_name} (mean ± SD over seeds): {', '.join(scores)}."


def _score_at_best(row: Mapping[Any, Any], cell: "pd.Series[Any]", rate: str) -> str:
    lost = f"; {cell['n_diverged']} of {cell['n']} diverged, counted at chance" if cell["n_diverged"] else ""
    spread = "" if isnan(row["test_score_sd"]) else f" ± {100 * row['test_score_sd']:.1f}"
    return f"{format_percent(row['test_score_mean'])}{spread} (rate {rate}{lost})"


def _comparisons(
    names: Sequence[str], differences: Mapping[Any, Mapping[Any, Any]], dead: set[str], baseline: str
) -> Iterator[str]:
    """Compare each variant with the baseline, as far as the interval allows."""
    if baseline not in names:
        yield f"No trial of {baseline}, the baseline, has finished: there is nothing to compare with."
        return
    for name in names:
        pair = f"{name} over {baseline}"
        if name == baseline:
            continue
        if {name, baseline} <= dead:
            yield f"{pair}: neither trains, so there is nothing to compare."
        elif name in differences:
            yield f"{pair}: {_verdict(differences[name])}."
        else:
            yield f"{pair}: no seed has finished at the best rates of both, so they cannot be compared yet."


def _verdict(row: Mapping[Any, Any]) -> str:
    mean, low, high, n = row["mean"], row["low"], row["high"], row["n"]
    seeds = format_count(n, "paired seed")
    if isnan(low) and n >= MIN_VALUES:
        return f"{_points(mean)} points at every one of {seeds}, so there is no interval"
    if isnan(low):
        return f"{_points(mean)} points, without an interval ({seeds}): not sure at all"
    verdict = "better" if low > 0 else "worse" if high < 0 else "neither shown to be better nor worse"
    return f"{_points(mean)} points, 95% interval {_points(low)} to {_points(high)} ({seeds}): {verdict}"


def _points(share: float) -> str:
    text = f"{100 * share:+.1f}"
    # -0.0002 is below 0 all the same.
    return text if float(text) or abs(share) < 1e-9 else f"{100 * share:+.1g}"
