from pathlib import Path

import pandas as pd
import pytest

from bnbench.analysis import column_docs
from bnbench.analysis.columns import (
    CURRENT,
    FROM_STORED,
    MEASURES,
    TABLES,
    column_names,
    current_name,
    rename_former,
    rename_stored,
)
from bnbench.results.digest import read_summary
from bnbench.results.results import Results
from support.kept import compared
from support.paths import ROOT
from support.stored import change

PAGE = ROOT / "docs" / "reference" / "columns.md"
CELLS = {"plain": [[0.8, 0.9], [0.9, 0.9]], "batchnorm": [[0.8, 0.8], [0.9, 0.95]]}
CLAIM = {"text": "x", "metric": "test_score", "of": "batchnorm", "difference": {"at_least": 0.0}}
VALUE = {"source": "x", "variant": "plain", "metric": "test_score", "value": 0.9}
COMMITTED = sorted(path.parent.name for path in (ROOT / "results").glob("*/summary.csv"))


def test_every_table_has_its_declared_columns(tmp_path: Path) -> None:
    compared(tmp_path, CELLS, claims=[CLAIM], published=[VALUE])
    change(tmp_path, "UPDATE trials SET pre_activations = '[[0, 1, 2], [1, 2, 3]]'")
    results = Results(tmp_path)
    for name, columns in TABLES.items():
        public = [column.name for column in columns if column.public]
        assert list(getattr(results, name).columns) == public, name


def test_every_table_has_its_declared_types(tmp_path: Path) -> None:
    compared(tmp_path, CELLS, claims=[CLAIM], published=[VALUE])
    results = Results(tmp_path)
    for name, columns in TABLES.items():
        table = getattr(results, name)
        for column in columns:
            if column.name in table and table[column.name].notna().any():
                numeric = pd.api.types.is_numeric_dtype(table[column.name])
                assert numeric == (column.dtype != "text"), (name, column.name)


def test_no_column_is_declared_twice_in_a_table_and_former_names_are_free() -> None:
    for name, columns in TABLES.items():
        names = column_names(columns)
        assert len(set(names)) == len(names), name
        assert not set(names) & set(CURRENT)
    assert {CURRENT[stored] for stored in FROM_STORED} == set(FROM_STORED.values())


def test_names_of_the_database_and_of_earlier_tables_become_todays() -> None:
    stored = pd.DataFrame(columns=["test_loss", "test_accuracy", "best_test_accuracy", "bn_mode_gap"])
    assert list(rename_stored(stored)) == ["test_loss", "test_score", "best_test_score", "bn_mode_gap"]
    earlier = pd.DataFrame(columns=["validation_r2_mean", "validation_accuracy_sd", "p_ok"])
    assert list(rename_former(earlier)) == ["validation_score_mean", "validation_score_sd", "p_ok"]


def test_a_former_name_gives_a_note(caplog: pytest.LogCaptureFixture) -> None:
    assert current_name("test_r2", "--sort") == "test_score"
    assert caplog.messages == ["--sort: 'test_r2' is now called 'test_score'"]
    assert current_name("test_loss", "--sort") == "test_loss"
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("name", COMMITTED)
def test_committed_summaries_are_read_under_todays_names(name: str) -> None:
    summary = read_summary(ROOT / "results" / name)
    assert summary[[f"{score}_mean" for score in MEASURES]].notna().any(axis=None)
    assert not [column for column in summary if column in CURRENT]


def test_the_reference_page_is_what_the_code_declares() -> None:
    """To renew the page: `make docs`."""
    page = PAGE.read_text(encoding="utf-8")
    assert column_docs.replace_block(page) == page
    assert "| `validation_score` | number |" in page
    assert "| `chance_top_k` |" not in page


def test_a_page_without_the_two_marks_is_refused() -> None:
    for page in ("", column_docs.BEGIN, f"{column_docs.END} {column_docs.BEGIN}"):
        with pytest.raises(ValueError, match="columns: generated"):
            column_docs.replace_block(page)
