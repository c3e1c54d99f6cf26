from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnbench.data import validate
from bnbench.data.types import DatasetSpec, FileLayout, LocatedFiles, ParsedArrays
from bnbench.errors import ConfigError, DataError


def _unused(_: tuple[Path, ...]) -> ParsedArrays:
    pytest.fail("arrays are described here, never parsed")


SOURCE = DatasetSpec(
    name="toy",
    title="Toy",
    page="",
    licence="",
    rows=4,
    shape=(2,),
    class_count=2,
    value_range=(0.0, 9.0),
    forms=(FileLayout("rows", (("rows.txt",),), _unused),),
)
LOCATED = LocatedFiles(SOURCE.forms[0], (Path("rows.txt"),))


def parsed(values: list[list[float]], labels: list[int], test_rows: int = 0, dtype: str = "uint8") -> ParsedArrays:
    return ParsedArrays(np.array(values, dtype), np.array(labels, np.int32), ("a", "b"), test_rows)


GOOD = parsed([[1, 2], [3, 4], [1, 2], [9, 0]], [0, 1, 0, 1], test_rows=1)


def test_the_info_describes_the_arrays() -> None:
    dataset = validate.validate_arrays(SOURCE, LOCATED, GOOD)
    facts = dataset.facts
    assert (facts.name, facts.form, facts.shape, facts.dtype) == ("toy", "rows", (2,), "uint8")
    assert (facts.classes, facts.rows, facts.test_rows, facts.repeated_rows) == (("a", "b"), 4, 1, 1)
    assert dataset.repeated.tolist() == [False, False, True, False]
    assert dataset.value_range == (0.0, 9.0)
    assert not any(array.flags.writeable for array in (dataset.x, dataset.y, dataset.repeated))


def test_some_data_sets_have_no_duplicates_by_convention() -> None:
    assert validate.validate_arrays(replace(SOURCE, find_duplicates=False), LOCATED, GOOD).facts.repeated_rows == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (parsed([[1, 2], [3, 4]], [0, 1, 1]), r"3 labels for examples of shape \(2, 2\)"),
        (parsed([[1], [2]], [0, 1]), r"of shape \(2,\)$"),
        (parsed([[1, 2], [3, 4]], [0, 1], dtype="float64"), "values of type float64"),
        (parsed([[1, 2], [3, 4]], [0, 1], test_rows=2), "no row is left for training"),
        (parsed([[1, 2], [3, float("nan")]], [0, 1], dtype="float32"), "row 2 has a value that is not a finite"),
        (parsed([[1, 2], [3, 10]], [0, 1]), "values from 1 to 10, wanted 0 to 9"),
        (parsed([[1, 2], [3, -1]], [0, 1], dtype="float32"), r"values from -1\.0 to 3\.0, wanted 0 to 9"),
        (parsed([[1, 2], [3, 4]], [0, 2]), "labels from 0 to 2, wanted 0 to 1"),
        (parsed([[1, 2], [3, 4]], [0, -1]), "labels from -1 to 0"),
        (parsed([[1, 2], [3, 4]], [0, 0]), "no row of class b"),
        (ParsedArrays(np.zeros((2, 2), np.uint8), np.array([0, 1]), ("a", "b"), 0), "labels of type int64"),
    ],
)
def test_impossible_arrays_are_refused(wrong: ParsedArrays, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        validate.validate_arrays(SOURCE, LOCATED, wrong)
    assert "rows.txt" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "test_rows", "marked"),
    [
        # The first of equal rows stays.
        ([1, 2, 1, 1, 2], 0, [2, 3, 4]),
        (
            [1, 2, 1, 3, 1],
            2,
            [0, 2],
            # The last two are test rows; a row that equals one of them is marked, even the first.
        ),
        # Test rows are never marked, even if they are equal.
        ([1, 2, 3, 4, 4], 2, []),
        ([1, 2, 3], 0, []),
    ],
)
def test_duplicates_in_the_pool_and_of_test_rows_are_marked(
    values: list[int], test_rows: int, marked: list[int]
) -> None:
    x = np.array(values, np.uint8)[:, np.newaxis]
    assert np.flatnonzero(validate.mark_duplicates(x, test_rows)).tolist() == marked


def test_rows_with_one_different_value_differ() -> None:
    x = np.zeros((3, 28, 28, 1), np.uint8)
    x[1, 27, 27, 0] = 1
    assert validate.mark_duplicates(x, 0).tolist() == [False, False, True]


def test_the_fingerprint_changes_with_every_change() -> None:
    x, y = GOOD.x, GOOD.y
    other_x, other_y = x.copy(), y.copy()
    other_x[3, 1] += 1
    other_y[0] = 1
    seen = {
        validate.fingerprint(*arguments)
        for arguments in (
            (x, y, ("a", "b"), 1),
            (other_x, y, ("a", "b"), 1),
            (x, other_y, ("a", "b"), 1),
            (x.reshape(4, 2, 1), y, ("a", "b"), 1),
            (x.astype(np.float32), y, ("a", "b"), 1),
            (x[::-1], y, ("a", "b"), 1),
            (x, y, ("b", "a"), 1),
            (x, y, ("a", "b"), 0),
        )
    }
    assert len(seen) == 8


def test_the_fingerprint_depends_on_nothing_else() -> None:
    strided = np.repeat(GOOD.x, 2, axis=1)[:, ::2]
    assert validate.fingerprint(strided, GOOD.y, ("a", "b"), 1) == validate.fingerprint(GOOD.x, GOOD.y, ("a", "b"), 1)


def test_rows_may_have_a_number_instead_of_a_class() -> None:
    x = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    dataset = validate.validate_arrays(SOURCE, LOCATED, ParsedArrays(x, np.array([0.5, 2, 3], np.float32), (), 0))
    assert (dataset.facts.classes, dataset.y.dtype) == ((), np.float32)
    for y, message in (
        (np.array([0, 1, 2], np.int32), "labels of type int32, wanted uint8 or float32, and float32"),
        (np.array([0, np.nan, 2], np.float32), "targets from nan to nan, wanted finite numbers that differ"),
        (np.ones(3, np.float32), "targets from 1.0 to 1.0, wanted finite numbers"),
    ):
        with pytest.raises(DataError, match=message):
            validate.validate_arrays(SOURCE, LOCATED, ParsedArrays(x, y, (), 0))


THREE = validate.validate_arrays(
    replace(SOURCE, class_count=3),
    LOCATED,
    ParsedArrays(
        np.array([[1, 1], [2, 2], [2, 2], [3, 3], [4, 4], [5, 5]], np.uint8),
        np.array([0, 2, 2, 1, 2, 1], np.int32),
        ("a", "b", "c"),
        2,
    ),
)


def test_a_choice_of_classes_is_a_data_set_of_its_own() -> None:
    own = validate.select_classes(THREE, ["c", "a"])
    assert own.x[:, 0].tolist() == [1, 2, 2, 4]
    assert own.y.tolist() == [1, 0, 0, 0]
    assert (own.facts.classes, own.facts.rows, own.facts.test_rows, own.facts.repeated_rows) == (("c", "a"), 4, 1, 1)
    fingerprints = {
        validate.select_classes(THREE, names).facts.fingerprint for names in (["c", "a"], ["a", "c"], ["a", "b"])
    }
    assert len({*fingerprints, THREE.facts.fingerprint}) == 4
    assert own.repeated.tolist() == [False, False, True, False]


def test_an_unknown_class_is_named() -> None:
    with pytest.raises(ConfigError, match=r"data.classes: 'aa' is not one of a, b, c \(did you mean 'a'\?\)"):
        validate.select_classes(THREE, ["aa", "b"])
    x = np.array([[1, 2], [3, 4]], np.float32)
    numbers = validate.validate_arrays(SOURCE, LOCATED, ParsedArrays(x, np.array([1, 2], np.float32), (), 0))
    with pytest.raises(ConfigError, match="toy has a number for each row and no classes"):
        validate.select_classes(numbers, ["a", "b"])


def test_almost_constant_values_are_counted_outside_the_test_part_and_repeated_rows() -> None:
    x = np.zeros((1000, 2, 3), np.uint8)
    x[3, 0, 0] = x[7, 0, 0] = 9
    # Only in the official test part, in a repeated row, and in all parts.
    x[990, 0, 1] = 1
    x[5, 0, 2] = 1
    x[::3, 1, 0] = 1
    # The most common value need not be 0.
    x[:, 1, 1] = 200
    x[10:15, 1, 1] = 1
    repeated = np.zeros(1000, bool)
    repeated[5] = True
    assert validate.count_rare_rows(x, 20, repeated) == (0, 0, 2, 5, 327)


def test_many_almost_constant_values_are_cut() -> None:
    x = np.triu(np.ones((200, 199), np.float32), 1)[:, ::-1]
    assert (
        validate.count_rare_rows(x, 0, np.zeros(200, bool))
        == tuple(sorted(min(k, 200 - k) for k in range(1, 199)))[: validate.LISTED]
    )
