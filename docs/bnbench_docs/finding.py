"""One sentence of what an experiment found, from the tables in its results folder."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import pandas as pd

from bnbench.analysis.columns import SUMMARY, column_names
from bnbench.analysis.labels import axis_name, format_count, format_list, format_name, format_percent
from bnbench.results.claims import claim_subject
from bnbench.results.digest import Digest
from bnbench.results.measures import format_found

# More variants than this are described together.
MAX_VARIANTS = 4


def describe_finding(digest: Digest, summary: pd.DataFrame) -> str:
    """Return the claim that a page shows, with its numbers; without claims, the scores.

    Args:
        digest: of the results folder.
        summary: its summary.csv.
    """
    if row := digest.shown_claim:
        return describe_claim(row, digest.score_name)
    return "" if summary.empty else describe_scores(summary, digest.score_name)


def describe_claim(row: Mapping[str, Any], score_name: str) -> str:
    """Return `Supported: It allows higher rates (edge of batchnorm over plain: 5.6 times, 95% interval 3.1 to 10).`"""
    text = row["text"].rstrip(".")
    numbers = ""
    if isfinite(row["estimate"]):
        estimate, interval = format_found(row)
        shown = [estimate, f"95% interval {interval}" if interval else "", format_count(int(row["n"]), "seed")]
        numbers = f" ({claim_subject(row, score_name)}: {', '.join(filter(None, shown))})"
    return f"{row['verdict_text'].capitalize()}: {text}{numbers}."


def describe_scores(summary: pd.DataFrame, score_name: str) -> str:
    """Return the mean test score of each variant at its own best rate; with further axes, the lowest and the highest.

    Args:
        summary: one row per variant, value of the further axes and learning rate.
        score_name: accuracy or R².
    """
    axes = [column for column in summary.columns if column not in column_names(SUMMARY)]
    cells = summary.groupby(["variant", *axes], sort=False, dropna=False)
    best = summary.loc[cells["validation_score_mean"].idxmax()]
    parts = [_scores(str(name), rows) for name, rows in best.groupby("variant", sort=False)]
    name = format_name("test_score", score_name)
    settings = f" over {len(best) // len(parts)} settings of {_listed(axes)}" if axes else ""
    seeds = format_count(int(best["n"].max()), "seed")
    return f"Mean {name}, each at its own best rate{settings}: {format_list(parts, MAX_VARIANTS)} ({seeds})."


def _scores(variant: str, rows: pd.DataFrame) -> str:
    low, high = rows["test_score_mean"].min(), rows["test_score_mean"].max()
    return f"{variant} {format_percent(low)}" + ("" if low == high else f" to {format_percent(high)}")


def _listed(axes: list[str]) -> str:
    *first, last = map(axis_name, axes)
    return f"{', '.join(first)} and {last}" if first else last
