"""A table of trials -> the rows that were asked for, filtered, sorted and named. Reads no file."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnbench.analysis.labels import format_value
from bnbench.analysis.trials import axes_of
from bnbench.errors import BnbenchError, did_you_mean
from bnbench.planning.plan import Trial

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, "=": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
FORM = re.compile(r"\s*([^<>=!]+?)\s*(>=|<=|!=|=|>|<)=?\s*(.*?)\s*", re.DOTALL)  # `==` is meant as `=`
SHOWN = (
    "status", "outcome", "diverged_at_step", "epochs", "train_loss", "validation_accuracy", "test_accuracy", "seconds",
)  # fmt: skip  # of the public columns, in a terminal
MAX_LISTED = 12  # values of a column in a message


@dataclass(frozen=True)
class Condition:
    """What a row must be like."""

    column: str
    operator: str  # of OPERATORS
    value: str  # empty: missing


def parse_condition(text: str) -> Condition:
    """`learning_rate>=0.1` as a condition.

    Raises:
        BnbenchError: it is not of that form.
    """
    found = FORM.fullmatch(text)
    if not found:
        raise BnbenchError(
            f"--where: {text!r} is not of the form column=value, with = != >= <= > or <; a shell takes > and < for "
            "itself unless they are quoted: 'learning_rate>=0.1'"
        )
    return Condition(*found.groups())


def select_rows(
    trials: pd.DataFrame, conditions: Sequence[Condition] = (), sort: str | None = None, limit: int | None = None
) -> pd.DataFrame:
    """The rows that meet every condition, in the order of a column (`-column`: descending, missing last), the first N.

    Numbers are compared as tables show them, to four digits, so that what was read there can be asked for.

    Raises:
        BnbenchError: an unknown column, or a value that its column cannot be compared with.
    """
    kept = pd.Series(True, index=trials.index)
    for condition in conditions:
        kept &= _meets(trials, condition)
    rows = trials[kept]
    if sort is not None:
        column = resolve_column(trials, sort.removeprefix("-"), "--sort")
        rows = rows.sort_values(column, ascending=not sort.startswith("-"), kind="stable", na_position="last")
    return rows.head(limit) if limit is not None else rows


def shown_columns(trials: pd.DataFrame, conditions: Sequence[Condition] = (), sort: str | None = None) -> list[str]:
    """The columns that a terminal has room for, and those that were asked about."""
    asked = [resolve_column(trials, condition.column, "--where") for condition in conditions]
    asked += [resolve_column(trials, sort.removeprefix("-"), "--sort")] if sort else []
    scores = [name if name in trials.columns else name.replace("accuracy", "r2") for name in SHOWN]
    keys = ["trial", "variant", "learning_rate", "seed", *axes_of(trials), *scores]
    return list(dict.fromkeys([*keys, *asked]))


def resolve_column(trials: pd.DataFrame, name: str, where: str) -> str:
    """The column that a name means: its own, or as trials are named, `lr`, or `units` for `model.params.units`.

    Raises:
        BnbenchError: there is none, or there are several.
    """
    if name in trials.columns:
        return name
    short = {"lr": ["learning_rate"]}
    for axis in axes_of(trials):
        short.setdefault(axis.rpartition(".")[2], []).append(axis)
    if len(short.get(name, [])) == 1:
        return short[name][0]
    columns = list(trials.columns)
    known = [str(column) for column in columns]
    raise BnbenchError(f"{where}: no column {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}")


def _meets(trials: pd.DataFrame, condition: Condition) -> "pd.Series[bool]":
    where = f"--where {condition.column}"
    column = trials[resolve_column(trials, condition.column, where)]
    missing = column.isna() | (column == "").fillna(False)
    if not condition.value:
        if condition.operator not in {"=", "!="}:
            raise BnbenchError(f"{where}: nothing stands after {condition.operator}")
        return missing if condition.operator == "=" else ~missing
    compare = OPERATORS[condition.operator]
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        found, wanted = _as_shown(column), _number(condition, where)
        if pd.api.types.is_float_dtype(column):
            wanted = float(f"{wanted:.4g}")
        return pd.Series(compare(found, wanted), index=trials.index)
    if condition.operator not in {"=", "!="}:
        raise BnbenchError(f"{where}: its values are words, wanted = or != instead of {condition.operator}")
    return pd.Series(compare(column.map(_word), _word(condition.value)), index=trials.index)


def _as_shown(column: "pd.Series[Any]") -> "pd.Series[float]":
    """Whole numbers as they are, others to four significant digits; missing ones as NaN, which meets only `!=`."""
    if pd.api.types.is_float_dtype(column):
        return column.map(lambda value: float(f"{value:.4g}"))
    return column.astype("float64")


def _number(condition: Condition, where: str) -> float:
    try:
        return float(condition.value)
    except ValueError:
        raise BnbenchError(f"{where}: {condition.value!r} is not a number, as the column's values are") from None


def _word(value: object) -> str:
    return format_value(value).casefold()


def no_match_hint(trials: pd.DataFrame, conditions: Sequence[Condition]) -> str:
    """Why no row may have been found: what the first column holds that never holds what was asked for; or nothing."""
    for condition in conditions:
        if condition.operator == "=" and condition.value and not _meets(trials, condition).any():
            column = resolve_column(trials, condition.column, "--where")
            values = [format_value(value) for value in trials[column].dropna().unique()]
            told = ", ".join(values[:MAX_LISTED]) + (", ..." if len(values) > MAX_LISTED else "")
            return f"{column} is nowhere {condition.value}{did_you_mean(condition.value, values)}; it is {told}"
    return ""


def rows_as_dicts(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as plain values; what is missing is None."""
    return [{str(k): None if pd.isna(v) else v for k, v in row.items()} for row in table.to_dict("records")]


def trial_names(trials: pd.DataFrame) -> list[str]:
    """For people, a name for each row of a table of trials: `batchnorm units=50 lr=0.01 seed=0`."""
    told = []
    for row in rows_as_dicts(trials):
        axes = {axis: row[axis] for axis in axes_of(trials)}
        told.append(Trial(row["trial"], 0, row["variant"], row["learning_rate"], row["seed"], axes).name)
    return told
