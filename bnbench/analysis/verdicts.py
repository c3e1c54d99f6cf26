"""Trials -> which variant is better at each value of the further axes, and how sure that is, in one word."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from bnbench.analysis.cells import Cells
from bnbench.analysis.intervals import MIN_VALUES, ROUNDING
from bnbench.analysis.paired import at_own_best

BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"
# The same difference at every seed has no interval; it may be 0 or not.
SAME = "same"
FEW, NEITHER, NO_PAIR = "few", "neither", "no pair"
STATISTICS = ("n", "mean", "sd", "low", "high", "p", "widened", "mixed")
# Of a comparison without pairs; all else is missing.
DEFAULTS = {"n": 0, "mixed": False}


def verdict_table(cells: Cells, baseline: str, score: str = "test_score") -> pd.DataFrame:
    """Return one row per variant other than the baseline and axis value: the comparison at own best rates.

    Columns:
        variant, the further axes.
        verdict: `better` or `worse` if the whole 95% interval of the paired difference says so, else `undecided`;
            `same` if the difference is equal at every seed, `few` below three pairs, `neither` if no trial of either
            is ok, `no pair` if no seed has finished in both.
        n, mean, sd, low, high, p, widened, mixed: of the paired difference, as in `paired.at_own_best`.
        trains, baseline_trains: whether any trial of the variant, and of the baseline, is ok.
    """
    axes = cells.axes
    compared = {_key(row, axes): row for row in at_own_best(cells, baseline, score).to_dict("records")}
    rows = []
    for place in cells.places:
        trains = {variant: cell.trains for variant, cell in place.cells.items()}
        for variant in trains:
            if variant != baseline:
                row = place.cells[variant].key
                found = compared.get(_key(row, axes), {})
                statistics = {name: found.get(name, DEFAULTS.get(name, math.nan)) for name in STATISTICS}
                alive = {"trains": trains[variant], "baseline_trains": trains.get(baseline, False)}
                rows.append(row | {"verdict": verdict_of(statistics | alive)} | statistics | alive)
    return pd.DataFrame(rows, columns=["variant", *axes, "verdict", *STATISTICS, "trains", "baseline_trains"])


def verdict_of(row: Mapping[Any, Any]) -> str:
    """Return the word for a comparison with the statistics of `verdict_table`."""
    if not row["n"]:
        return NO_PAIR
    if not row["trains"] and not row["baseline_trains"]:
        return NEITHER
    if row["n"] < MIN_VALUES:
        return FEW
    if math.isnan(row["low"]):
        # Two kinds of seeds, of values without bounds, leave no interval, either.
        return UNDECIDED if row["sd"] > ROUNDING * abs(row["mean"]) else SAME
    return BETTER if row["low"] > 0 else WORSE if row["high"] < 0 else UNDECIDED


def most_telling(verdicts: pd.DataFrame, variants: pd.DataFrame, axes: list[str]) -> dict[str, Any]:
    """Return the values of the further axes at which a report opens; empty without axes or trials.

    The largest difference that is decided and between two variants that both train. Without one, the largest that is
    decided, and then the values at which a variant has the highest validation score.

    Args:
        verdicts: a `verdict_table`.
        variants: a `variant_table`.
    """
    places = telling_places(verdicts, variants, axes)
    return places[0] if places else {}


def telling_places(verdicts: pd.DataFrame, variants: pd.DataFrame, axes: list[str]) -> list[dict[str, Any]]:
    """Return the values of the further axes, each combination once, the most telling one first; none without axes.

    First those with a decided difference between two variants that both train, then those with another decided
    difference, both by its size; then all others by the highest validation score of a variant.

    Args:
        verdicts: a `verdict_table`.
        variants: a `variant_table`.
    """
    if not axes or variants.empty:
        return []
    decided = verdicts[verdicts["verdict"].isin([BETTER, WORSE])]
    contest = decided["trains"] & decided["baseline_trains"]
    parts = [_highest_first(rows, rows["mean"].abs()) for rows in (decided[contest], decided[~contest])]
    ranked = pd.concat([*parts, _highest_first(variants, variants["validation_score_mean"].fillna(-math.inf))])[axes]
    # As text, because NaN does not equal itself.
    first = ranked[~ranked.astype(str).duplicated()]
    return [dict(zip(axes, values, strict=True)) for values in first.itertuples(index=False, name=None)]


def _highest_first(table: pd.DataFrame, values: "pd.Series[float]") -> pd.DataFrame:
    """Return the rows by descending value. Those that differ by a rounding error only keep their order."""
    return table.loc[(-values / ROUNDING).round().sort_values(kind="stable").index]


def _key(row: Mapping[Any, Any], axes: list[str]) -> tuple[str, ...]:
    """Return a key of a variant and its axis values; as text, because NaN does not equal itself."""
    return (str(row["variant"]), *(str(row[axis]) for axis in axes))
