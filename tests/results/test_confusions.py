"""The confusion matrices of a results folder: which trial, which names, which numbers."""

from pathlib import Path

import pytest

from bnbench.report.tables import confusions
from bnbench.report.tables.confusions import confusions_table, matrices_table
from bnbench.results.results import Results
from bnbench.store import results_dir
from support.confused import CELLS, confused
from support.kept import Cells, compared


def test_each_variant_has_the_matrix_of_its_best_seed_at_its_best_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = confused(tmp_path, monkeypatch).confusions
    assert len(table) == 2 * 9
    wrong = table[(table["target"] == "0") & (table["predicted"] == "1")]
    columns = ["variant", "learning_rate", "seed", "rows", "share"]
    assert wrong[columns].values.tolist() == [["plain", 0.1, 1, 11, 11 / 31], ["batchnorm", 0.1, 0, 10, 10 / 30]]
    assert table.groupby("variant")["rows"].sum().tolist() == [100, 101]


def test_with_axes_it_is_at_the_values_with_the_highest_mean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    better: Cells = {"plain": [[0.8, 0.8], [0.99, 0.99]], "batchnorm": [[0.8, 0.8], [0.8, 0.8]]}
    table = confused(tmp_path, monkeypatch, CELLS, better).confusions
    chosen = table.drop_duplicates("variant")[["variant", "model.params.units", "seed"]]
    assert chosen.values.tolist() == [["plain", 5, 0], ["batchnorm", 4, 0]]


def test_classes_have_the_names_that_the_run_recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    confused(tmp_path, monkeypatch)
    names = ["a", "<b>", "c"]
    results_dir.write_text(tmp_path / results_dir.ENVIRONMENT, '{"data": {"digits": {"classes": ["a", "<b>", "c"]}}}')
    assert Results(tmp_path).confusions["predicted"].unique().tolist() == names
    # Names that do not fit are not used.
    results_dir.write_text(tmp_path / results_dir.ENVIRONMENT, '{"data": {"digits": {"classes": ["a"]}}}')
    assert Results(tmp_path).confusions["predicted"].unique().tolist() == ["0", "1", "2"]


def test_earlier_results_have_no_matrix_and_empty_cells(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS)
    assert results.confusions.empty
    assert confusions_table(results) is None
    assert matrices_table(results) is None
    assert results.trials[["test_macro_f1", "test_top_k", "validation_macro_f1"]].isna().all(axis=None)


def test_the_report_has_the_most_confused_pairs_and_the_whole_matrix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = confused(tmp_path, monkeypatch)
    pairs, matrix = confusions_table(results), matrices_table(results)
    assert pairs is not None
    assert matrix is not None
    # Pairs without rows are no confusion.
    assert [[cell.text for cell in row] for row in pairs.rows] == [
        ["plain", "0.1", "1", "0", "1", "11", "35.5%"],
        ["batchnorm", "0.1", "0", "0", "1", "10", "33.3%"],
    ]
    assert [cell.text for cell in matrix.rows[0]] == ["plain", "0", "20", "11", "0"]
    monkeypatch.setattr(confusions, "MAX_CLASSES", 2)
    assert matrices_table(results) is None


def test_the_top_k_of_the_config_is_a_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert confused(tmp_path / "two", monkeypatch, top_k=2).trials["test_top_k"].tolist() == [0.75] * 8
    five = Results(tmp_path / "two")
    assert five.top_k == 2
    assert confused(tmp_path / "five", monkeypatch).trials["test_top_k"].isna().all()
    assert five.trials["test_macro_f1"].tolist() == [0.5] * 8
