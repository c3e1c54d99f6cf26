"""Find the columns of a table that are the inputs of a saved model, from its first line."""

import re
from collections.abc import Sequence
from math import prod

from bnbench.data import access
from bnbench.data.formats.delimited import find_names, is_numeric, plain_name
from bnbench.errors import DataError, did_you_mean
from bnbench.store.model_card import ModelCard

# Names of columns that tables of published data sets have next to the inputs. Kaggle's MNIST begins with `label`.
LABELS = ("label", "labels", "class", "target", "species", "y", "id", "index")
# pixel0, pixel1, ...
NUMBERED = re.compile(r"(.*?)([0-9]{1,9})")


def input_columns(first: list[str], card: ModelCard, place: str) -> tuple[list[int], bool, list[str]]:
    """Return the positions of the inputs, whether the first line is a header, and notes about it.

    Inputs are found by the names of the data set as in its own files, or of own arrays that have names. If there are no
    names, they are in the order of the file.

    Args:
        first: the cells of the first line.
        place: the file and the line, for messages.

    Raises:
        DataError: the table has too many columns, too few, or columns with other names.
    """
    counted = _counted_columns(first, card)
    if counted and _cannot_be_a_row(first, card):
        at = counted if len(counted) == prod(card.shape) else _columns_by_position(first, card, place)
        return at, True, _notes([first[i] for i in range(len(first)) if i not in (*counted, *at)], card)
    if any(map(is_numeric, first)):
        odd = "is read as a row: if its numbers are the names of the columns, remove it"
        return _columns_by_position(first, card, place), False, [f"the first line {odd}"] if counted else []
    columns, unused = _columns_by_name(first, card, place)
    return columns, True, _notes(unused, card)


def _counted_columns(first: list[str], card: ModelCard) -> list[int]:
    """Return the positions of 0, 1, 2 ... or 1, 2, 3 ..., as columns without names are called; none in another line."""
    others = {plain_name(name) for name in (*LABELS, *_other_columns(card), "")}
    at = [i for i, cell in enumerate(first) if plain_name(cell) not in others or cell in card.classes]
    cells = [first[i] for i in at]
    is_counted = any(cells == [str(start + i) for i in range(len(at))] for start in (0, 1))
    # A single 0 or 1 is an ordinary value.
    return at if is_counted and len(first) > 1 else []


def _cannot_be_a_row(first: list[str], card: ModelCard) -> bool:
    """Return whether a cell is no number, or a number that the data set cannot have."""
    low, high = card.value_range
    return any(not is_numeric(cell) or not low <= float(cell) <= high for cell in first)


def _notes(unused: Sequence[str], card: ModelCard) -> list[str]:
    """Say which columns are not used, except for those that the data set's own file has."""
    known = {plain_name(name) for name in (*_other_columns(card), "")}
    return [
        f"column {name!r} is not used: it looks like a label, not like an input"
        if name.lower() in LABELS
        else f"column {name!r} is not used: {card.data} has no such column"
        for name in unused
        if plain_name(name) not in known
    ]


def _other_columns(card: ModelCard) -> tuple[str, ...]:
    """Return the columns of the data set's own file that are not inputs, such as `id`."""
    dataset = access.DATASETS.get(card.data)
    return dataset.other_columns if dataset else ()


def _columns_by_name(header: list[str], card: ModelCard, place: str) -> tuple[list[int], list[str]]:
    """Return the positions of the inputs, and the names of the columns that are not used."""
    expected, dataset = prod(card.shape), access.DATASETS.get(card.data)
    names = card.columns or (dataset.columns if dataset else ())
    # A table with one input needs no name.
    if len(names) == expected and len(header) > 1:
        at = find_names(header, names)
        if at is None:
            problems = _header_problems(header, names, (*_other_columns(card), *LABELS, ""))
            raise DataError(f"{place}: {'; '.join(problems)}; expected {names[0]} to {names[-1]}, or no header")
        return at, [name for i, name in enumerate(header) if i not in at]
    # pandas writes an index as a column without a name.
    positions = [i for i, name in enumerate(header) if name not in (*_other_columns(card), "")]
    inputs = [i for i in positions if header[i].lower() not in LABELS]
    if len(inputs) != expected:
        # A table may have an input that is called `y`.
        inputs = positions
    if len(inputs) != expected:
        raise DataError(f"{place}: {_wrong_count(header, card)}")
    if problem := _disorder([header[i] for i in inputs]):
        raise DataError(f"{place}: {problem}; {card.data} has no names of columns, so they must be in its order")
    return inputs, [header[i] for i in positions if i not in inputs]


def _header_problems(header: list[str], names: Sequence[str], others: Sequence[str]) -> list[str]:
    found = [plain_name(name) for name in header]
    known = {plain_name(name) for name in (*names, *others)}
    unknown = [name for name in header if plain_name(name) not in known]
    missing = [name for name in names if plain_name(name) not in found]
    repeated = [name for name in names if found.count(plain_name(name)) > 1]
    problems = [f"unknown column {name!r}{did_you_mean(name, missing or names)}" for name in unknown[:1]]
    if missing:
        problems.append(f"{len(missing)} of {len(names)} columns are missing: {', '.join(missing[:3])}")
    return problems + [f"column {name!r} is repeated" for name in repeated[:1]]


def _disorder(names: Sequence[str]) -> str:
    """Say which of the names pixel0, pixel1 ... comes after a later one; empty if they ascend or have no numbers."""
    parts = [NUMBERED.fullmatch(name) for name in names]
    if len({part and part[1] for part in parts}) == 1:
        numbers = [int(part[2]) for part in parts if part]
        for i in range(1, len(numbers)):
            if numbers[i] <= numbers[i - 1]:
                return f"column {names[i]!r} comes after {names[i - 1]!r}"
    return ""


def _columns_by_position(cells: list[str], card: ModelCard, place: str) -> list[int]:
    """Return the positions of the inputs in a file without a header: all columns, or those after the other columns."""
    expected, others = prod(card.shape), _other_columns(card)
    if len(cells) not in {expected, expected + len(others)}:
        hint = "; if one column is a label, remove it or name it in a header" if len(cells) == expected + 1 else ""
        raise DataError(f"{place}: {_wrong_count(cells, card)}{hint}")
    return list(range(len(cells) - expected, len(cells)))


def _wrong_count(cells: list[str], card: ModelCard) -> str:
    expected, others = prod(card.shape), _other_columns(card)
    columns = "1 column" if len(cells) == 1 else f"{len(cells)} columns"
    more = f", or {expected + len(others)} with {' and '.join(others)} first" if others else ""
    hint = ": separate the values by ',', not by ';'" if ";" in cells[0] else ""
    return f"{columns}, expected {expected} numbers of {card.data}{more}{hint}"
