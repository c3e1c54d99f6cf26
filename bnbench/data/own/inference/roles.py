"""Infers the role of each column of a table: target, input, category, or left out with a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bnbench.config.own_data import MAX_COLUMN
from bnbench.data.own.cells import INFINITE, THOUSANDS, is_missing
from bnbench.data.own.inference.column_names import (
    find_target_name,
    is_group_name,
    is_id_name,
    names_classes,
)
from bnbench.data.own.inference.columns import MAX_VALUES, ColumnLook
from bnbench.errors import shorten

# Text with more different values is no category.
MAX_CATEGORIES = 50
# Whole numbers with at most this many different values, each in several rows on average, are classes.
MAX_NUMBER_CLASSES, MIN_ROWS_OF_A_CLASS = 20, 4
# More constant columns stay: pixels at the border of images are constant, and do no harm.
MAX_CONSTANT = 20
# Fewer different values are a treatment or a sex rather than the people who got it.
MIN_GROUPS = 5
OR_NUMBER = "; `number` would predict them as numbers"


@dataclass(frozen=True)
class Target:
    """The target, and why it is this column."""

    name: str
    why: str
    task: Literal["classes", "number"]
    task_why: str


def choose_target(looks: Mapping[str, ColumnLook], unused: Mapping[str, str], wanted: str | None) -> Target | None:
    """Return the target: the wanted column, else one with a usual name, else the last one; None if there is none.

    Args:
        looks: what is in each column, by name.
        unused: the columns that are no inputs, such as ids, with their reasons.
        wanted: the column that the user names.
    """
    if wanted is not None:
        return _target(looks[wanted], "as you said")
    named = find_target_name(looks)
    if named is not None:
        return _target(looks[named], "by its name")
    usable = [name for name in looks if name not in unused]
    if not usable:
        return None
    texts = [name for name in usable if not looks[name].is_numeric]
    # Files without names of columns often begin with the class.
    if len(texts) == 1 and set(looks) == {str(i + 1) for i in range(len(looks))}:
        return _target(looks[texts[0]], "the only column of text")
    return _target(looks[usable[-1]], "the last column")


def _target(look: ColumnLook, why: str) -> Target:
    values = look.values
    if _has_thousands(look):
        # The reader names the first of these numbers.
        return Target(look.name, why, "number", "numbers with separators of thousands")
    if not look.is_numeric:
        return Target(look.name, why, "classes", f"text, {class_words(_count(values), values or {})}")
    if not look.whole:
        return Target(look.name, why, "number", "numbers with fractions")
    if names_classes(look.name) or _are_classes(look):
        classes = class_words(_count(values), values or {})
        return Target(look.name, why, "classes", f"whole numbers, {classes}{OR_NUMBER}")
    different = f"{len(values)}" if values is not None else f"more than {MAX_VALUES}"
    return Target(look.name, why, "number", f"{different} different whole numbers")


def class_words(classes: str, counts: Mapping[str, int]) -> str:
    """Return for example `3 classes with 48 to 71 rows`; the rows are left out if they were not counted."""
    if not counts:
        return f"{classes} classes"
    smallest, largest = min(counts.values()), max(counts.values())
    rows = f"{smallest:,}" if smallest == largest else f"{smallest:,} to {largest:,}"
    return f"{classes} classes with {rows} rows"


def _has_thousands(look: ColumnLook) -> bool:
    return look.text_at is not None and bool(THOUSANDS.fullmatch(look.text_at[1]))


def _are_classes(look: ColumnLook) -> bool:
    values = look.values
    rows = look.rows - look.missing
    return values is not None and len(values) <= MAX_NUMBER_CLASSES and len(values) * MIN_ROWS_OF_A_CLASS <= rows


def _count(values: Mapping[str, int] | None) -> str:
    return f"{len(values)}" if values is not None else f"more than {MAX_VALUES}"


def find_unused(looks: Mapping[str, ColumnLook], different: Mapping[str, int]) -> dict[str, str]:
    """Return the columns that are no inputs, with their reasons.

    Args:
        looks: what is in each column, by name.
        different: how many different values the columns with the name of an id or a group have.
    """
    found = {name: _why_unused(look, different.get(name)) for name, look in looks.items()}
    constant = [name for name, look in looks.items() if _is_constant(look)]
    kept = set(constant) if len(constant) > MAX_CONSTANT else set()
    return {name: why for name, why in found.items() if why and name not in kept}


def suspects(looks: Mapping[str, ColumnLook]) -> list[str]:
    """Return the columns whose name is that of an id or a group."""
    return [name for name in looks if is_id_name(name) or is_group_name(name)]


def _is_constant(look: ColumnLook) -> bool:
    return look.counts is not None and len(look.counts) == 1 and look.rows > 1


def _why_unused(look: ColumnLook, different: int | None) -> str:
    present = look.rows - look.missing
    if not present:
        return "empty"
    if _is_constant(look):
        return f"{shorten(next(iter(look.counts or {})))} in every row"
    if look.dates and not look.numbers and not look.texts:
        return "dates or times"
    if look.counts_rows:
        return "it numbers the rows"
    if is_group_name(look.name) and different and is_group(look, different):
        return f"{different:,} different ones with several rows each: see `group` below"
    if is_id_name(look.name) and different and (different == present or different > MAX_CATEGORIES):
        return "an id: another value in each row" if different == present else f"an id: {different:,} values"
    return "" if look.is_numeric else _why_no_categories(look)


def is_group(look: ColumnLook, different: int) -> bool:
    """Return whether a column with the name of a group has groups of several rows."""
    present = look.rows - look.missing
    return different >= MIN_GROUPS and different * 1.5 <= present


def _why_no_categories(look: ColumnLook) -> str:
    """Return why a column that is not of numbers alone is not used; empty if its values are categories."""
    if categories_of(look) is not None:
        return ""
    if look.text_at and _has_thousands(look):
        return f"numbers with separators of thousands ({shorten(look.text_at[1])}): write them without to use it"
    if look.numbers > look.texts + look.dates and look.text_at:
        line, cell = look.text_at
        cells = f"{look.texts + look.dates:,} cells are no numbers" if look.texts > 1 else "a cell is no number"
        return f"{cells} ({shorten(cell)} in line {line}): correct the file to use it"
    if look.dates > look.texts:
        return "dates or times"
    return f"text with {_count(look.values)} different values"


def categories_of(look: ColumnLook) -> list[str] | None:
    """Return the values of a column as categories, missing ones included; None if they are too many or too long."""
    counts = look.counts
    if counts is None or not 2 <= len(counts) <= min(MAX_CATEGORIES, look.rows // 2):
        return None
    if look.numbers and any(map(INFINITE.fullmatch, counts)):
        # A column of numbers, some of which are infinite.
        return None
    return sorted(counts) if max(map(len, counts)) <= MAX_COLUMN else None


def find_categories(
    looks: Mapping[str, ColumnLook], inputs: Sequence[str], different: Mapping[str, int]
) -> dict[str, list[str]]:
    """Return the values of each input that has categories: text, and ids with few values."""
    found = {
        name: values
        for name in inputs
        if (not looks[name].is_numeric or name in different) and (values := categories_of(looks[name])) is not None
    }
    return {name: values for name, values in found.items() if not looks[name].is_numeric or is_id_name(name)}


def missing_categories(values: Sequence[str]) -> list[str]:
    """Return the categories that mean a missing value."""
    return [value for value in values if is_missing(value)]
