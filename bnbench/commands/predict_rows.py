"""The rows that the readers of `predict` yield."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# The numbers of one chunk. Reading takes several copies of 8 bytes each.
CHUNK_NUMBERS = 1_000_000


@dataclass(frozen=True)
class InputRows:
    """Successive rows of a file."""

    path: Path
    # Of shape (rows, *shape), on the scale of the stored data set.
    values: NDArray[np.float64]
    # How the values were changed to fit the model.
    notes: tuple[str, ...] = ()
    # The number of the first of these rows, counted from 1.
    first: int = 1
    # The share of the file that has been read with these rows, from 0 to 1.
    share: float = 1.0
