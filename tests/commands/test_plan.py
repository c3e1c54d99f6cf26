from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from bnbench.commands.experiment import ExperimentRequest, chosen_part, plan_experiment
from bnbench.commands.plan import check_plan, make_overview, trial_rows
from bnbench.data import access
from bnbench.errors import ConfigError
from bnbench.planning.part import Part
from bnbench.store import store
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, values
from support.kept import keep
from support.keras_alone import skip_checks_of_the_file
from support.stored import end


@pytest.fixture
def request_(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExperimentRequest:
    """A request for the experiment `tiny` on made-up data."""
    monkeypatch.setattr(access, "dataset_info", lambda settings, places, download=False: facts())
    config = tmp_path / "tiny.yaml"
    config.write_text(yaml.safe_dump(values(), sort_keys=False), encoding="utf-8")
    return ExperimentRequest(config, results_dir=tmp_path / "results")


def test_without_results_every_trial_is_new(request_: ExperimentRequest, tmp_path: Path) -> None:
    overview = make_overview(request_)
    assert overview.states == {}
    assert len(overview.plan.trials) == 8
    assert overview.step_seconds == {}
    assert overview.jobs >= 1
    assert not (tmp_path / "results").exists()


def test_the_states_are_those_of_the_stored_trials(request_: ExperimentRequest, tmp_path: Path) -> None:
    keep(tmp_path / "results" / "tiny", [0.8, "nonfinite", "failed"])
    rows = list(trial_rows(make_overview(request_)))
    assert [row["state"] for row in rows] == ["completed", "diverged", "failed", *["new"] * 5]
    assert rows[0]["variant"] == "plain"
    assert rows[0]["axes"] == {}


@pytest.fixture
def checked_request(request_: ExperimentRequest, monkeypatch: pytest.MonkeyPatch) -> ExperimentRequest:
    use_threads(1)
    monkeypatch.setattr(access, "load_planned", lambda settings, places, planned: dataset(planned))
    return request_


def test_each_distinct_model_is_checked_once(checked_request: ExperimentRequest, tmp_path: Path) -> None:
    request = replace(checked_request, overrides={"sweep.grid": {"train.epochs": [1, 2, 3]}})
    overview = make_overview(request)
    assert len(overview.plan.cohorts) == 6
    assert check_plan(overview.plan, request.data_dirs) == 2
    assert not (tmp_path / "results").exists()


def test_what_keras_rejects_is_an_error_with_the_key(
    checked_request: ExperimentRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_checks_of_the_file(monkeypatch)
    wrong = {"train.optimizer": {"sgd": {"gradient_accumulation_steps": 1}}}
    overview = make_overview(replace(checked_request, overrides=wrong))
    with pytest.raises(ConfigError, match=r"^-o train.optimizer=.*: SGD: `gradient_accumulation_steps` must be"):
        check_plan(overview.plan, checked_request.data_dirs)


def test_a_part_keeps_its_recorded_overlap(request_: ExperimentRequest, tmp_path: Path) -> None:
    request = replace(request_, overrides={"sweep.seeds": 4}, part=Part(2, 3))
    plan, folder = plan_experiment(request)
    with store.open_for_writing(folder) as opened:
        opened.set_plan(plan)
        opened.set_part(Part(2, 3, 1))
        for number in range(0, len(plan.trials), 2):
            opened.add(end(plan, number, 0.6))
    assert folder.name == "tiny-part-2-of-3"
    assert chosen_part(request, plan, folder) == Part(2, 3, 1)
    assert {trial.seed for trial in make_overview(request).plan.trials} == {0, 1}
    assert chosen_part(replace(request, part=Part(2, 3, 2)), plan, folder) == Part(2, 3, 2)
    assert chosen_part(replace(request, part=Part(1, 3)), plan, folder) == Part(1, 3)
    assert chosen_part(request, plan, tmp_path / "nothing") == Part(2, 3)
    fewer, _ = plan_experiment(replace(request, overrides={"sweep.seeds": 3}))
    with store.open_for_writing(folder) as opened:
        opened.set_part(Part(2, 3, 4))
    assert chosen_part(request, fewer, folder) == Part(2, 3, 3)
