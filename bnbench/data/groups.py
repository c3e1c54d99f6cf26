"""Keeps the rows of a group in one part: how large the parts can be, and which groups a seed deals to them.

Every seed has parts of the same size, because they share one compiled program. So whole groups are dealt to a part
until they have at least its rows, and the surplus rows are in no part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bnbench.data.types import Array, DatasetInfo

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class DealtSizes:
    """The parts that groups are dealt to, before the rest of the groups becomes the training part."""

    # The rows of each part.
    parts: tuple[int, ...]
    # The number of rows that the groups of these parts have beyond that, at most, for any seed.
    surplus: int


def count_group_rows(groups: Array, repeated: NDArray[np.bool_], official: int) -> tuple[tuple[int, int, int], ...]:
    """Return `DatasetInfo.group_rows`.

    Args:
        groups: (rows,) int32.
        repeated: (rows,), the rows that `duplicates: drop` leaves out.
        official: the number of official validation and test rows, which are the last rows.
    """
    pool, free = len(groups) - official, without_official_groups(groups, official)
    length = int(groups.max()) + 1
    every = np.bincount(groups[:pool][free], minlength=length)
    distinct = np.bincount(groups[:pool][free & ~repeated[:pool]], minlength=length)
    kinds, counts = np.unique(np.stack([every, distinct], axis=1)[every > 0], axis=0, return_counts=True)
    return tuple((int(rows), int(own), int(count)) for (rows, own), count in zip(kinds, counts, strict=True))


def without_official_groups(groups: Array, official: int) -> NDArray[np.bool_]:
    """Return which of the other rows belong to a group without official validation or test rows."""
    pool = len(groups) - official
    return np.isin(groups[:pool], groups[pool:], invert=True)


def group_sizes(facts: DatasetInfo, drop_repeated: bool) -> Integers:
    """Return the number of rows of each group that can be dealt, in ascending order."""
    kinds = np.array(facts.group_rows or (), np.int64).reshape(-1, 3)
    sizes = np.repeat(kinds[:, 1 if drop_repeated else 0], kinds[:, 2])
    return np.sort(sizes[sizes > 0])


def plan_dealing(sizes: Integers, wanted: Sequence[int], in_file_order: bool) -> DealtSizes:
    """Return the sizes of parts that every order of the groups can fill.

    A part has as many rows as some number of the smallest groups have: the number that is nearest to what is wanted.
    So any groups of this number fill it, and groups of one size are never cut.

    Args:
        sizes: of the groups, in ascending order.
        wanted: rows of each part, in the order in which the parts are filled.
        in_file_order: as in `deal_groups`.
    """
    if not sizes.size:
        return DealtSizes(tuple(wanted), 0)
    ends = np.cumsum(sizes)
    counts = [int(np.argmin(np.abs(ends - rows))) + 1 for rows in wanted]
    parts = [int(ends[count - 1]) for count in counts]
    cut = int(sizes[-1]) if in_file_order else _largest_cut_group(sizes, sum(parts))
    surplus = 0
    for count, rows in zip(counts, parts, strict=True):
        # In random order a larger group than the part is not dealt to it, unless it is the one that is cut.
        largest = (sizes if in_file_order else sizes[sizes <= max(rows, cut)])[-count:]
        surplus += min(cut - 1, int(largest.sum()) - rows)
    return DealtSizes(tuple(parts), surplus)


def _largest_cut_group(sizes: Integers, dealt: int) -> int:
    """Return the rows of the largest group that may have to be cut, if the smallest group that is left is cut.

    Groups up to this size have so many rows together that one of them is always left.
    """
    up_to = np.cumsum(sizes)[np.searchsorted(sizes, sizes, "right") - 1]
    enough = up_to >= dealt + sizes
    return int(sizes[np.argmax(enough)] if enough.any() else sizes[-1])


def deal_whole_groups(
    groups: Array, labels: Array | None, sizes: Sequence[int], generator: np.random.Generator | None
) -> tuple[Integers, ...]:
    """Return the positions of the rows of each part, with the rows of each group in one part.

    Without a generator, everything is in the order of the file: the last groups become the first part, and the place of
    a group in the file is that of its first row.

    Args:
        groups: (rows,), the number of the group of each row.
        labels: (rows,), the class of each row, for parts with nearly the proportions of the classes.
        sizes: rows of each part. The last part gets the groups that are left.
    """
    _, first, numbers = np.unique(groups, return_index=True, return_inverse=True)
    rows_of = np.bincount(numbers)
    if generator is None:
        order, rows = np.argsort(-first), np.arange(len(groups))
    else:
        rows = generator.permutation(len(groups))
        order = shuffle_groups(rows_of, None if labels is None else most_frequent_classes(numbers, labels), generator)
    part_of = deal_groups(order, rows_of, sizes[:-1], generator is None)[numbers[rows]]
    return tuple(rows[part_of == part][:size] for part, size in enumerate(sizes))


def deal_groups(order: Integers, sizes: Integers, parts: Sequence[int], in_file_order: bool) -> Integers:
    """Return the part of each group: 0 for the first part, and `len(parts)` for the groups that are left.

    Groups are dealt in their order. One that has more rows than the part still lacks is left for a later part. If no
    group fits any more, the smallest one that is left completes the part.

    Args:
        order: the numbers of the groups.
        sizes: the rows of each group, by its number.
        parts: from `plan_dealing`.
        in_file_order: skip no group, so that the groups of a part follow each other.
    """
    part_of = np.full(len(sizes), len(parts))
    for number, rows in enumerate(parts):
        left = order[part_of[order] == len(parts)]
        part_of[_take_groups(left.tolist(), sizes, rows, in_file_order)] = number
    return part_of


def _take_groups(left: list[int], sizes: Integers, rows: int, in_file_order: bool) -> list[int]:
    taken: list[int] = []
    others: list[int] = []
    for group in left:
        fits = sizes[group] <= rows and not (in_file_order and others)
        (taken if fits else others).append(group)
        rows -= int(sizes[group]) if fits else 0
    if rows:
        taken.append(others[0] if in_file_order else min(others, key=sizes.__getitem__))
    return taken


def shuffle_groups(sizes: Integers, classes: Array | None, generator: np.random.Generator) -> Integers:
    """Return the numbers of the groups in random order.

    With `classes`, the most frequent class of each group, each class is spread evenly over the order, so that the
    groups of a part have nearly the proportions of all groups.
    """
    order = generator.permutation(len(sizes))
    if classes is None:
        return order
    positions = np.empty(len(sizes))
    for one in np.unique(classes):
        own = order[classes[order] == one]
        ends = np.cumsum(sizes[own])
        # A random point of the range that the group fills if its class is laid out from 0 to 1.
        positions[own] = (ends - generator.random(len(own)) * sizes[own]) / ends[-1]
    return order[np.argsort(positions[order], kind="stable")]


def most_frequent_classes(groups: Integers, y: Array) -> Array:
    """Return the most frequent class of each group, the first of equally frequent ones.

    Args:
        groups: (rows,), numbered from 0 without gaps.
        y: (rows,), the class of each row.
    """
    pairs, counts = np.unique(np.stack([groups, y], axis=1), axis=0, return_counts=True)
    ranked = np.lexsort((pairs[:, 1], -counts, pairs[:, 0]))
    first = np.unique(pairs[ranked, 0], return_index=True)[1]
    return np.asarray(pairs[ranked][first, 1])
