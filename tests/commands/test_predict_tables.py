"""Large tables: blocks of plain lines are parsed at once, all others cell by cell, with the same result."""

import gzip
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.commands import predict_arrays, predict_inputs, predict_tables
from bnbench.data.formats import text_blocks
from bnbench.errors import DataError
from bnbench.store.model_card import ModelCard
from support.inputs import read_inputs

TABLE = ModelCard("final", "made up", (3,), (0.0, 1.0), ("a", "b"), "softmax")
LONG = "5e-324,1.7976931348623157e308,0.1000000000000000055511151231257827"
PLAIN = ["0.1,0.2,0.3", "-1e-5,+2E3,.5", " 1., 2 ,3\t", LONG]
# Lines that pandas would read in another way, or not at all.
ODD = ['"0.5",0.25,"1"', "", "\u0661,2,3", "1,2,\xa03"]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few lines."""
    monkeypatch.setattr(text_blocks, "BLOCK", 64)
    monkeypatch.setattr(text_blocks, "MAX_BLOCK", 512)


def put(folder: Path, content: bytes, name: str = "x.csv") -> Path:
    (folder / name).write_bytes(content)
    return folder / name


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_every_number_is_the_one_that_python_reads(tmp_path: Path, small_blocks: None, ends: str) -> None:
    lines = (PLAIN * 4 + ODD[:3]) * 6 + PLAIN
    rows = read_inputs(put(tmp_path, ends.join(lines).encode()), TABLE).values
    wanted = [[float(cell.strip(' "')) for cell in line.split(",")] for line in lines if line]
    np.testing.assert_array_equal(rows, wanted)


def test_only_blocks_that_are_not_plain_are_read_cell_by_cell(
    tmp_path: Path, small_blocks: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow: list[int] = []
    parse = predict_tables._parse_cells

    def recording(block: Any, *rest: Any) -> Any:
        slow.append(block.line)
        return parse(block, *rest)

    monkeypatch.setattr(predict_tables, "_parse_cells", recording)
    text = "\n".join(["x,y,z", *["1,2,3"] * 30, ODD[1], *["4,5,6"] * 30])
    assert len(read_inputs(put(tmp_path, text.encode()), TABLE).values) == 60
    # The file is read twice.
    assert len(slow) == 2
    assert slow[0] in range(20, 33)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1,2", "line 41: 2 columns, expected 3 as in the first line"),
        ("1,2,3,4", "line 41: 4 columns, expected 3"),
        ("1,2,x", "line 41, column 3: 'x' is not a number"),
        ("1,,3", "line 41, column 2: '' is not a number"),
        ("1,True,3", "line 41, column 2: 'True' is not a number"),
        ("1,2,nan", "line 41, column 3: 'nan' is not a finite number"),
        ("1e999,2,3", "line 41, column 1: '1e999' is not a finite number"),
        ("1_0,2,3", "line 41, column 1: '1_0' is not a number"),
        ("0x1,2,3", "line 41, column 1: '0x1' is not a number"),
        ("1,2,\x003", "line 41"),
        ("1,2,3\n1,2", "line 42: 2 columns"),
        ("1,2\n1,2,3,4", "line 41: 2 columns"),
        ("1,2,\udcff", "line 41: byte 0xff at position 5 is not UTF-8"),
        ('1,2,"3', "line 71, column 3: .{0,99} is not a number"),
    ],
)
def test_a_mistake_is_named_by_its_line_and_column(tmp_path: Path, small_blocks: None, line: str, message: str) -> None:
    text = "\n".join(["x,y,z", "", *["1,2,3"] * 38, line, *["4,5,6"] * 30])
    with pytest.raises(DataError, match=rf"x\.csv: {message}"):
        read_inputs(put(tmp_path, text.encode("utf-8", "surrogateescape")), TABLE)


def test_a_packed_table_is_read_and_a_damaged_one_is_an_error(tmp_path: Path) -> None:
    content = gzip.compress(b"x,y,z\n" + b"1,2,3\n" * 1000)
    assert len(read_inputs(put(tmp_path, content, "x.csv.gz"), TABLE).values) == 1000
    for damaged in (content[:-9], content[:20], b"1,2,3\n"):
        with pytest.raises(DataError, match=r"x\.csv\.gz: cannot be read"):
            read_inputs(put(tmp_path, damaged, "x.csv.gz"), TABLE)


@pytest.mark.parametrize("order", ["C", "F"])
def test_an_array_is_read_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    monkeypatch.setattr(predict_arrays, "CHUNK_NUMBERS", 21)
    x = np.asarray(np.arange(60, dtype=np.int16).reshape(20, 3), order=order)  # type: ignore[call-overload]
    np.save(tmp_path / "x.npy", x)
    np.testing.assert_array_equal(read_inputs(tmp_path / "x.npy", TABLE).values, x)
    assert [len(rows.values) for rows in predict_arrays.read_array(tmp_path / "x.npy", TABLE)] == [7, 7, 6]


@pytest.mark.parametrize("name", ["x.csv", "x.npy"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK", 20_000)
    monkeypatch.setattr(predict_arrays, "CHUNK_NUMBERS", 10_000)
    if name == "x.csv":
        put(tmp_path, b"0.125,0.25,0.5\n" * 100_000)
    else:
        np.save(tmp_path / name, np.ones((200_000, 3)))
    tracemalloc.start()
    rows = sum(len(part.values) for part in predict_inputs.read_chunks(tmp_path / name, TABLE))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows >= 100_000
    assert peak < 1_000_000
