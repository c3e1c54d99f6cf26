"""Two results of one trial are compared by their bits, but NaN equals any NaN."""

import zlib
from typing import Any

import numpy as np
import pytest

from bnbench.store.duplicates import outcome_differences
from bnbench.store.integrity import EPOCH_COLUMNS, StoredTrial

# Two NaN that differ in sign and payload.
ONE, OTHER = 0x7FC00000, 0xFFC00001


def stored(losses: "np.ndarray[Any, Any]", values: "np.ndarray[Any, Any]") -> StoredTrial:
    row = {"divergence": "nonfinite", "steps": len(losses), "step_losses": zlib.compress(losses.tobytes())}
    series = {"name": "norms", "layer": "dense", "positions": b"", "values": values.tobytes()}
    return StoredTrial(row, np.empty((0, len(EPOCH_COLUMNS))), (series,))


def losses(*bits: int) -> "np.ndarray[Any, Any]":
    return np.array([0x3F800000, *bits], "<u4").view("<f4")


def values(*bits: int) -> "np.ndarray[Any, Any]":
    return np.array(bits, "<u8").view("<f8")


NONE = values()


def test_nan_equals_a_nan_with_other_bits() -> None:
    one, other = losses(ONE), losses(OTHER)
    assert one.tobytes() != other.tobytes()
    assert outcome_differences(stored(one, NONE), stored(other, NONE)) == []
    double, another = values(0x7FF8000000000000), values(0xFFF8000000000001)
    assert outcome_differences(stored(one, double), stored(one, another)) == []


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ((ONE, 0x3F800000), (OTHER, 0x3F800001), "step losses from step 3 on: 1 and 1.00000012"),
        ((ONE,), (0x3F800000,), "step losses from step 2 on: nan and 1"),
        ((ONE,), (OTHER, ONE), "step losses from step 3 on: no such step and nan"),
        ((0x00000000,), (0x80000000,), "step losses from step 2 on: 0 and -0"),
    ],
)
def test_all_other_bits_count(one: tuple[int, ...], other: tuple[int, ...], wanted: str) -> None:
    assert wanted in outcome_differences(stored(losses(*one), NONE), stored(losses(*other), NONE))


def test_other_values_of_a_measurement_are_found() -> None:
    one = values(0x7FF8000000000000, 1)
    for other in (values(0x7FF8000000000000, 2), values(1, 1), values(0x7FF8000000000000)):
        assert outcome_differences(stored(losses(), one), stored(losses(), other)) == ["norms of dense"]
