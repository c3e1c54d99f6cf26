"""Values of metrics in the style of all reports: shares in percent, differences of them in points, factors, rates."""

import math
import re
from collections.abc import Mapping
from typing import Any

from bnbench.analysis.labels import (
    format_factor,
    format_percent,
    format_percents,
    format_points,
    format_points_range,
    write_out,
)
from bnbench.analysis.registry import find_metric

_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")
# Metrics that are differences of scores, in points.
_DIFFERENCES = (
    "score_gap",
    "score_drop",
    "score_regret",
    "bn_mode_gap",
    "reestimated_gap",
    "score_roughness",
    "train_score_roughness",
)
# The kind of a claim about the range of a metric across an axis.
RANGE = "range"


def is_share(metric: str) -> bool:
    """Return True if the values of a metric, by its name or a former one, are scores or made of scores."""
    known = find_metric(metric)
    return bool(known and (known.score or known.yes_or_no)) or _name(metric) in ("aulc", *_DIFFERENCES)


def shown_kind(row: Mapping[Any, Any]) -> str:
    """Return the kind of the numbers of a claim, by its row: that of its bound, or RANGE."""
    kind = str(row["bound"].partition(" ")[0])
    return RANGE if kind == "value" and row["across"] else kind


def format_measure(value: float, metric: str, kind: str = "value", missing: str = "unknown") -> str:
    """Return a value of a metric as text: `97.9%`, `+3.1 points`, `7.9`.

    Args:
        kind: what a claim is about: `value`, `difference`, `ratio`, `probability` or RANGE.
        missing: the text for NaN.
    """
    if math.isnan(value):
        return missing
    if not math.isfinite(value):
        return f"{value:g}"
    if kind == "ratio":
        return format_factor(value)
    if not (is_share(metric) or kind == "probability"):
        return _number(value, metric)
    if not _in_points(metric, kind):
        return format_percent(value)
    return f"{format_points(value, signed=kind == 'difference')} points"


def format_measures(low: float, high: float, metric: str, kind: str = "value", missing: str = "none") -> str:
    """Return an interval of a metric as text: `97.4 to 98.4%`, `1.7 to 4.4`."""
    if math.isnan(low):
        return missing
    if not (math.isfinite(low) and math.isfinite(high)) or not (is_share(metric) or kind in ("ratio", "probability")):
        return f"{_number(low, metric)} to {_number(high, metric)}"
    if kind == "ratio":
        return f"{format_factor(low)} to {format_factor(high)}"
    return format_points_range(low, high) if _in_points(metric, kind) else format_percents(low, high)


def format_bound(bound: str, metric: str, kind: str) -> str:
    """Return the claimed bound in the style of the measured value: `difference at least -1 points`."""
    if kind == "ratio" or not (is_share(metric) or kind == "probability"):
        return bound
    unit = " points" if _in_points(metric, kind) else "%"
    return f"{_NUMBER.sub(lambda match: f'{100 * float(match[0]):.4g}', bound)}{unit}"


def format_claimed(row: Mapping[Any, Any]) -> str:
    """Return what the row of a claim claims: `difference at least 0 points (rope ±2 points)`."""
    rope = row.get("rope", math.nan)
    bound = format_bound(row["bound"], row["metric"], shown_kind(row))
    return bound if math.isnan(rope) else f"{bound} (rope {format_rope(rope, row['metric'])})"


def format_rope(rope: float, metric: str) -> str:
    """Return a region around a difference of 0: `±2 points`."""
    return f"±{100 * rope:.4g} points" if is_share(metric) else f"±{rope:.4g}"


def format_found(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Return what was measured about a claim, where no column says what it is, and its interval.

    Args:
        row: of a table of claims.

    Returns:
        For example `2.0 times` and `1.5 to 2.7`, or `83.3% of the seeds`; the interval is empty if there is none.
    """
    kind = shown_kind(row)
    estimate = format_measure(row["estimate"], row["metric"], kind)
    of = "seeds" if math.isnan(row["rounds"]) else "rounds"
    unit = {"ratio": " times", "probability": f" of the {of}"}.get(kind, "")
    return estimate + unit, format_measures(row["low"], row["high"], row["metric"], kind, missing="")


def _name(metric: str) -> str:
    known = find_metric(metric)
    return known.name if known else metric


def _in_points(metric: str, kind: str) -> bool:
    """Return True if the values are differences of scores, which are shown in points."""
    return kind in ("difference", RANGE) or (kind == "value" and _name(metric) in _DIFFERENCES)


def _number(value: float, metric: str) -> str:
    known = find_metric(metric)
    digits = 3 if known and known.scale == "factor" else 4
    return write_out(f"{value:.{digits}g}") if math.isfinite(value) else f"{value:g}"
