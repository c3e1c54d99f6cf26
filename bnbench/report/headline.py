"""Results -> the headline: the answer of an experiment in three sentences."""

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import Any

import pandas as pd

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import RateFormat, format_axes, format_count, format_percent
from bnbench.analysis.lr_metrics import WELL
from bnbench.analysis.trials import by_axes
from bnbench.results.results import Results

# The maximum number of values of the further axes that get their own sentences.
MAX_PLACES = 3


def headline_sentences(results: Results) -> list[str]:
    """Return up to which rate each variant trains well, which is better and how sure that is, for each axis value."""
    if results.summary.empty:
        return ["No trial has finished yet."]
    compared = results.differences_at_best()
    parts = list(by_axes(results.variants, results.axes))
    sentences = []
    for place, part in parts[:MAX_PLACES]:
        tables = (_rows_at(table, place) for table in (results.summary, results.well, compared))
        three = _at_one_place(results, part, *tables)
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


def _at_one_place(
    results: Results, variants: pd.DataFrame, summary: pd.DataFrame, well: pd.DataFrame, compared: pd.DataFrame
) -> list[str]:
    rows = variants.to_dict("records")
    cells = {name: part.sort_values("learning_rate") for name, part in summary.groupby("variant", sort=False)}
    dead = {str(name) for name, part in cells.items() if not part["n_ok"].any()}
    if len(dead) == len(cells):
        named = ", ".join(map(str, cells))
        return [f"At no rate does any trial of {named} do better than chance: there is nothing to compare."]
    ranges = "; ".join(
        _trains_well(row, cells[row["variant"]]["learning_rate"].unique(), row["variant"] in dead)
        for row in well.to_dict("records")
    )
    differences = {row["variant"]: row for row in compared.to_dict("records")}
    return [
        f"Every seed trains well (outcome ok, and at most {WELL:g} below the best mean validation {results.score_name} "
        f"of its variant): {ranges}.",
        _scores_at_best(rows, cells, dead, results.score_name),
        *_comparisons([row["variant"] for row in rows], differences, dead, results.baseline),
    ]


def _trains_well(row: Mapping[Any, Any], rates: Sequence[float], is_dead: bool) -> str:
    """Return `plain from its best rate, 0.01, to 0.1 (at 1, 3 of 3 seeds do not)`.

    Args:
        row: of `Results.well`.
        rates: the rates that were tried.
        is_dead: whether no trial of the variant is ok.
    """
    rate_text = RateFormat(rates)
    name, best = row["variant"], rate_text(row["best_rate"])
    if is_dead:
        return f"{name} at no rate"
    name += f" (n = {row['n']})" if row["n"] < MIN_VALUES else ""
    many = f"{row['n_not_well']} of {row['n_there']} seeds do not"
    failing = "the only seed does not" if row["n_there"] == 1 else many
    if isnan(row["well_to"]):
        which = "the only rate tried" if len(rates) == 1 else "its best rate"
        return f"{name} not even at {best}, {which} (there {failing})"
    if len(rates) == 1:
        return f"{name} at {best}, the only rate tried"
    ending = ", the highest tried" if isnan(row["fails_at"]) else f" (at {rate_text(row['fails_at'])}, {failing})"
    if row["well_to"] == row["best_rate"]:
        return f"{name} at its best rate, {best}{ending}"
    return f"{name} from its best rate, {best}, to {rate_text(row['well_to'])}{ending}"


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
    lost += f"; {cell['n_chance']} of {cell['n']} at chance" if cell["n_chance"] else ""
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
