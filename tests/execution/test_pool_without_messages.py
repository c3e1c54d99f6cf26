"""A pool goes on when no worker says anything: requests arrive, workers are lost, or some never become ready."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from bnbench.errors import WorkerError
from bnbench.execution import worker_group
from bnbench.execution.process_pool import ProcessPool
from bnbench.planning.plan import Plan
from bnbench.planning.resources import WorkerCount
from bnbench.planning.trial import Fault, Result, Saving
from support.examples import make_plan

NOWHERE = Saving(Path("nowhere"), "none")


@dataclass(eq=False)
class Seat:
    """A worker that does what a test says: `answer` returns the message after a task, or None for silence."""

    number: int
    inbox: "SimpleQueue[Any]"
    answer: Callable[["Seat", tuple[Any, ...]], tuple[str, Any] | None]
    program: Any = None
    tasks: list[tuple[Any, ...]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"seat {self.number}"

    def send(self, task: tuple[Any, ...]) -> None:
        self.tasks.append(task)
        if task[0] == "train":
            self.program = task[1]
        if message := self.answer(self, task):
            self.say(*message)

    def say(self, kind: str, value: Any) -> None:
        self.inbox.put((self, (kind, value)))

    def stop(self) -> None:
        pass

    kill = stop

    def cause_of_death(self) -> Fault:
        return Fault(f"{self.name} was lost", "")


class Starter:
    """Starts seats; those with a number in `never_ready` say nothing."""

    def __init__(self, answer: Callable[[Seat, tuple[Any, ...]], Any], never_ready: Iterable[int] = ()) -> None:
        self.inbox: SimpleQueue[Any] = SimpleQueue()
        self.seats: list[Seat] = []
        self._answer, self._never_ready = answer, set(never_ready)

    def start(self) -> Seat:
        seat = Seat(len(self.seats), self.inbox, self._answer)
        self.seats.append(seat)
        if seat.number not in self._never_ready:
            seat.say("hello", ["none"])
        return seat

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def short_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_group, "LOOK", 0.05)


def result_of(seat: Seat, task: tuple[Any, ...]) -> tuple[str, Any]:
    trial = task[2] if task[0] == "train" else task[1]
    return "result", Result(trial.id, seat.program.key, 10, seconds=0.1, worker=seat.name)


def work(seat: Seat, task: tuple[Any, ...]) -> tuple[str, Any] | None:
    if task[0] == "check":
        return "checked", None
    return ("prepared", None) if task[0] == "prepare" else result_of(seat, task)


def submit(pool: ProcessPool, plan: Plan) -> None:
    for cohort in plan.cohorts:
        for trial in cohort.trials:
            pool.submit(cohort.program, trial, NOWHERE)


def within(seconds: float, task: Callable[[], Any]) -> Any:
    """Return what a task returns, which must end by itself."""
    done: list[Any] = []
    thread = threading.Thread(target=lambda: done.append(task()), daemon=True)
    thread.start()
    thread.join(seconds)
    assert done, "it hangs, or has raised"
    return done[0]


def test_the_others_are_trained_after_the_only_running_trial_was_cancelled() -> None:
    plan = make_plan(variants={"plain": {}})
    silent: list[str] = []

    def first_is_silent(seat: Seat, task: tuple[Any, ...]) -> tuple[str, Any] | None:
        if not silent and task[0] == "train":
            silent.append(task[2].id)
            return None
        return work(seat, task)

    with ProcessPool(WorkerCount(1), Starter(first_is_silent)) as pool:
        submit(pool, plan)
        on_phase = lambda phase: pool.cancel(silent[0]) if silent and pool.running() else None  # noqa: E731
        found = within(20, lambda: [one.trial for one in pool.results(lambda *of: None, on_phase)])
    assert sorted([*found, *silent]) == sorted(trial.id for trial in plan.trials)


def test_a_run_ends_when_its_last_trial_was_cancelled() -> None:
    plan = make_plan(variants={"plain": {}}, sweep__learning_rate=[0.1], sweep__seeds=1)
    with ProcessPool(WorkerCount(1), Starter(lambda seat, task: None)) as pool:
        submit(pool, plan)
        looks: list[str] = []

        def on_phase(phase: str) -> None:
            looks.append(phase)
            if len(looks) > 3:
                pool.cancel(plan.trials[0].id)

        assert within(20, lambda: list(pool.results(lambda *of: None, on_phase))) == []


def test_an_idle_worker_gets_the_trial_of_a_released_one() -> None:
    plan = make_plan(variants={"plain": {}}, sweep__learning_rate=[0.1], sweep__seeds=2)
    held: list[Seat] = []

    def first_is_silent(seat: Seat, task: tuple[Any, ...]) -> tuple[str, Any] | None:
        if not held and task[0] == "train":
            held.append(seat)
            return None
        return work(seat, task)

    released: list[bool] = []
    with ProcessPool(WorkerCount(2), Starter(first_is_silent)) as pool:
        submit(pool, plan)

        def on_phase(phase: str) -> None:
            if held and not released and len(pool.running()) == 1:
                released.append(pool.release(held[0].name))

        found = within(20, lambda: [one.trial for one in pool.results(lambda *of: None, on_phase)])
    assert released == [True]
    assert sorted(found) == sorted(trial.id for trial in plan.trials)


def test_the_only_worker_is_not_released() -> None:
    with ProcessPool(WorkerCount(1), Starter(work)) as pool:
        submit(pool, make_plan())
        assert len(list(pool.results(lambda *of: None))) == 8
        assert not pool.release("seat 0")


def test_models_are_checked_although_some_workers_never_become_ready() -> None:
    plan = make_plan(sweep__grid={"model.params.units": [4, 5, 6]})
    programs = [cohort.program for cohort in plan.cohorts]
    starter = Starter(work, never_ready=range(1, 8))
    with ProcessPool(WorkerCount(8), starter) as pool:
        within(20, lambda: pool.check(programs) or "checked")
    checked = [program for task in starter.seats[0].tasks if task[0] == "check" for program in task[1]]
    assert {program.key for program in checked} == {program.key for program in programs}


def test_a_check_repeats_its_phase_while_nothing_is_heard() -> None:
    phases: list[str] = []
    starter = Starter(lambda seat, task: None)

    def on_phase(phase: str) -> None:
        phases.append(phase)
        if len(phases) == 5:
            starter.seats[0].say("checked", None)

    with ProcessPool(WorkerCount(1), starter) as pool:
        (cohort, *_) = make_plan().cohorts
        within(20, lambda: pool.check([cohort.program], on_phase) or "checked")
    assert len(phases) >= 5


def test_what_a_lost_worker_was_checking_is_checked_by_another() -> None:
    (cohort, *_) = make_plan().cohorts
    lost = lambda seat, task: work(seat, task) if seat.number else ("dead", None)  # noqa: E731
    starter = Starter(lost)
    with ProcessPool(WorkerCount(1), starter) as pool:
        within(20, lambda: pool.check([cohort.program]) or "checked")
    assert len(starter.seats) == 2


def test_a_model_that_kills_its_workers_ends_the_check() -> None:
    (cohort, *_) = make_plan().cohorts
    starter = Starter(lambda seat, task: ("dead", None))
    with ProcessPool(WorkerCount(1), starter) as pool, pytest.raises(WorkerError, match="tried 3 times: seat 2 was"):
        pool.check([cohort.program])
