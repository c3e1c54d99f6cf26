from pathlib import Path

import pytest
import yaml

from bnbench.commands.experiment import ExperimentRequest
from bnbench.commands.plan import make_overview, trial_rows
from bnbench.data import access
from support.examples import facts, values
from support.kept import keep


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
