"""Counts the scaled values that are so far from 0 that each of them dominates the step of its mini-batch."""

import numpy as np

from bnbench.data.splits import Scaling, SplitIndices
from bnbench.data.types import Dataset
from bnbench.data.validate import CHUNK

# A scaled value farther from 0 than this is far away. In standard deviations for `standard`.
FAR = 50.0


def count_far_values(dataset: Dataset, scaling: Scaling, parts: SplitIndices) -> tuple[int, float]:
    """Return how many values are more than FAR from 0 after scaling, and the largest distance of any value.

    Missing values do not count: the mean of the training part stands for them.

    The rows of all parts count, as they are before `data.shift_test`. If no value is far away, the distance is that of
    all rows of the data set.
    """
    shift, factor = (np.broadcast_to(array, dataset.facts.shape).ravel() for array in (scaling.shift, scaling.factor))
    low, high = dataset.extremes
    farthest = np.maximum(np.abs(low.ravel() - shift), np.abs(high.ravel() - shift)) * factor
    columns = np.flatnonzero(farthest > FAR)
    if not columns.size:
        return 0, float(farthest.max())
    rows = np.unique(np.concatenate([parts.train, parts.validation, parts.test]))
    count, largest, x = 0, 0.0, dataset.x.reshape(len(dataset.x), -1)
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        distances = np.abs((x[np.ix_(chunk, columns)] - shift[columns]) * factor[columns])
        count, largest = count + int((distances > FAR).sum()), max(largest, float(np.fmax.reduce(distances, None)))
    return count, largest
