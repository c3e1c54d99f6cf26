from collections import OrderedDict
from enum import IntEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bnbench.config.plain import plain_mapping, plain_value
from bnbench.errors import ConfigError


def types_in(value: object) -> set[type]:
    if isinstance(value, dict):
        return {dict, *map(type, value), *(kind for inner in value.values() for kind in types_in(inner))}
    if isinstance(value, list):
        return {list, *(kind for inner in value for kind in types_in(inner))}
    return {type(value)}


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ((1, 2.5), [1, 2.5]),
        (range(3), [0, 1, 2]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.float64(0.1), 0.1),
        (np.int64(5), 5),
        (np.bool_(True), True),
        (np.str_("relu"), "relu"),
        (pd.Series([0.1, 1.0]), [0.1, 1.0]),
        (Path("data") / "wine.csv", "data/wine.csv"),
        ({"a": (None, True)}, {"a": [None, True]}),
        (MappingProxyType({"a": 1}), {"a": 1}),
        (OrderedDict(a=OrderedDict(b=1)), {"a": {"b": 1}}),
        ({200: 1, np.str_("b"): 2}, {"200": 1, "b": 2}),
    ],
    ids=repr,
)
def test_values_of_python_become_plain(value: object, plain: object) -> None:
    found = plain_value(value, "config")
    assert found == plain
    assert types_in(found) <= {dict, list, str, int, float, bool, type(None)}


def test_the_original_stays_as_it_is() -> None:
    original: dict[str, Any] = {"a": {"b": [1]}}
    plain_mapping(original, "config")["a"]["b"].append(2)  # type: ignore[index]
    assert original == {"a": {"b": [1]}}


class Color(IntEnum):
    RED = 1


endless: dict[str, object] = {}
endless["a"] = endless


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"model": {"layers": [{"dense": 5}, len]}}, "config: model.layers[1]: found an object of type 'builtin"),
        ({"sweep": {"seeds": {1, 2}}}, "config: sweep.seeds: found an object of type 'set', wanted text, a number"),
        ({"a": Color.RED}, "config: a: found an object of type 'Color'"),
        ({"a": np.array([None, {}])}, "config: a[1]: found an object of type 'dict' in an array"),
        ({"a": np.longdouble(1)}, "config: a: found an object of type 'longdouble' in an array"),
        ({"a": np.float64}, "config: a: found an object of type 'type'"),
        ({"a": {(1, 2): 3}}, "config: a: found the key (1, 2), wanted text"),
        ({"a": {True: 3}}, "config: a: found the key True, wanted text"),
        ({"a": {200: 1, "200": 2}}, "config: a.200: '200' is there twice"),
        (endless, "config: more than 50 lists and mappings inside one another"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_other_values_are_refused_with_their_place(value: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        plain_mapping(value, "config")
    assert str(error.value).startswith(message)
