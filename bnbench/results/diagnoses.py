"""Trials that show known symptoms -> what is said of them: where, the evidence in figures, the usual cures."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnbench.analysis.cures import CURES, MEANINGS, evidence_of
from bnbench.analysis.labels import format_value
from bnbench.analysis.lr_metrics import best_rate
from bnbench.analysis.symptoms import SYMPTOMS, trial_symptoms
from bnbench.analysis.trials import axes_of, by_axes, cell_label

MAX_PLACES = 3  # of further axes that are told one by one
MAX_LISTED = 0.5  # of the trials of a rate, that show a symptom, at least, for the rate to count
AT_BEST = ("early overfitting", "first-epoch plateau", "statistics not warmed up")  # judged there alone, by MOST


@dataclass(frozen=True)
class Diagnosis:
    """A symptom, what it means, where it shows and by what figures, and its usual cures."""

    symptom: str
    meaning: str
    lines: Sequence[str]
    cures: Sequence[str]


def diagnosis_table(trials: pd.DataFrame, history: pd.DataFrame, rows: int) -> pd.DataFrame:
    """One row a symptom, variant and axis value at which trials show it, the gravest symptom first.

    A rate counts where at least half of its trials show the symptom; a variant's best rate where a single one does.
    What can ail a training that goes well (`AT_BEST`) is judged at the best rate alone, by half of its trials.

    Columns:
        symptom, variant, the further axes.
        rates: at which it shows, in words: `from 0.1 on`. `at_best`: whether the best rate is one of them.
        shown, n: trials of these rates that show it, and all that ended there.
        evidence: in figures, medians over those that show it. cures: the usual ones.

    Args:
        rows: that accuracies were measured on.
    """
    axes = axes_of(trials)
    found = [
        row
        for place, part in by_axes(trial_symptoms(trials, history, rows), axes)
        for name, cell in part.groupby("variant", sort=False)
        for row in _diagnosed({"variant": name, **place}, cell)
    ]
    found.sort(key=lambda row: SYMPTOMS.index(row["symptom"]))
    columns = ["symptom", "variant", *axes, "rates", "at_best", "shown", "n", "evidence", "cures"]
    return pd.DataFrame(found, columns=columns)


def _diagnosed(place: Mapping[str, Any], cell: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The rows of one variant and axis value."""
    best = best_rate(cell) if (cell["outcome"] == "ok").any() else math.nan  # of rates that all fail none is
    by_rate = cell.groupby("learning_rate")[list(SYMPTOMS)].mean()
    at_best = by_rate.index == best
    for symptom in by_rate.columns[by_rate.any()]:
        shares = by_rate[symptom]
        shows = (
            (shares >= MAX_LISTED) & at_best if symptom in AT_BEST else (shares >= MAX_LISTED) | at_best & (shares > 0)
        )
        if shows.any():
            there = cell[cell["learning_rate"].isin(shares.index[shows])]
            shown = there[there[symptom]]
            yield {
                "symptom": symptom, **place, "rates": _rates(cell, shows, best),
                "at_best": bool((shows & at_best).any()), "shown": len(shown), "n": len(there),
                "evidence": evidence_of(symptom, shown), "cures": "; ".join(CURES[symptom]),
            }  # fmt: skip


def _rates(cell: pd.DataFrame, shows: "pd.Series[bool]", best: float) -> str:
    """`from 0.1 on`: the rates that show a symptom among those of the grid that left any weights to show it."""
    left = sorted(cell.loc[cell["outcome"] != "nonfinite", "learning_rate"].unique())
    chosen = [rate for rate in left if shows[rate]]
    first, last = format_value(chosen[0]), format_value(chosen[-1])
    if chosen == [best]:
        return f"at its best rate, {first}"
    if len(chosen) == 1:
        return f"at {first}"
    if shows.all():
        return "at every rate"
    if chosen != [rate for rate in left if chosen[0] <= rate <= chosen[-1]]:
        told = f"at {', '.join(map(format_value, chosen[:-1]))} and {last}"
    elif chosen[0] == left[0]:
        told = f"up to {last}"
    else:
        told = f"from {first} on" if chosen[-1] == left[-1] else f"from {first} to {last}"
    return told + f" (its best rate, {format_value(best)}, among them)" * (best in chosen)


def list_diagnoses(table: pd.DataFrame, axes: Sequence[str]) -> list[Diagnosis]:
    """What a report says of a `diagnosis_table`: each symptom that shows, once; many axis values are told together."""
    found = []
    for symptom, part in table.groupby("symptom", sort=False):
        lines = [line for _, own in part.groupby("variant", sort=False) for line in _lines(own, axes)]
        found.append(Diagnosis(str(symptom), MEANINGS[str(symptom)], lines, CURES[str(symptom)]))
    return found


def _lines(own: pd.DataFrame, axes: Sequence[str]) -> list[str]:
    """A line an axis value at which one variant shows a symptom; of many one, with the clearest as the example."""
    rows = own.to_dict("records")
    if len(rows) <= MAX_PLACES:
        return [f"{cell_label(row, axes)} {_told(row)}" for row in rows]
    clearest = max(rows, key=lambda row: (row["shown"] / row["n"], row["shown"]))
    total = f"{own['shown'].sum()} of {own['n'].sum()} trials"
    return [f"{rows[0]['variant']} at {len(rows)} settings, {total}; as {cell_label(clearest, axes)} {_told(clearest)}"]


def _told(row: Mapping[Any, Any]) -> str:
    return f"{row['rates']}: {row['shown']} of {row['n']} trials; {row['evidence']}"
