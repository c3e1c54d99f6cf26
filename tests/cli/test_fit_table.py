"""Tables for narrow terminals."""

import pytest

from bnbench.cli.fit_table import fit_table, table_width

HEADER = ["variant", "learning_rate", "what_was_claimed"]
ROWS = [["plain", "0.1", "it trains"], ["batchnorm", "0.001778", "it trains at higher rates than plain"]]


def test_a_table_that_fits_or_has_no_limit_is_not_broken() -> None:
    wide = fit_table(HEADER, ROWS, None)[0]
    assert wide.splitlines()[0] == "variant    learning_rate  what_was_claimed"
    assert fit_table(HEADER, ROWS, table_width([HEADER, *ROWS])) == (wide, [])


def test_headers_are_broken_first() -> None:
    text, left_out = fit_table(HEADER, ROWS, 60)
    assert left_out == []
    assert text.splitlines() == [
        "variant    learning_  what_was_claimed",
        "           rate",
        "plain      0.1        it trains",
        "batchnorm  0.001778   it trains at higher rates than plain",
    ]


def test_then_optional_columns_are_left_out() -> None:
    text, left_out = fit_table(HEADER, ROWS, 48, optional=[1, 0])
    assert left_out == [1]
    assert text.splitlines()[-1] == "batchnorm  it trains at higher rates than plain"


def test_then_cells_are_broken_at_spaces_and_numbers_stay() -> None:
    text, left_out = fit_table(HEADER, ROWS, 40)
    assert left_out == []
    assert "0.001778" in text
    assert max(map(len, text.splitlines())) <= 40
    assert [text.count(word) for word in ("batchnorm", "higher", "plain")] == [1, 1, 2]


def test_many_columns_become_tables_below_each_other() -> None:
    header = ["rate", *(f"variant{i}" for i in range(12))]
    rows = [[f"0.{i}", *(f"0.9{i}{j} ± 0.01" for j in range(12))] for i in range(3)]
    text, _ = fit_table(header, rows, 80)
    tables = text.split("\n\n")
    assert len(tables) == 3
    assert [table.split()[0] for table in tables] == ["rate"] * 3
    assert max(map(len, text.splitlines())) <= 80
    assert all(cell in text for row in rows for cell in row)


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    header = ["trial", *(f"column_{i}" for i in range(9))]
    rows = [[f"{i:016x}", *("word " * (i + j) + "end" for j in range(9))] for i in range(4)]
    assert max(map(len, fit_table(header, rows, width)[0].splitlines())) <= width
