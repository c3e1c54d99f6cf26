"""Groups stay whole: every row of a group is in one part, and every seed has parts of the planned sizes."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from bnbench.config.schema import Data
from bnbench.data.groups import (
    count_group_rows,
    deal_groups,
    most_frequent_classes,
    plan_dealing,
    shuffle_groups,
)
from bnbench.data.splits import SplitIndices, SplitSizes, split_rows, split_sizes
from bnbench.data.types import Dataset, DatasetInfo
from bnbench.errors import ConfigError


def dataset(
    groups: list[int],
    labels: list[int] | None = None,
    test_rows: int = 0,
    validation_rows: int = 0,
    repeated: tuple[int, ...] = (),
) -> Dataset:
    """Return rows with these groups, whose only value is the number of the row."""
    rows = len(groups)
    y = np.array(labels or [i % 2 for i in range(rows)], np.int32)
    x = np.arange(rows, dtype=np.float32)[:, np.newaxis]
    marked = np.zeros(rows, bool)
    marked[list(repeated)] = True
    numbers = np.array(groups, np.int32)
    kinds = count_group_rows(numbers, marked, test_rows + validation_rows)
    facts = DatasetInfo(
        "toy", "made", "0", (1,), "float32", ("a", "b"), rows, test_rows, len(repeated),
        validation_rows=validation_rows, group_rows=kinds,
    )  # fmt: skip
    return Dataset(facts, x, y, (0.0, 255.0), marked, numbers)


def split(data: Dataset, seed: int = 0, **keys: Any) -> tuple[SplitSizes, SplitIndices]:
    chosen = Data.model_validate({"name": "leaf", **keys})
    sizes = split_sizes(chosen, data.facts, "toy")
    return sizes, split_rows(data, chosen, sizes, seed)


def equal_groups(count: int, rows: int) -> list[int]:
    return [number for number in range(count) for _ in range(rows)]


def counts(parts: SplitIndices) -> tuple[int, int, int]:
    return len(parts.train), len(parts.validation), len(parts.test)


def check_whole(data: Dataset, sizes: SplitSizes, parts: SplitIndices) -> None:
    """Check that the parts have the planned sizes and share neither rows nor groups."""
    assert counts(parts) == (sizes.train, sizes.validation, sizes.test)
    assert data.groups is not None
    every = np.concatenate([parts.train, parts.validation, parts.test])
    assert len(set(every.tolist())) == len(every)
    groups = [set(data.groups[rows].tolist()) for rows in (parts.train, parts.validation, parts.test)]
    assert len(set.union(*groups)) == sum(map(len, groups))


@pytest.mark.parametrize("order", ["random", "file"])
def test_groups_of_one_size_lose_no_row(order: str) -> None:
    data = dataset(equal_groups(10, 100))
    sizes, parts = split(data, split={"order": order})
    assert sizes == SplitSizes(train=700, validation=100, test=200, left_out=0)
    check_whole(data, sizes, parts)


def test_nearly_equal_groups_lose_a_few_rows() -> None:
    groups = [number for number, size in enumerate(range(95, 105)) for _ in range(size)]
    data = dataset(groups)
    sizes, parts = split(data)
    # The two smallest groups have 95 + 96 rows and the two largest 104 + 103: up to 16 rows too many for the test part.
    # Of validation groups, the smallest one that is left is cut: it has at most 98 rows, 3 too many.
    assert sizes == SplitSizes(train=995 - 191 - 95 - 19, validation=95, test=191, left_out=19)
    check_whole(data, sizes, parts)


def test_one_large_group_does_not_take_rows_from_all_parts() -> None:
    data = dataset([0] * 400 + list(range(1, 601)))
    sizes, _ = split(data)
    assert sizes == SplitSizes(train=700, validation=100, test=200, left_out=0)
    assert all(0 in data.groups[split(data, seed)[1].train] for seed in range(5))  # type: ignore[index]


def test_seeds_differ_and_repeat_themselves() -> None:
    data = dataset(equal_groups(20, 3))
    first, again, other = (split(data, seed)[1] for seed in (1, 1, 2))
    assert first.train.tolist() == again.train.tolist()
    assert set(first.test.tolist()) != set(other.test.tolist())
    assert first.train.tolist() != sorted(first.train.tolist())


def test_in_file_order_the_last_groups_are_tested() -> None:
    # Group 9 begins in row 1, so its place in the file is before that of group 1.
    data = dataset([0, 9, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 0, 9])
    _, parts = split(data, split={"order": "file"})
    assert parts.test.tolist() == [14, 15, 16, 17]
    assert parts.validation.tolist() == [12, 13]
    assert parts.train.tolist() == [*range(12), 18, 19]


def test_a_limit_takes_the_beginning_of_each_part() -> None:
    data = dataset(equal_groups(30, 4))
    (_, whole), (sizes, limited) = split(data), split(data, limit=7)
    assert counts(limited) == (7, 7, 7)
    assert limited.train.tolist() == whole.train[:7].tolist()
    assert limited.test.tolist() == whole.test[:7].tolist()
    assert sizes.left_out == 0


def test_validation_may_be_the_test_part() -> None:
    data = dataset(equal_groups(10, 5))
    sizes, parts = split(data, split={"validation": "test"})
    assert (sizes.train, sizes.test) == (40, 10)
    assert parts.validation.tolist() == parts.test.tolist()


def test_repeated_rows_are_in_no_part_unless_they_are_kept() -> None:
    data = dataset(equal_groups(10, 10), repeated=tuple(range(0, 100, 10)))
    sizes, parts = split(data)
    assert (sizes.train, sizes.validation, sizes.test, sizes.left_out) == (63, 9, 18, 0)
    check_whole(data, sizes, parts)
    assert split(data, duplicates="keep")[0].train == 70


def test_official_parts_stay_and_their_groups_are_in_no_other_part() -> None:
    # Group 0 has four rows among the others and two among the official test rows.
    data = dataset([*equal_groups(10, 4), *[20] * 6, *[0, 0, 21, 21]], test_rows=4, validation_rows=6)
    sizes, parts = split(data)
    assert sizes == SplitSizes(train=36, validation=6, test=4, left_out=4)
    assert parts.validation.tolist() == list(range(40, 46))
    assert parts.test.tolist() == list(range(46, 50))
    check_whole(data, sizes, parts)


def test_official_validation_rows_need_no_groups() -> None:
    grouped = dataset(list(range(50)), validation_rows=10)
    facts = DatasetInfo(**{**vars(grouped.facts), "group_rows": None})
    data = Dataset(facts, grouped.x, grouped.y, grouped.value_range, grouped.repeated)
    sizes, parts = split(data)
    assert sizes == SplitSizes(train=32, validation=10, test=8)
    assert parts.validation.tolist() == list(range(40, 50))
    assert set(parts.test.tolist()) <= set(range(40))
    _, limited = split(data, limit=5)
    assert limited.validation.tolist() == sorted(limited.validation.tolist())
    assert split(data, limit=5, split={"order": "file"})[1].validation.tolist() == list(range(40, 45))


@pytest.mark.parametrize("validation", [0.2, "test"])
def test_a_fraction_beside_official_validation_rows_is_refused(validation: object) -> None:
    data = dataset(list(range(50)), validation_rows=10)
    with pytest.raises(
        ConfigError, match=r"data\.split\.validation: toy has an official validation part of 10 rows: leave"
    ):
        split(data, split={"validation": validation})


@pytest.mark.parametrize("groups", [[0] * 20, [0] * 10 + [1] * 90, [0] * 10 + [1] * 20 + [2] * 90])
def test_groups_that_are_too_large_are_an_error(groups: list[int]) -> None:
    with pytest.raises(ConfigError, match=r"data.group: the groups are too large to stay whole: \d groups with up to"):
        split(dataset(groups))


def test_classes_are_spread_over_the_parts_as_far_as_groups_allow() -> None:
    # 50 groups of each of two classes, five rows each.
    labels = [0] * 250 + [1] * 250
    data = dataset(equal_groups(100, 5), labels)
    for seed in range(5):
        _, parts = split(data, seed)
        assert abs(data.y[parts.test].mean() - 0.5) <= 0.05
        assert abs(data.y[parts.validation].mean() - 0.5) <= 0.1
    shares = [data.y[split(data, seed, split={"stratify": False})[1].test].mean() for seed in range(20)]
    assert max(shares) - min(shares) > 0.2


def test_the_class_of_a_group_is_its_most_frequent_one() -> None:
    groups, y = np.array([0, 0, 0, 1, 1, 2]), np.array([2, 1, 1, 3, 0, 2])
    assert most_frequent_classes(groups, y).tolist() == [1, 0, 2]


def test_a_group_is_in_the_test_part_as_often_as_its_share() -> None:
    sizes = np.full(10, 4)
    counted = np.zeros(10)
    generator = np.random.default_rng(0)
    for _ in range(2000):
        order = shuffle_groups(sizes, np.array([0] * 3 + [1] * 7), generator)
        counted += deal_groups(order, sizes, (8, 4), in_file_order=False) == 0
    assert counted / 2000 == pytest.approx(np.full(10, 0.2), abs=0.04)


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 60), min_size=3, max_size=60),
    wanted=st.lists(st.integers(1, 400), min_size=1, max_size=2),
    in_file_order=st.booleans(),
    seed=st.integers(0, 2**31 - 1),
)
def test_any_order_of_groups_fills_the_parts_within_the_surplus(
    sizes: list[int], wanted: list[int], in_file_order: bool, seed: int
) -> None:
    rows = np.array(sizes)
    dealt = plan_dealing(np.sort(rows), wanted, in_file_order)
    assume(sum(dealt.parts) + dealt.surplus < sum(sizes))
    generator = np.random.default_rng(seed)
    for _ in range(5):
        part_of = deal_groups(generator.permutation(len(rows)), rows, dealt.parts, in_file_order)
        held = [int(rows[part_of == part].sum()) for part in range(len(dealt.parts))]
        assert all(own >= planned for own, planned in zip(held, dealt.parts, strict=True))
        assert sum(held) - sum(dealt.parts) <= dealt.surplus


@settings(max_examples=80, deadline=None)
@given(
    groups=st.lists(st.integers(0, 25), min_size=20, max_size=200),
    validation=st.floats(0.02, 0.3),
    test=st.floats(0.02, 0.3),
    order=st.sampled_from(["random", "file"]),
    stratify=st.booleans(),
    repeated=st.sets(st.integers(0, 19), max_size=5),
    official=st.sampled_from([(0, 0), (5, 0), (0, 5), (3, 4)]),
    seed=st.integers(0, 2**31 - 1),
)
def test_no_group_is_ever_in_two_parts(
    groups: list[int],
    validation: float,
    test: float,
    order: str,
    stratify: bool,
    repeated: set[int],
    official: tuple[int, int],
    seed: int,
) -> None:
    test_rows, validation_rows = official
    # Official validation and test rows have groups of their own.
    groups = [*groups, *[100] * validation_rows, *[101] * test_rows]
    data = dataset(groups, None, test_rows, validation_rows, tuple(repeated))
    fractions = {} if validation_rows else {"validation": validation}
    fractions |= {} if test_rows else {"test": test}
    chosen = {"order": order, "stratify": stratify, **fractions}
    try:
        sizes, parts = split(data, seed, split=chosen)
    except ConfigError:
        # The groups are too large.
        assume(False)
    check_whole(data, sizes, parts)
    assert not set(parts.train.tolist()) & repeated
    assert sum(counts(parts)) + sizes.left_out == len(groups) - len(repeated)
