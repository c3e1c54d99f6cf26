"""`train.stop_failed`: a trial that learns nothing ends early, under an id of its own."""

import pytest

from bnbench.planning.trial import Result
from bnbench.training.failed_epochs import ENDED_EARLY
from bnbench.training.threads import use_threads
from support.small_trials import cohorts, results

DEAD, TRAINS = 1e6, 0.1


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def trained(rate: float, **changes: object) -> Result:
    (result,) = results(cohorts(sweep__learning_rate=[rate], sweep__seeds=1, train__epochs=12, **changes)[0])
    return result


def early(result: Result) -> list[float]:
    return [float(value) for one in result.measurements if one.name == ENDED_EARLY for value in one.values]


def test_a_trial_whose_epochs_fail_ends_after_that_many_in_a_row() -> None:
    whole = trained(DEAD, train__on_divergence="continue")
    short = trained(DEAD, train__on_divergence="continue", train__stop_failed=3)
    assert len(whole.epochs) == 13
    assert len(short.epochs) == 4
    assert early(short) == [short.epochs[-1].step]
    assert early(whole) == []
    assert short.status == whole.status
    # Up to its end it is the same training.
    assert short.step_losses.tobytes() == whole.step_losses[: len(short.step_losses)].tobytes()
    assert short.trial != whole.trial


def test_a_trial_that_trains_is_not_ended() -> None:
    whole, guarded = trained(TRAINS), trained(TRAINS, train__stop_failed=6)
    assert len(guarded.epochs) == 13
    assert early(guarded) == []
    assert [epoch.train_loss for epoch in guarded.epochs] == [epoch.train_loss for epoch in whole.epochs]


def test_epochs_of_the_warm_up_do_not_count() -> None:
    warm = {"train__warmup": 0.5, "train__stop_failed": 2, "train__on_divergence": "continue"}
    assert len(trained(DEAD, **warm).epochs) - 1 == 8
