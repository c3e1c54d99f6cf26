"""What is known about the further axes of a sweep: their values, and scores and differences by seed."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from bnbench.analysis import axis_trends
from bnbench.analysis.labels import axis_name, format_axes, format_points, format_setting
from bnbench.report.headline.facts import Facts, Row


@dataclass(frozen=True)
class AxisFacts:
    """Some results with further axes.

    Attributes:
        axes: the further axes with more than one value, the one that explains most first.
    """

    facts: Facts
    axes: Sequence[str]

    @cached_property
    def settings(self) -> list[dict[str, Any]]:
        """The combinations of values of the axes."""
        rows = self.facts.results.summary[list(self.axes)].drop_duplicates().to_dict("records")
        return [{str(axis): value for axis, value in row.items()} for row in rows]

    @cached_property
    def scores(self) -> pd.DataFrame:
        """The score of each variant, setting and seed at its best rate, without the axes that have one value."""
        return self.facts.results.seed_scores[["variant", *self.axes, *axis_trends.SCORED]]

    @cached_property
    def differences(self) -> pd.DataFrame:
        """The same of the other variants, minus the score of the baseline."""
        return axis_trends.seed_differences(self.scores, self.facts.baseline)

    @property
    def moved(self) -> list[str]:
        """The variants that the axes change."""
        return [name for name in self.facts.names if name not in self.facts.results.unaffected]

    def values(self, axis: str) -> list[Any]:
        """Return the values of an axis: numbers ascending, words as in the experiment."""
        return axis_trends.axis_values(self.facts.results.summary, axis)

    def is_scale(self, axis: str) -> bool:
        """Return True if the values of an axis are numbers."""
        return axis_trends.is_scale(self.values(axis))

    @cached_property
    def dead(self) -> set[tuple[str, ...]]:
        """The variants and settings, as `place_key` names them, at which no trial is ok at any rate."""
        ok = self.facts.results.summary.groupby(["variant", *self.axes], dropna=False)["n_ok"].sum().reset_index()
        return {place_key(row, self.axes) for row in ok.to_dict("records") if not row["n_ok"]}

    def dead_share(self, name: str, axis: str, value: Any) -> float:
        """Return the share of the settings with a value of an axis at which a variant trains at no rate."""
        here = [place for place in self.settings if is_same(place[axis], value)]
        return sum(place_key({"variant": name, **place}, self.axes) in self.dead for place in here) / len(here)

    def difference_text(self, row: Row) -> str:
        """Return a difference and where it is: `batchnorm at depth 1: +0.4 points`."""
        return f"{row['variant']} at {format_axes(row, self.axes)}: {format_points(row['mean'])} points"


def axis_facts(facts: Facts) -> AxisFacts:
    """Return what is known about the further axes with more than one value, the leading one first."""
    summary, results = facts.results.summary, facts.results
    axes = [axis for axis in results.axes if len(summary[axis].drop_duplicates()) > 1]
    scores = results.seed_scores[["variant", *axes, *axis_trends.SCORED]]
    differences = axis_trends.seed_differences(scores, facts.baseline)
    left, ordered = list(axes), list[str]()
    while left:
        ordered.append(axis_trends.leading_axis(differences if len(differences) else scores, left))
        left.remove(ordered[-1])
    return AxisFacts(facts, ordered)


def place_key(row: Row, axes: Sequence[str]) -> tuple[str, ...]:
    """Return a key of a variant and its axis values; as text, because NaN does not equal itself."""
    return (str(row["variant"]), *(str(row[axis]) for axis in axes))


def is_same(one: Any, other: Any) -> bool:
    """Return True if two values of an axis are the same one; null is a value, too."""
    return bool(one == other or (pd.isna(one) and pd.isna(other)))


def value_names(axis: str, values: Sequence[Any], every: Sequence[Any], scale: bool) -> str:
    """Return some values of an axis in words: `depth 4`, `depth 1 and 2`, `depth 4 to 16`, `depth from 4 on`.

    Args:
        values: some of the values of the axis, in its order.
        every: all of them.
        scale: whether they are numbers, so that a range of them has a meaning.
    """
    name, texts = axis_name(axis), [format_setting(value) for value in values]
    if len(values) == len(every):
        return f"every value of {name}"
    if len(values) == 1:
        return f"{name} {texts[0]}"
    if scale and len(values) > 2:
        return f"{name} {texts[0]} to {texts[-1]}"
    return f"{name} {', '.join(texts[:-1])} and {texts[-1]}"
