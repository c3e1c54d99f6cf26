"""Infers the keys of `data` for a table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnbench.data.own.inference.column_names import is_group_name
from bnbench.data.own.inference.columns import ColumnLook, count_different, look_at_columns, renames
from bnbench.data.own.inference.roles import (
    Target,
    choose_target,
    find_categories,
    find_unused,
    is_group,
    missing_categories,
    suspects,
)
from bnbench.data.own.inference.text_form import TextForm, infer_text_form
from bnbench.data.own.inference.types import Hint, Inferred, Steps
from bnbench.data.own.table_files import TEXT, ending_of, open_table
from bnbench.data.own.table_inputs import InputColumn, TableInputs
from bnbench.data.own.table_rows import missing_rows
from bnbench.data.own.table_types import TableFile
from bnbench.data.own.text_table import TABS
from bnbench.errors import ConfigError, DataError, did_you_mean, not_one_of, shorten, shorten_name

# With a missing target, whole rows are left out. Columns that miss a larger share of their values are left out first.
MAX_MISSING = 0.2
NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "spaces"}
# Whole numbers with at most this many values may be names.
FEW_VALUES = 10
# The columns that a hint names, and the reasons in a message.
MAX_NAMED = 5
# The columns that a message about a wrong name lists.
MAX_LISTED = 30


@dataclass(frozen=True)
class _Columns:
    """The role of each column."""

    target: Target
    drop: Mapping[str, str]
    categories: Mapping[str, list[str]]
    # Inputs of numbers with missing values, and how many they miss.
    missing: Mapping[str, int]
    # What `group` could be, and how many groups it has.
    groups: Mapping[str, int]


def infer_table(path: Path, target: str | None = None) -> Inferred:
    """Return the keys of `data` for a table, without the key `table`.

    Args:
        path: a file of text, or Parquet.
        target: the column that the user names as the target.

    Raises:
        ConfigError: there is no such column.
        DataError: the file cannot be read, or has no target or no inputs.
    """
    form = infer_text_form(path) if ending_of(path) in TEXT else None
    how = TableInputs((), form.decimal, form.separator, form.header) if form else TableInputs(())
    file = open_table(path, how)
    if target is not None and target not in file.names:
        known = [name for name in file.names if name]
        some = known if len(known) <= MAX_LISTED else [*known[:MAX_LISTED], "..."]
        raise ConfigError("--target", f"{not_one_of(target, some).partition(' (did')[0]}{did_you_mean(target, known)}")
    looks = look_at_columns(file, how.decimal)
    columns = _find_roles(file, looks, target)
    return _describe(file, looks, columns, form)


def _find_roles(file: TableFile, looks: Mapping[str, ColumnLook], wanted: str | None) -> _Columns:
    different = count_different(file, suspects(looks))
    unused = find_unused(looks, different)
    target = choose_target(looks, unused, wanted) if wanted is None or wanted in looks else None
    if target is None:
        raise DataError(f"{file.path}: no column can be the target{_reasons({**file.unreadable, **unused})}")
    look = looks[target.name]
    drop = {name: _of_nameless(file) for name in file.names if not name} | dict(file.unreadable)
    drop |= {name: why for name, why in unused.items() if name != target.name}
    if target.task == "classes":
        count = len(look.values or ())
        alike = [name for name, one in looks.items() if name not in drop and len(one.values or ()) == count > 1]
        # Where each row has its own value, the values name rows and nothing else.
        asked = [name for name in alike if name != target.name] if count * 2 <= look.rows else []
        copies = renames(file, asked, target.name)
        drop |= dict.fromkeys(copies, f"it is {target.name} under other names")
    if look.missing:
        drop |= _too_empty(looks, drop, look)
    inputs = [name for name in looks if name != target.name and name not in drop]
    if not inputs:
        raise DataError(f"{file.path}: no column is left as an input beside {shorten(target.name)}{_reasons(drop)}")
    categories = find_categories(looks, inputs, different)
    missing = {name: looks[name].missing for name in inputs if looks[name].missing and name not in categories}
    groups = {name: n for name, n in different.items() if is_group_name(name) and is_group(looks[name], n)}
    groups.pop(target.name, None)
    return _Columns(target, drop, categories, missing, groups)


def _of_nameless(file: TableFile) -> str:
    return "no name: the index of a pandas frame" if file.names[0] == "" else "no name"


def _too_empty(looks: Mapping[str, ColumnLook], drop: Mapping[str, str], target: ColumnLook) -> dict[str, str]:
    """Return the columns to leave out because rows without a target can only be left out with all incomplete rows."""
    return {
        name: f"{look.missing:,} of {look.rows:,} values are missing, and `drop_rows` would leave out these rows"
        for name, look in looks.items()
        if name not in drop and look is not target and look.is_numeric and look.missing > MAX_MISSING * look.rows
    }


def _reasons(unused: Mapping[str, str]) -> str:
    """Return why columns are not used, for a message."""
    named = [f"{shorten(name)}: {why}" for name, why in list(unused.items())[:MAX_NAMED]]
    more = [f"and {len(unused) - MAX_NAMED} more"] if len(unused) > MAX_NAMED else []
    return f" ({'; '.join([*named, *more])})" if named else ""


def _describe(file: TableFile, looks: Mapping[str, ColumnLook], columns: _Columns, form: TextForm | None) -> Inferred:
    target, look = columns.target, looks[columns.target.name]
    settings: dict[str, Any] = {}
    remarks: dict[Steps, str] = {("table",): _form_words(file, looks, form)}
    if form and form.separator != ("\t" if ending_of(file.path) in TABS else ","):
        settings["separator"] = "tab" if form.separator == "\t" else form.separator
    if form and form.decimal != ".":
        settings["decimal"] = form.decimal
    if form and not form.header:
        settings["header"] = False
        remarks[("header",)] = "the first line has no names, so the columns are called 1, 2, 3 ..."
    settings |= {"target": target.name, "task": target.task}
    remarks |= {("target",): target.why, ("task",): target.task_why}
    if columns.drop:
        settings["drop"] = list(columns.drop)
        remarks |= {("drop", name): why for name, why in columns.drop.items()}
    if columns.categories:
        settings["categories"] = dict(columns.categories)
        remarks[("categories",)] = "each value becomes a number, 1 or 0; any other value is an error"
        remarks |= {
            ("categories", name): f"{looks[name].missing:,} missing, a category of their own"
            for name, values in columns.categories.items()
            if missing_categories(values)
        }
    _describe_missing(file, columns, look, settings, remarks)
    counts = dict(look.values or {}) if target.task == "classes" else {}
    return Inferred(settings, target.task, remarks, _hints(looks, columns, counts), counts)


def _form_words(file: TableFile, looks: Mapping[str, ColumnLook], form: TextForm | None) -> str:
    rows = next(iter(looks.values())).rows
    size = f"{rows:,} rows of {len(file.names):,} columns"
    if form is None:
        return size
    decimal = ", with decimal commas" if form.decimal == "," else ""
    names = "the first line has their names" if form.header else "no line with names"
    return f"{size}, {NAMES[form.separator]} between them{decimal}; {names}"


def _describe_missing(
    file: TableFile, columns: _Columns, look: ColumnLook, settings: dict[str, Any], remarks: dict[Steps, str]
) -> None:
    if not columns.missing and not look.missing:
        return
    left_out = _incomplete_rows(file, columns)
    if look.missing:
        settings["missing"] = "drop_rows"
        remarks[("missing",)] = (
            f"leaves out {left_out:,} of {look.rows:,} rows, {look.missing:,} of them without {columns.target.name}"
        )
        return
    settings["missing"] = dict.fromkeys(columns.missing, "mean")
    remarks[("missing",)] = (
        f"the mean of the training part, and a flag; `missing: drop_rows` would leave out {left_out:,} of "
        f"{look.rows:,} rows"
    )
    remarks |= {("missing", name): f"{count:,} missing" for name, count in columns.missing.items()}


def _incomplete_rows(file: TableFile, columns: _Columns) -> int:
    """Return how many rows `missing: drop_rows` leaves out."""
    inputs = TableInputs(tuple(InputColumn(name, tuple(values)) for name, values in columns.categories.items()))
    names = [*columns.missing, *columns.categories, columns.target.name]
    texts = [*columns.categories, *([columns.target.name] if columns.target.task == "classes" else [])]
    return sum(int(missing_rows(rows, inputs).sum()) for rows in file.read(names, texts))


def _hints(looks: Mapping[str, ColumnLook], columns: _Columns, counts: Mapping[str, int]) -> tuple[Hint, ...]:
    hints = [
        Hint(f"group: {name}", f"keeps all rows of one {name} in one part; then take {name} out of `drop`")
        for name in columns.groups
    ]
    named = [
        name
        for name, look in looks.items()
        if look.is_numeric and look.whole and 2 < len(look.values or ()) <= FEW_VALUES
        and name not in {columns.target.name, *columns.drop, *columns.categories}
    ]  # fmt: skip
    if named:
        few = looks[named[0]].values or {}
        example = f"categories: {{{shorten_name(named[0])}: [{', '.join(sorted(few)[:FEW_VALUES])}]}}"
        others = _listed(named[1:])
        more = f"; the same for {others}" if others else ""
        hints.append(Hint(example, f"if these whole numbers are names: they are used as numbers{more}"))
    return tuple(hints)


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - MAX_NAMED} more"] if len(names) > MAX_NAMED else []
    return ", ".join([*map(shorten_name, names[:MAX_NAMED]), *more])
