"""Trials with known symptoms -> diagnoses: at which rates a symptom shows, the evidence in numbers, the usual cures."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from bnbench.analysis.cells import Cells
from bnbench.analysis.cures import APART, Facts, Setup, helpful_cures
from bnbench.analysis.labels import MAX_PLACES, RateFormat
from bnbench.analysis.lr_metrics import best_rate
from bnbench.analysis.symptoms import SYMPTOMS, Symptom, describe_evidence, list_symptoms, trial_symptoms
from bnbench.analysis.trials import cell_label

# A rate counts if at least this share of its trials shows the symptom.
MIN_SHARE = 0.5
# Returns how a variant was set up at a value of the further axes, or None if that is unknown.
SetupReader = Callable[[str, Mapping[str, Any]], Setup | None]


@dataclass(frozen=True)
class Diagnosis:
    """A symptom, the question it answers, what it means, where it shows with the evidence, and what can help.

    A cure that cannot help every variant with the symptom begins with the names of those that it can help.
    """

    symptom: str
    question: str
    meaning: str
    lines: Sequence[str]
    cures: Sequence[str]


def diagnosis_table(
    cells: Cells, history: pd.DataFrame, rows: int, read_setup: SetupReader = lambda variant, place: None
) -> pd.DataFrame:
    """Return one row per symptom, variant and axis value at which trials show it, the most serious symptom first.

    A rate counts if at least half of its trials show the symptom; a variant's best rate counts if a single one does.
    A symptom that occurs in trainings that go well (`Symptom.at_best_rate`) is judged at the best rate alone, by half
    of its trials.

    Columns:
        symptom, variant, the further axes.
        rates: at which it shows, in words: `from 0.1 on`. `at_best`: whether the best rate is one of them.
        shown, n: number of trials at these rates that show it, and of all that finished there.
        evidence: in numbers, medians over the trials that show it. cures: what usually helps and can help here.

    Args:
        rows: number of validation rows.
        read_setup: how a variant was set up, without which no cure is left out for what the variant already does.
    """
    table = trial_symptoms(cells.scored, history, rows)
    shown = table[list(SYMPTOMS)].any(axis=1).to_numpy(bool)
    diagnosed = [
        row
        for cell in cells
        if shown[cell.rows].any()
        for row in _diagnosed(cell.key, table.iloc[cell.rows], partial(read_setup, cell.variant, cell.place))
    ]
    diagnosed.sort(key=lambda row: SYMPTOMS[row["symptom"]].severity)
    columns = ["symptom", "variant", *cells.axes, "rates", "at_best", "shown", "n", "evidence", "cures"]
    return pd.DataFrame(diagnosed, columns=columns)


def _diagnosed(
    place: Mapping[str, Any], cell: pd.DataFrame, read_setup: Callable[[], Setup | None]
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one variant and axis value."""
    # If every trial fails to train, no rate is the best.
    best = best_rate(cell) if (cell["outcome"] == "ok").any() else math.nan
    by_rate = cell.groupby("learning_rate")
    for symptom in list_symptoms():
        shares = by_rate[symptom.name].mean()
        at_best = pd.Series(shares.index == best, shares.index)
        shows = _rates_that_show(symptom, shares, at_best)
        if shows.any():
            there = cell[cell["learning_rate"].isin(shares.index[shows])]
            shown = there[there[symptom.name]]
            cures = helpful_cures(symptom.cures, _facts(cell, shows, shares, read_setup()))
            yield {
                "symptom": symptom.name, **place, "rates": _rates_in_words(cell, shows, best, symptom.of_diverged),
                "at_best": bool((shows & at_best).any()), "shown": len(shown), "n": len(there),
                "evidence": describe_evidence(symptom.name, shown), "cures": APART.join(cures),
            }  # fmt: skip


def _facts(cell: pd.DataFrame, shows: "pd.Series[bool]", shares: "pd.Series[float]", setup: Setup | None) -> Facts:
    """Return what is known about the rates that show a symptom, and about the others."""
    there = cell[cell["learning_rate"].isin(shares.index[shows])]
    ok = (cell["outcome"] == "ok").groupby(cell["learning_rate"]).mean()
    sound = (ok >= MIN_SHARE) & (shares < MIN_SHARE) & ~shows
    return Facts(
        rates=sorted(shares.index),
        shown=sorted(shares.index[shows]),
        sound=sorted(shares.index[sound]),
        score_name=str(cell["score_name"].iloc[0]),
        steps=float(there["steps"].astype(float).median()),
        steps_per_epoch=float(there["first_step"].median()),
        knows_largest_class=bool(there["constant_score"].notna().any()),
        setup=setup,
    )


def _rates_that_show(symptom: Symptom, shares: "pd.Series[float]", at_best: "pd.Series[bool]") -> "pd.Series[bool]":
    many = shares >= MIN_SHARE
    return many & at_best if symptom.at_best_rate else many | at_best & (shares > 0)


def _rates_in_words(cell: pd.DataFrame, shows: "pd.Series[bool]", best: float, of_diverged: bool) -> str:
    """Return `from 0.1 on`: the rates that show a symptom, among those that left finite weights to show it.

    Args:
        cell: the trials of one variant and axis value.
        shows: whether each rate shows it.
        best: the best rate.
        of_diverged: whether the symptom shows without finite weights, too.
    """
    left = cell if of_diverged else cell[cell["outcome"] != "nonfinite"]
    finite = sorted(left["learning_rate"].unique())
    chosen, rate_text = [rate for rate in finite if shows[rate]], RateFormat(cell["learning_rate"])
    if chosen == [best]:
        return f"at its best rate, {rate_text(best)}"
    if len(chosen) == 1:
        return f"at {rate_text(chosen[0])}"
    if shows.all():
        return "at every rate"
    note = f" (its best rate, {rate_text(best)}, among them)" if best in chosen else ""
    return _range_in_words(chosen, finite) + note


def _range_in_words(chosen: Sequence[float], rates: Sequence[float]) -> str:
    """Return two or more of some rates in words, as a range where they are neighbors."""
    rate_text = RateFormat(rates)
    first, last = rate_text(chosen[0]), rate_text(chosen[-1])
    if list(chosen) != [rate for rate in rates if chosen[0] <= rate <= chosen[-1]]:
        return f"at {', '.join(map(rate_text, chosen[:-1]))} and {last}"
    if chosen[0] == rates[0]:
        return f"up to {last}"
    return f"from {first} on" if chosen[-1] == rates[-1] else f"from {first} to {last}"


def list_diagnoses(table: pd.DataFrame, axes: Sequence[str], settings: int = 1) -> list[Diagnosis]:
    """Return what a report says about a `diagnosis_table`: each symptom once; many axis values share a line.

    Args:
        settings: how many values of the further axes there are in all.
    """
    diagnoses = []
    for name, part in table.groupby("symptom", sort=False):
        symptom = SYMPTOMS[str(name)]
        lines = [line for _, own in part.groupby("variant", sort=False) for line in _lines(own, axes, settings)]
        diagnoses.append(Diagnosis(symptom.name, symptom.question, symptom.meaning, lines, _cures(part)))
    return diagnoses


def _cures(part: pd.DataFrame) -> list[str]:
    """Return the cures of the rows of one symptom, each once, with the variants that it can help if not all."""
    variants: dict[str, list[str]] = {}
    for name, cures in zip(part["variant"], part["cures"], strict=True):
        for cure in filter(None, cures.split(APART)):
            variants.setdefault(cure, []).append(str(name))
    every = set(part["variant"])
    return [
        cure if set(names) == every else f"{', '.join(dict.fromkeys(names))}: {cure}"
        for cure, names in variants.items()
    ]


def _lines(own: pd.DataFrame, axes: Sequence[str], settings: int) -> list[str]:
    """Return a line per axis value at which a variant shows a symptom; for many, one line with the clearest example."""
    rows = own.to_dict("records")
    if len(rows) <= MAX_PLACES:
        return [f"{cell_label(row, axes)} {_line(row)}" for row in rows]
    clearest = max(rows, key=lambda row: (row["shown"] / row["n"], row["shown"]))
    total = f"{own['shown'].sum()} of {own['n'].sum()} trials"
    example = f"{cell_label(clearest, axes)} {_line(clearest)}"
    return [f"{rows[0]['variant']} at {len(rows)} of {settings} settings, {total}; for example {example}"]


def _line(row: Mapping[Any, Any]) -> str:
    return f"{row['rates']}: {row['shown']} of {row['n']} trials; {row['evidence']}"
