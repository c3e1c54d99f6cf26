"""One sentence of what an experiment found, from the tables in its results folder."""

from collections.abc import Mapping
from math import isfinite, isnan
from typing import Any

import pandas as pd

from bnbench.analysis.columns import SUMMARY, column_names
from bnbench.analysis.labels import axis_name, format_count, format_list, format_name, format_percent
from bnbench.analysis.registry import find_metric
from bnbench.results.digest import Digest

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
    """Return `Supported: It allows higher rates (max stable rate: 5.56 times, 95% interval 3.09 to 10, 5 seeds).`"""
    text = row["text"].rstrip(".")
    numbers = "" if isnan(row["estimate"]) else f" ({_metric_name(row['metric'], score_name)}: {_measured(row)})"
    return f"{row['verdict_text'].capitalize()}: {text}{numbers}."


def _metric_name(name: str, score_name: str) -> str:
    metric = find_metric(name)
    if metric and metric.yes_or_no:
        return "seeds that train"
    return format_name((metric.title or name) if metric else name, score_name)


def _measured(row: Mapping[str, Any]) -> str:
    metric, kind = find_metric(row["metric"]), row["bound"].split()[0]
    share = kind == "probability" or (metric is not None and metric.score and kind != "ratio")
    points = share and kind == "difference"
    scale, unit = 100 if share else 1, " points" if points else "%" if share else " times" if kind == "ratio" else ""
    interval = "" if isnan(row["low"]) else f", 95% interval {_range(scale * row['low'], scale * row['high'], share)}"
    seeds = format_count(int(row["n"]), "seed")
    return f"{_number(scale * row['estimate'], share, points)}{unit}{interval}, {seeds}"


def _range(low: float, high: float, share: bool) -> str:
    return f"{_number(low, share)} to {_number(high, share)}"


def _number(value: float, share: bool, signed: bool = False) -> str:
    """Return a number with three digits; a percentage or a difference of percentages with one decimal."""
    if not isfinite(value):
        return "no end" if value > 0 else "no beginning"
    return f"{value:{'+' if signed else ''}.1f}" if share else f"{value:{'+' if signed else ''}.3g}"


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
