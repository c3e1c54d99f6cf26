"""The notebooks of the documentation work. Training is replaced by made-up trials, and everything else is real."""

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import pytest
from matplotlib import pyplot

from bnbench.config.networks import network_file
from bnbench.execution import sweep
from bnbench.execution.sweep import SweepOptions
from bnbench.model.network_json import write_network
from bnbench.planning.plan import Plan
from bnbench.store import results_dir, store
from support.kept import end
from support.paths import ROOT
from support.quick import write_no_report

DOCS = ROOT / "docs"
NOTEBOOKS = sorted(DOCS.glob("**/*.ipynb"))
# How the trials of one seed end, from the lowest learning rate to the highest.
ENDS = (0.6, 0.9, 0.95, "nonfinite")


@cache
def cells(path: Path, kind: str) -> list[str]:
    """Return the text of each cell of a kind: `code` or `markdown`."""
    read = json.loads(path.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in read["cells"] if cell["cell_type"] == kind]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Store made-up trials instead of training; return how many trials each run added."""
    added: list[int] = []

    def store_made_up(plan: Plan, options: SweepOptions) -> None:
        stored = sweep.stored_states(options.folder)
        rates = plan.experiment.sweep.rates()
        with store.open_for_writing(options.folder) as opened:
            opened.set_plan(plan)
            new = [trial for trial in plan.trials if trial.id not in stored]
            for trial in new:
                opened.add(end(trial, ENDS[rates.index(trial.learning_rate) % len(ENDS)]))
        results_dir.write_text(options.folder / results_dir.CONFIG, plan.experiment.to_yaml())
        for variant, network in plan.networks.items():
            results_dir.write_text(options.folder / network_file(variant), write_network(network))
        options.finish(options.folder)
        added.append(len(new))

    monkeypatch.setattr(sweep, "run_sweep", store_made_up)
    return added


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in an empty folder, and draw no windows."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BNBENCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    matplotlib.use("agg")
    pyplot.close("all")
    yield
    pyplot.close("all")


def run_cells(path: Path) -> dict[str, Any]:
    """Run the cells of a notebook one after the other, show the last value of each, and return the variables."""
    variables: dict[str, Any] = {}
    for number, source in enumerate(cells(path, "code"), start=1):
        tree = ast.parse(source)
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"{path.name}, cell {number}", "exec"), variables)  # noqa: S102
        if isinstance(last, ast.Expr):
            shown = eval(compile(ast.Expression(last.value), f"{path.name}, cell {number}", "eval"), variables)  # noqa: S307
            getattr(shown, "_repr_html_", lambda value=shown: repr(value))()
    return variables


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["notebook.ipynb", "own-network.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_in_git_has_no_outputs(path: Path) -> None:
    read = json.loads(path.read_text(encoding="utf-8"))
    assert (read["nbformat"], read["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in read["cells"]}) == len(read["cells"])
    code = [cell for cell in read["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_links_of_a_notebook_lead_to_files(path: Path) -> None:
    links = [link for text in cells(path, "markdown") for link in re.findall(r"\]\(([^()\s]+)\)", text)]
    assert [link for link in links if not re.match(r"[a-z]+:", link) and not (path.parent / link).is_file()] == []


def test_the_notebook_of_results_works(
    trained: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_no_report(monkeypatch)
    variables = run_cells(DOCS / "how-to" / "notebook.ipynb")
    # Three seeds, then one more.
    assert trained == [24, 8]
    assert len(variables["results"].trials) == 32
    assert len(pyplot.get_fignums()) == 3
    assert Path("differences.pdf").is_file()
    assert r"\label{tab:digits}" in capsys.readouterr().out


def test_the_notebook_of_own_networks_works(
    trained: list[int], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from bnbench.training.threads import use_threads

    write_no_report(monkeypatch)
    # Other tests train in this process, which can set this only before TensorFlow computes.
    use_threads(1)
    variables = run_cells(DOCS / "how-to" / "own-network.ipynb")
    # Three variants at five rates with three seeds, one seed more, and two variants at three rates with two seeds.
    assert trained == [45, 15, 12]
    assert len(variables["results"].trials) == 12
    assert "network: model-groups.json" in capsys.readouterr().out
