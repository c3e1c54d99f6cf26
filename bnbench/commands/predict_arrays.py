"""Read NumPy arrays (.npy) as rows for a saved model."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.commands.predict_rows import CHUNK_NUMBERS, InputRows
from bnbench.errors import DataError
from bnbench.store.model_card import ModelCard


def read_array(path: Path, card: ModelCard) -> Iterator[InputRows]:
    """Yield the rows of an array with one sample or a batch. An axis of one channel may be missing."""
    step = max(1, CHUNK_NUMBERS // prod(card.shape))
    start, count = 0, 1
    while start < count:
        # The file is mapped anew for each chunk: the pages of a map that is kept stay in memory.
        x = _map_array(path, card)
        count = len(x)
        values = x[start : start + step].astype(np.float64).reshape(-1, *card.shape)
        yield InputRows(path, values, first=start + 1, share=min(1.0, (start + step) / max(count, 1)))
        start += step


def _map_array(path: Path, card: ModelCard) -> NDArray[Any]:
    """Return the array in a file, of shape (rows, ...), without reading its values."""
    try:
        x: Any = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:
        # NumPy parses the header of a file as Python source code, so a damaged one can raise any error.
        reason = str(error).partition(".")[0] or type(error).__name__
        raise DataError(f"{path}: not a readable array of numbers: {reason}") from error
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "buif":
        raise DataError(f"{path}: contains {getattr(x, 'dtype', 'an archive')}, expected one array of numbers")
    one_channel = len(card.shape) > 1 and card.shape[-1] == 1
    shapes = [card.shape, card.shape[:-1]] if one_channel else [card.shape]
    if x.shape in shapes:
        return x[np.newaxis]
    if x.shape[1:] not in shapes:
        shape = ", ".join(map(str, card.shape))
        raise DataError(
            f"{path}: the shape is {x.shape}, expected ({shape}) for one row or (rows, {shape}) for several"
        )
    return x
