import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bnbench.cli import credit as command
from bnbench.cli.format_credit import format_credit
from bnbench.cli.main import main
from bnbench.commands.credit import credit_values
from bnbench.commands.experiment import ADAPTIVE_KEY, CREDIT_KEY, ExperimentRequest, results_folder, with_credit
from bnbench.config.load import load_config
from bnbench.config.schema import Experiment
from support.credit import CELLS, credited, ends
from support.examples import values

CLAIM = {"text": "a", "metric": "edge", "of": "batchnorm", "ratio": {"at_least": 1}}


def asked(request: ExperimentRequest) -> Experiment:
    return load_config(request.config, request.overrides)


def test_a_file_without_credit_gets_a_folder_of_its_own_and_no_claims() -> None:
    request = with_credit(ExperimentRequest(values(claims=[CLAIM])), {}, {"within": 0.2})
    experiment = asked(request)
    assert results_folder(request) == Path("results/tiny-credit")
    assert experiment.claims == []
    assert experiment.credit
    assert experiment.credit.slots == "all"
    assert experiment.sweep.adaptive
    assert experiment.sweep.adaptive.edge
    assert experiment.sweep.adaptive.edge.within == 0.2


def test_a_file_with_credit_keeps_its_folder_and_its_claims() -> None:
    config = values(claims=[CLAIM], credit={"slots": {"first": [1]}})
    request = with_credit(ExperimentRequest(config), {}, {})
    assert results_folder(request) == Path("results/tiny")
    assert len(asked(request).claims) == 1
    assert CREDIT_KEY not in request.overrides
    assert ADAPTIVE_KEY in request.overrides


def test_options_are_added_to_what_the_file_or_an_override_asks_for() -> None:
    config = values(credit={"slots": {"first": [1]}})
    request = with_credit(ExperimentRequest(config), {"variant": "batchnorm"}, {})
    assert request.overrides[CREDIT_KEY] == {"slots": {"first": [1]}, "variant": "batchnorm"}
    override = {"credit.ingredients": {"norm": {"norm": "batch"}}}
    request = with_credit(ExperimentRequest(values(), override), {"orders": 4}, {})
    assert request.overrides[CREDIT_KEY] == {"ingredients": {"norm": {"norm": "batch"}}, "orders": 4}
    assert results_folder(request) == Path("results/tiny-credit")


def test_the_values_as_json(tmp_path: Path) -> None:
    found = credit_values(credited(tmp_path, CELLS | {"rms": ends(4)}))
    assert found["problem"] == ""
    (setting,) = found["settings"]
    assert [part["part"] for part in setting["parts"]] == ["a", "b"]
    # No training bounds the edge of both together.
    assert setting["total"]["high"] is None
    assert setting["total"]["low"] < setting["total"]["value"]
    assert json.loads(json.dumps(found)) == found


def test_the_command_prints_the_table_or_json(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = credited(tmp_path / "results", CELLS)
    monkeypatch.setattr(command, "train_one", lambda request, watcher, training, show: show(results))
    config = tmp_path / "a.yaml"
    config.write_text(json.dumps(values()))
    called = CliRunner().invoke(main, ["credit", str(config)])
    assert called.output.strip() == format_credit(results).strip()
    assert "all together" in called.output
    called = CliRunner().invoke(main, ["credit", str(config), "--json"])
    assert json.loads(called.output)["unit"] == "decades"
