"""All tables as Parquet: values, types, missing values, and what the columns mean."""

import math
from pathlib import Path

import pandas as pd
import pytest

from bnbench.commands.open import open_results
from bnbench.results.results import Results
from support.kept import compared, keep

pyarrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")
# It imports pyarrow only when it is called, but its functions return tables of pyarrow.
from bnbench.report.exports.parquet import export, result_tables, to_arrow  # noqa: E402

CELLS = {"plain": [[0.8, "failed"], ["nonfinite", 0.9]], "batchnorm": [[0.9, 0.95], [0.9, 0.9]]}


def exported(results: Results, folder: Path) -> dict[str, "pyarrow.Table"]:
    folder.mkdir()
    return {path.stem: parquet.read_table(path) for path in export(results, folder)}


def test_every_table_is_a_file_with_its_rows(tmp_path: Path) -> None:
    results = compared(tmp_path / "results", CELLS)
    tables = exported(results, tmp_path / "out")
    assert list(tables) == list(result_tables(results))
    assert all(hasattr(results, name) for name in tables)
    assert {name: table.num_rows for name, table in tables.items() if name in ("trials", "summary", "claims")} == {
        "trials": 8, "summary": 4, "claims": 0,
    }  # fmt: skip
    assert tables["claims"].column_names[:3] == ["text", "source", "basis"]


def test_numbers_are_equal_and_a_missing_one_is_null(tmp_path: Path) -> None:
    results = compared(tmp_path / "results", CELLS)
    trials = exported(results, tmp_path / "out")["trials"]
    assert trials["learning_rate"].to_pylist() == results.trials["learning_rate"].tolist()
    losses = dict(zip(trials["outcome"].to_pylist(), trials["test_loss"].to_pylist(), strict=True))
    assert losses["nonfinite"] is None
    assert trials.schema.field("diverged_at_step").type == pyarrow.int64()
    pd.testing.assert_series_equal(
        trials.to_pandas()["validation_score"], results.trials["validation_score"], check_names=True
    )


def test_an_infinite_number_stays_infinite() -> None:
    table = to_arrow("learning_curves", pd.DataFrame({"epochs_to_target_median": [math.inf, math.nan, 2.0]}))
    assert table["epochs_to_target_median"].to_pylist() == [math.inf, None, 2.0]


def test_the_schema_has_units_meanings_and_the_version(tmp_path: Path) -> None:
    trials = exported(compared(tmp_path / "results", CELLS), tmp_path / "out")["trials"]
    assert trials.schema.field("seconds_per_step").metadata == {
        b"meaning": b"median time of a training step after warm-up",
        b"unit": b"s",
    }
    assert trials.schema.metadata[b"bnbench_table"] == b"trials"
    assert b"bnbench_version" in trials.schema.metadata


def test_an_axis_that_mixes_numbers_and_words_becomes_words() -> None:
    table = to_arrow("trials", pd.DataFrame({"train.batch_size": pd.Series([32, "full"], dtype=object)}))
    assert table["train.batch_size"].to_pylist() == ["32", "full"]


def test_results_without_any_trial_are_exported(tmp_path: Path) -> None:
    tables = exported(open_results(keep(tmp_path / "results", [])), tmp_path / "out")
    assert tables["trials"].num_rows == 0
