"""When a trial has diverged, and what is left of it."""

from dataclasses import replace

import numpy as np
import pytest

from bnbench.planning.trial import Result
from bnbench.training.loop import first_jump
from bnbench.training.threads import use_threads
from support.small_trials import cohorts, results, values_of


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


RATES = [10.0, 1000.0, 1e6, 1e30]


@pytest.fixture(scope="module")
def at_high_rates() -> list[Result]:
    found = cohorts(train__engine="auto", sweep__learning_rate=RATES, sweep__seeds=1, train__epochs=20)
    return [result for cohort in found for result in results(cohort)]


@pytest.mark.parametrize("rate", RATES)
def test_any_rate_ends_in_a_result(at_high_rates: list[Result], rate: float) -> None:
    first = RATES.index(rate)
    for result in at_high_rates[first :: len(RATES)]:
        assert result.status in {"completed", "diverged"}
        assert result.epochs[0].validation_loss is not None


def test_a_loss_that_is_not_finite_ends_the_trial_at_its_step() -> None:
    layers = [{"dense": 6}, "norm", {"dense": "$classes"}]
    changes = {"train__engine": "auto", "sweep__learning_rate": [1e30], "sweep__seeds": 1}
    (result,) = results(cohorts(model={"layers": layers}, **changes)[0])
    assert result.status == "diverged"
    assert result.divergence is not None
    assert result.divergence.kind == "nonfinite"
    assert result.divergence.step == len(result.step_losses)
    assert np.isfinite(result.step_losses[:-1]).all()
    assert not np.isfinite(result.step_losses[-1])
    assert [epoch.epoch for epoch in result.epochs] == [0]
    assert (result.test.loss, result.test.accuracy, result.best_epoch) == (None, None, None)


def test_on_divergence_continue_trains_on_after_divergence() -> None:
    layers = [{"dense": 6}, "norm", {"dense": "$classes"}]
    changes = {"model": {"layers": layers}, "sweep__learning_rate": [1e30], "sweep__seeds": 1}
    stopped = results(cohorts(**changes)[0])[0]
    (result,) = results(cohorts(**changes, train__on_divergence="continue")[0])
    assert result.divergence == stopped.divergence
    assert len(result.epochs) == 4
    assert len(result.step_losses) == 18
    assert result.epochs[-1].train_loss is None


def test_the_first_jump_is_found() -> None:
    assert first_jump(np.array([1.0, 2.0, 2001.0, 1.0, 5000.0])) == 3
    # This is not more than 1000 times.
    assert first_jump(np.array([1.0, 1000.0])) is None
    assert first_jump(np.array([])) is None


def test_a_jump_from_a_loss_of_zero_counts() -> None:
    assert first_jump(np.array([2.0, 0.0, 50.0])) == 3
    assert first_jump(np.array([2.0, 0.0, 0.0])) is None


def test_a_trial_whose_loss_stays_high_after_a_jump_is_blown() -> None:
    layers = [{"dense": 6}, {"activation": "relu"}, "norm", {"dense": "$classes"}]
    cohort = cohorts(model={"layers": layers}, sweep__learning_rate=[10], sweep__seeds=1, train__epochs=5)[0]
    (result,) = results(cohort)
    assert result.divergence is not None
    assert result.divergence.kind == "blown"
    assert result.step_losses[result.divergence.step - 1] > 1000 * result.step_losses[result.divergence.step - 2]
    # Its weights are finite.
    assert result.test.loss is not None


def test_a_diverged_trial_leaves_no_trace_in_the_next() -> None:
    cohort = cohorts(sweep__learning_rate=[0.05, 1e30], sweep__seeds=1)[1]
    first, wild = cohort.trials
    alone, _, after = results(replace(cohort, trials=(first, wild, first)))
    assert after.trial == first.id
    assert values_of(after) == values_of(alone)
