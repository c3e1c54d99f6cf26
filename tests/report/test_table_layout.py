from bnbench.report.html import lay_out
from bnbench.report.tables.layout import columns_of, decimal_pads, is_numeric, without_empty_columns
from bnbench.report.tables.table import Cell, Table


def table(*columns: list[Cell]) -> Table:
    names = [f"c{i}" for i in range(len(columns))]
    return Table("Caption.", names, [list(row) for row in zip(*columns, strict=True)])


def numbers(*texts: str) -> list[Cell]:
    return [Cell(text, float(text)) for text in texts]


def test_the_points_of_a_column_are_below_each_other() -> None:
    shown = table(numbers("1", "0.125", "12.5"), [Cell("a"), Cell("b"), Cell("c")])
    assert [row[0] for row in decimal_pads(shown)] == [".000", "", "00"]
    assert [row[1] for row in decimal_pads(shown)] == ["", "", ""]


def test_a_reason_gets_no_room() -> None:
    shown = table([*numbers("0.5"), Cell("not measured", missing=True)])
    assert decimal_pads(shown) == [[""], [""]]
    assert is_numeric([row[0] for row in shown.rows])


def test_a_column_without_a_value_is_left_out_and_named() -> None:
    empty = [Cell("no batch norm", missing=True)] * 2
    mixed = [Cell("no batch norm", missing=True), Cell("diverged", missing=True)]
    shown = without_empty_columns(table([Cell("a"), Cell("b")], empty, mixed))
    assert list(shown.header) == ["c0", "c2"]
    assert shown.caption == "Caption. Left out because no row has a value: c1 (no batch norm)."


def test_a_table_without_empty_columns_stays() -> None:
    whole = table(numbers("1", "2"))
    assert without_empty_columns(whole) is whole


def test_a_table_without_rows_has_empty_columns() -> None:
    assert columns_of(Table("c.", ["variant", "n"], [])) == [(), ()]
    assert lay_out(Table("c.", ["variant", "n"], []))["header"] == [("variant", False), ("n", False)]
