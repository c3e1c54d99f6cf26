"""`data.split.order: file`: the parts follow each other in the file, and no seed changes them."""

from typing import Any

import numpy as np
import pytest

from bnbench.config.schema import Data
from bnbench.data.splits import SplitIndices, split_rows, split_sizes
from bnbench.data.types import Dataset, DatasetInfo


def dataset(rows: int, test_rows: int = 0, repeated: tuple[int, ...] = ()) -> Dataset:
    """Return rows in two classes, all rows of the first class first."""
    y = np.arange(rows, dtype=np.int32) // -(-rows // 2)
    marked = np.zeros(rows, bool)
    marked[list(repeated)] = True
    facts = DatasetInfo("toy", "made", "0", (1,), "float32", ("0", "1"), rows, test_rows, len(repeated))
    return Dataset(facts, np.arange(rows, dtype=np.float32)[:, np.newaxis], y, (0.0, float(rows)), marked)


def parts_of(data: Dataset, seed: int = 0, split: dict[str, Any] | None = None, **keys: Any) -> SplitIndices:
    settings = Data.model_validate({"name": "leaf", "split": {"order": "file", **(split or {})}, **keys})
    return split_rows(data, settings, split_sizes(settings, data.facts, "toy"), seed)


def lists(parts: SplitIndices) -> tuple[list[int], list[int], list[int]]:
    assert {part.dtype for part in (parts.train, parts.validation, parts.test)} == {np.dtype(np.int32)}
    return parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()


def span(start: int, stop: int) -> list[int]:
    return list(range(start, stop))


def test_training_validation_and_test_rows_follow_each_other() -> None:
    assert lists(parts_of(dataset(20))) == (span(0, 14), span(14, 16), span(16, 20))


def test_with_an_official_test_part_the_last_of_the_other_rows_validate() -> None:
    parts = parts_of(dataset(30, test_rows=10), split={"validation": 0.2})
    assert lists(parts) == (span(0, 16), span(16, 20), span(20, 30))


@pytest.mark.parametrize("test_rows", [0, 6])
def test_all_seeds_have_the_same_parts(test_rows: int) -> None:
    data = dataset(40, test_rows)
    assert lists(parts_of(data, seed=0)) == lists(parts_of(data, seed=7))


def test_stratify_has_no_effect() -> None:
    data = dataset(40)
    assert lists(parts_of(data, split={"stratify": True})) == lists(parts_of(data, split={"stratify": False}))
    # The last rows are all of the second class.
    assert set(data.y[parts_of(data).test].tolist()) == {1}


@pytest.mark.parametrize("test_rows", [0, 10])
def test_a_limit_takes_the_first_rows_of_each_part(test_rows: int) -> None:
    data = dataset(50, test_rows)
    whole, limited = lists(parts_of(data)), lists(parts_of(data, limit=3))
    assert limited == tuple(part[:3] for part in whole)


def test_of_equal_rows_the_first_stays() -> None:
    # The third and the last row equal earlier ones.
    data = dataset(12, repeated=(2, 11))
    assert lists(parts_of(data)) == ([0, 1, 3, 4, 5, 6, 7], [8], [9, 10])
    assert lists(parts_of(data, duplicates="keep")) == ([0, 1, 2, 3, 4, 5, 6, 7, 8], [9], [10, 11])


@pytest.mark.parametrize("test_rows", [0, 4])
def test_validation_may_be_the_test_part(test_rows: int) -> None:
    train, validation, test = lists(parts_of(dataset(20, test_rows), split={"validation": "test"}))
    assert (train, validation, test) == (span(0, 16), span(16, 20), span(16, 20))


def test_the_sizes_are_those_of_a_random_split() -> None:
    data = dataset(101)
    found = [tuple(map(len, lists(parts_of(data, split={"order": order})))) for order in ("file", "random")]
    assert found == [(71, 10, 20)] * 2
