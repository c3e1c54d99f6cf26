"""A table of trials -> the rows that `--where`, `--sort` and `--limit` ask for, and a readable name for each row."""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from bnbench.analysis.columns import IN_PLAN, MEASURES, current_name
from bnbench.analysis.labels import RateFormat, axis_name, format_value, value_text
from bnbench.analysis.trials import axes_of
from bnbench.errors import BnbenchError, did_you_mean
from bnbench.planning.plan import NAME_DIGITS, Trial

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    ">=": operator.ge, "<=": operator.le, "!=": operator.ne, "=": operator.eq, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
# `==` means `=`.
FORM = re.compile(r"\s*([^<>=!]+?)\s*(>=|<=|!=|=|>|<)=?\s*(.*?)\s*", re.DOTALL)
# The public columns that a terminal has room for.
SHOWN = (
    "status", "outcome", "diverged_at_step", "epochs", "train_loss", "validation_score", "test_score", "seconds",
)  # fmt: skip
_SETTINGS = ("variant", "learning_rate", "seed")
# The maximum number of values of a column in a message.
MAX_LISTED = 12


@dataclass(frozen=True)
class Condition:
    """What the value of a row in one column must be.

    Attributes:
        operator: one of OPERATORS.
        value: the text as typed; empty to match a missing value.
    """

    column: str
    operator: str
    value: str


def parse_condition(text: str) -> Condition:
    """Return the condition that a text like `learning_rate>=0.1` means.

    Raises:
        BnbenchError: the text has another form.
    """
    found = FORM.fullmatch(text)
    if not found:
        raise BnbenchError(
            f"--where: {text!r} is not of the form column=value, with = != >= <= > or <; quote > and <, which a shell "
            "takes for itself: 'learning_rate>=0.1'"
        )
    return Condition(*found.groups())


def select_rows(
    trials: pd.DataFrame, conditions: Sequence[Condition] = (), sort: str | None = None, limit: int | None = None
) -> pd.DataFrame:
    """Return the rows that meet every condition, sorted by a column (`-column`: descending), at most `limit` of them.

    Rows without a value in that column come last. Numbers are compared to four digits, as tables show them.

    Raises:
        BnbenchError: a column is unknown, or its values cannot be compared with the given one.
    """
    meets = pd.Series(True, index=trials.index)
    for condition in conditions:
        meets &= _meets(trials, condition)
    rows = trials[meets]
    if sort is not None:
        column = resolve_column(trials, sort.removeprefix("-"), "--sort")
        rows = rows.sort_values(column, ascending=not sort.startswith("-"), kind="stable", na_position="last")
    return rows.head(limit) if limit is not None else rows


def check_kinds(rows: pd.DataFrame) -> None:
    """Raise if the scores of some trials are accuracies and those of others are R².

    Raises:
        BnbenchError: the message says how to select the trials of one kind.
    """
    kinds = rows["score_name"].unique().tolist()
    if len(kinds) > 1:
        raise BnbenchError(
            f"some scores are {kinds[0]} and some are {kinds[1]}, which cannot be in one table: "
            f"add --where score_name={kinds[0]}"
        )


def shown_columns(trials: pd.DataFrame, conditions: Sequence[Condition] = (), sort: str | None = None) -> list[str]:
    """Return the columns that a terminal has room for, and the columns that conditions and sorting name."""
    asked = [resolve_column(trials, condition.column, "--where") for condition in conditions]
    asked += [resolve_column(trials, sort.removeprefix("-"), "--sort")] if sort else []
    keys = ["trial", "variant", "learning_rate", "seed", *axes_of(trials)]
    keys += [IN_PLAN.name] if IN_PLAN.name in trials else []
    return list(dict.fromkeys([*keys, *SHOWN, *asked]))


def resolve_column(trials: pd.DataFrame, name: str, where: str) -> str:
    """Return the column that a name means: its own, a former one, `lr`, or `units` for `model.params.units`.

    Args:
        where: the option that names it, for messages.

    Raises:
        BnbenchError: no column or several columns have this name.
    """
    if name in trials.columns:
        return name
    short = {"lr": ["learning_rate"]}
    for axis in axes_of(trials):
        short.setdefault(axis_name(axis), []).append(axis)
    if len(short.get(name, [])) == 1:
        return short[name][0]
    current = current_name(name, where)
    if current in trials.columns:
        return current
    known = list(map(str, trials.columns))
    raise BnbenchError(f"{where}: no column {name!r}{did_you_mean(name, known)}; there are {', '.join(known)}")


def _meets(trials: pd.DataFrame, condition: Condition) -> "pd.Series[bool]":
    where = f"--where {condition.column}"
    column = trials[resolve_column(trials, condition.column, where)]
    missing = column.isna() | (column == "").fillna(False)
    if not condition.value:
        if condition.operator not in {"=", "!="}:
            raise BnbenchError(f"{where}: no value after {condition.operator}")
        return missing if condition.operator == "=" else ~missing
    compare = OPERATORS[condition.operator]
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        wanted = _number(condition, where)
        # Rates and further axes, which have dotted names, are shown with the digits that tell their values apart.
        setting = column.name == "learning_rate" or "." in str(column.name)
        if setting:
            wanted = _rate_as_shown(column, wanted)
        exact = setting and (column == wanted).any()
        if pd.api.types.is_float_dtype(column) and not exact:
            column, wanted = _as_shown(column), float(f"{wanted:.4g}")
        return pd.Series(compare(column.astype("float64"), wanted), index=trials.index)
    if condition.operator not in {"=", "!="}:
        raise BnbenchError(f"{where}: its values are words, wanted = or != instead of {condition.operator}")
    return pd.Series(compare(column.map(_word), _word(condition.value)), index=trials.index)


def _rate_as_shown(column: "pd.Series[Any]", wanted: float) -> float:
    """Return the value that tables show as the wanted one: 0.01778279 for 0.0178; the wanted one if there is none."""
    known = column.dropna().astype("float64").unique()
    shown = {float(text): rate for rate, text in RateFormat(known).texts.items()}
    return wanted if wanted in known else shown.get(wanted, wanted)


def _as_shown(column: "pd.Series[Any]") -> "pd.Series[float]":
    """Return numbers to four significant digits. A missing number is NaN, which meets only `!=`."""
    return column.map(lambda value: float(f"{value:.4g}"))


def _number(condition: Condition, where: str) -> float:
    try:
        return float(condition.value)
    except ValueError:
        raise BnbenchError(f"{where}: {condition.value!r} is not a number, as the column's values are") from None


def _word(value: object) -> str:
    return value_text(value).casefold()


def no_match_hint(trials: pd.DataFrame, conditions: Sequence[Condition]) -> str:
    """Return a hint why no row matches, or an empty text: the values of the first column without the wanted value."""
    for condition in conditions:
        if condition.operator == "=" and condition.value and not _meets(trials, condition).any():
            column = resolve_column(trials, condition.column, "--where")
            known = trials[column].dropna().unique()
            values = list(map(RateFormat(known) if known.dtype.kind == "f" else format_value, known))
            listed = ", ".join(values[:MAX_LISTED]) + (", ..." if len(values) > MAX_LISTED else "")
            return f"{column} is never {condition.value}{did_you_mean(condition.value, values)}; it is {listed}"
    return ""


def why_missing(row: Mapping[str, Any], column: str) -> str:
    """Return why a row of the trials has no value in a column.

    Only a trial outside the present plan may have no variant, learning rate or seed.

    Args:
        row: the values of the trial; only `status` and `outcome` are used.
    """
    if column in _SETTINGS:
        return "unknown"
    if row.get("status") == "failed":
        return "failed"
    if row.get("outcome") == "nonfinite" and column in MEASURES:
        return "not finite"
    return "never" if column == "diverged_at_step" else "not measured"


def rows_as_dicts(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as plain values; a missing value is None."""
    return [{str(k): None if pd.isna(v) else v for k, v in row.items()} for row in table.to_dict("records")]


def trial_names(trials: pd.DataFrame) -> list[str]:
    """Return a readable name for each row of a table of trials: `batchnorm units=50 lr=0.01 seed=0`."""
    names, rate_text = [], RateFormat(trials["learning_rate"], digits=NAME_DIGITS)
    for row in rows_as_dicts(trials):
        axes, rate = {axis: row[axis] for axis in axes_of(trials)}, row["learning_rate"]
        names.append(Trial(row["trial"], 0, row["variant"], rate, row["seed"], axes, rate_text(rate)).name)
    return names
