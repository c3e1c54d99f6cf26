import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bnbench.planning.trial import Fault, Result
from bnbench.report import write
from bnbench.report.exports import latex
from bnbench.results.results import Results
from bnbench.store import results_dir, store
from bnbench.store.privacy import folder_hint, without_paths
from support.examples import make_plan
from support.kept import end


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("No such file: '/home/alice/data/rows.csv'", "No such file: '…/rows.csv'"),
        (
            'File "/home/alice/.venv/lib/python3.11/site-packages/keras/src/layer.py", line 3',
            'File "…/keras/src/layer.py", line 3',
        ),
        (r"C:\Users\alice\rows.csv: damaged", "…/rows.csv: damaged"),
        ("loss 1/2 at 3 / 4, and/or 1e-3", "loss 1/2 at 3 / 4, and/or 1e-3"),
        ("see https://example.org/a/b", "see https://example.org/a/b"),
        ("results/leaf/config.yaml", "results/leaf/config.yaml"),
    ],
)
def test_absolute_paths_are_cut_and_the_rest_stays(text: str, shown: str) -> None:
    assert without_paths(text) == shown


def test_a_folder_is_named_relative_to_the_present_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert folder_hint(tmp_path / "data") == "data"
    assert folder_hint(tmp_path.parent / "elsewhere") == "…/elsewhere"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in a home, with a report and an export, of trials of which one failed with paths in its reason."""
    folder = tmp_path_factory.mktemp("home") / "secret-user" / "results" / "tiny"
    folder.mkdir(parents=True)
    plan = make_plan()
    fault = Fault(f"OSError: {folder}/x is gone", f'File "{folder}/y.py", line 1')
    with store.open_for_writing(folder) as opened:
        opened.set_plan(plan)
        for number, trial in enumerate(plan.trials):
            opened.add(Result(trial.id, "p", 57, fault=fault) if number == 0 else end(trial, 0.9))
    results_dir.write_text(folder / results_dir.CONFIG, plan.experiment.to_yaml())
    write.write_report(folder, ("png", "svg", "pdf"))
    exported = folder / "latex"
    exported.mkdir()
    latex.export(Results(folder), exported)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file; of the database also the text of each row."""
    found = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with closing(sqlite3.connect(folder / store.DATABASE)) as database:
        found["rows"] = "\n".join(database.iterdump()).encode()
    return found


def test_no_file_of_a_results_folder_names_its_folder_or_the_machine(shared: Path) -> None:
    # With the slash: the name of a folder alone, such as `root`, is a word, too.
    names = ["secret-user", str(shared), f"{Path.home()}/"]
    host = socket.gethostname()
    # Shorter names are in every binary file by chance.
    names += [host] if len(host) > 5 else []
    for file, data in contents(shared).items():
        for name in names:
            assert name.encode() not in data, (file, name)


def test_a_failed_trial_is_in_the_report_with_its_reason(shared: Path) -> None:
    page = (shared / "report.html").read_text()
    assert 'id="failed"' in page
    assert "OSError: …/x is gone" in page
    assert "## Failed trials" in (shared / "report.md").read_text()
