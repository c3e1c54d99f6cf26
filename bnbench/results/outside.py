"""Stored trials outside the present plan: how many there are, why they are outside, and a table with them."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pandas as pd

from bnbench.analysis.columns import IN_PLAN
from bnbench.analysis.labels import RateFormat, format_count, format_list

# The maximum number of variants, learning rates or seeds in a sentence.
MAX_LISTED = 5


def outside_count(n: int) -> str:
    """Return `, 18 stored trials outside this plan` for a line that counts trials; empty for 0."""
    return f", {format_count(n, 'stored trial')} outside this plan" if n else ""


def describe_outside(trials: pd.DataFrame, planned: Mapping[str, set[Any]]) -> list[str]:
    """Return why trials are outside a plan, each reason with the number of its trials.

    A trial counts under the first reason that applies: its variant, a value of a further axis, its learning rate or its
    seed is not planned; otherwise its settings or its data differ.

    Args:
        trials: rows of the store, as `Store.outside` returns them.
        planned: the values that the plan has of `variant`, `learning_rate`, `seed` and `axes`.
    """
    left, reasons = trials, []
    for find, describe in _REASONS:
        found = find(left, planned)
        if found.any():
            reasons.append(f"{int(found.sum())} {describe(left[found])}")
        left = left[~found]
    return [*reasons, *([f"{len(left)} with other settings or data"] if len(left) else [])]


def with_outside(planned: pd.DataFrame, outside: pd.DataFrame) -> pd.DataFrame:
    """Return trials of the plan and then those outside it, with a last column `planned`.

    Further axes that only some of the trials have are missing in the others.
    """
    tables = [planned.assign(**{IN_PLAN.name: True}), outside.assign(**{IN_PLAN.name: False})]
    # An empty table has no types, and would change those of the other one.
    table = pd.concat([one for one in tables if len(one)] or tables[:1], ignore_index=True)
    return table[[*_columns(planned, outside), IN_PLAN.name]]


def _columns(planned: pd.DataFrame, outside: pd.DataFrame) -> Iterator[str]:
    """Yield the columns of both tables; axes that only the second has come after those of the first."""
    further = [name for name in outside.columns if name not in planned.columns and len(outside)]
    for name in planned.columns:
        if name == "status":
            yield from further
        yield name


def _is_unknown(trials: pd.DataFrame, _: Mapping[str, set[Any]]) -> "pd.Series[bool]":
    return trials["variant"].isna()


def _is_new(column: str) -> Callable[[pd.DataFrame, Mapping[str, set[Any]]], "pd.Series[bool]"]:
    return lambda trials, planned: ~trials[column].isin(planned[column])


def _listed(noun: str, plural: str, column: str) -> Callable[[pd.DataFrame], str]:
    def describe(trials: pd.DataFrame) -> str:
        values = trials[column].drop_duplicates().tolist()
        as_text: Callable[[Any], str] = RateFormat(values) if column == "learning_rate" else str
        ordered = values if column == "variant" else sorted(values)
        text = format_list([as_text(int(v) if column == "seed" else v) for v in ordered], MAX_LISTED)
        return f"with {noun if len(values) == 1 else plural} {text}"

    return describe


_REASONS: tuple[
    tuple[Callable[[pd.DataFrame, Mapping[str, set[Any]]], "pd.Series[bool]"], Callable[[pd.DataFrame], str]], ...
] = (
    (_is_unknown, lambda trials: "of an earlier version, whose settings are unknown"),
    (_is_new("variant"), _listed("variant", "variants", "variant")),
    (_is_new("axes"), lambda trials: "with other values of the further axes"),
    (_is_new("learning_rate"), _listed("learning rate", "learning rates", "learning_rate")),
    (_is_new("seed"), _listed("seed", "seeds", "seed")),
)
