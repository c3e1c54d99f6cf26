"""`bnbench guess` on a small network, with a few real steps."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bnbench.planning.predictors import constant_rates
from bnbench.planning.predictors.types import ShortTraining
from bnbench.training.short_training import ProgramInShort
from bnbench.training.threads import use_threads
from support.commands import call
from support.quick import use_graphs


@pytest.fixture(scope="module", autouse=True)
def _graphs() -> Iterator[None]:
    use_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        use_graphs(patch)
        yield


def proposal_in(output: str) -> Any:
    """Return the YAML at the end of the output."""
    return yaml.safe_load(output[output.index("# A sweep") :])


def test_a_table_the_cost_and_yaml_to_paste(place: Path) -> None:
    done = call("guess", "small.yaml")
    lines = done.stdout.splitlines()
    assert lines[1].split("  ")[0] == "variant"
    assert "100 steps at constant rates" in lines[1]
    assert [line.split()[0] for line in lines[2:4]] == ["plain", "batchnorm"]
    assert "Seed 0. 100 steps at constant rates: 1," in done.stdout
    assert "of one training of each variant" in done.stdout
    sweep = proposal_in(done.stdout)["sweep"]["learning_rate"]
    assert sweep["from"] < 0.1 < sweep["to"]
    assert done.stderr.splitlines() == ["plain: a few short trainings", "batchnorm: a few short trainings"]
    # The proposal is a valid sweep.
    assert call("plan", "small.yaml", "-o", f"sweep.learning_rate={json.dumps(sweep)}").exit_code == 0


def test_json_has_a_row_for_each_edge_and_the_proposal(place: Path) -> None:
    done = call("guess", "small.yaml", "--json", "--quiet", "--predictor", "range-test", "--seed", "5")
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert [(row["variant"], row["predictor"], row["seed"]) for row in found["guesses"]] == [
        ("plain", "range-test", 5), ("batchnorm", "range-test", 5),
    ]  # fmt: skip
    assert all(row["training_steps"] == 2 * 3 for row in found["guesses"])
    assert found["learning_rate"].keys() == {"from", "to", "points"}


def test_where_no_rate_passes_no_number_is_made_up(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ProgramInShort, "at", lambda self, rate, steps: [9.0] * steps)
    done = call("guess", "small.yaml", "--predictor", "constant")
    assert done.stdout.count("not known: no rate passes") == 2
    assert "No edge is known, so no sweep is proposed." in done.stdout
    assert "learning_rate:" not in done.stdout
    found = json.loads(call("guess", "small.yaml", "--predictor", "constant", "--json").stdout)
    assert [row["edge"] for row in found["guesses"]] == [None, None]
    assert found["learning_rate"] is None


def test_mistakes_are_explained(place: Path) -> None:
    assert "-o train.epoch=3: unknown key" in call("guess", "small.yaml", "-o", "train.epoch=3", code=2).stderr
    wrong = call("guess", "small.yaml", "--predictor", "constnt", code=2).stderr
    assert "--predictor: 'constnt' is not one of constant, range-test (did you mean 'constant'?)" in wrong
    assert not (place / "results").exists()


def test_a_run_after_a_guess_reports_how_good_it_was(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def between(training: ShortTraining) -> constant_rates.Found:
        return constant_rates.Found(10.0)

    changed = constant_rates.PREDICTOR.__class__(**{**vars(constant_rates.PREDICTOR), "find": between, "offset": 0.0})
    monkeypatch.setattr("bnbench.commands.guess.choose_predictors", lambda names: [changed])
    three = ("-o", "sweep.seeds=3")
    call("guess", "small.yaml", *three)
    shown = call("run", "small.yaml", "-q", *three).stdout
    assert "Predicted before the sweep:" in shown
    assert call("show", "results/small").stdout.count("100 steps at constant rates") >= 2
    report = (place / "results" / "small" / "report.md").read_text()
    assert "## Predicted before the sweep" in report
