"""Find the columns of a table that are the inputs of a saved model, from its first line."""

from collections.abc import Sequence
from math import prod

from bnbench.data import access
from bnbench.errors import DataError, did_you_mean
from bnbench.store.model_card import ModelCard

# Names of columns that tables of published data sets have next to the inputs. Kaggle's MNIST begins with `label`.
LABELS = ("label", "labels", "class", "target", "species", "y", "id", "index")


def input_columns(first: list[str], card: ModelCard, place: str) -> tuple[list[int], bool, list[str]]:
    """Return the positions of the inputs, whether the first line is a header, and notes about unused columns.

    Args:
        first: the cells of the first line.
        place: the file and the line, for messages.

    Raises:
        DataError: the table has too many columns, too few, or columns with other names.
    """
    if not _is_header(first):
        return _columns_by_position(first, card, place), False, []
    columns, unused = _columns_by_name(first, card, place)
    notes = [f"column {name!r} is not used: it looks like a label, not like an input" for name in unused]
    return columns, True, notes


def _is_header(cells: Sequence[str]) -> bool:
    """Return whether a line contains names: no numbers, or 0, 1, 2 ..., as pandas calls columns without names."""
    named = [cell for cell in cells if cell and cell.lower() not in LABELS]
    return not any(_is_number(cell) for cell in cells) or named == [str(i) for i in range(len(named))]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _other_columns(card: ModelCard) -> tuple[str, ...]:
    """Return the columns of the data set's own file that are not inputs, such as `id`."""
    dataset = access.DATASETS.get(card.data)
    return dataset.other_columns if dataset else ()


def _columns_by_name(header: list[str], card: ModelCard, place: str) -> tuple[list[int], list[str]]:
    """Return the positions of the inputs, and the columns that look like labels.

    Inputs are found by the names of the data set if the header has them, else they are in the order of the file.
    """
    dataset = access.DATASETS.get(card.data)
    names = dataset.columns if dataset else ()
    # pandas writes an index as a column without a name.
    others = (*_other_columns(card), "")
    if len(names) == prod(card.shape) and set(names) & set(header):
        if problems := _header_problems(header, names, others):
            raise DataError(f"{place}: {'; '.join(problems)}; expected {names[0]} to {names[-1]}")
        return [header.index(name) for name in names], []
    positions = [i for i, name in enumerate(header) if name not in others]
    labels = [i for i in positions if header[i].lower() in LABELS]
    # A table may have an input that is called `y`.
    if len(positions) - len(labels) == prod(card.shape):
        return [i for i in positions if i not in labels], [header[i] for i in labels]
    if len(positions) != prod(card.shape):
        raise DataError(f"{place}: {_wrong_count(header, card)}")
    return positions, []


def _header_problems(header: list[str], names: Sequence[str], others: Sequence[str]) -> list[str]:
    unknown = [name for name in header if name not in (*names, *others)]
    missing = [name for name in names if name not in header]
    repeated = [name for name in names if header.count(name) > 1]
    problems = [f"unknown column {name!r}{did_you_mean(name, missing or names)}" for name in unknown[:1]]
    if missing:
        problems.append(f"{len(missing)} of {len(names)} columns are missing: {', '.join(missing[:3])}")
    return problems + [f"column {name!r} is repeated" for name in repeated[:1]]


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
