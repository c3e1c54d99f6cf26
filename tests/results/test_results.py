"""Every public attribute of `Results` is documented, and the documented ones exist."""

import re
from pathlib import Path

import pandas as pd

import bnbench
from bnbench.analysis.columns import TABLES, column_names
from bnbench.results.results import FORMER_NAMES, Results
from support.figures import CELLS
from support.kept import compared
from support.paths import ROOT

PAGE = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")


def documented() -> set[str]:
    """Return the names in the first column of the table of attributes and methods."""
    table = PAGE.partition("| attribute or method | content |")[2].partition("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines() if row.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)", cell)}


def test_the_public_attributes_are_those_of_the_reference(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS)
    public = {name for name in {*dir(Results), *vars(results)} if not name.startswith("_")}
    assert documented() == public


def test_every_public_attribute_and_method_has_a_docstring() -> None:
    missing = [name for name in dir(Results) if not name.startswith("_") and not getattr(Results, name).__doc__]
    assert missing == []


def test_former_names_are_named_in_the_reference() -> None:
    former = PAGE.partition("### Former names")[2]
    assert all(f"`{old}`" in former for old in FORMER_NAMES)


def test_the_tables_have_the_declared_columns(tmp_path: Path) -> None:
    compared(tmp_path, CELLS)
    results = bnbench.open(tmp_path)
    for name in ("trials", "history", "summary", "variants", "learning_curves"):
        table = getattr(results, name)
        assert isinstance(table, pd.DataFrame)
        assert len(table) > 0
        assert set(table) <= {*column_names(TABLES[name]), *results.axes}, name
    assert results.trials["trial"].is_unique
    assert len(results.summary) == len(results.trials) / 2


def test_one_line_says_what_was_opened(tmp_path: Path) -> None:
    compared(tmp_path, CELLS)
    assert repr(bnbench.open(tmp_path)) == f"Results({str(tmp_path)!r}, 8 of 8 trials, variants: plain, batchnorm)"
    compared(tmp_path / "empty", {"plain": [[None]]})
    assert repr(bnbench.open(tmp_path / "empty")) == f"Results({str(tmp_path / 'empty')!r}, 0 of 1 trials)"
