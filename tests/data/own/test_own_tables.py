"""What an own table becomes, and what is said about each kind of bad input: file, line, column, found, wanted."""

import gzip
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.config.schema import Data
from bnbench.data.formats import text_blocks
from bnbench.data.own import table_types
from bnbench.data.own.readers import table
from bnbench.data.own.table_inputs import make_table_inputs
from bnbench.data.own.table_rows import read_inputs
from bnbench.errors import BnbenchError, DataError, SettingsError
from support.own_data import load, load_table

GOOD = "a,b,y\n1,2,k\n3,4,l\n5,6,k\n7,8,l\n"


def test_classes_are_numbered_in_alphabetical_order_and_numbers_in_ascending_order(tmp_path: Path) -> None:
    words = load_table(tmp_path, "a,y\n1,pear\n2,Apple\n3,pear\n4,Apple\n")
    assert (words.facts.classes, words.y.tolist()) == (("Apple", "pear"), [1, 0, 1, 0])
    numbers = load_table(tmp_path, "a,y\n1,10\n2,9\n3,10\n4,-1\n5,9\n6,-1\n")
    assert (numbers.facts.classes, numbers.y.tolist()) == (("-1", "9", "10"), [2, 1, 2, 0, 1, 0])


def test_a_number_is_a_target_only_if_the_task_says_so(tmp_path: Path) -> None:
    found = load_table(tmp_path, "a;y\n1;0,5\n2;-3\n", separator=";", decimal=",", task="number")
    assert (found.facts.classes, found.y.tolist(), str(found.y.dtype)) == ((), [0.5, -3.0], "float32")


def test_a_missing_number_is_nan_and_has_a_flag_after_all_values(tmp_path: Path) -> None:
    content = "a,c,b,y\n1,red,2,k\n,blue,3,k\n4,red,NA,l\n5,blue,?,l\n"
    found = load_table(
        tmp_path, content, missing={"b": "mean", "a": "mean"}, categories={"c": ["blue", "red", "green"]}
    )
    nan = np.nan
    wanted = [[1, 0, 1, 0, 2, 0, 0], [nan, 1, 0, 0, 3, 1, 0], [4, 0, 1, 0, nan, 0, 1], [5, 1, 0, 0, nan, 0, 1]]
    assert np.array_equal(found.x, np.array(wanted, np.float32), equal_nan=True)
    assert found.facts.filled == (0, 4)
    assert found.facts.columns == ("a", "c", "b")
    assert found.value_range == (0.0, 5.0)
    assert [column.tolist() for column in found.extremes] == [[1, 0, 0, 0, 2, 0, 0], [5, 1, 1, 0, 3, 1, 1]]
    inputs = make_table_inputs(Data(table="a", target="y", missing={"a": "mean"}, categories={"c": ["r", "s"]}), "acb")
    assert inputs.value_names == ("a", "c=r", "c=s", "b", "a missing")


def test_rows_that_miss_a_value_can_be_dropped(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = "a,c,y,g\n1,x,k,1\n,x,k,1\n3,NA,l,1\n4,x,,1\n5,x,l,\n6,,k,2\n7,x,l,2\n8,x,l,3\n9,x,k,3\n"
    with caplog.at_level(logging.WARNING, "bnbench.data"):
        found = load_table(tmp_path, content, missing="drop_rows", categories={"c": ["x", ""]}, group="g")
    assert found.x.tolist() == [[1, 1, 0], [6, 0, 1], [7, 1, 0], [8, 1, 0], [9, 1, 0]]
    assert found.facts.dropped_rows == 4
    assert "own.csv: 4 rows miss a value and are left out" in caplog.text
    assert (
        load(tmp_path, table="own.csv", target="y", missing="drop_rows", categories={"c": ["x", ""]}, group="g").facts
        == found.facts
    )


def test_groups_are_numbered_and_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    content = "a,g,h,y\n1,p,1,k\n2,q,2,l\n3,p,1,k\n4,q,1,l\n"
    one = load_table(tmp_path, content, group="g", drop=["h"])
    other = load_table(tmp_path, content, group="h", drop=["g"])
    none = load_table(tmp_path, content, drop=["g", "h"])
    assert one.groups is not None
    assert (one.groups.tolist(), str(one.groups.dtype)) == ([0, 1, 0, 1], "int32")
    assert none.groups is None
    assert len({found.facts.fingerprint for found in (one, other, none)}) == 3
    again = load(tmp_path, table="own.csv", target="y", group="g", drop=["h"])
    assert again.groups is not None
    assert again.groups.tolist() == one.groups.tolist()


def test_a_class_may_have_one_row_if_it_is_not_used(tmp_path: Path) -> None:
    found = load_table(tmp_path, "a,y\n1,k\n2,l\n3,k\n4,l\n5,rare\n", classes=["l", "k"])
    assert (found.facts.classes, found.facts.rows, found.y.tolist()) == (("l", "k"), 4, [1, 0, 1, 0])


def test_a_file_in_many_blocks_has_the_lines_of_a_whole_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f'{i},"{i}\n.5",{"kl"[i % 2]}' for i in range(200)]
    content = "a,b,y\n" + "\n".join(lines).replace("\n.5", ".5")
    whole = load_table(tmp_path, content)
    monkeypatch.setattr(text_blocks, "BLOCK", 50)
    assert (
        load_table(tmp_path, gzip.compress(content.encode()), "b.csv.gz").facts.fingerprint == whole.facts.fingerprint
    )
    with pytest.raises(DataError, match="line 151, column 'a': 'x' is text"):
        load_table(tmp_path, content.replace("\n149,", "\nx,"))


@pytest.mark.parametrize(
    ("content", "settings", "messages"),
    [
        (GOOD, {"target": "z"}, ["data.target: 'z' is not one of a, b, y"]),
        ("quality,a\n1,2\n", {"target": "qualiti"}, ["data.target: 'qualiti' is not one of", "mean 'quality'?"]),
        (
            GOOD,
            {"target": "z", "drop": ["c"], "group": "g", "categories": {"d": ["1", "2"]}, "missing": {"e": "mean"}},
            ["data.target: 'z'", "data.drop.0: 'c'", "data.group: 'g'", "data.categories.d:", "data.missing.e: 'e'"],
        ),
        ("a,y\n1,k\n2,k\n3,k\n", {}, ["target 'y' has the class 'k' in every row, wanted at least two classes"]),
        ("a,y\n1,k\n2,l\n3,m\n", {}, ["target 'y' has as many classes as rows (3)"]),
        ("a,y\n1,5.5\n2,6.5\n3,7.5\n", {}, ["as many classes as rows", "set data.task: number"]),
        ("a,y\n1,k\n2,k\n3,m\n", {}, ["a class with one row", "'m' (line 4)"]),
        ("a,y\n1,1\n2,1.0\n3,1\n4,1.0\n", {}, ["has the classes '1' and '1.0', which are one number"]),
        (GOOD.replace("3,4", "blue,4"), {}, ["own.csv: line 3, column 'a': 'blue' is text: list its values in"]),
        (
            GOOD.replace("3,4", "blue,4").replace("7,8", "7,high"), {},
            ["line 3, column 'a': 'blue' is text", "line 5, column 'b': 'high' is text"],
        ),
        (GOOD.replace("3,4", "nan,4"), {}, ["line 3, column 'a': has a missing value, 'nan': set data.missing"]),
        (GOOD.replace("3,4", ",4"), {}, ["line 3, column 'a': is empty: set data.missing to {a: mean} or drop_rows"]),
        (GOOD.replace("3,4", "inf,4"), {}, ["line 3, column 'a': 'inf' is infinite"]),
        (GOOD.replace("3,4", "1e39,4"), {}, ["line 3, column 'a': '1e39' is too large"]),
        (GOOD.replace("3,4", "1e999,4"), {}, ["line 3, column 'a': '1e999' is too large"]),
        (GOOD.replace("3,4", "1_000,4"), {}, ["line 3, column 'a': '1_000' is text"]),
        (GOOD.replace("3,4", "٣,4"), {}, ["line 3, column 'a': '٣' is text"]),
        (GOOD.replace("3,4", "0x10,4"), {}, ["line 3, column 'a': '0x10' is text"]),
        (GOOD.replace("3,4", '"3,5",4'), {}, ["'3,5' is no number: if the comma is a decimal comma, set data.decimal"]),
        (GOOD.replace("3,4", '"1,234,567",4'), {}, ["write it without separators of thousands"]),
        (GOOD.replace("3,4", "3.5,4"), {"decimal": ","}, ["'3.5' has a decimal point, but data.decimal is ','"]),
        (GOOD.replace("l\n5", "\n5"), {}, ["line 3, column 'y': no target in this row", "drop_rows"]),
        ("a,y\n1,2\n2,\n3,4\n", {"task": "number"}, ["line 3, column 'y': no target in this row"]),
        ("a,y\n1,2\n2,high\n3,4\n", {"task": "number"}, ["line 3, column 'y': 'high' is text"]),
        ("a,y\n1,2\n2,2\n", {"task": "number"}, ["targets from 2.0 to 2.0, wanted finite numbers that differ"]),
        (GOOD, {"group": "a", "missing": "drop_rows", "drop": ["b"]}, ["no column is left as an input"]),
        (GOOD.replace("3,4", ",4"), {"group": "a"}, ["line 3, column 'a': no group in this row"]),
        ("a,b,a,y\n1,2,3,k\n", {}, ["own.csv: line 1: columns 1 and 3 are both called 'a'"]),
        (",a,y\n1,2,k\n", {}, ["own.csv: column 1 has no name", "add '' to data.drop"]),
        (GOOD.replace("3,4,l", "3,l"), {}, ["own.csv: line 3: 2 cells, wanted 3 as in the first line"]),
        (GOOD.replace("3,4,l", "3,4,l,5"), {}, ["own.csv: line 3: 4 cells, wanted 3 as in the first line"]),
        ("a,y\nr1,1,k\nr2,2,l\nr3,3,k\n", {}, ["line 2: 3 cells, wanted 2", "row.names=FALSE"]),
        ("a,y\n" + "1,2,3\n" * 9 + "1,2\n", {}, ["and 4 more lines like these"]),
        ("c,y\nred,k\ngren,l\n", {"categories": {"c": ["red", "green"]}},
         ["line 3, column 'c': 'gren' is not listed in data.categories.c: 'red', 'green' (did you mean 'green'?)"]),
        ("c,y\nred,k\n,l\n", {"categories": {"c": ["red", "green"]}},
         ["line 3, column 'c': is empty in data.categories.c", "'' can be a category"]),
        ("a,y\n,k\n,l\n", {"missing": {"a": "mean"}}, ["data.missing.a:", "has no value in this column"]),
        ("a,y\n,k\n,l\n", {"missing": "drop_rows"}, ["own.csv: no rows: 2 miss a value"]),
        ("a;y\n1;k\n", {}, ["own.csv: line 1: one column: if ';' is between the cells, set data.separator: ';'"]),
        ('"a";"y"\n1;"k"\n', {}, ["one column: if ';' is between the cells"]),
        ("a\ty\n1\tk\n", {}, ["if tab is between the cells, set data.separator: tab"]),
        ('a,y\n1,"k\n2,l\n', {}, ["own.csv: line 3: cannot be read: a quotation mark (\") is not closed"]),
        ('a,y\n1,"k"x\n2,l\n', {}, ["own.csv: line 2: cannot be read"]),
        ("a,y\n", {}, ["own.csv: no rows"]),
        ("", {}, ["own.csv: the file is empty"]),
        ("\n\n", {}, ["own.csv: no rows"]),
        (b"a,y\n1,\xff\n", {}, ["own.csv: line 2: byte 0xff at position 3 is not UTF-8: save the table as UTF-8"]),
        ("a,y\n1,k\x00\n2,l\n", {}, ["own.csv: line 2: a zero byte, so it is not UTF-8"]),
        ("a,y\n1,k\n2,l\n".encode("utf-16-le"), {}, ["own.csv: line 1: a zero byte, so it is not UTF-8"]),
        ("a,y\n1,2,3,k\n4,5,6,l\n", {}, ["line 2: 4 cells, wanted 2", "if the first line is a title or a comment"]),
        ("sep=;\na;y\n1;k\n", {"separator": ";"}, ["own.csv: line 1: 'sep=' is a mark for spreadsheets"]),
        (b"PK\x03\x04\x14", {}, ["own.csv: no table of text: the file is a spreadsheet or a ZIP archive"]),
        ("<!DOCTYPE html>\n<html>\n", {}, ["own.csv: no table of text: the file is a web page"]),
        ('[{"a": 1}]\n', {}, ["own.csv: no table of text: the file is JSON"]),
        (f"a,y\n1,{'k' * 500}\n1,{'k' * 500}\n2,l\n3,l\n", {}, ["a class of 500 characters"]),
        (",".join(f"c{i}" for i in range(1_000_000)) + "\n", {}, ["own.csv: line 1: 1,000,000 columns, wanted"]),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_bad_input_is_refused_with_its_place(
    content: str | bytes, settings: dict[str, Any], messages: list[str], tmp_path: Path
) -> None:
    with pytest.raises(BnbenchError) as caught:
        load_table(tmp_path, content, **settings)
    assert isinstance(caught.value, DataError | SettingsError)
    for message in messages:
        assert message in str(caught.value)
    assert len(str(caught.value)) < 5_000


@pytest.mark.parametrize(
    "cell",
    [
        "2020-01-31", "2020/1/31", "31.01.2020", "1/31/20", "2020-01-31T12:30:00", "2020-01-31 12:30:00.123+01:00",
        "12:30", "12:30:15", "1:30 PM", "31-Jan-2020", "19-Sep-03", "31 January 2020", "Jan 31, 2020",
        "2020-01-31T12:30:00Z",
    ],
)  # fmt: skip
def test_dates_and_times_are_refused_by_name(cell: str, tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=f"line 3, column 'day': '{cell[:4]}.* is a date or a time, which is no number: add"
    ):
        load_table(tmp_path, f'day,y\n1,k\n"{cell}",l\n')


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("a.xlsx", "a spreadsheet: save it as CSV"),
        ("a.pkl", "a pickle, which can run code"),
        ("a.zip", "an archive: unpack it"),
        ("a.npz", "use data.arrays"),
        ("a.json", "no table of text"),
        ("a.jpg", "use data.images"),
        ("a", "unknown type of file"),
    ],
)
def test_other_files_are_refused_by_name(name: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        load_table(tmp_path, GOOD, name)


def test_a_file_is_read_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text_blocks, "BLOCK", 100)
    monkeypatch.setattr(text_blocks, "MAX_BLOCK", 1_000)
    with pytest.raises(DataError, match="more than 1,000 bytes in one line"):
        load_table(tmp_path, gzip.compress(b"1" * 100_000), "a.csv.gz")
    monkeypatch.setattr(table, "MAX_VALUES", 7)
    with pytest.raises(DataError, match="more than 7 values"):
        load_table(tmp_path, GOOD)
    monkeypatch.setattr(table_types, "MAX_COLUMNS", 2)
    with pytest.raises(DataError, match="3 columns, wanted at most 2"):
        load_table(tmp_path, GOOD)


def test_a_folder_and_a_pipe_are_no_tables(tmp_path: Path) -> None:
    import os

    (tmp_path / "a.csv").mkdir()
    os.mkfifo(tmp_path / "b.csv")
    for name in ("a.csv", "b.csv"):
        with pytest.raises(DataError, match=f"{name}: (is a folder|not a regular file)"):
            load(tmp_path, table=name, target="y")


def test_inputs_are_read_from_a_file_without_the_target(tmp_path: Path) -> None:
    settings = Data(table="a.csv", target="y", missing={"b": "mean"}, categories={"c": ["x", "z"]})
    inputs = make_table_inputs(settings, ("a", "c", "b"))
    (tmp_path / "test.csv").write_text("id,b,c,a\n7,,z,1\n8,2,x,3\n")
    (chunk,) = read_inputs(tmp_path / "test.csv", inputs)
    assert np.array_equal(chunk.values, [[1, 0, 1, np.nan, 1], [3, 1, 0, 2, 0]], equal_nan=True)
    (tmp_path / "test.csv").write_text("id,b,cc,a\n7,,z,1\n")
    with pytest.raises(DataError, match=r"no column 'c' \(did you mean 'cc'\?\); found 'id', 'b', 'cc', 'a'"):
        list(read_inputs(tmp_path / "test.csv", inputs))
    (tmp_path / "test.csv").write_text("b,c,a\n7,y,1\n")
    with pytest.raises(DataError, match="line 2, column 'c': 'y' is not listed"):
        list(read_inputs(tmp_path / "test.csv", inputs))
