"""Results that earlier versions wrote are read as they were written, and a run brings them up to date.

tests/store/stored_formats has a results folder for each format of trials.db, and a README that says how each was made.
"""

import hashlib
import shutil
import sqlite3
import zlib
from contextlib import closing
from io import StringIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bnbench
from bnbench.analysis.columns import rename_former
from bnbench.execution import progress
from bnbench.report import write
from bnbench.store import database, store
from support.fixed_versions import fix_versions

STORED = Path(__file__).parent / "stored_formats"
FORMATS = sorted(int(folder.name.removeprefix("format-")) for folder in STORED.glob("format-*"))
FILES = {"trials.db", "config.yaml", "environment.json"}
TABLES = ("trials", "history", "summary")
# The first format that has a column of trials.
COLUMN_SINCE = {
    "bn_mode_gap": 2,
    "prediction_share": 3, "majority_share": 3, "dead_share": 3, "dead_layer": 3,
    "fitted_loss": 4, "fitted_score": 4,
    "gradient_growth": 5,
}  # fmt: skip
PERCENTILES_SINCE, MEASUREMENTS_SINCE, SOURCES_SINCE = 7, 8, 9
# Columns of the database that Results.trials does not have.
NOT_SHOWN = {
    "id",
    "program",
    "divergence",
    "reason",
    "traceback",
    "step_losses",
    "checksum",
    "pre_activations",
    "source",
}
# Variant, hidden layers, learning rate; the same for both seeds and in all formats.
OUTCOMES = {
    ("plain", 1, 0.1): "ok", ("plain", 1, 1000.0): "blown",
    ("plain", 9, 0.1): "chance", ("plain", 9, 1000.0): "nonfinite",
    ("batchnorm", 1, 0.1): "ok", ("batchnorm", 1, 1000.0): "nonfinite",
    ("batchnorm", 9, 0.1): "chance", ("batchnorm", 9, 1000.0): "nonfinite",
}  # fmt: skip


@pytest.fixture(params=FORMATS)
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def folder(tmp_path: Path, version: int) -> Path:
    return copy_stored(version, tmp_path)


def copy_stored(version: int, to: Path) -> Path:
    """Copy what a version wrote, without the tables that a test expects of it."""
    folder = to / "formats"
    shutil.copytree(STORED / f"format-{version}", folder, ignore=shutil.ignore_patterns("expected"))
    return folder


def query(folder: Path, statement: str) -> pd.DataFrame:
    """Return what SQLite itself reads, without any code of bnbench."""
    uri = f"{(folder / 'trials.db').as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return pd.read_sql_query(statement, connection)


def format_of(folder: Path) -> int:
    return int(query(folder, "PRAGMA user_version").iloc[0, 0])


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "trials.db").read_bytes()).hexdigest()


def as_read(text: str) -> pd.DataFrame:
    """Return a table of any version under the column names of this one."""
    return rename_former(pd.read_csv(StringIO(text)))


def assert_same(actual: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Compare two tables as CSV, where a missing value is an empty cell whatever its type in memory was."""
    ours, theirs = (as_read(table.to_csv(index=False)) for table in (actual, expected))
    # Means may differ in their last bit between releases of pandas.
    pd.testing.assert_frame_equal(ours, theirs, check_dtype=False, rtol=1e-12, atol=0)


def test_each_format_has_a_folder_that_its_own_version_wrote() -> None:
    assert list(range(1, database.FORMAT + 1)) == FORMATS
    for version in FORMATS:
        folder = STORED / f"format-{version}"
        assert format_of(folder) == version
        assert {path.name for path in folder.iterdir()} == FILES | {"expected"}
        assert sum(path.stat().st_size for path in folder.rglob("*")) < 70_000


@pytest.mark.parametrize("name", TABLES)
def test_tables_have_the_expected_values(folder: Path, version: int, name: str) -> None:
    expected = as_read((STORED / f"format-{version}" / "expected" / f"{name}.csv").read_text(encoding="utf-8"))
    table = getattr(bnbench.open(folder), name)
    assert_same(table[list(expected.columns)], expected)


def test_tables_have_the_values_of_the_database(folder: Path) -> None:
    results = bnbench.open(folder)
    trials = query(folder, "SELECT trials.* FROM plan JOIN trials ON trials.id = plan.trial ORDER BY plan.number")
    shown = [column for column in trials.columns if column not in NOT_SHOWN]
    assert_same(results.trials[list(rename_former(trials[shown]).columns)], trials[shown])
    plan = query(folder, "SELECT trial, variant, learning_rate, seed FROM plan ORDER BY number")
    assert_same(results.trials[list(plan.columns)], plan)
    history = query(
        folder, "SELECT history.* FROM plan JOIN history ON history.trial = plan.trial ORDER BY plan.number, epoch"
    )
    assert_same(results.history[list(rename_former(history).columns)], history)


def test_measurements_are_those_that_the_format_stored(folder: Path, version: int) -> None:
    results = bnbench.open(folder)
    names = ["position_squared", "validation_loss_again"]
    tables = [results.measurements(name).assign(name=name) for name in names]
    if version < MEASUREMENTS_SINCE:
        assert all(table.empty for table in tables)
        return
    expected = (STORED / f"format-{version}" / "expected" / "measurements.csv").read_text(encoding="utf-8")
    assert_same(pd.concat(tables), as_read(expected))
    squares = tables[0]
    assert len(squares) > len(results.trials)
    assert squares["value"].tolist() == (squares["position"] ** 2).tolist()


def test_step_losses_are_those_of_the_database(folder: Path) -> None:
    stored = query(folder, "SELECT id, steps, step_losses FROM trials")
    with store.open_for_reading(folder) as opened:
        for row in stored.itertuples():
            losses = np.frombuffer(zlib.decompress(row.step_losses), "<f4")
            assert len(losses) == row.steps
            assert np.array_equal(opened.step_losses(row.id), losses, equal_nan=True)
    last = stored.iloc[-1]
    losses = bnbench.open(folder).step_losses(last["id"])
    assert losses.shape == (last["steps"],)
    assert np.array_equal(losses, np.frombuffer(zlib.decompress(last["step_losses"]), "<f4"), equal_nan=True)


def test_columns_that_a_format_did_not_have_are_empty(folder: Path, version: int) -> None:
    results = bnbench.open(folder)
    for column, since in COLUMN_SINCE.items():
        known = results.trials[column].notna()
        assert known.any() if version >= since else not known.any(), column
    percentiles = [column for column in results.history.columns if column.startswith("pre_activation")]
    assert len(percentiles) == (3 if version >= PERCENTILES_SINCE else 0)
    assert results.history[percentiles].loc[results.history["epoch"] > 0].notna().any(axis=None) == bool(percentiles)


def test_outcomes_are_the_same_in_every_format(folder: Path) -> None:
    table = bnbench.open(folder).trials
    keys = zip(table["variant"], table["model.params.depth"], table["learning_rate"], strict=True)
    assert table["outcome"].tolist() == [OUTCOMES[key] for key in keys]
    assert len(table) == 2 * len(OUTCOMES)


def test_reading_changes_no_byte(folder: Path) -> None:
    before = digest(folder)
    results = bnbench.open(folder)
    for table in (results.trials, results.history, results.summary, results.variants, results.diagnoses):
        assert len(table)
    assert results.experiment is not None
    assert results.environment["packages"]["bnbench"] == "0.1.0"
    assert digest(folder) == before
    assert {path.name for path in folder.iterdir()} == FILES


def test_a_report_changes_no_byte(tmp_path: Path) -> None:
    folder = copy_stored(1, tmp_path)
    before = digest(folder)
    assert (folder / "report.html") in write.write_report(folder, kinds=["png"])
    assert digest(folder) == before
    assert_same(as_read((folder / "trials.csv").read_text(encoding="utf-8")), bnbench.open(folder).trials)


def test_opening_for_writing_migrates_and_keeps_all_trials(folder: Path) -> None:
    before = bnbench.open(folder)
    with store.open_for_writing(folder) as opened:
        assert set(opened.states().values()) == {"completed", "diverged"}
    assert format_of(folder) == database.FORMAT
    after = bnbench.open(folder)
    for name in TABLES:
        assert_same(getattr(after, name), getattr(before, name))


class Counting(progress.SilentProgress):
    """Note how many trials a run wants to train."""

    todo = -1

    def begin(self, plan: object, todo: int, jobs: object) -> None:
        self.todo = todo


def test_a_run_finds_every_trial_of_format_1_and_brings_it_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix_versions(monkeypatch)
    folder = copy_stored(1, tmp_path)
    before, counting = bnbench.open(folder), Counting()
    after = bnbench.run(folder / "config.yaml", results_dir=tmp_path, offline=True, jobs=0, watcher=counting)
    assert counting.todo == 0
    assert format_of(folder) == database.FORMAT
    for name in TABLES:
        assert_same(getattr(after, name), getattr(before, name))


def test_where_a_trial_was_trained_is_known_since_format_9(folder: Path, version: int) -> None:
    sources = bnbench.open(folder).sources
    assert list(sources.columns) == ["trial", "part", "host", "processor", "device", "threads", "kind", "commit"]
    if version < SOURCES_SINCE:
        assert sources.drop(columns="trial").isna().all(axis=None)
    else:
        assert set(sources["host"]) == {"laptop"}
        assert set(sources["kind"]) == {1}
        assert set(sources["threads"]) == {1}
