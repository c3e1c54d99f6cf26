"""Shifts the brightness of the test rows, for `data.shift_test`; all other rows stay as they are."""

import numpy as np
from numpy.typing import NDArray

from bnbench.config.schema import Data
from bnbench.data.splits import RowIndices
from bnbench.data.types import Array, Dataset


def brightness_step(settings: Data, value_range: tuple[float, float]) -> float:
    """Return what is added to each pixel of the test rows, on the scale of the stored pixels."""
    return settings.shift_test.brightness * (value_range[1] - value_range[0])


def row_shifts(dataset: Dataset, settings: Data, test_rows: RowIndices) -> NDArray[np.float64]:
    """Return what is added to the pixels of each row, (rows, 1, 1, 1): 0 for all rows except the test rows."""
    shifts = np.zeros((dataset.facts.rows, *(1 for _ in dataset.facts.shape)))
    shifts[test_rows] = brightness_step(settings, dataset.value_range)
    return shifts


def shift_test_rows(dataset: Dataset, settings: Data, test_rows: RowIndices) -> Array:
    """Return the rows of a data set as stored, with the brightness of the test rows shifted and clipped to the range.

    Without a shift these are the arrays of the data set themselves; with one they are a copy in float64.
    """
    step = brightness_step(settings, dataset.value_range)
    if not step:
        return dataset.x
    x = dataset.x.astype(np.float64)
    x[test_rows] = np.clip(x[test_rows] + step, *dataset.value_range)
    return x
