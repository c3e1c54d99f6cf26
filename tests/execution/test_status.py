"""The counts and times of a sweep, with a clock that the test sets."""

import pytest

from bnbench.execution.phases import LOADING, TRAINING, WRITING, checking, compiling
from bnbench.execution.status import SweepStatus
from bnbench.planning.trial import Divergence, Fault, Result

OK = Result("t", "program", 3)
DIVERGED = Result("d", "program", 3, divergence=Divergence("blown", 7))
FAILED = Result("f", "program", 3, fault=Fault("MemoryError", ""))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def status_of(clock: Clock, todo: int, *results: Result) -> SweepStatus:
    status = SweepStatus(todo, clock)
    status.note_phase(TRAINING)
    for result in results:
        status.note_result(result)
    return status


def test_a_phase_before_the_training_is_shown_as_it_is(clock: Clock) -> None:
    status = SweepStatus(90, clock)
    assert status.describe() == ""
    for phase in (LOADING, checking(1), compiling(2)):
        status.note_phase(phase)
        assert status.describe() == phase
    assert [LOADING, checking(1), compiling(2)] == ["loading TensorFlow", "checking 1 model", "compiling 2 programs"]
    assert status.summarize() == ""


def test_the_time_left_follows_from_the_time_of_the_trials_that_have_ended(clock: Clock) -> None:
    status = status_of(clock, 90, *[OK] * 12)
    clock.now += 4.8
    assert status.describe() == "training 12 of 90, 0.4 s a trial, 31 s left"


def test_the_time_begins_with_the_training(clock: Clock) -> None:
    status = SweepStatus(4, clock)
    clock.now += 1000
    status.note_phase(TRAINING)
    status.note_result(OK)
    clock.now += 20
    assert status.describe() == "training 1 of 4, 20 s a trial, 60 s left"
    assert status.elapsed == "0:17:00"


def test_running_trials_count_with_the_share_of_their_epochs(clock: Clock) -> None:
    status = status_of(clock, 10)
    status.note_epoch("a", 0.5)
    status.note_epoch("b", 0.5)
    clock.now += 60
    assert status.describe() == "training 0 of 10, 60 s a trial, 9 min left"
    assert status.completed == 1.0
    status.note_result(Result("a", "program", 3))
    assert status.completed == 1.5


def test_no_time_is_guessed_from_nothing(clock: Clock) -> None:
    status = status_of(clock, 10)
    clock.now += 60
    assert status.describe() == "training 0 of 10"
    status = status_of(clock, 10, OK)
    assert status.describe() == "training 1 of 10"


def test_endings_other_than_completed_are_counted(clock: Clock) -> None:
    status = status_of(clock, 3, OK, DIVERGED, FAILED)
    clock.now += 40
    assert status.describe() == "training 3 of 3, 1 diverged, 1 failed"
    assert status.summarize() == "trained 3 of 3 in 40 s, 1 diverged, 1 failed"


def test_a_later_phase_keeps_the_count(clock: Clock) -> None:
    status = status_of(clock, 3, OK)
    clock.now += 40
    status.note_phase(WRITING)
    assert status.describe() == "writing the report, 1 of 3 trained"
