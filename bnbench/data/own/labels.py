"""Numbers the classes and groups of own rows, and refuses targets that are no classes."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bnbench.errors import DataError, shorten

# The maximum number of classes, and of characters in the name of one.
MAX_CLASSES, MAX_LENGTH = 100_000, 200
# Names in a message.
MAX_NAMED = 3


def number_classes(
    labels: Sequence[str], what: str, place: Callable[[int], str], chosen: Sequence[str] | None = None
) -> tuple[tuple[str, ...], NDArray[np.int32]]:
    """Return the names of the classes, and the class of each row (rows,).

    Whole and other numbers are in ascending order, all other names in alphabetical order.

    Args:
        labels: the class of each row by name.
        what: the file and the target, for messages.
        place: returns where a row is, for messages: `line 7`.
        chosen: the classes whose rows are used; None means all.

    Raises:
        DataError: there is one class, a class has one row, or each row has a class of its own.
    """
    codes = number_groups(labels)
    names = list(dict.fromkeys(labels))
    _check_counts(names, codes, what, place, chosen or names)
    numeric = all(map(_is_number, names))
    order = sorted(range(len(names)), key=lambda i: (float(names[i]) if numeric else 0.0, names[i]))
    ranks = np.empty(len(names), np.int32)
    ranks[order] = np.arange(len(names), dtype=np.int32)
    return tuple(names[i] for i in order), ranks[codes]


def number_groups(labels: Sequence[str]) -> NDArray[np.int32]:
    """Return the number of the group of each row; groups are numbered in the order of their first rows."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], np.int32)


def _check_counts(
    names: list[str], codes: NDArray[np.int32], what: str, place: Callable[[int], str], chosen: Sequence[str]
) -> None:
    numbers = "; if it is a number to predict, set data.task: number" if all(map(_is_number, names)) else ""
    if len(names) == 1:
        raise DataError(f"{what} has the class {shorten(names[0])} in every row, wanted at least two classes")
    if len(names) == len(codes):
        raise DataError(f"{what} has as many classes as rows ({len(names):,}), so nothing could be learned{numbers}")
    single = [i for i in np.flatnonzero(np.bincount(codes) == 1).tolist() if names[i] in chosen]
    if single:
        rows = {int(code): row for row, code in enumerate(codes)}
        named = ", ".join(f"{shorten(names[i])} ({place(rows[i])})" for i in single[:MAX_NAMED])
        more = f" and {len(single) - MAX_NAMED} more" if len(single) > MAX_NAMED else ""
        raise DataError(
            f"{what}: a class with one row cannot be in the training and the test part: {named}{more}{numbers}"
        )
    if len(names) > MAX_CLASSES:
        raise DataError(f"{what} has {len(names):,} classes, wanted at most {MAX_CLASSES:,}{numbers}")
    long = next((name for name in names if len(name) > MAX_LENGTH), "")
    if long:
        raise DataError(f"{what}: a class of {len(long):,} characters ({shorten(long)}): is it the right target?")
    _check_spelling(names, what)


def _check_spelling(names: list[str], what: str) -> None:
    """Raise if two classes are one number, as `1` and `1.0`."""
    if all(map(_is_number, names)):
        seen: dict[float, str] = {}
        for name in names:
            other = seen.setdefault(float(name), name)
            if other != name:
                raise DataError(f"{what} has the classes {shorten(other)} and {shorten(name)}, which are one number")


def _is_number(name: str) -> bool:
    try:
        return bool(np.isfinite(float(name)))
    except ValueError:
        return False
