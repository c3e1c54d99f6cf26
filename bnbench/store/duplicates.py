"""One trial that was trained twice: what differs between the two results, bit by bit."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bnbench.store import integrity
from bnbench.store.integrity import EPOCH_COLUMNS, StoredTrial

# What a second training of the same trial may change: times, and what says where and when it was.
OF_THE_RUN = {"seconds", "seconds_per_step", "worker", "source", "checksum", "reason", "traceback", "step_losses"}


def outcome_differences(a: StoredTrial, b: StoredTrial) -> list[str]:
    """Return what differs between two results of one trial, in words; none if all bits are the same.

    Times are not compared, and neither is a value that only one of them has, because an earlier version of bnbench did
    not measure it. NaN equals NaN, whatever its bits: processors differ in its sign.
    """
    return list(_differences(a, b))


def _differences(a: StoredTrial, b: StoredTrial) -> Iterator[str]:
    for name in a.row:
        one, other = a.row[name], b.row.get(name)
        if name not in OF_THE_RUN and one != other and None not in (one, other):
            yield f"{name}: {one} and {other}"
    if (a.row["divergence"] is None) != (b.row["divergence"] is None):
        yield f"divergence: {a.row['divergence'] or 'none'} and {b.row['divergence'] or 'none'}"
    yield from _step_losses(a, b)
    yield from _epochs(a, b)
    yield from _measurements(a, b)


def _step_losses(a: StoredTrial, b: StoredTrial) -> Iterator[str]:
    one, other = (integrity.decompress_step_losses(stored.row) for stored in (a, b))
    if one is None or other is None:
        yield "step losses: damaged in one of them"
    elif one != other:
        first, second = np.frombuffer(one, "<f4"), np.frombuffer(other, "<f4")
        shared = min(len(first), len(second))
        apart = np.flatnonzero(_bits_differ(first[:shared], second[:shared], "<u4"))
        if len(apart) or len(first) != len(second):
            step = int(apart[0]) if len(apart) else shared
            yield f"step losses from step {step + 1} on: {_at(first, step)} and {_at(second, step)}"


def _bits_differ(one: NDArray[Any], other: NDArray[Any], unsigned: str) -> NDArray[np.bool_]:
    """Return for each value whether its bits differ, except between two NaN.

    Args:
        unsigned: the type of whole numbers of the same size.
    """
    both_nan = np.isnan(one) & np.isnan(other)
    return np.asarray((one.view(unsigned) != other.view(unsigned)) & ~both_nan, np.bool_)


def _at(values: "np.ndarray[tuple[int], np.dtype[np.float32]]", step: int) -> str:
    return f"{values[step]:.9g}" if step < len(values) else "no such step"


def _epochs(a: StoredTrial, b: StoredTrial) -> Iterator[str]:
    if len(a.epochs) != len(b.epochs):
        yield f"epochs: {len(a.epochs)} and {len(b.epochs)}"
        return
    for column, name in enumerate(EPOCH_COLUMNS):
        one, other = a.epochs[:, column], b.epochs[:, column]
        apart = np.flatnonzero(~((one == other) | (np.isnan(one) & np.isnan(other))))
        if name != "seconds" and len(apart):
            at = int(apart[0])
            yield f"{name} from epoch {a.epochs[at, 0]:.0f} on: {float(one[at])!r} and {float(other[at])!r}"


def _measurements(a: StoredTrial, b: StoredTrial) -> Iterator[str]:
    others = {(row["name"], row["layer"]): row for row in b.measurements}
    for row in a.measurements:
        other = others.get((row["name"], row["layer"]))
        if other and (row["positions"] != other["positions"] or _values_differ(row["values"], other["values"])):
            yield f"{row['name']}{' of ' if row['layer'] else ''}{row['layer']}"


def _values_differ(one: bytes, other: bytes) -> bool:
    if one == other or len(one) != len(other):
        return one != other
    return bool(_bits_differ(np.frombuffer(one, "<f8"), np.frombuffer(other, "<f8"), "<u8").any())
