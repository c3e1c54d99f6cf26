"""A reader of a file format is one file: a data set imports it, and damage to a file is reported with its line."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bnbench.config.schema import Data
from bnbench.data import access, datasets, formats, registry
from bnbench.data.types import DataDirs
from bnbench.errors import DataError

READER = '''
"""Reads lines `label: number number ...`."""

from pathlib import Path

import numpy as np

from bnbench.data.formats.archives import read_file
from bnbench.data.formats.delimited import decode_text, parse_number
from bnbench.data.types import Array
from bnbench.errors import DataError


def read_labeled_lines(path: Path, most: int) -> tuple[list[str], Array]:
    labels, rows = [], []
    for number, line in enumerate(decode_text(read_file(path, most), path).splitlines(), 1):
        label, colon, cells = line.partition(":")
        if not colon:
            raise DataError(f"{path}: line {number}: no colon")
        labels.append(label)
        rows.append([parse_number(cell, f"{path}: line {number}") for cell in cells.split()])
    return labels, np.array(rows, np.float32)
'''
SIGNS = '''
"""Signs: two numbers, and the sign of their sum."""

import numpy as np

from bnbench.data.formats.labeled_lines import read_labeled_lines
from bnbench.data.types import DatasetSpec, FileLayout, ParsedArrays

CLASSES = ("minus", "plus")


def parse(paths):
    labels, x = read_labeled_lines(paths[0], most=1000)
    return ParsedArrays(x, np.array([CLASSES.index(label) for label in labels], np.int32), CLASSES, 0)


DATASETS = (
    DatasetSpec(
        name="signs", title="Signs", page="", licence="none", rows=3, shape=(2,), class_count=2,
        value_range=(-9.0, 9.0), forms=(FileLayout("signs.txt", (("signs.txt", "signs.txt.gz"),), parse),),
    ),
)
'''


@pytest.fixture
def dirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataDirs]:
    """The file of the reader and that of a data set, next to those of the package; and a folder of data."""
    for package, name, code in ((formats, "labeled_lines", READER), (datasets, "signs", SIGNS)):
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / f"{name}.py").write_text(code, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
    monkeypatch.setattr(access, "DATASETS", registry.find_datasets())
    (tmp_path / "data" / "signs").mkdir(parents=True)
    yield DataDirs(tmp_path / "data", tmp_path / "cache", offline=True)
    for module in ("bnbench.data.formats.labeled_lines", "bnbench.data.datasets.signs"):
        sys.modules.pop(module, None)


def write(dirs: DataDirs, text: str) -> None:
    assert dirs.data_dir is not None
    (dirs.data_dir / "signs" / "signs.txt").write_text(text, encoding="utf-8")


def test_a_made_up_format_takes_one_file(dirs: DataDirs) -> None:
    write(dirs, "plus: 1 2\nminus: -3 1\nplus: 0 0.5\n")
    loaded = access.load_dataset(Data(name="signs"), dirs)
    assert loaded.x.tolist() == [[1, 2], [-3, 1], [0, 0.5]]
    assert loaded.y.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("plus: 1 2\nminus 3 4\n", r"signs\.txt: line 2: no colon"),
        ("plus: 1 x\n", r"signs\.txt: line 1: 'x' is not a number"),
        ("", r"signs\.txt: the file is empty"),
        ("plus: 1 2\n" * 101, r"signs\.txt: more than 1,000 bytes"),
    ],
    ids=["no colon", "no number", "empty", "too long"],
)
def test_damage_is_reported_with_the_file_and_the_line(dirs: DataDirs, text: str, problem: str) -> None:
    write(dirs, text)
    with pytest.raises(DataError, match=problem):
        access.load_dataset(Data(name="signs"), dirs)
