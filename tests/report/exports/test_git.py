"""What a repository can hold: the report and its pictures, all numbers, and nothing else."""

import lzma
from pathlib import Path

import pandas as pd
import pytest

from bnbench.commands.export import export_results
from bnbench.errors import ResultsError
from bnbench.report.exports import git
from bnbench.report.write import write_report
from bnbench.results import digest
from bnbench.results.results import Results
from support.kept import compared

CELLS = {"plain": [[0.8, "failed"], ["nonfinite", 0.9]], "batchnorm": [[0.9, 0.95], [0.9, 0.9]]}


def exported(folder: Path, target: Path) -> list[str]:
    return [path.relative_to(target).as_posix() for path in export_results(folder, {"git": target})]


def test_report_pictures_and_tables_are_there_and_no_database(tmp_path: Path) -> None:
    folder, target = compared(tmp_path / "results", CELLS).folder, tmp_path / "in" / "git"
    written = exported(folder, target)
    assert sorted(written) == sorted(
        path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()
    )
    assert {"config.yaml", "report.md", "run.json", "trials.csv", "summary.csv", "history.csv.xz"} <= {*written}
    assert not {"trials.db", "report.html", "history.csv"} & {*written}
    page = (target / "report.md").read_text()
    assert [name for name in written if name.startswith("plots/")] == list(
        dict.fromkeys(git.SHOWN_PICTURE.findall(page))
    )
    found = digest.read_digest(target)
    assert found is not None
    assert (found.ended, found.failed) == (7, 1)


def test_pandas_reads_every_number_of_the_history_and_the_trials(tmp_path: Path) -> None:
    folder, target = compared(tmp_path / "results", CELLS).folder, tmp_path / "git"
    exported(folder, target)
    results = Results(folder)
    history = pd.read_csv(target / "history.csv.xz")
    assert history["validation_score"].tolist() == pytest.approx(
        results.history["validation_score"].tolist(), nan_ok=True
    )
    assert pd.read_csv(target / "trials.csv")["trial"].tolist() == results.trials["trial"].tolist()


def test_in_place_it_only_adds_the_packed_history(tmp_path: Path) -> None:
    folder = compared(tmp_path / "results", CELLS).folder
    write_report(folder)
    before = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    written = exported(folder, folder)
    after = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert after - before == {"history.csv.xz"}
    assert before - after == set()
    assert {*written} <= after


def test_what_an_earlier_export_wrote_and_this_one_does_not_is_removed(tmp_path: Path) -> None:
    folder, target = compared(tmp_path / "results", CELLS).folder, tmp_path / "git"
    exported(folder, target)
    earlier, own = ("claims.csv", "model-old.json", "plots/rates-7.png"), ("notes.txt", "plots/my-own.png")
    for name in (*earlier, *own):
        (target / name).write_text("old")
    exported(folder, target)
    assert [name for name in (*earlier, *own) if (target / name).exists()] == [*own]


def test_a_folder_without_an_earlier_export_keeps_what_it_has(tmp_path: Path) -> None:
    folder, target = compared(tmp_path / "results", CELLS).folder, tmp_path / "git"
    (target / "plots").mkdir(parents=True)
    names = ("claims.csv", "model-of-mine.json", "plots/rates-7.png")
    for name in names:
        (target / name).write_text("mine")
    # Of another program.
    (target / "run.json").write_text('{"my": 1}')
    exported(folder, target)
    assert all((target / name).read_text() == "mine" for name in names)


def test_a_folder_of_pictures_that_is_a_link_is_refused(tmp_path: Path) -> None:
    folder, target = compared(tmp_path / "results", CELLS).folder, tmp_path / "git"
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim" / "rates.png").write_text("mine")
    target.mkdir()
    (target / "plots").symlink_to(tmp_path / "victim")
    with pytest.raises(ResultsError, match="plots: a link"):
        exported(folder, target)
    assert (tmp_path / "victim" / "rates.png").read_text() == "mine"


def test_a_link_in_the_target_is_replaced_and_its_file_stays(tmp_path: Path) -> None:
    folder, target = compared(tmp_path / "results", CELLS).folder, tmp_path / "git"
    target.mkdir()
    (tmp_path / "victim").write_text("mine")
    (target / "trials.csv").symlink_to(tmp_path / "victim")
    exported(folder, target)
    assert (tmp_path / "victim").read_text() == "mine"
    assert (target / "trials.csv").read_bytes() == (folder / "trials.csv").read_bytes()


def test_a_history_that_is_too_large_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    folder, target = compared(tmp_path / "results", CELLS).folder, tmp_path / "git"
    exported(folder, target)
    assert lzma.decompress((target / "history.csv.xz").read_bytes()) == (folder / "history.csv").read_bytes()
    monkeypatch.setattr(git, "MAX_PACKED", 100)
    assert "history.csv.xz" not in exported(folder, target)
    assert not (target / "history.csv.xz").exists()
    assert "history.csv.xz: left out, because it has" in caplog.text
