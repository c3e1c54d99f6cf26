"""A run with `--portable` says so with each trial, and the next run goes on in the same way."""

from pathlib import Path

import pytest

from bnbench.commands.experiment import ExperimentRequest, TrainingOptions
from bnbench.commands.reproduce import ReproduceRequest, reproduce_experiments
from bnbench.commands.run import run_experiment
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError, ResultsError
from bnbench.execution.progress import SilentProgress
from bnbench.results.results import Results
from support.examples import values
from support.quick import write_no_report


@pytest.fixture(autouse=True)
def _no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    write_no_report(monkeypatch)


def train(results_dir: Path, portable: bool | None, mixed: bool = False, **more: object) -> Results:
    layers = ["flatten", *values()["model"]["layers"]]
    # Each of these runs starts a worker and compiles with XLA, so there is one variant.
    config = values(train__epochs=1, model__layers=layers, variants={"batchnorm": {"norm": "batch"}}, **more)
    request = ExperimentRequest(config, results_dir=results_dir)
    return run_experiment(request, training=TrainingOptions(jobs=1, portable=portable, mixed=mixed))


def test_portable_trials_are_continued_as_they_are(tmp_path: Path) -> None:
    results = train(tmp_path, True, sweep__seeds=1)
    assert [kind.portable for kind in results.machine_kinds] == [True]
    assert results.environment["portable"] is True
    assert results.environment["instructions"] == "AVX2"
    # Nobody has to remember how the first ones were trained.
    results = train(tmp_path, None)
    assert [kind.portable for kind in results.machine_kinds] == [True]
    assert len(results.trials) == 4
    with pytest.raises(ResultsError, match=r"trained with --portable, whose last bits differ: add --portable"):
        train(tmp_path, False, sweep__seeds=3)
    results = train(tmp_path, False, mixed=True, sweep__seeds=3)
    assert {kind.portable for kind in results.machine_kinds} == {True, False}
    # In a folder with both, nothing is portable by itself.
    with pytest.raises(ResultsError, match="--portable"):
        train(tmp_path, None, sweep__seeds=4)


def test_a_graph_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--portable: batchnorm: the engine is graph"):
        train(tmp_path, True, train__engine="graph")
    assert not list(tmp_path.iterdir())


def test_reproduce_repeats_as_the_trials_were_trained(tmp_path: Path) -> None:
    configs, results_dir = tmp_path / "configs", tmp_path / "results"
    configs.mkdir()
    results = train(results_dir, True, sweep__seeds=1)
    text = (results.folder / "config.yaml").read_text(encoding="utf-8")
    (configs / "tiny.yaml").write_text(text.replace("seeds: 1", "seeds: 2"), encoding="utf-8")
    request = ReproduceRequest(("tiny",), configs, results_dir, DataDirs(), jobs=1)
    assert not reproduce_experiments(request, SilentProgress, lambda line: None).failed
    again = Results(results.folder)
    assert [kind.portable for kind in again.machine_kinds] == [True]
    assert len(again.trials) == 4
