import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import yaml

import bnbench
from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError, DataError, WorkerError
from bnbench.execution import executors, process_pool, protocols, trial_queues, worker_group, worker_starter
from bnbench.execution.executors import ReusableExecutor
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.protocols import ExecutorRequest, Trainer
from bnbench.execution.trial_queues import TrialQueues
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning.plan import Plan
from bnbench.planning.resources import WorkerCount
from bnbench.planning.trial import Result, Saving
from support.examples import make_plan
from support.paths import ROOT
from support.quick import write_no_report
from support.trainers import (
    Choosy,
    Dataless,
    Diary,
    Fleeting,
    Fragile,
    Mortal,
    Quick,
    Slow,
    Starved,
    Steady,
    Stillborn,
    Unstartable,
    exhaust,
    hang,
    segfault,
)

SAVING = Saving(Path("unused"))


def run(planned: Plan, jobs: int, make: Callable[[], Trainer] = Quick) -> list[Result]:
    with ProcessPool(WorkerCount(jobs), WorkerStarter(make)) as started:
        return sweep(started, planned)


def sweep(started: protocols.Executor, planned: Plan) -> list[Result]:
    started.check([cohort.program for cohort in planned.cohorts])
    submit(started, planned)
    return list(started.results(lambda trial, epoch: None))


def submit(started: protocols.Executor, planned: Plan) -> None:
    for cohort in planned.cohorts:
        for trial in cohort.trials:
            started.submit(cohort.program, trial, SAVING)


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_every_trial_returns_one_result(jobs: int) -> None:
    planned = make_plan(sweep__seeds=7)
    results = run(planned, jobs)
    assert sorted(result.trial for result in results) == sorted(trial.id for trial in planned.trials)
    assert len({result.worker for result in results}) <= jobs
    rates = {trial.id: trial.learning_rate for trial in planned.trials}
    assert all(result.epochs[-1].validation_loss == rates[result.trial] for result in results)


def test_two_workers_begin_with_a_program_each() -> None:
    results = run(make_plan(sweep__seeds=50), 2, Steady)
    first = {result.program: result.worker for result in reversed(results)}
    assert len(set(first.values())) == 2


def test_a_single_program_is_shared_by_all_workers() -> None:
    results = run(make_plan(variants={"plain": {}}, sweep__seeds=50), 2, Steady)
    assert len({result.worker for result in results}) == 2


KILLED = "was killed by SIGKILL; the system does that when memory runs out; tried 3 times"
EXHAUSTED = "ResourceExhaustedError: OOM when allocating; tried 3 times"


@pytest.mark.parametrize(("make", "reason"), [(Mortal, KILLED), (Starved, EXHAUSTED)])
def test_a_trial_that_kills_every_worker_is_tried_three_times_and_no_other_fails(
    make: Callable[[], Trainer], reason: str
) -> None:
    planned = make_plan(sweep__learning_rate=[0.1, 1.0, 10.0], sweep__seeds=1)
    results = run(planned, 2, make)
    assert len(results) == 6
    faults = {result.trial: result.fault for result in results}
    for trial in planned.trials:
        fault = faults[trial.id]
        assert (fault is not None) == (trial.learning_rate == 1)
        assert fault is None or fault.reason.endswith(reason)


@pytest.mark.parametrize("death", [segfault, exhaust])
def test_a_trial_whose_worker_dies_once_is_trained_by_another(death: Callable[[], object], tmp_path: Path) -> None:
    planned = make_plan(sweep__learning_rate=[0.1, 1.0], sweep__seeds=1)
    results = run(planned, 2, partial(Fleeting, tmp_path, death))
    assert sorted(result.trial for result in results) == sorted(trial.id for trial in planned.trials)
    assert all(result.fault is None for result in results)
    assert len(list(tmp_path.iterdir())) == 2


def limited(planned: Plan, make: Callable[[], Trainer], limit: float | None) -> list[Result]:
    with ProcessPool(WorkerCount(2), WorkerStarter(make), trial_timeout=limit) as started:
        submit(started, planned)
        return list(started.results(lambda trial, epoch: None))


@pytest.mark.parametrize(("limit", "least"), [(1.0, 600.0), (None, 1.0)])
def test_a_trial_that_hangs_is_trained_by_another_worker(
    limit: float | None, least: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_queues, "MIN_LIMIT", least)
    monkeypatch.setattr(worker_group, "LOOK", 0.1)
    planned = make_plan(sweep__learning_rate=[0.1, 1.0], sweep__seeds=1)
    results = limited(planned, partial(Fleeting, tmp_path, hang), limit)
    assert sorted(result.trial for result in results) == sorted(trial.id for trial in planned.trials)
    assert all(result.fault is None for result in results)


def test_a_trial_that_always_hangs_fails_and_says_after_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_group, "LOOK", 0.1)
    planned = make_plan(sweep__learning_rate=[0.1], sweep__seeds=1)
    reasons = [result.fault.reason for result in limited(planned, Slow, 0.5) if result.fault]
    assert len(reasons) == 2
    assert all("took more than 0.5 s and was ended (--trial-timeout); tried 3 times" in reason for reason in reasons)


def test_time_while_the_coordinator_sleeps_does_not_count_as_hanging(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(worker_group.time, "monotonic", lambda: now.__setitem__(0, now[0] + 3600) or now[0])
    planned = make_plan(sweep__seeds=10)
    assert all(result.fault is None for result in limited(planned, Steady, 600.0))


def test_a_worker_that_dies_as_it_starts_is_replaced(tmp_path: Path) -> None:
    results = run(make_plan(sweep__seeds=1), 2, partial(Stillborn, tmp_path, 2))
    assert len(results) == 4


def test_each_number_of_threads_has_its_own_workers() -> None:
    planned = make_plan(sweep__grid={"train.threads": [1, 2]})
    threads = {cohort.program.key: cohort.program.train.threads for cohort in planned.cohorts}
    results = run(planned, 2)
    assert len(results) == 16
    used = {(result.worker, threads[result.program]) for result in results}
    assert len(used) == len({worker for worker, _ in used})


def test_a_worker_that_has_compiled_many_programs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_pool, "MAX_PROGRAMS", 3)
    results = run(make_plan(sweep__grid={"model.params.units": [4, 5, 6]}), 1)
    assert len(results) == 24
    seen = Counter(worker for worker, _ in {(result.worker, result.program) for result in results})
    assert len(seen) > 1
    assert max(seen.values()) <= 3


def test_the_same_workers_train_another_plan() -> None:
    first, second = make_plan(sweep__seeds=7), make_plan(sweep__seeds=7, train__epochs=4)
    with ProcessPool(WorkerCount(2), WorkerStarter(Steady)) as started:
        pids = {result.worker for result in sweep(started, first)}
        again = sweep(started, second)
    assert {result.worker for result in again} <= pids
    assert sorted(result.trial for result in again) == sorted(trial.id for trial in second.trials)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list of how many workers were started, each time. The workers train nothing."""
    counts: list[int] = []

    @contextmanager
    def start(request: ExecutorRequest) -> Iterator[ProcessPool]:
        counts.append(request.jobs or 0)
        with ProcessPool(WorkerCount(request.jobs or 0), WorkerStarter(Quick)) as made:
            yield made

    monkeypatch.setitem(executors.EXECUTORS, "process-pool", start)
    return counts


def test_workers_are_reused_by_the_next_sweep_with_the_same_number(started: list[int]) -> None:
    places = DataDirs.from_environment(None, True)
    before = {child.pid for child in psutil.Process().children()}
    with ReusableExecutor() as start:
        for jobs in (1, 1, 2, 2):
            with start(ExecutorRequest(places, jobs=jobs)) as made:
                assert len(sweep(made, make_plan())) == 8
        assert started == [1, 2]
    assert gone([child.pid for child in psutil.Process().children() if child.pid not in before])


def test_a_sweep_that_fails_leaves_no_workers(started: list[int]) -> None:
    places = DataDirs.from_environment(None, True)
    with ReusableExecutor() as start:
        with pytest.raises(KeyError), start(ExecutorRequest(places, jobs=1)):
            raise KeyError
        with start(ExecutorRequest(places, jobs=1)) as made:
            assert len(sweep(made, make_plan())) == 8
    assert started == [1, 1]


def test_another_worker_joins_a_program_only_if_that_saves_time() -> None:
    (program, other), trials = (cohort.program for cohort in make_plan().cohorts), make_plan().trials
    waiting = TrialQueues()
    assert waiting.choose("", None, {}) is None
    for trial in trials:
        waiting.add(program, trial, SAVING)
    (queue,) = waiting.nonempty()
    assert waiting.choose("", None, {queue.functions: 1}) is queue  # nothing is known yet
    # 8 trials of half a second: 4 s for one worker
    queue.ended, queue.seconds = 2, 1.0
    for joined, setup, worth in ((1, 3.9, True), (1, 4.1, False), (2, 2.1, False), (0, 100.0, True)):
        queue.setup = setup
        assert (waiting.choose("", None, {queue.functions: joined}) is queue) is worth
    # Another program is served first by a worker that has no functions yet, and last by one that has the others.
    waiting.add(other, trials[0], SAVING)
    assert waiting.choose("", None, {queue.functions: 1}).program is other  # type: ignore[union-attr]
    assert waiting.choose(queue.functions, 1, {queue.functions: 1}) is queue


def test_programs_with_the_same_functions_are_trained_by_the_worker_that_has_them() -> None:
    plan = make_plan(sweep__grid={"train.epochs": [2, 3, 4]})
    waiting = TrialQueues()
    for cohort in plan.cohorts:
        waiting.add(cohort.program, cohort.trials[0], SAVING)
    plain = [cohort.program for cohort in plan.cohorts if cohort.variant == "plain"]
    order, ready = [], ""
    while queue := waiting.choose(ready, None, {}):
        queue.waiting.popleft()
        ready = queue.functions
        order.append(queue.program)
    assert order[:3] == plain
    assert len(order) == 6


def diary(folder: Path, plan: Plan, jobs: int) -> list[tuple[str, str, str]]:
    """Run a plan; return what the workers did, as (worker, what, variant)."""
    run(plan, jobs, partial(Diary, folder / "diary"))
    variants = {cohort.program.key: cohort.variant for cohort in plan.cohorts}
    lines = [line.split() for line in (folder / "diary").read_text().splitlines()]
    return [(worker, what, variants[key]) for worker, what, key in lines]


def test_programs_with_the_same_functions_are_checked_and_then_trained_by_one_worker(tmp_path: Path) -> None:
    layers = [{"dense": {"units": 6, "kernel_initializer": "$start"}}, "norm", {"dense": "$classes"}]
    starts = {"model.params.start": ["zeros", "ones"]}
    plan = make_plan(model__layers=layers, model__params={"start": "zeros"}, sweep__grid=starts)
    did = diary(tmp_path, plan, 2)
    checked = [(worker, variant) for worker, what, variant in did if what == "check"]
    # Two initializers of two variants.
    assert len(checked) == 4
    of_worker = dict(checked)
    assert sorted(of_worker.values()) == ["batchnorm", "plain"]
    assert set(checked) == set(of_worker.items())
    for what in ("prepare", "train"):
        assert set(of_worker.items()) <= {(worker, variant) for worker, done, variant in did if done == what}


def test_a_worker_with_more_to_check_compiles_nothing_before_its_last_check(tmp_path: Path) -> None:
    did = [(what, variant) for _, what, variant in diary(tmp_path, make_plan(), 1)]
    assert did[:3] == [("check", "plain"), ("check", "batchnorm"), ("prepare", "batchnorm")]
    assert did[3] == ("train", "batchnorm")


def test_a_worker_that_was_started_ahead_is_the_first_of_the_pool() -> None:
    starter = WorkerStarter(Quick)
    starter.start_ahead()
    (ahead,) = starter._ahead
    with ProcessPool(WorkerCount(1), starter) as started:
        assert {result.worker for result in sweep(started, make_plan())} == {ahead.name}
    assert gone([int(ahead.name.removeprefix("pid "))])


def test_a_worker_that_nobody_takes_ends_with_its_starter() -> None:
    starter = WorkerStarter(Quick)
    starter.start_ahead()
    (ahead,) = starter._ahead
    starter.close()
    assert gone([int(ahead.name.removeprefix("pid "))])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            Unstartable,
            WorkerError,
            r"(?s)cannot be started, tried 3 times: worker pid \d+ ended with exit code 1.*no TensorFlow here",
        ),
        (Choosy, ConfigError, "variants.batchnorm: not this one"),
        (Fragile, WorkerError, "variants.plain: cannot be built, tried 3 times: worker pid .* was killed by SIGSEGV"),
        (Dataless, DataError, "the file is gone"),
    ],
)
def test_an_error_before_the_first_trial_is_raised(make: Callable[[], Trainer], error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        run(make_plan(), 1, make)


def gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids)


def test_workers_end_with_the_block(tmp_path: Path) -> None:
    before = {child.pid for child in psutil.Process().children()}
    planned = make_plan()
    with ProcessPool(WorkerCount(2), WorkerStarter(Slow)) as started:
        submit(started, planned)
        trained = started.results(lambda trial, epoch: (_ for _ in ()).throw(KeyError))
        with pytest.raises(KeyError):
            next(trained)
        pids = [child.pid for child in psutil.Process().children() if child.pid not in before]
        assert len(pids) == 2
    assert gone(pids)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_coordinator_that_is_killed_leaves_no_worker(number: signal.Signals) -> None:
    code = """
import psutil
from pathlib import Path
from bnbench.planning.trial import Saving
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning.resources import WorkerCount
from support.examples import make_plan
from support.trainers import Slow
def print_workers(trial, epoch): print(*(child.pid for child in psutil.Process().children()), flush=True)
with ProcessPool(WorkerCount(2), WorkerStarter(Slow)) as pool:
    for cohort in make_plan().cohorts:
        for trial in cohort.trials:
            pool.submit(cohort.program, trial, Saving(Path("unused")))
    list(pool.results(print_workers))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 2
        process.send_signal(number)
        process.wait()
    deadline = time.monotonic() + 10
    while not gone(pids) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert gone(pids)


def config(folder: Path, **changes: Any) -> Path:
    values = {
        "name": "small",
        "data": {"name": "digits", "scale": "unit", "limit": 60},
        "model": {"layers": ["flatten", {"dense": 8}, "norm", {"activation": "relu"}, {"dense": "$classes"}]},
        "variants": {"plain": {"norm": "none"}, "batchnorm": {"norm": "batch"}},
        "train": {"epochs": 3, "batch_size": 20},
        "sweep": {"learning_rate": [0.01, 0.1, 1000.0], "seeds": 2},
    }
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump(values | changes), encoding="utf-8")
    return path


def test_results_are_the_same_bits_for_any_number_of_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BNBENCH_CACHE", str(tmp_path / "cache"))
    # No test here reads the report.
    write_no_report(monkeypatch)
    path = config(tmp_path)
    tables: list[tuple[pd.DataFrame, pd.DataFrame]] = []

    def trained(jobs: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        done = bnbench.run(path, results_dir=tmp_path / str(len(tables)), jobs=jobs)
        assert Counter(done.trials["status"]) == {"completed": 8, "diverged": 4}
        assert len(set(done.trials["worker"])) <= jobs
        return done.trials.drop(columns=["seconds", "seconds_per_step", "worker"]), done.history

    # Of two workers one is reused alone: TensorFlow takes longer to start than this sweep to train.
    request = protocols.ExecutorRequest(DataDirs.from_environment(None, True), jobs=2)
    with executors.open_executor(request) as pool, monkeypatch.context() as patch:
        patch.setitem(executors.EXECUTORS, "process-pool", lambda request: nullcontext(pool))
        tables.append(trained(2))
        stop_all_but_one(pool)
        tables.append(trained(1))
    assert list(tmp_path.glob("cache/compiled/*/*.pb"))
    # A new worker uses the programs that the first ones compiled.
    tables.append(trained(1))
    for trials, history in tables[1:]:
        pd.testing.assert_frame_equal(trials, tables[0][0], check_exact=True)
        pd.testing.assert_frame_equal(
            history.drop(columns="seconds"), tables[0][1].drop(columns="seconds"), check_exact=True
        )
    assert not list(tmp_path.glob("cache/compiled/*/run-*"))


def stop_all_but_one(pool: protocols.Executor) -> None:
    assert isinstance(pool, ProcessPool)
    pool._capacity = WorkerCount(1)
    for worker in list(pool._workers)[1:]:
        pool._workers.stop(worker)


def test_workers_share_the_cards_and_a_new_one_takes_the_card_of_a_dead_one(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Recorded:
        is_alive = True

        def __init__(self, receive: object, environment: dict[str, str]) -> None:
            # The numbers are those of nvidia-smi.
            assert environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
            seen.append(environment["CUDA_VISIBLE_DEVICES"])

        def send(self, task: object) -> None: ...

    monkeypatch.setattr(worker_starter, "WorkerHandle", Recorded)
    starter = WorkerStarter(Quick, cards=[2, 5])
    workers: list[Any] = [starter.start() for _ in range(4)]
    assert seen == ["2", "5", "2", "5"]
    workers[1].is_alive = False
    starter.start()
    assert seen[-1] == "5"


def test_on_cards_there_is_a_job_for_each_of_them_unless_told_otherwise() -> None:
    plan = make_plan()
    request = ExecutorRequest(DataDirs(), plan.cohorts, cards=(0, 1, 2))
    for asked, count in ((request, 3), (replace(request, jobs_per_card=2), 6), (replace(request, jobs=1), 1)):
        with process_pool.open_process_pool(asked) as pool:
            assert pool.capacity.count == count
