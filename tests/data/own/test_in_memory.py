"""Arrays that Python code holds: what they become, what is refused, and where they are kept."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnbench.config.schema import Data
from bnbench.data import access
from bnbench.data.own.in_memory import GivenArrays, store_arrays
from bnbench.data.types import DataDirs, Dataset
from bnbench.errors import BnbenchError, DataError

X = np.arange(24, dtype=np.float64).reshape(8, 3) / 2
Y = np.array([3, 1] * 4)


def given(**changes: Any) -> GivenArrays:
    return GivenArrays(**{"x": X, "y": Y, **changes})


def load(folder: Path, **changes: Any) -> Dataset:
    places = DataDirs(cache_dir=folder)
    return access.load_dataset(Data.model_validate(store_arrays(given(**changes), places)), places)


def test_arrays_become_own_data_in_the_cache(tmp_path: Path) -> None:
    keys = store_arrays(given(), DataDirs(cache_dir=tmp_path))
    assert {key: keys[key] for key in ("x", "y", "task")} == {"x": "x", "y": "y", "task": "classes"}
    (path,) = (tmp_path / "arrays").iterdir()
    assert path.name == keys["arrays"]
    found = load(tmp_path)
    assert (found.x.tolist(), found.y.tolist(), found.facts.classes) == (X.tolist(), [1, 0] * 4, ("1", "3"))
    assert Data.model_validate(keys).source == found.facts.name == "arrays"


def test_equal_arrays_are_written_once(tmp_path: Path) -> None:
    first = store_arrays(given(), DataDirs(cache_dir=tmp_path))
    (path,) = (tmp_path / "arrays").iterdir()
    written = path.stat().st_mtime_ns
    assert store_arrays(given(x=X.tolist(), y=pd.Series(Y)), DataDirs(cache_dir=tmp_path)) == first
    assert path.stat().st_mtime_ns == written
    assert store_arrays(given(x=np.where(X == 1, 2, X)), DataDirs(cache_dir=tmp_path)) != first


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        (X, "float32"),
        (X.astype(np.float16), "float32"),
        (np.arange(24).reshape(8, 3), "uint8"),
        (np.arange(24).reshape(8, 3) + 232, "uint8"),
        (np.arange(24).reshape(8, 3) + 233, "float32"),
        (np.arange(24).reshape(8, 3) - 1, "float32"),
        (X > 3, "uint8"),
        (X.tolist(), "float32"),
        (pd.DataFrame(np.arange(24).reshape(8, 3), columns=list("abc")), "float32"),
    ],
)
def test_small_whole_numbers_are_bytes_and_all_else_is_float32(x: object, dtype: str, tmp_path: Path) -> None:
    assert str(load(tmp_path, x=x).x.dtype) == dtype


def test_official_parts_and_groups(tmp_path: Path) -> None:
    found = load(tmp_path, validation=(X[:2] + 50, Y[:2]), test=(X[:3] + 90, Y[:3]), groups=list("aabbccdd"))
    assert (found.facts.rows, found.facts.validation_rows, found.facts.test_rows) == (13, 2, 3)
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, *[-1] * 5]


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.array([10, 9] * 4), ("9", "10")),
        (np.array([True, False] * 4), ("False", "True")),
        (["b", "a"] * 4, ("a", "b")),
        (pd.Series(["b", "a"] * 4), ("a", "b")),
        (pd.Series(["b", "a"] * 4, dtype="category"), ("a", "b")),
        (pd.Series([2, 1] * 4, dtype="Int64"), ("1", "2")),
        (np.array(["b", "a"] * 4, object), ("a", "b")),
        (np.array([[1], [0]] * 4), ("0", "1")),
        (pd.DataFrame({"target": ["b", "a"] * 4}), ("a", "b")),
    ],
)
def test_targets_that_are_classes(y: object, classes: tuple[str, ...], tmp_path: Path) -> None:
    found = load(tmp_path, y=y)
    assert (found.facts.classes, found.y.tolist()) == (classes, [1, 0] * 4)


def test_floats_are_numbers_unless_task_says_otherwise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert load(tmp_path, y=np.arange(8) / 4).y.tolist() == (np.arange(8) / 4).tolist()
    assert not caplog.messages
    assert load(tmp_path, y=Y.astype(float)).facts.classes == ()
    assert "2 different whole numbers as floats" in caplog.text
    assert load(tmp_path, y=Y.astype(float), task="classes").facts.classes == ("1", "3")
    assert load(tmp_path, y=Y, task="number").y.tolist() == Y.tolist()


def test_the_columns_of_a_frame_are_kept(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": range(8), "male": [True, False] * 4, "weight": np.arange(8) / 2})
    found = load(tmp_path, x=frame, test=(frame[:2], Y[:2]))
    assert found.facts.columns == ("age", "male", "weight")
    assert found.x[1].tolist() == [1, 0, 0.5]
    # Columns without names of their own.
    assert load(tmp_path, x=pd.DataFrame(X)).facts.columns == ()
    with pytest.raises(
        DataError, match=r"^test_data: x: column 1 is 'male', wanted the columns of x in the same order"
    ):
        load(tmp_path, x=frame, test=(frame[["male", "age", "weight"]], Y))


class RaggedTensor:
    """Has the name of a class of TensorFlow."""

    def __array__(self) -> Any:
        raise AssertionError


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": None}, "x: found nothing, wanted arrays in memory"),
        ({"x": (row for row in X)}, "x: found a generator, wanted arrays in memory"),
        ({"x": {"a": [1]}}, "x: found a dict, wanted arrays"),
        ({"x": "data.csv"}, "x: found a str, wanted arrays"),
        ({"x": 3}, "x: found a int, wanted arrays"),
        ({"x": RaggedTensor()}, "x: found a ragged tensor"),
        ({"x": [[1, 2], [3]]}, "x: cannot be turned into an array of NumPy"),
        ({"x": X.astype(object)}, "x: holds Python objects, wanted numbers"),
        ({"x": X.astype(str)}, "x: holds <U32, wanted numbers"),
        ({"x": np.array(3)}, "x: found a single value"),
        ({"x": X[:, 0]}, "x: has the shape (8,), wanted (rows, values of a row)"),
        ({"x": X[:0], "y": Y[:0]}, "x: has the shape (0, 3)"),
        ({"x": np.where(X == 3.5, np.nan, X)}, "x: row 3, value [1]: a missing value (NaN)"),
        ({"x": np.where(X == 3.5, np.inf, X)}, "x: row 3, value [1]: inf, which is not a finite number"),
        ({"x": np.where(X == 3.5, 1e39, X)}, "x: row 3, value [1]: 1e+39, which is not a finite"),
        ({"x": np.where(X == 3.5, 123456789, 1)}, "x[2, 1] is 123456789, which float32 cannot hold exactly"),
        ({"x": pd.DataFrame({"a": range(8), "city": list("abababab")})}, "no numbers: 'city': encode them"),
        ({"x": pd.DataFrame({"a": [1, 2, None, 4] * 2})}, "x: row 3, column 'a': a missing value (2 in this column)"),
        ({"x": pd.DataFrame({"a": [10**9] * 8})}, "x: column 'a'[0] is 1000000000"),
        ({"x": pd.DataFrame(X, columns=list("aba"))}, "the columns of x: two columns are called 'a'"),
        ({"y": Y[:7]}, "x: 8 rows, but 7 targets"),
        ({"y": np.eye(8)}, "if they are one-hot, use y.argmax(axis=1)"),
        ({"y": [1, None] * 4}, "y: row 2: a missing value: remove the row"),
        ({"y": pd.Series(["a", pd.NA] * 4)}, "y: row 2: a missing value: remove the row"),
        ({"y": np.array([1, {}] * 4)}, "y: row 2: holds an object of type 'dict'"),
        ({"y": np.array([1, "a"] * 4, object)}, "y: holds text and numbers"),
        ({"y": pd.date_range("2020", periods=8)}, "y: holds datetime64"),
        ({"y": np.arange(8)}, "y has as many classes as rows (8)"),
        ({"y": np.zeros(8, int)}, "y has the class '0' in every row"),
        ({"y": np.array([1, 2, 2, 2, 1, 1, 1, 3])}, "a class with one row"),
        ({"test": X}, "test_data: found a ndarray, wanted a pair (x, y)"),
        ({"validation": (X,)}, "validation_data: found 1 values, wanted a pair (x, y)"),
        ({"test": (X[:, :2], Y)}, "test_data: x: rows of shape (2,), wanted (3,)"),
        ({"test": (X, Y[:3])}, "test_data: x: 8 rows, but 3 targets"),
        ({"groups": [1, 2]}, "groups: has the shape (2,), wanted (8,), a group for each row"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_is_refused_is_named_and_nothing_is_written(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(BnbenchError) as caught:
        load(tmp_path, **changes)
    assert message in str(caught.value)
    assert not (tmp_path / "arrays").exists()


def test_without_the_cache_the_message_says_what_to_do(tmp_path: Path) -> None:
    places = DataDirs(cache_dir=tmp_path / "cache")
    data = Data.model_validate(store_arrays(given(), places))
    (path,) = (tmp_path / "cache" / "arrays").iterdir()
    moved = path.rename(tmp_path / path.name)
    with pytest.raises(BnbenchError, match=r"was given from Python, and the cache .* call bnbench.sweep again"):
        access.dataset_info(data, places)
    assert access.dataset_info(data, replace(places, data_dir=moved.parent)).rows == 8


def test_only_names_of_given_arrays_are_searched_in_the_cache(tmp_path: Path) -> None:
    (tmp_path / "arrays").mkdir()
    np.savez(tmp_path / "arrays" / "own.npz", x=X, y=Y)
    with pytest.raises(BnbenchError, match=r"no 'own.npz'"):
        access.dataset_info(Data(arrays="own.npz", x="x", y="y"), DataDirs(cache_dir=tmp_path, config_dir=tmp_path))
