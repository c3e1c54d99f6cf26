"""How a trial failed, from what is stored."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bnbench.analysis import failure_names as names
from bnbench.cli.main import main
from bnbench.commands.why import explain
from bnbench.planning.trial import Divergence, Fault, Result, Series
from bnbench.results.failure import BrokenTensor, DyingLayer, Largest
from bnbench.store import results_dir, store
from support.examples import make_plan
from support.stored import end

STEPS = 9


def _series(name: str, layer: str, values: dict[int, float]) -> Series:
    return Series(name, layer, "", np.array(list(values), np.float64), np.array(list(values.values()), np.float64))


def _diverged(trial: str) -> Result:
    """Return a trial that diverged at step 9, after its loss grew tenfold in each step."""
    losses = 10.0 ** np.arange(STEPS)
    losses[-1] = np.nan
    growing = {step: float(step) for step in range(1, STEPS + 1)}
    found = (
        _series(names.LOSS, "", dict(enumerate(losses, 1))),
        _series(names.GRADIENT_NORM, "dense_0", growing),
        _series(names.GRADIENT_NORM, "dense_1", {**dict.fromkeys(growing, 2.0), STEPS: np.nan}),
        _series(names.UPDATE_RATIO, "dense_0", dict.fromkeys(growing, 0.5)),
        _series(names.DEAD_SHARE, "activation_0", {step: step / 10 for step in growing}),
        _series(names.FIRST_NONFINITE + names.GRADIENT, "dense_1", {8: 18.0}),
    )
    steps = losses.astype(np.float32)
    return Result(
        trial, "p", 57, end(make_plan(), 0, 0.9).epochs[:1], steps, Divergence("nonfinite", 9), measurements=found
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    plan = make_plan()
    ids = [trial.id for trial in plan.trials]
    dead = end(plan, 1, 1 / 3)
    course = tuple(
        _series(name, layer, values)
        for name, layer, values in (
            ("gradient_norm", "dense_0", {1: 3.0, 2: 2.0, 10: 0.0}),
            ("batch_dead_share", "activation_0", {1: 0.1, 2: 0.5, 10: 1.0}),
        )
    )
    fault = Result(ids[3], "p", 57, fault=Fault("ResourceExhaustedError: out of memory", "a traceback"))
    with store.open_for_writing(tmp_path / "tiny") as opened:
        opened.set_plan(plan)
        for result in (_diverged(ids[0]), replace(dead, measurements=course), end(plan, 2, 0.9), fault):
            opened.add(result)
    results_dir.write_text(tmp_path / "tiny" / results_dir.CONFIG, plan.experiment.to_yaml())
    return tmp_path / "tiny"


def _why(folder: Path, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["why", str(folder), *words], prog_name="bnbench")
    assert result.exit_code == code, result.output
    return result.output


def test_a_diverged_trial_names_the_step_the_tensor_and_the_layer_that_died(folder: Path) -> None:
    found = explain(folder, "plain lr=0.01 seed=0")
    assert (found.outcome, found.diverged_at_step, found.epoch) == ("nonfinite", 9, 1)
    assert found.broken == BrokenTensor("gradient", "dense_1", 8, 18)
    assert [step.step for step in found.course] == list(range(1, 10))
    assert found.course[0].gradient_norm == Largest(2.0, "dense_1")
    assert found.course[4].gradient_norm == Largest(5.0, "dense_0")
    # What is not finite is the largest.
    assert found.course[-1].gradient_norm is not None
    assert found.course[-1].gradient_norm.layer == "dense_1"
    assert found.dying == [DyingLayer("activation_0", 1, 0.1, 9, 0.9)]


def test_it_takes_about_ten_lines(folder: Path) -> None:
    lines = _why(folder, "plain lr=0.01 seed=0").splitlines()
    assert len(lines) <= 12
    assert "step 9, in epoch 1" in lines[1]
    assert lines[2] == "First broken: the gradient of dense_1 at step 8, 18 values not finite."
    assert [line.split()[0] for line in lines[4:9]] == ["4", "7", "8", "9", "Units"]
    assert "10% at step 1, 90% at step 9" in lines[8]


def test_a_trial_that_learned_nothing_shows_its_first_steps(folder: Path) -> None:
    text = _why(folder, "plain lr=0.01 seed=1")
    assert "no better than a constant prediction" in text
    assert "100% at step 10" in text
    assert [line.split()[0] for line in text.splitlines()[3:6]] == ["1", "2", "10"]


def test_a_trial_that_trained_says_so(folder: Path) -> None:
    assert "It trained: 18 steps in 3 epochs." in _why(folder, "plain lr=0.1 seed=0")


def test_a_fault_is_no_result(folder: Path) -> None:
    assert "a fault and no result: ResourceExhaustedError: out of memory" in _why(folder, "plain lr=0.1 seed=1")


def test_json_has_the_same(folder: Path) -> None:
    found = json.loads(_why(folder, "plain lr=0.01 seed=0", "--json"))
    assert found["broken"] == {"kind": "gradient", "layer": "dense_1", "step": 8, "count": 18}
    assert found["course"][0]["loss"] == 1


def test_a_trial_that_is_not_there_is_named_with_the_nearest(folder: Path) -> None:
    assert "did you mean 'plain lr=0.1 seed=0'" in _why(folder, "plan lr=0.1 seed=0", code=2)
    assert "matches 4 trials" in _why(folder, "plain", code=2)
