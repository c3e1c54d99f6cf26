"""The keys of `data` for own data: what they mean together, what is refused, and what is recorded."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bnbench.config.load import check_config, load_config
from bnbench.config.schema import Data
from bnbench.errors import ConfigError
from support.examples import values

TABLE = {"table": "data/wine red.csv", "target": "quality"}
ARRAYS = {"arrays": "faces.v2.npz", "x": "x_train", "y": "y_train"}
IMAGES = {"images": "leaves/"}


def test_the_name_for_people_is_that_of_the_file_without_its_ending() -> None:
    for settings, kind, source in (
        (TABLE, "table", "wine red"),
        (ARRAYS, "arrays", "faces"),
        (IMAGES, "images", "leaves"),
        ({"arrays": ".", "x": "x", "y": "y"}, "arrays", "."),
        ({"name": "digits"}, "name", "digits"),
    ):
        data = Data.model_validate(settings)
        assert (data.kind, data.source) == (kind, source)


def test_a_recorded_file_has_only_the_keys_that_were_given(tmp_path: Path) -> None:
    experiment = check_config(values(data={**TABLE, "missing": {"a": "mean"}, "separator": "tab"}), "a.yaml")
    dumped = experiment.dump()["data"]
    assert list(dumped)[:4] == ["table", "target", "missing", "separator"]
    assert not {"name", "arrays", "drop", "size", "x", "header"} & set(dumped)
    (tmp_path / "a.yaml").write_text(experiment.to_yaml())
    assert load_config(tmp_path / "a.yaml") == experiment
    assert not {"table", "target", "drop", "categories"} & set(check_config(values(), "a.yaml").dump()["data"])


def test_names_that_look_like_numbers_are_text() -> None:
    data = Data.model_validate(
        {"table": "a.csv", "target": 5, "drop": [1, "b"], "categories": {2: [0, 1]}, "missing": {3: "mean"}, "group": 4}
    )
    assert (data.target, data.drop, data.categories, data.group) == ("5", ["1", "b"], {"2": ["0", "1"]}, "4")
    assert data.missing == {"3": "mean"}


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        ({}, ["data: found none, wanted one of name, table, arrays, images"]),
        ({**TABLE, "name": "digits"}, ["data: found name and table, wanted one of"]),
        ({"table": "a.csv"}, ["data.target: missing"]),
        ({"arrays": "a.npz", "x": "x"}, ["data.y: missing"]),
        ({**ARRAYS, "x_test": "t"}, ["data.y_test: missing: x_test is given"]),
        ({**ARRAYS, "y_validation": "t"}, ["data.x_validation: missing: y_validation is given"]),
        (
            {"name": "digits", "target": "a", "size": [1, 2], "x": "x"},
            [
                "data.target: is a key of data with table, but here the data have name",
                "data.x: is a key of data with arrays",
                "data.size: is a key of data with images",
            ],
        ),
        (
            {**IMAGES, "task": "number"},
            ["data.task: is a key of data with table or arrays, but here the data"],
        ),
        ({**TABLE, "targt": "a"}, ["data.targt: unknown key (did you mean 'target'?)"]),
        ({**TABLE, "task": "class"}, ["data.task: 'class' is not one of classes, number (did you mean 'classes'?)"]),
        ({**TABLE, "drop": ["a", "a"]}, ["data.drop: has 'a' twice"]),
        ({**TABLE, "drop": "a"}, ["data.drop: found 'a', wanted a list"]),
        ({**TABLE, "drop": ["quality"]}, ["data.drop: 'quality' is already in data.target"]),
        ({**TABLE, "group": "quality"}, ["data.group: 'quality' is already in data.target"]),
        ({**TABLE, "categories": {"a": ["b"]}}, ["data.categories.a: found ['b'], wanted at least two values"]),
        ({**TABLE, "categories": {"a": ["b", "b"]}}, ["data.categories.a: has 'b' twice"]),
        ({**TABLE, "categories": {"a": [True, "False"]}}, ["data.categories.a[0]: found True, wanted text"]),
        ({**TABLE, "missing": "mean"}, ["data.missing: found 'mean', wanted drop_rows or a mapping"]),
        ({**TABLE, "missing": ["a"]}, ["data.missing: found ['a'], wanted drop_rows or a mapping"]),
        ({**TABLE, "missing": {"a": "median"}}, ["data.missing.a: found 'median', wanted mean"]),
        (
            {**TABLE, "missing": {"a": "mean"}, "categories": {"a": ["b", "c"]}},
            ["data.missing: 'a' is already in data.categories: categories have no mean"],
        ),
        (
            {**TABLE, "missing": {"quality": "mean"}},
            ["data.missing: 'quality' is already in data.target: a row"],
        ),
        ({**TABLE, "separator": ";;"}, ["data.separator: found ';;', wanted one character"]),
        ({**TABLE, "separator": '"'}, ["data.separator: found '\"', wanted one character"]),
        ({**TABLE, "decimal": ";"}, ["data.decimal: ';' is not one of ., ,"]),
        ({**TABLE, "header": "no"}, ["data.header: found 'no', wanted true or false"]),
        ({**IMAGES, "size": 64}, ["data.size: found 64, wanted a list"]),
        ({**IMAGES, "size": [64]}, ["data.size: "]),
        ({**IMAGES, "size": [0, 64]}, ["data.size[0]: found 0, wanted at least 1"]),
        ({**IMAGES, "channels": 4}, ["data.channels: "]),
        ({"table": "../wine.csv", "target": "a"}, ["data.table: '../wine.csv' leaves the folder of this file"]),
        (
            {"table": "/wine.csv", "target": "a"},
            ["data.table: found '/wine.csv', wanted a path relative to the"],
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_wrong_key_is_named_with_its_place(data: dict[str, Any], messages: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        check_config(values(data=data), "a.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert line.startswith(f"a.yaml: {message}")


def test_a_missing_value_may_be_written_as_no_value() -> None:
    assert Data.model_validate({**TABLE, "missing": None, "group": None}).missing is None
    with pytest.raises(ValidationError):
        Data.model_validate({**TABLE, "drop": None})
