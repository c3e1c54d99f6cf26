"""`predict` finds the columns of a table by the rules of the data reader."""

from dataclasses import replace
from pathlib import Path

import pytest

from bnbench.data import access
from bnbench.data.formats import delimited
from bnbench.errors import DataError
from bnbench.store.model_card import ModelCard
from support.inputs import read_inputs

TABLE = ModelCard("final", "made up", (3,), (0.0, 1.0), ("a", "b"), "softmax")
LEAF = ModelCard("final", "leaf", (192,), (0.0, 1.0), ("a", "b"), "softmax")
LETTER = ModelCard("final", "letter", (16,), (0.0, 15.0), ("A", "B"), "softmax")
LEAF_NAMES = access.DATASETS["leaf"].columns
LETTER_NAMES = access.DATASETS["letter"].columns


def written(place: Path, content: str) -> Path:
    path = place / "rows.csv"
    path.write_text(content, encoding="utf-8")
    return path


def counted(start: int, stop: int) -> list[str]:
    return [str(i) for i in range(start, stop)]


@pytest.mark.parametrize(
    ("header", "card", "notes"),
    [
        ([name.upper() for name in reversed(LEAF_NAMES)], LEAF, 0),
        (["Species", *(name.replace("e", "E ") for name in LEAF_NAMES), "ID", ""], LEAF, 0),
        (["lettr", *(name.replace("-", "") for name in LETTER_NAMES)], LETTER, 0),
        (["class", *reversed(LETTER_NAMES), "source"], LETTER, 2),
        (counted(0, 192), LEAF, 0),
        (counted(1, 193), LEAF, 0),
        (counted(0, 194), LEAF, 0),
        (["", *counted(0, 16)], LETTER, 0),
        (["lettr", *counted(1, 17)], LETTER, 0),
    ],
    ids=lambda part: str(part)[:30],
)
def test_columns_are_found_by_the_rules_of_the_data_sets_own_files(
    tmp_path: Path, header: list[str], card: ModelCard, notes: int
) -> None:
    names = LEAF_NAMES if card is LEAF else LETTER_NAMES
    plain = [delimited.plain_name(name) for name in header]
    by_name = [plain.index(name) for name in map(delimited.plain_name, names) if name in plain]
    wanted = by_name or list(range(len(header)))[-len(names) :]
    content = f"{','.join(header)}\n{','.join(counted(0, len(header)))}\n"
    rows = read_inputs(written(tmp_path, content), card)
    assert rows.values.tolist() == [wanted]
    assert sum("is not used" in note for note in rows.notes) == notes


@pytest.mark.parametrize(
    ("cells", "card", "notes"),
    [
        (["0", "1", "2"], replace(TABLE, value_range=(0.0, 2.0)), 1),
        (["1", "2", "3"], replace(TABLE, value_range=(0.0, 255.0)), 1),
        (["2", "1", "3"], replace(TABLE, value_range=(0.0, 255.0)), 0),
        (["0"], replace(TABLE, shape=(1,)), 0),
        (counted(0, 16), LETTER, 1),
        (["Y", *counted(0, 16)], replace(LETTER, classes=("X", "Y")), 0),
    ],
)
def test_a_first_line_that_may_be_a_row_is_a_row(tmp_path: Path, cells: list[str], card: ModelCard, notes: int) -> None:
    rows = read_inputs(written(tmp_path, f"{','.join(cells)}\n" * 2), card)
    assert len(rows.values) == 2
    assert sum("first line is read as a row" in note for note in rows.notes) == notes


def test_columns_of_arrays_with_names_are_found_by_them(tmp_path: Path) -> None:
    card = replace(TABLE, columns=("age", "Weight", "male"))
    path = written(tmp_path, "male,city,age,weight\n0,7,0.5,0.25\n")
    assert read_inputs(path, card).values.tolist() == [[0.5, 0.25, 0]]
    with pytest.raises(DataError, match="unknown column 'agee'"):
        read_inputs(written(tmp_path, "male,agee,weight\n0,0.5,0.25\n"), card)
