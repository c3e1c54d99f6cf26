from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bnbench.config.schema import Data, Split
from bnbench.data.deal import apportion
from bnbench.data.far_values import count_far_values
from bnbench.data.splits import (
    SplitIndices,
    apply_scaling,
    fit_scaling,
    has_constant_value,
    split_rows,
    split_sizes,
)
from bnbench.data.types import Dataset, DatasetInfo
from bnbench.data.validate import CHUNK


def dataset(
    labels: list[int], test_rows: int = 0, x: Any = None, repeated: tuple[int, ...] = (), high: float = 255.0
) -> Dataset:
    y = np.array(labels, np.int32)
    values = np.arange(len(y), dtype=np.float32)[:, np.newaxis] if x is None else np.asarray(x)
    marked = np.zeros(len(y), bool)
    marked[list(repeated)] = True
    classes = tuple(str(k) for k in range(y.max() + 1))
    facts = DatasetInfo(
        "toy", "made", "0", values.shape[1:], str(values.dtype), classes, len(y), test_rows, len(repeated)
    )
    return Dataset(facts, values, y, (0.0, high), marked)


def parts_of(data: Dataset, seed: int = 0, **keys: Any) -> SplitIndices:
    chosen = Data(name="leaf", **keys)
    return split_rows(data, chosen, split_sizes(chosen, data.facts, "toy"), seed)


def rows(parts: SplitIndices) -> list[int]:
    return sorted([*parts.train.tolist(), *parts.validation.tolist(), *parts.test.tolist()])


# 9 classes of 10.
LEAF = dataset([k for k in range(9) for _ in range(10)])


def test_leaf_is_split_7_1_2_in_every_class() -> None:
    parts = parts_of(LEAF)
    for part, each in ((parts.train, 7), (parts.validation, 1), (parts.test, 2)):
        assert np.bincount(LEAF.y[part]).tolist() == [each] * 9
        assert part.dtype == np.int32
    assert rows(parts) == list(range(90))


def test_the_split_depends_on_the_seed_only() -> None:
    # Global state must not matter.
    np.random.seed(1)
    first = parts_of(LEAF, seed=3)
    np.random.seed(2)
    again, other = parts_of(LEAF, seed=3), parts_of(LEAF, seed=4)
    assert all(np.array_equal(getattr(first, n), getattr(again, n)) for n in ("train", "validation", "test"))
    assert set(first.test.tolist()) != set(other.test.tolist())


def test_the_split_of_a_seed_never_changes() -> None:
    small = dataset([0, 1] * 5)
    parts = parts_of(small, seed=7)
    assert (parts.train.tolist(), parts.validation.tolist(), parts.test.tolist()) == PINNED


PINNED = ([2, 8, 4, 9, 3, 1, 0], [5], [6, 7])


def test_train_rows_are_shuffled() -> None:
    assert parts_of(LEAF).train.tolist() != sorted(parts_of(LEAF).train.tolist())


def test_the_official_test_part_stays_in_file_order() -> None:
    data = dataset([0, 1] * 10, test_rows=6)
    for seed in range(5):
        parts = parts_of(data, seed=seed)
        assert parts.test.tolist() == [14, 15, 16, 17, 18, 19]
        assert len(parts.validation) == 1
        assert rows(parts) == list(range(20))


def test_validation_may_be_the_test_part() -> None:
    parts = parts_of(LEAF, split=Split(validation="test"))
    assert np.array_equal(parts.validation, parts.test)
    assert (len(parts.train), len(parts.test)) == (72, 18)
    assert not set(parts.train.tolist()) & set(parts.test.tolist())


def test_without_stratification_sizes_are_the_same_but_classes_are_not() -> None:
    parts = parts_of(LEAF, split=Split(stratify=False))
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (63, 9, 18)
    assert rows(parts) == list(range(90))
    assert np.bincount(LEAF.y[parts.test], minlength=9).tolist() != [2] * 9


def test_duplicates_are_dropped_unless_the_config_keeps_them() -> None:
    data = dataset([0, 1] * 10, repeated=(3, 4))
    assert rows(parts_of(data)) == [i for i in range(20) if i not in (3, 4)]
    assert rows(parts_of(data, repeats="keep")) == list(range(20))


@pytest.mark.parametrize("test_rows", [0, 30])
@pytest.mark.parametrize("stratify", [True, False])
def test_a_limited_part_is_the_beginning_of_the_whole_one(test_rows: int, stratify: bool) -> None:
    data = dataset([0, 1, 2] * 30, test_rows=test_rows)
    chosen = {"split": Split(stratify=stratify)}
    all_rows, limited = parts_of(data, **chosen), parts_of(data, **chosen, limit=5)
    assert limited.train.tolist() == all_rows.train[:5].tolist()
    assert limited.validation.tolist() == all_rows.validation[:5].tolist()
    assert len(limited.test) == 5
    assert set(limited.test.tolist()) <= set(all_rows.test.tolist())
    if test_rows:
        assert limited.test.tolist() == sorted(limited.test.tolist())


def test_a_limit_with_validation_on_test_takes_the_same_rows() -> None:
    data = dataset([0, 1, 2] * 30, test_rows=30)
    parts = parts_of(data, split=Split(validation="test"), limit=5)
    assert parts.validation.tolist() == parts.test.tolist()
    assert len(parts.test) == 5


@settings(max_examples=60, deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=30, max_size=120),
    validation=st.floats(0.05, 0.4),
    test=st.floats(0.05, 0.4),
    seed=st.integers(0, 2**31 - 1),
    repeated=st.integers(0, 5),
)
def test_parts_are_disjoint_whole_exact_and_proportional(
    labels: list[int], validation: float, test: float, seed: int, repeated: int
) -> None:
    data = dataset(labels, repeated=tuple(range(repeated)))
    chosen = Data(name="leaf", split=Split(validation=validation, test=test))
    sizes = split_sizes(chosen, data.facts, "toy")
    parts = split_rows(data, chosen, sizes, seed)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (sizes.train, sizes.validation, sizes.test)
    assert rows(parts) == list(range(repeated, len(labels)))
    counts = np.bincount(data.y[repeated:], minlength=5)
    for part in (parts.validation, parts.test):
        exact = len(part) * counts / counts.sum()
        assert (abs(np.bincount(data.y[part], minlength=5) - exact) < 1.0001).all()


@settings(max_examples=100, deadline=None)
@given(
    counts=st.lists(st.integers(0, 20), min_size=1, max_size=8).filter(sum),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_shares_are_exact_and_within_one_row_of_proportion(counts: list[int], share: float, seed: int) -> None:
    size = round(share * sum(counts))
    given_counts = apportion(size, np.array(counts), np.array(counts), np.random.default_rng(seed))
    exact = size * np.array(counts) / sum(counts)
    assert given_counts.sum() == size
    assert (given_counts <= counts).all()
    assert (abs(given_counts - exact) < 1).all()


def test_ties_between_equal_classes_are_broken_at_random() -> None:
    counts = np.array([5, 5, 5])
    winners = {int(apportion(4, counts, counts, np.random.default_rng(seed)).argmax()) for seed in range(30)}
    assert winners == {0, 1, 2}


def test_the_largest_remainder_wins() -> None:
    # Of 5: 2.5, 1.5, 1.0; of 3: 1.5, 0.9, 0.6.
    counts = np.array([10, 6, 4])
    assert apportion(3, counts, counts, np.random.default_rng(0)).tolist() == [1, 1, 1]


def test_no_class_gives_more_rows_than_its_room() -> None:
    assert apportion(3, np.array([2, 2, 2]), np.array([0, 2, 1]), np.random.default_rng(0)).tolist() == [0, 2, 1]


ALL = np.array([0, 1], np.int32)
# The third row is not a training row.
TABLE = np.array([[0, 5], [2, 5], [9, 9]], np.float32)


def scaled(x: Any, scale: str, train: Any = ALL, high: float = 255.0) -> Any:
    data = dataset([0] * len(x), x=x, high=high)
    fitted = fit_scaling(data, Data.model_validate({"name": "leaf", "scale": scale}), train)
    return apply_scaling(fitted, data.x)


def test_scale_none_does_not_change_values() -> None:
    assert scaled(TABLE, "none").tolist() == TABLE.tolist()


def test_unit_takes_the_range_of_a_format() -> None:
    images = np.array([[[0], [51]], [[255], [102]]], np.uint8)
    assert scaled(images, "unit").ravel().tolist() == pytest.approx([0, 0.2, 1, 0.4])
    assert scaled(np.array([[0], [8]], np.uint8), "unit", high=16.0).ravel().tolist() == [0, 0.5]


def test_unit_takes_a_tables_own_range_over_the_training_rows() -> None:
    assert scaled(TABLE, "unit")[:, 0].tolist() == [0, 1, 4.5]


def test_standard_uses_the_training_rows_only() -> None:
    # Mean 1 and SD 1.
    assert scaled(TABLE, "standard")[:, 0].tolist() == [-1, 1, 8]


@pytest.mark.parametrize("scale", ["unit", "standard"])
def test_a_column_that_is_constant_in_training_becomes_0_in_every_row(scale: str) -> None:
    assert scaled(TABLE, scale)[:, 1].tolist() == [0, 0, 0]


@pytest.mark.parametrize("high", [255.0, 16.0])
def test_a_pixel_that_is_constant_in_training_is_divided_by_the_range_of_the_format(high: float) -> None:
    images = np.array([[[3], [2]], [[3], [4]], [[3 + high / 2], [3]]], np.uint8)
    assert scaled(images, "standard", high=high)[:, 0].ravel().tolist() == [0, 0, int(high / 2) / high]


def test_a_bag_of_words_is_scaled_as_before() -> None:
    words = np.array([[0], [0], [1]], np.uint8)
    assert scaled(words, "standard", high=1.0).ravel().tolist() == [0, 0, 1]


def test_values_far_from_the_training_mean_are_counted() -> None:
    train = np.arange(10_000, dtype=np.int32)
    x = np.zeros((10_003, 3), np.float32)
    # SD 0.01 around 0.0001: one training row is 100 SD away.
    x[0, 0] = 1
    # SD 1, and one test row is 60 SD away.
    x[:, 1] = np.tile([-1, 1], 5_002)[:10_003]
    x[10_001, 1] = 60
    # Constant in training.
    x[10_002, 2] = 1e9
    data = dataset([0] * len(x), x=x)
    fitted = fit_scaling(data, Data(name="leaf", scale="standard"), train)
    rest = np.array([[10_000], [10_001]], np.int32)
    count, largest = count_far_values(data, fitted, SplitIndices(train, rest[0], rest[1]))
    assert (count, largest) == (2, pytest.approx(100, rel=1e-3))
    # The row that is 60 SD away is in no part.
    assert count_far_values(data, fitted, SplitIndices(train, rest[0], rest[0]))[0] == 1
    calm = fit_scaling(data, Data(name="leaf", scale="unit"), np.arange(10_003, dtype=np.int32))
    assert count_far_values(data, calm, SplitIndices(train, rest[0], rest[1])) == (0, 1.0)


@pytest.mark.parametrize(
    ("rare_rows", "train", "constant"),
    [
        # Unknown, or no value is almost constant.
        ((), 700, False),
        ((900,), 700, False),
        # It differs in official test rows only.
        ((0,), 990, True),
        ((1,), 990, False),
        ((1,), 989, True),
        # Three of ten rows are not in training: 0.3 ** 13 is 2e-7, 0.3 ** 10 is 6e-6.
        ((13, 80), 693, False),
        ((10, 80), 693, True),
        # Ten rows for training: half of the rows differ.
        ((495,), 10, True),
        ((900,), 10, False),
    ],
)
def test_whether_a_training_part_may_hold_a_constant_value(
    rare_rows: tuple[int, ...], train: int, constant: bool
) -> None:
    info = DatasetInfo("toy", "made", "0", (max(1, len(rare_rows)),), "float32", ("a",), 1000, 10, 0, rare_rows)
    assert has_constant_value(Data(name="leaf"), info, train) is constant


def test_standard_of_images_is_per_pixel() -> None:
    images = np.array([[[0], [10]], [[4], [10]]], np.uint8)
    assert scaled(images, "standard").tolist() == [[[-1], [0]], [[1], [0]]]


def test_l2_divides_by_the_norm_along_axis_1() -> None:
    x = np.array([[3, 4], [0, 0], [0, 2]], np.float32)
    assert scaled(x, "l2").tolist() == [[0.6, 0.8], [0, 0], [0, 1]]


def test_l2_of_images_goes_down_their_columns() -> None:
    # Rows (3, 0) and (4, 5).
    image = np.array([[[[3], [0]], [[4], [5]]]], np.uint8)
    assert scaled(np.repeat(image, 2, axis=0), "l2")[0, :, :, 0].tolist() == [[0.6, 0], [0.8, 1]]


def test_many_rows_are_fitted_in_chunks() -> None:
    values = np.random.default_rng(0).integers(0, 256, (CHUNK * 2 + 7, 3), np.uint8)
    train = np.arange(CHUNK * 2 + 1, dtype=np.int32)
    data = dataset([0] * len(values), x=values)
    fitted = fit_scaling(data, Data(name="letter", scale="standard"), train)
    assert fitted.shift.dtype == fitted.factor.dtype == np.float64
    np.testing.assert_allclose(fitted.shift, values[train].astype(float).mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(1 / fitted.factor, values[train].astype(float).std(axis=0), rtol=1e-13)


@pytest.mark.parametrize("order", [lambda r: r, lambda r: r[::-1]])
def test_a_constant_feature_with_rounding_errors_is_constant(order: Callable[[Any], Any]) -> None:
    x = np.full((10_001, 1), 0.1, np.float32)
    assert scaled(x, "standard", order(np.arange(10_001, dtype=np.int32))).tolist() == [[0.0]] * 10_001
