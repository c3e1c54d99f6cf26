from pathlib import Path

import numpy as np
import pytest
import yaml

from bnbench.commands.experiment import ExperimentRequest, plan_experiment
from bnbench.config.load import ConfigSource
from bnbench.data import access
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError
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


def test_what_planning_finds_names_the_keys_of_a_dict(data_dirs: DataDirs) -> None:
    with pytest.raises(ConfigError, match=r"^config: variants.batchnorm.norm: 'batchh' is not one of none, batch"):
        plan_experiment(ExperimentRequest(values(variants__batchnorm__norm="batchh"), {}, data_dirs))
