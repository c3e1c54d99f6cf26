"""The contract of `Executor`, for each executor of the table and for a made-up one."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError
from bnbench.execution import executors
from bnbench.execution.executors import executor_capacity, open_executor
from bnbench.execution.in_process import InProcessTrainer, SerialExecutor
from bnbench.execution.phases import OnPhase, ignore_phase
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.protocols import Executor, ExecutorRequest
from bnbench.execution.sweep import SweepOptions, run_sweep, stored_states
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning import resources
from bnbench.planning.plan import Plan, Program, Trial
from bnbench.planning.resources import WorkerCount
from bnbench.planning.step_times import StepTimes, TimedPair
from bnbench.planning.trial import MayStart, OnEpoch, Result, Saving, start_always
from support.examples import make_plan
from support.trainers import Quick, SlowAtRate1, Steady

SAVING = Saving(Path("unused"))
DATA_DIRS = DataDirs(cache_dir=Path("unused"))


def ignore(trial: Trial, epoch: object) -> None:
    """Accept an epoch."""


def submit(executor: Executor, plan: Plan) -> None:
    for cohort in plan.cohorts:
        for trial in cohort.trials:
            executor.submit(cohort.program, trial, SAVING)


def ids(plan: Plan) -> list[str]:
    return sorted(trial.id for trial in plan.trials)


@pytest.fixture(params=["serial", "pool"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    """Each executor, with a trainer that trains nothing."""
    if request.param == "serial":
        yield SerialExecutor(Steady)
    else:
        with ProcessPool(WorkerCount(2), WorkerStarter(Steady)) as pool:
            yield pool


def test_what_runs_is_known_and_the_only_worker_cannot_be_released(executor: Executor) -> None:
    plan = make_plan(sweep__seeds=3)
    submit(executor, plan)
    seen: dict[str, str] = {}
    for _ in executor.results(lambda trial, epoch: seen.update(executor.running())):
        executor.release("no such worker")
    assert set(seen) <= set(ids(plan))
    assert all(name.startswith("pid ") for name in seen.values())
    assert bool(seen) is (executor.capacity.count > 0)


def test_trials_may_be_submitted_while_results_arrive(executor: Executor) -> None:
    plan = make_plan(sweep__seeds=1)
    first, *others = [(cohort.program, trial) for cohort in plan.cohorts for trial in cohort.trials]
    executor.check([cohort.program for cohort in plan.cohorts])
    executor.submit(*first, SAVING)
    results = []
    for result in executor.results(ignore):
        results.append(result.trial)
        if others:
            executor.submit(*others.pop(0), SAVING)
    assert sorted(results) == ids(plan)


def test_results_end_when_nothing_is_submitted_and_go_on_after_the_next_submission(executor: Executor) -> None:
    assert list(executor.results(ignore)) == []
    for seeds in ([0], [1]):
        plan = make_plan(sweep__seeds=seeds)
        submit(executor, plan)
        assert sorted(result.trial for result in executor.results(ignore)) == ids(plan)


def test_a_program_stays_compiled_while_its_trials_arrive_one_by_one() -> None:
    plan = make_plan(variants={"plain": {}}, sweep__seeds=3)
    (cohort,) = plan.cohorts
    with ProcessPool(WorkerCount(1), WorkerStarter(Quick)) as pool:
        for trial in cohort.trials:
            pool.submit(cohort.program, trial, SAVING)
            (result,) = pool.results(ignore)
            # The number of programs that the worker has compiled.
            assert result.seconds_per_step == 1


def test_a_waiting_trial_that_is_cancelled_never_starts(executor: Executor) -> None:
    plan = make_plan()
    submit(executor, plan)
    cancelled = plan.trials[-1].id
    executor.cancel(cancelled)
    executor.cancel("unknown")
    started: set[str] = set()
    results = [result.trial for result in executor.results(lambda trial, epoch: started.add(trial.id))]
    assert sorted(results) == [trial for trial in ids(plan) if trial != cancelled]
    assert cancelled not in started


def test_a_trial_that_may_not_start_is_dropped(executor: Executor) -> None:
    plan = make_plan(sweep__seeds=4)
    submit(executor, plan)
    asked: list[str] = []

    def may_start(program: Program, trial: Trial) -> bool:
        asked.append(trial.id)
        return trial.seed < 2

    results = [result.trial for result in executor.results(ignore, may_start=may_start)]
    assert sorted(results) == sorted(trial.id for trial in plan.trials if trial.seed < 2)
    assert set(asked) == set(ids(plan))
    assert list(executor.results(ignore)) == []


def test_a_trial_that_was_cancelled_may_be_submitted_again(executor: Executor) -> None:
    plan = make_plan()
    submit(executor, plan)
    for trial in plan.trials:
        executor.cancel(trial.id)
    assert list(executor.results(ignore)) == []
    submit(executor, plan)
    assert sorted(result.trial for result in executor.results(ignore)) == ids(plan)


def test_the_result_of_a_running_trial_that_is_cancelled_is_dropped(executor: Executor) -> None:
    plan = make_plan()
    submit(executor, plan)
    cancelled: list[str] = []

    def cancel_first(trial: Trial, epoch: object) -> None:
        if not cancelled:
            cancelled.append(trial.id)
            executor.cancel(trial.id)

    results = [result.trial for result in executor.results(cancel_first)]
    assert sorted(results + cancelled) == ids(plan)


def test_the_pool_stops_a_running_trial_that_is_cancelled() -> None:
    plan = make_plan(sweep__learning_rate=[0.1, 1.0], sweep__seeds=1)
    endless = {trial.id for trial in plan.trials if trial.learning_rate == 1}
    with ProcessPool(WorkerCount(2), WorkerStarter(SlowAtRate1)) as pool:
        submit(pool, plan)
        results = pool.results(lambda trial, epoch: pool.cancel(trial.id) if trial.id in endless else None)
        assert sorted(result.trial for result in results) == sorted(set(ids(plan)) - endless)


def test_after_ctrl_c_the_results_that_have_arrived_come_before_the_interrupt() -> None:
    plan = make_plan(variants={"plain": {}}, sweep__seeds=50)
    before = {child.pid for child in psutil.Process().children()}
    collected = []

    def press_ctrl_c(trial: Trial, epoch: object) -> None:
        # Meanwhile the result of this trial arrives, but it is not yielded yet.
        time.sleep(0.5)
        signal.raise_signal(signal.SIGINT)

    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ProcessPool(WorkerCount(1), WorkerStarter(Quick)) as pool:
            submit(pool, plan)
            with pytest.raises(KeyboardInterrupt):
                collected.extend(result.trial for result in pool.results(press_ctrl_c))
            assert {child.pid for child in psutil.Process().children()} <= before
    finally:
        signal.signal(signal.SIGINT, handler)
    assert collected == [plan.trials[0].id]


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [(None, WorkerCount(3)), (5, WorkerCount(5)), (0, WorkerCount(0))],
    ids=["chosen", "requested", "in process"],
)
def test_an_executor_knows_its_capacity_before_anything_starts(
    jobs: int | None, expected: WorkerCount, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(resources, "core_count", lambda: 3)
    monkeypatch.setattr(resources, "free_memory", lambda: 100_000_000_000)
    before = psutil.Process().children()
    request = ExecutorRequest(DataDirs(cache_dir=tmp_path), make_plan().cohorts, jobs)
    assert executor_capacity(request) == expected
    assert psutil.Process().children() == before
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_executor_is_refused_with_the_known_names() -> None:
    with pytest.raises(ConfigError, match=r"executor: 'proces-pool' is not one of .*did you mean 'process-pool'"):
        open_executor(ExecutorRequest(DATA_DIRS, executor="proces-pool"))


class LastFirst:
    """A made-up executor: two places, the trial that was submitted last runs first."""

    capacity = WorkerCount(2, "made up")

    def __init__(self) -> None:
        self.checked: list[str] = []
        self.waiting: list[tuple[Program, Trial, Saving]] = []

    def check(self, programs: Any, on_phase: OnPhase = ignore_phase) -> None:
        self.checked.extend(program.key for program in programs)

    def devices(self) -> list[str]:
        return ["made up"]

    def submit(self, program: Program, trial: Trial, saving: Saving) -> None:
        self.waiting.append((program, trial, saving))

    def cancel(self, trial_id: str) -> None:
        self.waiting = [task for task in self.waiting if task[1].id != trial_id]

    def results(
        self, on_epoch: OnEpoch, on_phase: OnPhase = ignore_phase, may_start: MayStart = start_always
    ) -> Iterator[Result]:
        while self.waiting:
            program, trial, saving = self.waiting.pop()
            yield from Quick().train(program, [trial], saving, on_epoch)

    def running(self) -> dict[str, str]:
        return {}

    def release(self, worker: str) -> None:
        pass

    def time_steps(
        self, pairs: Sequence[TimedPair], meanwhile: Callable[[], bool] = lambda: False
    ) -> Iterator[StepTimes]:
        yield from Quick().time_steps(pairs)


def test_one_line_in_the_table_adds_an_executor_that_runs_a_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = LastFirst()
    requests: list[ExecutorRequest] = []

    @contextmanager
    def open_last_first(request: ExecutorRequest) -> Iterator[LastFirst]:
        requests.append(request)
        yield opened

    monkeypatch.setitem(executors.EXECUTORS, "last-first", open_last_first)
    plan, finished = make_plan(), []
    # In the cache of another test, nothing would be left to check.
    places = DataDirs(cache_dir=tmp_path / "cache")
    run_sweep(plan, SweepOptions(tmp_path / "results", places, finished.append, executor="last-first"))
    assert stored_states(tmp_path / "results") == dict.fromkeys((trial.id for trial in plan.trials), "completed")
    assert opened.checked == [cohort.program.key for cohort in plan.cohorts]
    assert [sum(len(cohort.trials) for cohort in request.cohorts) for request in requests] == [8]
    assert '"jobs": 2' in (tmp_path / "results" / "environment.json").read_text(encoding="utf-8")
    assert finished == [tmp_path / "results"]


def test_numpy_uses_one_thread_while_a_trial_trains_and_as_many_as_before_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    def train_trials(program: object, trials: Sequence[Trial], *others: object) -> Iterator[Result]:
        for trial in trials:
            seen.append(threads())
            yield Result(trial.id, "p", 57)

    seen: list[set[int]] = []
    plan = make_plan(variants={"plain": {}}, sweep__seeds=2, sweep__learning_rate=[0.1])
    (cohort,) = plan.cohorts
    rows: Any = SimpleNamespace(facts=SimpleNamespace(fingerprint="made up"))
    trainer = InProcessTrainer(lambda settings, planned: rows)
    monkeypatch.setattr(trainer, "_loop", SimpleNamespace(train_trials=train_trials))
    with threadpool_limits(2, user_api="blas"):
        between = [threads() for _ in trainer.train(cohort.program, cohort.trials, SAVING, ignore)]
    assert seen == [{1}, {1}]
    assert between == [{2}, {2}]
