"""Tables of text are read by content: whatever separates, quotes, orders or packs the same numbers."""

import csv
import gzip
import io
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bnbench.data import validate
from bnbench.data.datasets import leaf, letter
from bnbench.data.formats.delimited import TableColumns, read_table
from bnbench.data.types import ParsedArrays
from bnbench.errors import DataError

Table = list[list[str]]
Change = Callable[[Table], str | bytes]


def dumped(table: Table, **how: object) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n", **how).writerows(table)  # type: ignore[arg-type]
    return out.getvalue()


def leaves() -> Table:
    values = np.round(np.random.default_rng(0).random((6, 192)), 6).astype(str).tolist()
    rows = [[str(2 * i + 1), f"Species_{i % 3}", *row] for i, row in enumerate(values)]
    return [["id", "species", *leaf.COLUMNS], *rows]


def shuffled(table: Table, seed: int = 0) -> Table:
    rows = table[1:]
    random.Random(seed).shuffle(rows)
    return [table[0], *rows]


def reordered(table: Table) -> Table:
    order = random.Random(0).sample(range(len(table[0])), len(table[0]))
    return [[row[i] for i in order] for row in table]


def with_decimal_commas(table: Table) -> Table:
    return [table[0], *([*row[:2], *(cell.replace(".", ",") for cell in row[2:])] for row in table[1:])]


FORMS: dict[str, Change] = {
    "as published": dumped,
    "no last line end": lambda table: dumped(table).rstrip("\n"),
    "line ends of Windows": lambda table: dumped(table).replace("\n", "\r\n"),
    "line ends of old Macs": lambda table: dumped(table).replace("\n", "\r"),
    "empty lines": lambda table: dumped(table).replace("\n", "\n\n"),
    "a byte order mark": lambda table: "\ufeff" + dumped(table),
    "UTF-16": lambda table: dumped(table).encode("utf-16"),
    "quoted": lambda table: dumped(table, quoting=csv.QUOTE_ALL),
    "decimal commas, no header": lambda table: dumped(with_decimal_commas(table)[1:], delimiter=";"),
    "decimal commas, tabs, no header": lambda table: dumped(with_decimal_commas(table)[1:], delimiter="\t"),
    "decimal commas, bars, all quoted": lambda table: dumped(
        with_decimal_commas(table)[1:], delimiter="|", quoting=csv.QUOTE_ALL
    ),
    "decimal commas, spaces, no header": lambda table: dumped(with_decimal_commas(table)[1:], delimiter=" "),
    "spaces around semicolons": lambda table: dumped(table, delimiter=";").replace(";", " ; "),
    "semicolons": lambda table: dumped(table, delimiter=";"),
    "tabs": lambda table: dumped(table, delimiter="\t"),
    "spaces": lambda table: dumped(table, delimiter=" "),
    "spaces after commas": lambda table: dumped(table).replace(",", ", "),
    "decimal commas": lambda table: dumped(with_decimal_commas(table), delimiter=";"),
    "a comma at the end of each line": lambda table: dumped([[*row, ""] for row in table]),
    "all digits": lambda table: dumped(
        [table[0], *([*r[:2], *(f"{float(v):.17e}" for v in r[2:])] for r in table[1:])]
    ),
    "an index": lambda table: dumped([["", *table[0]], *([str(i), *row] for i, row in enumerate(table[1:]))]),
    "a named index": lambda table: dumped(
        [["Unnamed: 0", *table[0]], *([str(i), *r] for i, r in enumerate(table[1:]))]
    ),
    "a further column": lambda table: dumped([[*row, word] for row, word in zip(table, "nabcdef", strict=True)]),
    "the label last": lambda table: dumped([[row[0], *row[2:], row[1]] for row in table]),
    "columns in another order": lambda table: dumped(reordered(table)),
    "rows in another order": lambda table: dumped(shuffled(table)),
    "no ids": lambda table: dumped([row[1:] for row in table]),
    "no header": lambda table: dumped(table[1:]),
    "a header of numbers": lambda table: dumped([[str(i) for i in range(len(table[0]))], *table[1:]]),
    "upper case": lambda table: dumped([[name.upper() for name in table[0]], *table[1:]]),
    "a misspelled name": lambda table: dumped([[*table[0][:-1], "texture_65"], *table[1:]]),
}


def write(path: Path, content: str | bytes) -> tuple[Path, ...]:
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return (path,)


def with_digests(parsed: ParsedArrays) -> dict[str, str]:
    known = validate.fingerprint(parsed.x, parsed.y, parsed.classes, parsed.test_rows)
    return {"fingerprint": known, "blocks": validate.block_digests(parsed.x, parsed.y)}


@pytest.fixture
def spec(tmp_path: Path) -> leaf.Spec:
    """The published content is that of the file with commas."""
    free = leaf.Spec(species=3, rows_each=2, fingerprint="")
    return replace(free, **with_digests(leaf.parse_kaggle(write(tmp_path / "x.csv", dumped(leaves())), free)))


@pytest.mark.parametrize("form", FORMS)
def test_a_table_with_the_same_numbers_is_the_same_data(form: str, spec: leaf.Spec, tmp_path: Path) -> None:
    parsed = leaf.parse_kaggle(write(tmp_path / "train.csv", FORMS[form](leaves())), spec)
    assert parsed.y.tolist() == [0, 1, 2, 0, 1, 2]
    assert parsed.x[:, 3].tolist() == [np.float32(row[5]) for row in leaves()[1:]]


def test_a_packed_table_is_the_same_data(spec: leaf.Spec, tmp_path: Path) -> None:
    leaf.parse_kaggle(write(tmp_path / "train.csv.gz", dumped(leaves())), spec)


def changed(row: int, column: int, value: str) -> Table:
    table = leaves()
    table[row][column] = value
    return table


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (dumped([row[:-1] for row in leaves()]), r"line 1: 191 columns of numbers, wanted 192: without texture64$"),
        (
            dumped([[*row[:4], *row[6:]] for row in leaves()]),
            r"line 1: 190 columns of numbers, wanted 192: without margin3, margin4$",
        ),
        (
            dumped([[*("margn2" if cell == "margin2" else cell for cell in row[:-1])] for row in leaves()]),
            r"without margin2, texture64; unknown column 'margn2' \(did you mean 'margin2'\?\)",
        ),
        (dumped([[row[0], *row[2:]] for row in leaves()]), "no column without a number, wanted one, species"),
        (dumped([*leaves(), ["1", "x"]]), "line 8: 2 columns, wanted 194 as in line 1"),
        (dumped(changed(3, 7, "n/a")), "line 4: 'n/a' is not a number"),
        (
            dumped(changed(3, 7, "0.5")),
            r"first in rows 3 to 3, in 1 of 30 blocks of 1 rows \(fingerprint \w{16}, wanted",
        ),
        (dumped([leaves()[0]]), "no rows"),
        (
            dumped(with_decimal_commas(leaves())[1:], quoting=csv.QUOTE_ALL),
            "line 1: '0,63[0-9]*' is not a number: write a decimal point",
        ),
        (
            dumped(with_decimal_commas(leaves()), quoting=csv.QUOTE_ALL),
            "line 2: '0,63[0-9]*' is not a number: write a decimal point",
        ),
        ("\n\n", "no rows"),
        ('"' + dumped(leaves()), "train.csv: "),
        ("x" * 200_000, "train.csv: not a table of text: field larger"),
    ],
)
def test_a_table_with_other_content_is_refused_with_what_differs(
    content: str, message: str, spec: leaf.Spec, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        leaf.parse_kaggle(write(tmp_path / "train.csv", content), spec)


LETTERS = [["T", *"2345678901234567"], ["A", *"1111111111111111"], ["Z", *"9876543210123456"]]
LETTER_FORMS: dict[str, Table] = {
    "a header of UCI's names": [["lettr", *letter.COLUMNS], *LETTERS],
    "a header of other names": [["class", *(f"V{i}" for i in range(1, 17))], *LETTERS],
    "the label last": [[*row[1:], row[0]] for row in LETTERS],
    "an index and floats": [["", "letter", *letter.COLUMNS], *([str(i), r[0], *(f"{v}.0" for v in r[1:])]
                                                           for i, r in enumerate(LETTERS))],
}  # fmt: skip


@pytest.mark.parametrize("form", LETTER_FORMS)
def test_letters_may_have_a_header(form: str, tmp_path: Path) -> None:
    free = letter.Spec(rows=3, test_rows=1, fingerprint="")
    good = letter.parse_file(write(tmp_path / letter.FILE, dumped(LETTERS)), free)
    spec = replace(free, **with_digests(good))
    parsed = letter.parse_file(write(tmp_path / "letter-recognition.csv", dumped(LETTER_FORMS[form])), spec)
    assert parsed.x[:, 1].tolist() == [3, 1, 8]


def test_numbers_without_a_header_are_the_last_columns() -> None:
    table = read_table("7,8,a,1,2\n7,9,b,3,4\n", Path("x.csv"), TableColumns(("u", "v"), "name"), exact=False)
    assert table.labels == ["a", "b"]
    assert table.values.tolist() == [[1, 2], [3, 4]]
    assert table.keys == []


def test_a_comma_in_a_cell_is_a_decimal_point_only_if_cells_are_separated_by_other_signs() -> None:
    table = read_table("a, b;0,5;1;2\n", Path("x.csv"), TableColumns(("u", "v", "w"), "name"), exact=False)
    assert table.labels == ["a, b"]
    assert table.values.tolist() == [[0.5, 1, 2]]
    columns = TableColumns(("u",), "name")
    with pytest.raises(DataError, match="line 2: '1,000' is not a number"):
        read_table('name,u\na,"1,000"\n', Path("x.csv"), columns, exact=False)


PAIR = TableColumns(("1", "2", "3"), "name")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a,7,8,9\n", [7, 8, 9]),
        ("7,8,a,9\n", [7, 8, 9]),
        ("name,1,2,3\na,7,8,9\n", [7, 8, 9]),
        ("3,2,x,1,Name\n9,8,5,7,a\n", [7, 8, 9]),
        ("0,1,2,3\na,7,8,9\n", [7, 8, 9]),
        ("a,7,8,9,10\n", "line 1: 4 columns of numbers, wanted 3"),
        ("0,1,2,3,4\na,7,8,9,10\n", "line 1: 4 columns of numbers, wanted 3"),
        ("name,m3,m2,m1\na,9,8,7\n", r"line 1: unknown column 'm3' .*, wanted name and 1 to 3, or no header"),
        ("kind,x,y,z\na,9,8,7\n", "line 1: unknown column 'kind', wanted name and 1 to 3"),
        ("nane,x,y,z,u\na,9,8,7,6\n", r"unknown column 'nane' \(did you mean 'name'\?\)"),
    ],
)
def test_content_that_nobody_knows_must_have_exactly_the_columns(text: str, found: list[float] | str) -> None:
    if isinstance(found, str):
        with pytest.raises(DataError, match=found):
            read_table(text, Path("x.csv"), PAIR, exact=True)
    else:
        assert read_table(text, Path("x.csv"), PAIR, exact=True).values.tolist() == [found]
