"""All rows of an input of `predict` at once."""

from pathlib import Path

import numpy as np

from bnbench.commands.predict_inputs import check_input, read_chunks
from bnbench.commands.predict_rows import InputRows
from bnbench.store.model_card import ModelCard


def read_inputs(path: Path, card: ModelCard) -> InputRows:
    """Return the rows of a file after a check of all of them, with the notes of the check."""
    checked = check_input(path, card, lambda *_: None)
    chunks = list(read_chunks(path, card))
    assert [chunk.first for chunk in chunks] == [1, *np.cumsum([len(chunk.values) for chunk in chunks])[:-1] + 1]
    values = np.concatenate([chunk.values for chunk in chunks])
    assert len(values) == checked.rows
    return InputRows(path, values, checked.notes)
