"""What is inferred from a table, piece by piece."""

import re
from pathlib import Path

import numpy as np
import pytest

from bnbench.data.own.inference.column_names import find_target_name, is_group_name, is_id_name, words_of
from bnbench.data.own.inference.columns import MAX_VALUES, ColumnLook
from bnbench.data.own.inference.roles import categories_of, choose_target, find_unused
from bnbench.data.own.inference.table import infer_table
from bnbench.data.own.inference.text_form import TextForm, infer_text_form
from bnbench.errors import DataError


def look(name: str, *cells: str, decimal: str = ".") -> ColumnLook:
    found = ColumnLook(name, decimal)
    found.add(cells, range(2, len(cells) + 2))
    return found


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a,b\n1,2\n", TextForm(",", ".", True)),
        ("a;b\n1,5;2,5\n", TextForm(";", ",", True)),
        ("1,5;2,5\n3,5;4,5\n", TextForm(";", ",", False)),
        ("a\tb\n1.5\t2\n", TextForm("\t", ".", True)),
        ("a b  c\n1 2  3\n", TextForm(" ", ".", True)),
        ("sepal length,sepal width\n1.5,2\n", TextForm(",", ".", True)),
        ('a,b\n"1,5","2,5"\n', TextForm(",", ",", True)),
        ('a,b\n"1,500","2,500"\n', TextForm(",", ".", True)),
        ('name,n\n"Smith, J.",1\n"Lee, K.",2\n', TextForm(",", ".", True)),
        ("1,2,elm\n3,4,oak\n", TextForm(",", ".", False)),
        ("0,1,2\n3,4,elm\n", TextForm(",", ".", True)),
        (",0,1,2\n0,3,4,elm\n", TextForm(",", ".", True)),
        ("2019,2020,kind\n3,4,elm\n5,6,oak\n", TextForm(",", ".", False)),
        ("label,2019\n3,4\n5,6\n", TextForm(",", ".", True)),
        ("a,b\nb,a\na,b\nb,a\na,a\n", TextForm(",", ".", False)),
        ("\ufeffa,b\n1,2\n", TextForm(",", ".", True)),
    ],
)
def test_how_a_table_is_written(text: str, wanted: TextForm, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    assert infer_text_form(tmp_path / "a.csv") == wanted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\n", "a.csv: no rows"),
        ("a\n1\n", "a.csv: one column"),
        (",".join(f"c{i}" for i in range(150_000)) + "\n", "a.csv: line 1: 150,000 columns, wanted at most"),
        ("sep=;\na;y\n1,5;k\n", "a.csv: line 1: 'sep=' is a mark for spreadsheets: delete the line"),
    ],
    ids=["blank", "one column", "many columns", "sep="],
)
def test_what_is_no_table_is_refused(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(DataError, match=re.escape(message)):
        infer_table(tmp_path / "a.csv")


def test_infinite_numbers_are_no_categories() -> None:
    assert categories_of(look("a", "1.0", "inf", "1.0", "inf")) is None
    assert categories_of(look("a", "low", "inf", "low", "inf")) == ["inf", "low"]


def test_a_column_is_counted_over_several_blocks() -> None:
    column = look("a", "1", "2", "", "NA")
    column.add(["x", "2020-01-31", "2.5"], [6, 7, 8])
    assert (column.rows, column.missing, column.numbers, column.dates, column.texts) == (7, 2, 3, 1, 1)
    assert column.text_at == (6, "x")
    assert not column.whole
    assert column.counts == {"1": 1, "2": 1, "": 1, "NA": 1, "x": 1, "2020-01-31": 1, "2.5": 1}


def test_too_many_different_values_are_not_counted() -> None:
    assert look("a", *map(str, range(MAX_VALUES + 1))).counts is None
    assert look("a", *map(str, range(MAX_VALUES))).values is not None


def test_numbers_of_a_typed_file_have_the_texts_of_classes() -> None:
    column = ColumnLook("a")
    column.add(np.array([1.0, 2.0, np.nan]), range(3))
    assert column.counts == {"1": 1, "2": 1, "": 1}
    assert (column.missing, column.whole) == (1, True)


def test_rows_are_numbered_by_a_column_that_goes_on_in_the_next_block() -> None:
    column = look("a", "1", "2")
    column.add(["3", "4"], [4, 5])
    assert column.counts_rows
    column.add(["6"], [6])
    assert not column.counts_rows
    assert not look("year", "1990", "1991").counts_rows


def test_names_have_words() -> None:
    assert words_of("PassengerId") == words_of("passenger_id") == ["passenger", "id"]
    assert is_id_name("Unnamed: 0")
    assert is_id_name("customer_id")
    assert not is_id_name("acid")
    assert is_group_name("patientID")
    assert not is_group_name("group size")


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a", "Species", "b"], "Species"),
        (["class", "target"], "target"),
        (["SalePrice", "x"], "SalePrice"),
        (["class_label", "x"], "class_label"),
        (["x", "z"], None),
    ],
)
def test_a_target_is_known_by_its_name(names: list[str], wanted: str | None) -> None:
    assert find_target_name(names) == wanted


@pytest.mark.parametrize(
    ("cells", "task"),
    [
        (["0", "1"] * 10, "classes"),
        (["a", "b"] * 10, "classes"),
        (["3.5", "4"] * 10, "number"),
        ([str(i) for i in range(20)], "number"),
        ([str(i) for i in range(21)] * 10, "number"),
        ([str(i) for i in range(20)] * 10, "classes"),
        (["1,200", "3,400"] * 5, "number"),
    ],
)
def test_a_target_has_classes_or_numbers(cells: list[str], task: str) -> None:
    target = choose_target({"z": look("z", *cells)}, {}, None)
    assert target is not None
    assert target.task == task


def test_a_class_by_name_may_be_many_whole_numbers() -> None:
    target = choose_target({"label": look("label", *map(str, range(50)))}, {}, None)
    assert target is not None
    assert target.task == "classes"


def test_without_a_usual_name_the_last_usable_column_is_the_target() -> None:
    looks = {"a": look("a", "1.5", "2.5"), "b": look("b", "1", "7"), "day": look("day", "2020-01-01", "2020-01-02")}
    target = choose_target(looks, {"day": "dates or times"}, None)
    assert target is not None
    assert (target.name, target.why) == ("b", "the last column")


@pytest.mark.parametrize(
    ("column", "different", "reason"),
    [
        (look("a", "", "NA"), None, "empty"),
        (look("a", "7", "7"), None, "'7' in every row"),
        (look("a", "2020-01-01", "12:30"), None, "dates or times"),
        (look("a", "0", "1", "2"), None, "it numbers the rows"),
        (look("user_id", *map(str, [5, 3, 9])), 3, "another value in each row"),
        (look("subject", *[str(i // 4) for i in range(40)]), 10, "several rows each"),
        (look("a", *[f"text {i}" for i in range(20)]), None, "text with 20 different values"),
        (look("a", *[f"{i}.5" for i in range(20)], "-"), None, "a cell is no number ('-' in line 22)"),
        (look("a", *[f"{i},500" for i in range(1, 20)]), None, "separators of thousands"),
        (look("a", "1.5", "7", ""), None, ""),
        (look("a", *["x", "y"] * 3), None, ""),
        (look("group", *["0", "1"] * 20), 2, ""),
    ],
)
def test_columns_are_left_out_with_a_reason(column: ColumnLook, different: int | None, reason: str) -> None:
    found = find_unused({column.name: column}, {} if different is None else {column.name: different})
    assert reason in found.get(column.name, "")
    assert bool(found) == bool(reason)


def test_many_constant_columns_stay() -> None:
    looks = {f"p{i}": look(f"p{i}", "0", "0") for i in range(30)}
    assert find_unused(looks, {}) == {}


def test_missing_categories_are_categories() -> None:
    assert categories_of(look("a", *["x", "", "NA", "x", "", "NA"])) == ["", "NA", "x"]
    assert categories_of(look("a", "x", "y", "z")) is None


def test_a_copy_of_the_target_under_other_names_would_give_it_away(tmp_path: Path) -> None:
    rows = "".join(f"{i * 0.3:.1f},{i % 3},{('elm', 'oak', 'ash')[i % 3]},{i % 2}\n" for i in range(30))
    (tmp_path / "a.csv").write_text(f"x,target,species,z\n{rows}", encoding="utf-8")
    found = infer_table(tmp_path / "a.csv")
    assert found.settings["drop"] == ["species"]
    assert found.remarks["drop", "species"] == "it is target under other names"


def test_rows_without_a_target_are_left_out_and_columns_that_miss_more_are_dropped(tmp_path: Path) -> None:
    rows = "".join(f"{i},{'' if i % 2 else i}.5,{'' if i == 4 else i % 3}\n" for i in range(3, 40))
    (tmp_path / "a.csv").write_text(f"x,z,label\n{rows}".replace(",.5,", ",,"), encoding="utf-8")
    found = infer_table(tmp_path / "a.csv")
    assert found.settings["missing"] == "drop_rows"
    assert found.settings["drop"] == ["z"]
    assert "leaves out 1 of 37 rows" in found.remarks["missing",]
