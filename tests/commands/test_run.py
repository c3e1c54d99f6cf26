import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import bnbench
from bnbench.commands import run
from bnbench.commands.experiment import ExperimentRequest, TrainingOptions
from bnbench.config.load import check_config
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError
from bnbench.execution import sweep
from support.examples import make_plan, values
from support.paths import ROOT


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[ExperimentRequest]:
    """The requests that `bnbench.run` makes. None of them is run."""
    made: list[ExperimentRequest] = []

    def record(request: ExperimentRequest, *others: Any) -> None:
        made.append(request)

    monkeypatch.setattr(run, "run_experiment", record)
    return made


def test_run_makes_a_request(requests: list[ExperimentRequest], caplog: pytest.LogCaptureFixture) -> None:
    bnbench.run("a.yaml", {"train.epochs": 2}, results_dir="there", data_dir="data", offline=True, smoke=True)
    (request,) = requests
    assert (request.config, request.overrides) == (Path("a.yaml"), {"train.epochs": 2})
    assert (request.results_dir, request.smoke) == (Path("there"), True)
    assert (request.data_dirs.data_dir, request.data_dirs.offline) == (Path("data"), True)
    assert caplog.text == ""


def test_run_passes_on_what_to_add_to_the_sweep(requests: list[ExperimentRequest]) -> None:
    bnbench.run("a.yaml", {"sweep.seeds+": 2}, also={"learning_rate": 0.3})
    assert (requests[0].overrides, requests[0].also) == ({"sweep.seeds+": 2}, {"learning_rate": 0.3})


def test_run_takes_a_dict_or_an_experiment_as_it_is(requests: list[ExperimentRequest]) -> None:
    config = values()
    bnbench.run(config)
    experiment = check_config(config, "config")
    bnbench.run(experiment)
    assert [request.config for request in requests] == [config, experiment]


def test_the_old_argument_results_works_with_a_note(
    requests: list[ExperimentRequest], caplog: pytest.LogCaptureFixture
) -> None:
    bnbench.run("a.yaml", results="old")
    assert requests[0].results_dir == Path("old")
    assert "`results` is now called `results_dir`" in caplog.text


def test_importing_bnbench_imports_no_library_and_sets_no_variable() -> None:
    code = (
        "import os, sys; before = dict(os.environ); import bnbench; "
        "print(dict(os.environ) == before, sorted({'click', 'numpy', 'pandas', 'tensorflow'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout == "True []\n"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[DataDirs]:
    """Return where the data are of each worker that is started ahead. None is started."""
    places: list[DataDirs] = []

    @contextmanager
    def start(data_dirs: DataDirs, portable: bool) -> Iterator[None]:
        places.append(data_dirs)
        yield

    monkeypatch.setattr(run, "worker_ahead", start)
    return places


def test_a_worker_starts_ahead_only_if_there_is_something_to_train(tmp_path: Path, started: list[DataDirs]) -> None:
    request = ExperimentRequest(values(), results_dir=tmp_path)
    with run.start_ahead(request, TrainingOptions(jobs=0)):
        assert not started
    with run.start_ahead(request, TrainingOptions()):
        assert started == [request.places]
    (tmp_path / "tiny").mkdir()
    with run.start_ahead(request, TrainingOptions(jobs=2)):
        assert len(started) == 1


def test_no_worker_starts_ahead_for_a_wrong_experiment(tmp_path: Path, started: list[DataDirs]) -> None:
    with pytest.raises(ConfigError, match=r"train\.epochs"):
        run.run_experiment(ExperimentRequest(values(train__epochs=0), results_dir=tmp_path))
    assert not started


class PlannedError(Exception):
    """A run has planned its trials and would train them."""


@pytest.mark.parametrize(
    ("device", "card", "refused"),
    [
        (None, "", True),
        ("cpu", "", True),
        # The results folder has recorded the card.
        (None, "NVIDIA H100 80GB HBM3", False),
        ("gpu", "NVIDIA H100 80GB HBM3", False),
        # There may be no card.
        ("auto", "", False),
    ],
)
def test_several_jobs_for_each_card_need_a_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, device: str | None, card: str, refused: bool
) -> None:
    def stop(*_: Any) -> None:
        raise PlannedError

    plan = make_plan()
    on_card = tuple(replace(one, program=replace(one.program, device=card)) for one in plan.cohorts)
    monkeypatch.setattr(run, "plan_experiment", lambda *_, **__: (replace(plan, cohorts=on_card), tmp_path))
    monkeypatch.setattr(run, "start_ahead", lambda *_: nullcontext())
    monkeypatch.setattr(sweep, "run_sweep", stop)
    request = ExperimentRequest(values(), results_dir=tmp_path, device=device)
    with pytest.raises(PlannedError):
        run.run_experiment(request, training=TrainingOptions(jobs_per_card=1))
    expected = (
        pytest.raises(ConfigError, match=r"^--jobs-per-gpu: no graphics card")
        if refused
        else pytest.raises(PlannedError)
    )
    with expected:
        run.run_experiment(request, training=TrainingOptions(jobs_per_card=3))
