"""Read tables as rows for a model of an own table: the same columns, categories and missing values as in its file."""

from collections.abc import Iterator
from pathlib import Path

from bnbench.commands.predict_rows import InputRows
from bnbench.data.own.table_rows import read_inputs
from bnbench.store.model_card import ModelCard


def read_own_table(path: Path, card: ModelCard) -> Iterator[InputRows]:
    """Yield the rows of a table whose columns are found by name; all other columns, such as the target, are not read.

    Missing values are NaN here.

    Raises:
        ValueError: the model was not trained on an own table.
        DataError: the file is no such table, lacks a column, or a cell is wrong.
    """
    if card.table is None:
        raise ValueError(f"{card.data} is no own table")
    for chunk in read_inputs(path, card.table):
        yield InputRows(path, chunk.values.reshape(-1, *card.shape), first=chunk.first, share=chunk.share)
