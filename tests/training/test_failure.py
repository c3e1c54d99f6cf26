"""What is stored about the failure of a trial that has diverged: the steps before it, and the first broken tensor."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bnbench.planning.trial import Divergence, Result, Saving
from bnbench.training import failure, loop
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.failure import FailureWatch, first_jump
from bnbench.training.probes.layer_look import LayerLooks
from bnbench.training.threads import use_threads
from support.examples import dataset, make_plan


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    use_threads(1)


def _train(rate: float, variant: int = 0, **changes: Any) -> Result:
    settings = {"train__engine": "graph", "train__batch_size": 15, "sweep__learning_rate": [rate], **changes}
    plan = make_plan(**settings)
    program = plan.cohorts[variant].program
    trials = plan.cohorts[variant].trials[:1]
    (result,) = loop.train_trials(program, trials, dataset(program.facts), Saving(Path()), lambda *_: None)
    assert result.fault is None, result.fault.traceback
    return result


def _values(result: Result, name: str, layer: str = "") -> dict[int, float]:
    (found,) = (one for one in result.measurements if (one.name, one.layer) == (name, layer))
    return dict(zip(map(int, found.positions), found.values.tolist(), strict=True))


def _first_nonfinite(result: Result) -> list[tuple[str, str, dict[int, float]]]:
    start = "first_nonfinite_"
    return [
        (one.name.removeprefix(start), one.layer, dict(zip(one.positions.tolist(), one.values.tolist(), strict=True)))
        for one in result.measurements
        if one.name.startswith(start)
    ]


def test_a_trial_that_does_not_diverge_stores_nothing_about_a_failure() -> None:
    result = _train(0.01)
    assert result.divergence is None
    assert not any("fail" in one.name or "nonfinite" in one.name for one in result.measurements)


@pytest.mark.parametrize("engine", ["graph", "xla"])
def test_the_last_steps_are_trained_again_with_the_same_bits(engine: str) -> None:
    result = _train(1e4, train__engine=engine)
    assert result.divergence
    assert result.divergence.kind == "nonfinite"
    losses = _values(result, "failure_loss")
    last = result.divergence.step
    assert list(losses) == list(range(1, last + 1))
    # The loss of each mini-batch as the training computed it, but for rounding: it is computed anew.
    assert list(losses.values()) == pytest.approx(result.step_losses.tolist(), rel=1e-4)
    # All of them are finite: the validation loss was the first number that was not.
    assert all(map(math.isfinite, losses.values()))
    assert result.epochs[-1].validation_loss is None


def test_the_first_broken_tensor_is_named() -> None:
    # A step of this size leaves weights around 1e29, and their product overflows in the next step.
    result = _train(1e30)
    assert result.divergence
    assert result.divergence.step == 2
    assert _first_nonfinite(result) == [("output", "dense_1", {2.0: 45.0})]
    assert _values(result, "failure_update_ratio", "dense_0")[1] > 1e28


def test_weights_that_only_the_validation_meets_are_found() -> None:
    # The only step of the epoch overflows: no mini-batch meets the weights that it leaves.
    result = _train(3e38, train__batch_size="full", train__epochs=1, train__optimizer="sgd", data__scale="none")
    assert result.divergence
    assert result.divergence.step == 1
    found = _first_nonfinite(result)
    assert len(found) in (0, 1)
    assert list(_values(result, "failure_loss")) == [1]
    assert math.isfinite(_values(result, "failure_loss")[1])


@pytest.mark.parametrize("interval", [0, 1000])
@pytest.mark.parametrize("per_epoch", [1, 3, 30])
def test_twenty_steps_before_the_failure_are_looked_at_across_epochs(
    per_epoch: int, interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failure, "INTERVAL", interval)
    plan = make_plan(train__steps_per_epoch=per_epoch, train__epochs=30, train__batch_size=5, train__engine="graph")
    program = plan.cohorts[0].program
    compiled = CompiledProgram(program, dataset(program.facts))
    start = compiled.start(0)
    compiled.reset(start, 0.01)
    watch, losses = FailureWatch(compiled), []
    generator = np.random.default_rng(0)
    for first in range(0, 30, per_epoch):
        order = generator.permutation(start.parts.train)[: 5 * per_epoch]
        order = np.resize(order, 5 * per_epoch)
        watch.begin_epoch(order, first)
        losses.extend(compiled.train_steps(order, 0, per_epoch)[0].tolist())
    watch.note_nonfinite()
    found = {one.name: one for one in watch.examine(Divergence("nonfinite", 30)) if not one.layer}
    assert found["failure_loss"].positions.tolist() == list(range(10, 31))
    assert found["failure_loss"].values == pytest.approx(losses[9:], rel=1e-5)


def test_memory_bounds_the_epochs_that_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure, "MAX_BYTES", 1)
    monkeypatch.setattr(failure, "INTERVAL", 0)
    result = _train(1e4, train__steps_per_epoch=1, train__epochs=9)
    assert result.divergence
    assert list(_values(result, "failure_loss")) == [result.divergence.step]


def test_dead_units_are_counted_in_the_mini_batch() -> None:
    # Units with a bias of -100 are dead, the others are not: half of the layer.
    plan = make_plan(train__engine="graph", train__batch_size=15)
    program = plan.cohorts[0].program
    compiled = CompiledProgram(program, dataset(program.facts), eager=True)
    start = compiled.start(0)
    compiled.reset(start, 0.1)
    bias = compiled.model.layers[0].bias
    bias.assign([-100.0, 100.0] * 3)
    look = compiled.tool(LayerLooks).look(start.parts.train[:15])
    assert look.dead_shares == {"activation_0": 0.5}
    assert look.first_nonfinite is None
    bias.assign([np.nan] + [0.0] * 5)
    look = compiled.tool(LayerLooks).look(start.parts.train[:15])
    assert look.first_nonfinite == ("weight", "dense_0")
    assert look.nonfinite["weight", "dense_0"] == 1
    assert look.nonfinite["output", "dense_0"] == 15


def test_the_first_jump_of_losses() -> None:
    assert first_jump(np.array([1.0, 2.0, 2001.0])) == 3
    assert first_jump(np.array([1.0, 2.0, 1999.0])) is None
