"""The formats of `bnbench export`: how they are found, and what is refused."""

from pathlib import Path

import pytest
from click.testing import CliRunner

import bnbench.report.exports
from bnbench.cli.main import main
from bnbench.commands import export
from bnbench.commands.export import FORMATS, ExportFormat, export_results
from bnbench.errors import BnbenchError, ResultsError
from support.kept import keep

COUNT = '''
"""The number of trials as a text file."""


def export(results, folder):
    path = folder / "count.txt"
    path.write_text(str(len(results.trials)), encoding="utf-8")
    return [path]
'''


def test_a_new_format_is_one_module_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "count.py").write_text(COUNT, encoding="utf-8")
    exports = bnbench.report.exports
    monkeypatch.setattr(exports, "__path__", [*exports.__path__, str(tmp_path)])
    monkeypatch.setattr(export, "FORMATS", {**FORMATS, "count": ExportFormat("The number of trials.")})
    folder = keep(tmp_path / "results", [0.9, 0.8])
    assert export_results(folder, {"count": tmp_path / "a" / "b"}) == [tmp_path / "a" / "b" / "count.txt"]
    assert (tmp_path / "a" / "b" / "count.txt").read_text(encoding="utf-8") == "2"


def test_a_missing_package_is_named_with_its_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "FORMATS", {"parquet": ExportFormat("Tables.", "no_such_package")})
    with pytest.raises(
        BnbenchError, match=r"^--parquet needs no_such_package: run `pip install 'bnbench\[parquet\]'`$"
    ):
        export_results(tmp_path, {"parquet": tmp_path})


def test_an_unknown_format_suggests_a_known_one(tmp_path: Path) -> None:
    with pytest.raises(BnbenchError, match="did you mean 'parquet'"):
        export_results(tmp_path, {"parket": tmp_path})


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "FORMATS", {"parquet": ExportFormat("Tables.")})
    (tmp_path / "file").touch()
    folder = keep(tmp_path / "results", [0.9])
    with pytest.raises(ResultsError, match=r"^--parquet: .*file/tables: cannot be made"):
        export_results(folder, {"parquet": tmp_path / "file" / "tables"})


def test_the_command_wants_a_format(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["export", str(keep(tmp_path, [0.9]))])
    assert done.exit_code == 2
    assert all(f"--{name} DIR" in done.stderr for name in FORMATS)
