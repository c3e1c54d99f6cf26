"""Iris, Wine, Breast cancer and Diabetes are those of scikit-learn."""

from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets

from bnbench.data import access
from bnbench.data.datasets import sklearn_tables
from bnbench.errors import DataError
from support.known_data import KNOWN
from support.own_data import load


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer", "diabetes"])
def test_each_table_is_that_of_scikit_learn(name: str, tmp_path: Path) -> None:
    found, bunch = load(tmp_path, name=name), getattr(datasets, f"load_{name}")()
    known = KNOWN[name]
    assert (found.facts.fingerprint, found.facts.shape, found.facts.rows) == (
        known.fingerprint,
        known.shape,
        known.rows,
    )
    assert found.facts.repeated_rows == known.repeated
    assert list(access.DATASETS[name].columns) == list(bunch.feature_names)
    assert np.array_equal(found.y, bunch.target)
    if name != "diabetes":
        assert np.array_equal(found.x, bunch.data.astype(np.float32))
        assert [one.removeprefix("class_") for one in bunch.target_names] == list(found.facts.classes)


def test_diabetes_is_as_measured(tmp_path: Path) -> None:
    found = load(tmp_path, name="diabetes")
    assert found.x[0].tolist() == [59, 2, np.float32(32.1), 101, 157, np.float32(93.2), 38, 4, np.float32(4.8598), 87]
    assert (found.facts.classes, found.y.min(), found.y.max()) == ((), 25, 346)


def test_another_content_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"scikit-learn's copy of iris: the names of the classes differ|download it again"
    ):
        sklearn_tables.parse_classes((), "iris", "0" * 64)
