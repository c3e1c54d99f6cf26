"""Deals single rows, in random order, to the parts of a split, with the proportions of the classes if asked."""

import numpy as np
from numpy.typing import NDArray

from bnbench.data.types import Array


def deal_rows(
    order: Array, labels: Array | None, test_size: int, validation_size: int, generator: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return the test, validation and training rows, each in the order that they have in `order`.

    Args:
        order: row numbers in random order.
        labels: the class of each of them, for parts with the proportions of the classes.
    """
    classes = np.zeros(len(order), np.int32) if labels is None else labels
    counts = np.bincount(classes)
    test = apportion(test_size, counts, counts, generator)
    validation = apportion(validation_size, counts, counts - test, generator)
    # The first rows of each class are test rows, the next ones validation rows.
    rank = _rank(classes)
    is_test = rank < test[classes]
    is_validation = ~is_test & (rank < (test + validation)[classes])
    return order[is_test], order[is_validation], order[~is_test & ~is_validation]


def apportion(size: int, counts: Array, available: Array, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return how many of `size` rows each class gives: its share by largest remainder, with ties broken at random.

    No class gives more rows than `available`. The result sums to `size`, which is at most the sum of `available`.
    """
    exact = size * counts / counts.sum()
    given: NDArray[np.int64] = np.minimum(np.floor(exact), available).astype(np.int64)
    # Rounding makes classes of equal size tie in spite of float errors.
    remainder = np.round(exact - given, 9)
    by_need = np.lexsort((generator.random(len(counts)), -remainder))
    while (left := size - int(given.sum())) > 0:
        takers = [k for k in by_need if available[k] > given[k]][:left]
        given[takers] += 1
    return given


def _rank(classes: Array) -> NDArray[np.int64]:
    """Return for each row how many earlier rows have the same class."""
    by_class = np.argsort(classes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(np.bincount(classes))])
    rank = np.empty(len(classes), np.int64)
    rank[by_class] = np.arange(len(classes)) - starts[classes[by_class]]
    return rank
