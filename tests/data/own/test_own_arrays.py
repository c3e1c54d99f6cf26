"""Own arrays: what they become, and what is refused."""

import io
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.data.formats import npz
from bnbench.errors import BnbenchError
from support.own_data import load

X = np.arange(24, dtype=np.float64).reshape(8, 3)
Y = np.array([3, 1, 3, 1, 3, 1, 3, 1])


def save(folder: Path, **arrays: Any) -> None:
    np.savez_compressed(folder / "own.npz", **arrays)


def test_numbers_become_float32_and_bytes_stay(tmp_path: Path) -> None:
    save(tmp_path, x=X, y=Y, pixels=np.zeros((8, 4, 4), np.uint8), flags=np.eye(8, 2, dtype=bool))
    found = load(tmp_path, arrays="own.npz", x="x", y="y")
    assert (str(found.x.dtype), found.x.shape, found.value_range) == ("float32", (8, 3), (0.0, 23.0))
    assert (found.facts.classes, found.y.tolist()) == (("1", "3"), [1, 0] * 4)
    pixels = load(tmp_path, arrays="own.npz", x="pixels", y="y")
    assert (str(pixels.x.dtype), pixels.x.shape, pixels.value_range) == ("uint8", (8, 4, 4), (0.0, 255.0))
    assert str(load(tmp_path, arrays="own.npz", x="flags", y="y").x.dtype) == "uint8"


def test_official_parts_come_last_and_need_no_groups(tmp_path: Path) -> None:
    parts = {"x_validation": X[:2] + 100, "y_validation": Y[:2], "x_test": X[:3] + 200, "y_test": Y[:3]}
    save(tmp_path, x=X, y=Y, g=np.array(list("aabbccdd")), **parts)
    found = load(tmp_path, arrays="own.npz", x="x", y="y", group="g", **{key: key for key in parts})
    assert (found.facts.rows, found.facts.validation_rows, found.facts.test_rows) == (13, 2, 3)
    assert found.x[:, 0].tolist() == [*X[:, 0], 100, 103, 200, 203, 206]
    assert found.groups is not None
    assert found.groups.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, *[-1] * 5]
    again = load(tmp_path, arrays="own.npz", x="x", y="y", group="g", **{key: key for key in parts})
    assert again.facts == found.facts
    without = load(tmp_path, arrays="own.npz", x="x", y="y", x_test="x_test", y_test="y_test")
    assert (without.facts.rows, without.facts.validation_rows, without.facts.test_rows) == (11, 0, 3)


def test_a_row_that_equals_an_official_row_is_a_duplicate(tmp_path: Path) -> None:
    save(tmp_path, x=X, y=Y, v=X[:2], w=Y[:2])
    found = load(tmp_path, arrays="own.npz", x="x", y="y", x_validation="v", y_validation="w")
    assert found.repeated.tolist() == [True, True, *[False] * 8]


def test_a_folder_of_arrays_is_the_same_as_an_archive(tmp_path: Path) -> None:
    save(tmp_path, x=np.asfortranarray(X), y=Y[:, np.newaxis])
    (tmp_path / "pair").mkdir()
    np.save(tmp_path / "pair" / "x.npy", X)
    np.save(tmp_path / "pair" / "labels.npy", Y.astype(np.float32))
    one = load(tmp_path, arrays="own.npz", x="x", y="y")
    assert np.array_equal(one.x, X)
    for names in ({"x": "x", "y": "labels"}, {"x": "x.npy", "y": "labels.npy"}):
        assert load(tmp_path, arrays="pair/", **names).facts.fingerprint == one.facts.fingerprint
    assert load(tmp_path / "pair", arrays=".", x="x", y="labels").facts.fingerprint == one.facts.fingerprint


def test_text_and_numbers_are_targets(tmp_path: Path) -> None:
    save(tmp_path, x=X, words=np.array(["b", "a"] * 4), raw=np.array([b"b", b"a"] * 4), z=np.arange(8) / 2)
    assert load(tmp_path, arrays="own.npz", x="x", y="words").facts.classes == ("a", "b")
    assert load(tmp_path, arrays="own.npz", x="x", y="raw").facts.classes == ("a", "b")
    numbers = load(tmp_path, arrays="own.npz", x="x", y="z", task="number")
    assert (numbers.facts.classes, numbers.y.tolist()) == ((), (np.arange(8) / 2).tolist())


@pytest.mark.parametrize(
    ("arrays", "settings", "message"),
    [
        ({"x": X, "y": Y}, {"x": "xx"}, "data.x: 'xx' is not one of x, y (did you mean 'x'?)"),
        ({"x": X, "y": Y}, {"x": "p", "group": "q"}, "data.group: 'q' is not one of"),
        ({"x": X, "y": Y[:7]}, {}, "own.npz: x: 8 rows, but 7 targets"),
        ({"x": X, "y": np.eye(8)}, {}, "if they are one-hot, use y.argmax(axis=1)"),
        ({"x": X, "y": np.array(3)}, {}, "its targets have the shape ()"),
        ({"x": Y, "y": Y}, {}, "x: has the shape (8,), wanted (rows, values of a row)"),
        ({"x": np.zeros((8, 0)), "y": Y}, {}, "x: has the shape (8, 0)"),
        ({"x": X.astype(str), "y": Y}, {}, "x: holds <U32, wanted numbers"),
        ({"x": X + 1j, "y": Y}, {}, "x: holds complex128, wanted numbers or text"),
        ({"x": X.astype(object), "y": Y}, {}, "x: holds Python objects, which can run code"),
        ({"x": X, "y": np.array([{}] * 8, object)}, {}, "y: holds Python objects"),
        ({"x": np.where(X == 7, np.nan, X), "y": Y}, {}, "x: row 3, value [1]: a missing value (NaN)"),
        ({"x": np.where(X == 7, np.inf, X), "y": Y}, {}, "x: row 3, value [1]: inf, which is not a finite number"),
        ({"x": np.where(X == 7, 1e39, X), "y": Y}, {}, "x: row 3, value [1]: 1e+39, which is not a finite"),
        ({"x": X, "y": Y + 0.5}, {}, "y: holds fractions, which are no classes: set data.task: number"),
        ({"x": X, "y": np.array(list("abababab"))}, {"task": "number"}, "y: holds <U1, wanted numbers"),
        ({"x": X, "y": np.array([1, np.nan] * 4)}, {"task": "number"}, "y: row 2, value [0]: a missing value"),
        ({"x": X, "y": np.array([1, np.nan] * 4)}, {}, "y: row 2, value [0]: a missing value"),
        ({"x": X, "y": np.arange(8)}, {}, "as many classes as rows (8)"),
        ({"x": X, "y": np.zeros(8)}, {}, "has the class '0' in every row"),
        ({"x": X, "y": np.array([1, 2, 2, 2, 1, 1, 1, 3])}, {}, "a class with one row", ),
        ({"x": X, "y": Y, "v": X[:, :2], "w": Y}, {"x_test": "v", "y_test": "w"}, "v: rows of shape (2,), wanted (3,)"),
        ({"x": X, "y": Y, "w": np.array([1, 1, 3, 3, 5, 5, 1, 1])}, {"x_test": "x", "y_test": "w"}, "no row of class"),
        ({"x": X, "y": Y, "g": Y[:3]}, {"group": "g"}, "g: has the shape (3,), wanted (8,), a group for each row"),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, str) else "",
)  # fmt: skip
def test_arrays_that_do_not_fit_are_refused(
    arrays: dict[str, Any], settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    save(tmp_path, **arrays)
    with pytest.raises(BnbenchError) as caught:
        load(tmp_path, arrays="own.npz", **{"x": "x", "y": "y", **settings})
    assert message in str(caught.value)


def stored(array: Any) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def packed(path: Path, members: dict[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


GOOD = stored(X)
DAMAGED = {
    "cut": GOOD[:-8],
    "too long": GOOD + b"1",
    "no header": b"",
    "another magic": b"PK" + GOOD[2:],
    "code in its header": GOOD.replace(b"'fortran_order': False", b"'fortran_order': 1/0  "),
    "a negative shape": GOOD.replace(b"(8, 3)", b"(-8,3)"),
    "a huge shape": GOOD.replace(b"(8, 3), }      ", b"(9999999999, 3), }"[:15].ljust(15)),
    "another version": GOOD[:6] + b"\x09" + GOOD[7:],
    "a pickle": pickle.dumps(X),
}


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("form", ["own.npz", "folder"])
def test_a_damaged_array_is_refused(name: str, form: str, tmp_path: Path) -> None:
    if form == "folder":
        (tmp_path / form).mkdir()
        (tmp_path / form / "x.npy").write_bytes(DAMAGED[name])
        (tmp_path / form / "y.npy").write_bytes(stored(Y))
    else:
        packed(tmp_path / form, {"x.npy": DAMAGED[name], "y.npy": stored(Y)})
    with pytest.raises(BnbenchError, match=r"own\.npz: x: |x\.npy: "):
        load(tmp_path, arrays=form, x="x", y="y")


def test_arrays_are_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, x=X, y=Y)
    monkeypatch.setattr(npz, "MAX_BYTES", 100)
    with pytest.raises(BnbenchError, match="x: 192 bytes, wanted at most 100"):
        load(tmp_path, arrays="own.npz", x="x", y="y")
    monkeypatch.setattr(npz, "MAX_MEMBERS", 1)
    with pytest.raises(BnbenchError, match="refused: more than 1 files"):
        load(tmp_path, arrays="own.npz", x="x", y="y")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.npy", "one array: give its folder"),
        ("a.pkl", "a pickle"),
        ("a.csv", "use data.table"),
        ("a.h5", "unknown"),
    ],
)
def test_other_files_are_refused_by_name(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"1")
    with pytest.raises(BnbenchError, match=message):
        load(tmp_path, arrays=name, x="x", y="y")
    (tmp_path / "cut.npz").write_bytes(b"PK")
    with pytest.raises(BnbenchError, match=r"cut\.npz: cut or damaged"):
        load(tmp_path, arrays="cut.npz", x="x", y="y")
