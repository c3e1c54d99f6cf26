"""Scores of seeds -> which trainings collapsed: those of the lower of two groups that are far apart."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

# The gap between the two groups is wider than this share of the distance between their means.
GAP = 0.5


def find_collapses(
    scores: NDArray[Any], trains: NDArray[np.bool_], diverged: NDArray[np.bool_], luck: NDArray[Any]
) -> NDArray[np.bool_]:
    """Return which of the trainings of one variant collapsed, (seeds,).

    A training that does not train has collapsed if it diverged or if no other seed trains. Otherwise the widest gap
    between two scores, the lower of which does not train, tells the groups apart: those below it collapsed if the gap
    is wider than half the distance between the means of the two groups, and wider than luck. Without such a gap, seeds
    on both sides of the level are one group, and the t interval of their mean holds what it says
    (docs/explanation/coverage.md).

    Args:
        scores: the validation scores, (seeds,).
        trains: which of them are halfway at least from chance to the best mean (`Cells.half`), (seeds,).
        diverged: which trainings diverged, (seeds,).
        luck: how far above chance guessing comes with as many validation rows, (seeds,); NaN if it is unknown.
    """
    if not trains.any():
        return ~trains
    known = np.sort(scores[~diverged])
    gaps = np.diff(known)[: int((~trains & ~diverged).sum())]
    if not len(gaps):
        return diverged
    upper = int(gaps.argmax()) + 1
    distance = known[upper:].mean() - known[:upper].mean()
    is_far = gaps.max() > max(GAP * distance, np.nan_to_num(luck).max())
    return diverged | (scores < known[upper]) if is_far else diverged
