"""A kind of own data takes a key and one file: a made-up reader is found by its folder and read like the others."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bnbench.data.own import find, readers
from bnbench.errors import DataError
from support.own_data import load

SOURCE = '''
import numpy as np

from bnbench.data.own.digests import digest_files
from bnbench.data.own.labels import number_classes
from bnbench.data.own.reader import OwnReader
from bnbench.data.types import ParsedArrays


def read(path, settings):
    """Each line is a class and the length of a bar of stars."""
    pairs = [line.split() for line in path.read_text().splitlines()]
    classes, y = number_classes([name for name, _ in pairs], str(path), lambda row: f"line {row + 1}")
    return ParsedArrays(np.array([[len(bar)] for _, bar in pairs], np.uint8), y, classes, 0)


READER = OwnReader("bars", "bars of stars", lambda path, settings: digest_files([path]), read)
'''


@pytest.fixture
def bars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "readers"
    folder.mkdir()
    (folder / "bars.py").write_text(SOURCE)
    monkeypatch.setattr(readers, "__path__", [*readers.__path__, str(folder)])
    found = find.find_readers()
    assert {"bars", "table", "arrays", "images"} == set(found)
    # A key of its own would be one line in `config/own_data.py`; here that of tables leads to it.
    monkeypatch.setattr(find, "READERS", {"table": replace(found["bars"], key="table")})
    yield tmp_path
    sys.modules.pop(f"{readers.__name__}.bars", None)


def test_a_made_up_reader_takes_one_file(bars: Path) -> None:
    (bars / "own.bars").write_text("long ****\nshort *\nlong *****\nshort **\n")
    found = load(bars, table="own.bars", target="y")
    assert (found.x.tolist(), found.facts.classes, found.facts.form) == (
        [[4], [1], [5], [2]],
        ("long", "short"),
        "bars of stars",
    )
    assert load(bars, table="own.bars", target="y").facts == found.facts
    (bars / "own.bars").write_text("long ****\nshort *\n")
    with pytest.raises(DataError, match="as many classes as rows"):
        load(bars, table="own.bars", target="y")
