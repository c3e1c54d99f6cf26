"""Where the variants part and cross: the comparison with the baseline along the axis that explains most of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import isnan
from typing import Any

import pandas as pd

from bnbench.analysis import axis_trends
from bnbench.analysis.labels import (
    axis_name,
    format_count,
    format_percents,
    format_points,
    format_points_range,
    format_setting,
)
from bnbench.analysis.registry import DIFFERENCE_BOUNDS
from bnbench.analysis.verdicts import BETTER, FEW, NEITHER, NO_PAIR, SAME, UNDECIDED, WORSE
from bnbench.report.headline.axis_facts import AxisFacts, value_names
from bnbench.report.headline.facts import Row, list_words

OWN_ONLY, BASE_ONLY = "only the variant trains", "only the baseline trains"
# With more groups of values than this, the verdicts alternate: counts say more than a list.
MAX_GROUPS = 4
# So many differences are listed with their intervals; of more, the lowest and the highest are named.
MAX_LISTED = 2


@dataclass(frozen=True)
class _Group:
    """Neighboring values of the leading axis with the same verdicts, and the rows of all settings there."""

    values: list[Any]
    kinds: Counter[str]
    rows: list[Row]


def describe_differences(axes: AxisFacts, name: str) -> Iterator[str]:
    """Yield sentences about one variant compared with the baseline; none if the baseline has no trial."""
    facts, axis = axes.facts, axes.axes[0]
    if facts.baseline not in facts.names:
        return
    table = facts.results.verdicts
    rows = table[table["variant"] == name]
    groups = _groups(axes, rows)
    trend = _trend(axes, name, axis)
    if len(groups) <= MAX_GROUPS:
        parts = [f"{_where(axes, group)} {_what(axes, name, group)}" for group in groups]
        yield f"{name} compared with {facts.baseline}, each at its own best rate: {'; '.join(parts)}{trend}."
    else:
        yield f"{_by_counts(axes, name, rows)}{trend}."
    yield from _crossing(axes, name, rows)


def _groups(axes: AxisFacts, rows: pd.DataFrame) -> list[_Group]:
    axis = axes.axes[0]
    groups: list[_Group] = []
    for value in axes.values(axis):
        here: list[Row] = [*rows[rows[axis].isna() if pd.isna(value) else rows[axis] == value].to_dict("records")]
        if not here:
            continue
        one = _Group([value], Counter(_kind(row) for row in here), here)
        candidates = groups[-1:] if axes.is_scale(axis) else groups
        same = next((group for group in candidates if set(group.kinds) == set(one.kinds)), None)
        if same:
            groups[groups.index(same)] = _Group([*same.values, value], same.kinds + one.kinds, same.rows + here)
        else:
            groups.append(one)
    return groups


def _kind(row: Row) -> str:
    if row["verdict"] in (BETTER, WORSE, UNDECIDED, SAME) and row["trains"] != row["baseline_trains"]:
        return OWN_ONLY if row["trains"] else BASE_ONLY
    return str(row["verdict"])


def _where(axes: AxisFacts, group: _Group) -> str:
    axis = axes.axes[0]
    return f"at {value_names(axis, group.values, axes.values(axis), axes.is_scale(axis))}"


def _what(axes: AxisFacts, name: str, group: _Group) -> str:
    """Return what is known at the settings of a group, with the range of the differences by setting."""
    total = len(group.rows)
    if len(group.kinds) == 1:
        (kind,) = group.kinds
        which = "any" if kind == UNDECIDED else "each"
        settings = f" at {which} of {total} settings" if total > len(group.values) else ""
        return _phrase(axes, name, kind, group.rows, settings)
    counts = [f"{_phrase(axes, name, kind, [row for row in group.rows if _kind(row) == kind])} at {count} of {total}"
              for kind, count in group.kinds.most_common()]  # fmt: skip
    return f"{list_words(counts)} settings"


def _phrase(axes: AxisFacts, name: str, kind: str, rows: list[Row], where: str = "") -> str:
    base = axes.facts.baseline
    if kind in (OWN_ONLY, BASE_ONLY):
        alive = name if kind == OWN_ONLY else base
        return f"only {alive} trains{where} ({_scores(axes, alive, rows)})"
    by = _size(rows)
    return {
        BETTER: f"{name} is better{where} by {by}",
        WORSE: f"{name} is worse{where} by {by}",
        UNDECIDED: f"no difference is shown{where} (measured {by})"
        if by.count("(") == 0
        else f"no difference is shown{where}: {by}",
        SAME: f"they differ equally at every seed{where} ({by})",
        FEW: f"there are too few seeds to tell{where} ({by})",
        NEITHER: f"neither trains{where}",
        NO_PAIR: f"no seed has finished in both{where}",
    }[kind]


def _size(rows: list[Row]) -> str:
    """Return one difference with its interval, or the range of several; of worse variants without the sign."""
    means = [100 * row["mean"] for row in rows]
    if all(row["verdict"] == WORSE for row in rows):
        means = [-mean for mean in means]
    if len(rows) > MAX_LISTED:
        return f"{_digits(min(means))} to {_digits(max(means))} points"
    *first, last = [(_digits(mean), _interval(row)) for mean, row in zip(means, rows, strict=True)]
    return list_words([*(f"{mean}{interval}" for mean, interval in first), f"{last[0]} points{last[1]}"])


def _interval(row: Row) -> str:
    """Return the interval of a difference in brackets, if there is one."""
    low, high = (row["low"], row["high"]) if row["verdict"] != WORSE else (-row["high"], -row["low"])
    return "" if isnan(low) else f" ({format_points_range(low, high)})"


def _digits(points: float) -> str:
    text = f"{points:.1f}"
    return "0.0" if text == "-0.0" else text


def _scores(axes: AxisFacts, name: str, rows: list[Row]) -> str:
    """Return the range of the scores of a variant at the settings of some rows."""
    places = {tuple(str(row[axis]) for axis in axes.axes) for row in rows}
    scores = [row["judged_mean"] for row in axes.facts.results.variants.to_dict("records")
              if row["variant"] == name and tuple(str(row[axis]) for axis in axes.axes) in places]  # fmt: skip
    return format_percents(min(scores), max(scores))


def _by_counts(axes: AxisFacts, name: str, rows: pd.DataFrame) -> str:
    records = rows.to_dict("records")
    kinds, total = Counter(_kind(row) for row in records), len(records)
    parts = [f"{_phrase(axes, name, kind, [row for row in records if _kind(row) == kind])} at {count}"
             for kind, count in kinds.most_common()]  # fmt: skip
    return (
        f"{name} compared with {axes.facts.baseline}, each at its own best rate, over "
        f"{format_count(total, 'setting')}: {list_words(parts)}"
    )


def _crossing(axes: AxisFacts, name: str, rows: pd.DataFrame) -> Iterator[str]:
    """Say between which values the better variant changes, if it changes once along a scale."""
    axis = axes.axes[0]
    if not axes.is_scale(axis):
        return
    signs: list[tuple[Any, int]] = []
    for value in axes.values(axis):
        here = set(rows.loc[rows[axis] == value, "verdict"])
        if BETTER in here and WORSE not in here:
            signs.append((value, 1))
        elif WORSE in here and BETTER not in here:
            signs.append((value, -1))
    changes = [(one, other) for one, other in pairwise(signs) if one[1] != other[1]]
    if len(changes) == 1:
        (before, sign), (after, _) = changes[0]
        first, second = (name, axes.facts.baseline) if sign > 0 else (axes.facts.baseline, name)
        yield (
            f"They cross between {axis_name(axis)} {format_setting(before)} and {format_setting(after)}: up to there "
            f"{first} is ahead, from there {second}."
        )


def _trend(axes: AxisFacts, name: str, axis: str) -> str:
    """Say how much the difference rises or falls from the first to the last value of a scale, if both train there."""
    if not axes.is_scale(axis):
        return ""
    first, *_, last = axes.values(axis)
    if any(axes.dead_share(one, axis, value) for one in (name, axes.facts.baseline) for value in (first, last)):
        return ""
    moved = axis_trends.change(axes.differences, axis, first, last, DIFFERENCE_BOUNDS)
    rows = moved[moved["variant"] == name].to_dict("records")
    if not rows or isnan(rows[0]["low"]):
        return ""
    return (
        f". From {axis_name(axis)} {format_setting(first)} to {format_setting(last)} the difference {_moves(rows[0])}"
    )


def _moves(row: Row) -> str:
    """Return `rises by 34.3 points (23.2 to 45.4)`; a fall has positive numbers, too."""
    sign = -1 if row["high"] < 0 else 1
    low, high = sorted((sign * row["low"], sign * row["high"]))
    spread = f"; by setting {format_points_range(row['lowest'], row['highest'])}" if row["settings"] > 1 else ""
    if low <= 0:
        interval = format_points_range(low, high)
        return f"is not shown to change ({format_points(row['mean'])} points, 95% interval {interval}{spread})"
    verb = "rises" if sign > 0 else "falls"
    return f"{verb} by {_digits(abs(100 * row['mean']))} points ({format_points_range(low, high)}{spread})"
