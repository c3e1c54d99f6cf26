"""A handful of rows of a data set, for the check before training: labels across the classes, and the extreme values."""

from dataclasses import replace

import numpy as np

from bnbench.data.splits import SplitSizes
from bnbench.data.types import Array, Dataset

# The training part has a whole and a shorter batch of BATCH_SIZE rows.
BATCH_SIZE = 4
SIZES = SplitSizes(train=6, validation=4, test=4)


def handful_of_rows(dataset: Dataset) -> Dataset:
    """Return SIZES rows of a data set, of which the last are the official test part.

    Among the training rows are two made-up ones, with the smallest and the largest value of each feature: an
    `embedding` with too few entries fails for those.
    """
    train = _spread_rows(dataset, SIZES.train)
    rows = np.concatenate([train, _spread_rows(dataset, SIZES.test)])
    x = dataset.x[rows].copy()
    x[0], x[SIZES.train - 1] = dataset.extremes
    facts = replace(
        dataset.facts,
        rows=len(rows),
        test_rows=SIZES.test,
        validation_rows=0,
        repeated_rows=0,
        group_rows=None,
    )
    return replace(dataset, facts=facts, x=x, y=dataset.y[rows], repeated=np.zeros(len(rows), bool), groups=None)


def _spread_rows(dataset: Dataset, count: int) -> Array:
    """Return row numbers evenly spread over the rows sorted by target, from the smallest target to the largest."""
    by_target = np.argsort(dataset.y, kind="stable")
    rows: Array = by_target[np.linspace(0, len(by_target) - 1, count).astype(int)]
    return rows
