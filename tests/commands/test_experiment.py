from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from bnbench.commands.experiment import ExperimentRequest, plan_experiment
from bnbench.config.load import ConfigSource
from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError
from bnbench.planning.part import Part
from support.examples import facts, values


@pytest.fixture
def data_dirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataDirs:
    """Every data set has the same description."""
    monkeypatch.setattr(access, "dataset_info", lambda settings, places, download: facts())
    return DataDirs(cache_dir=tmp_path)


def trials_of(config: ConfigSource, data_dirs: DataDirs, smoke: bool) -> list[str]:
    request = ExperimentRequest(config, {"train.epochs": 2}, data_dirs, Path("there"), smoke)
    plan, folder = plan_experiment(request)
    assert folder == Path("there") / ("tiny-smoke" if smoke else "tiny")
    return [trial.id for trial in plan.trials]


@pytest.mark.parametrize("smoke", [False, True])
def test_a_dict_and_a_file_have_the_same_trials(tmp_path: Path, data_dirs: DataDirs, smoke: bool) -> None:
    file = tmp_path / "tiny.yaml"
    file.write_text(yaml.safe_dump(values(), sort_keys=False), encoding="utf-8")
    config = values(sweep__learning_rate=np.array([0.01, 0.1]), sweep__seeds=range(2))
    assert trials_of(config, data_dirs, smoke) == trials_of(file, data_dirs, smoke)


def test_a_smoke_run_of_a_part_keeps_as_many_seeds_as_there_are_parts(data_dirs: DataDirs) -> None:
    config = values(sweep__seeds=[7, 8, 9, 10, 11], sweep__learning_rate=[0.1, 0.2])
    request = ExperimentRequest(config, {}, data_dirs, smoke=True)
    parts = [Part(number, 3) for number in (1, 2, 3)]
    planned = [plan_experiment(replace(request, part=part)) for part in parts]
    assert [folder.name for _, folder in planned] == [f"tiny-smoke-part-{number}-of-3" for number in (1, 2, 3)]
    trials = [list(plan.of_part(part).trials) for (plan, _), part in zip(planned, parts, strict=True)]
    assert [{trial.seed for trial in some} for some in trials] == [{0}, {1}, {2}]
    # Together they are the trials of the experiment that each results folder records.
    cut = planned[0][0].experiment
    assert cut.sweep.seed_list() == [0, 1, 2]
    whole, _ = plan_experiment(ExperimentRequest(cut, {}, data_dirs))
    assert {trial.id: trial.number for some in trials for trial in some} == {t.id: t.number for t in whole.trials}
    # The first seed has the ids of a smoke run without parts.
    alone, _ = plan_experiment(request)
    assert {trial.id for trial in trials[0]} == {trial.id for trial in alone.trials}


def test_a_smoke_run_of_a_part_needs_enough_seeds_in_the_experiment(data_dirs: DataDirs) -> None:
    request = ExperimentRequest(values(sweep__seeds=2), {}, data_dirs, smoke=True)
    plan, _ = plan_experiment(replace(request, part=Part(1, 2, overlap=2)))
    assert {trial.seed for trial in plan.trials} == {0, 1}
    with pytest.raises(ConfigError, match=r"found 1/3, but .* this one has 2 of them"):
        plan_experiment(replace(request, part=Part(1, 3)))
    further, _ = plan_experiment(replace(request, also={"seeds": 1}, part=Part(1, 3)))
    assert further.experiment.sweep.seed_list() == [0, 1, 2]


def test_what_planning_finds_names_the_keys_of_a_dict(data_dirs: DataDirs) -> None:
    with pytest.raises(ConfigError, match=r"^config: variants.batchnorm.norm: 'batchh' is not one of none, batch"):
        plan_experiment(ExperimentRequest(values(variants__batchnorm__norm="batchh"), {}, data_dirs))
