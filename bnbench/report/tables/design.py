"""The tables of an adaptive design: what it trained in which order, and every look at a claim."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from bnbench.analysis.labels import RateFormat, axis_name, format_setting, format_value
from bnbench.planning.adaptive.record import PlaceRecord
from bnbench.report.tables.table import Cell, Table
from bnbench.results.results import Results

PURPOSES = {
    "stored": "in the folder before",
    "choose": "choose the best rate",
    "edge": "find the edge",
    "judge": "judge the scores",
}
FORMS = {"whole": "whole", "short": "with fewer epochs", "early": "ended early if it fails"}


def stages_table(results: Results) -> Table | None:
    """Return a row per stage, variant and form of the training, in their order; None without a design."""
    design = results.design
    if design is None:
        return None
    rate_text = RateFormat(results.trials["learning_rate"])
    rows = [row for place in design.record.places for row in _stage_rows(place, results, rate_text)]
    header = [*map(axis_name, results.axes), "stage", "variant", "trainings", "of which", "rates, in order", "seeds"]
    caption = (
        "What was trained for what, in this order. Each training for an edge has a seed of its own, and no seed that "
        "chose a rate or found an edge judges a score."
    )
    return Table(caption, header, rows, sortable=False)


def _stage_rows(place: PlaceRecord, results: Results, rate_text: RateFormat) -> Iterator[list[Cell]]:
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for entry in place.entries:
        groups.setdefault((entry.stage, entry.variant, entry.form), []).append(entry)
    for (stage, variant, form), entries in groups.items():
        rates = [rate_text(entry.rate) for entry in entries]
        # A stage that trains a grid would repeat its rates.
        shown = rates if stage == "edge" else list(dict.fromkeys(rates))
        yield [
            *(Cell(format_setting(place.axes[axis])) for axis in results.axes),
            Cell(PURPOSES[stage]), Cell(variant), Cell(f"{len(entries)}", len(entries)), Cell(FORMS[form]),
            Cell(", ".join(shown)), Cell(_span(sorted({entry.seed for entry in entries}))),
        ]  # fmt: skip


def _span(seeds: list[int]) -> str:
    """Return seeds in short: `0-5, 8`."""
    parts: list[list[int]] = []
    for seed in seeds:
        if parts and seed == parts[-1][-1] + 1:
            parts[-1].append(seed)
        else:
            parts.append([seed])
    return ", ".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else f"{part[0]}" for part in parts)


def looks_table(results: Results) -> Table | None:
    """Return a row per look at a claim; None without one."""
    looks = results.design.looks() if results.design else pd.DataFrame()
    if looks.empty:
        return None
    header = [*map(axis_name, results.axes), "seeds", "claim", "estimate", "repeated 95% interval", "verdict"]
    rows = [
        [
            *(Cell(format_setting(row[axis])) for axis in results.axes),
            Cell(f"{row['n']}", row["n"]), Cell(row["text"]), _number(row["estimate"]), _interval(row),
            Cell(row["verdict_text"], kind=row["verdict"] if row["decided"] else ""),
        ]
        for row in looks.to_dict("records")
    ]  # fmt: skip
    caption = (
        "Each look has a repeated interval (Jennison and Turnbull 1989): all looks together miss the true value in at "
        "most 5% of experiments. The first look that decides a claim counts."
    )
    return Table(caption, header, rows, sortable=False)


def _number(value: float | None) -> Cell:
    return Cell("none", missing=True) if value is None or pd.isna(value) else Cell(format_value(value), float(value))


def _interval(row: dict[Any, Any]) -> Cell:
    if row["low"] is None or pd.isna(row["low"]):
        return Cell("none", missing=True)
    return Cell(f"{format_value(row['low'])} to {format_value(row['high'])}")
