"""After the last trial of a run, pairs of variants are timed by turns; trials never depend on it."""

import logging
import os
import re
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bnbench.commands.write_report import RunReport
from bnbench.data.types import DataDirs
from bnbench.errors import WorkerError
from bnbench.execution import pool_worker, worker_group
from bnbench.execution.in_process import SerialExecutor
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.progress import SilentProgress
from bnbench.execution.protocols import Executor, ExecutorRequest, Trainer
from bnbench.execution.step_times import untimed_pairs
from bnbench.execution.sweep import SweepOptions, run_sweep, stored_states
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning.plan import Plan
from bnbench.planning.resources import WorkerCount
from bnbench.planning.step_pairs import pairs_to_compare
from bnbench.planning.step_times import StepTimes, TimedPair
from bnbench.planning.trial import Saving
from bnbench.results.results import Results
from support.examples import make_plan
from support.trainers import Compiling, Jammed, Quick, Starved, Steady, Untimeable

THREE = {"plain": {}, "batchnorm": {"norm": "batch"}, "layernorm": {"norm": "layer"}}


class Watcher(SilentProgress):
    """Counts the trials to train and the pairs to time."""

    def __init__(self) -> None:
        self.todo, self.pairs = 0, 0

    def begin(self, plan: Plan, todo: int, workers: WorkerCount) -> None:
        self.todo = todo

    def phase(self, phase: str) -> None:
        if match := re.match(r"timing the steps of (\d+) pair", phase):
            self.pairs = int(match[1])


def train(plan: Plan, folder: Path, make: Callable[[], Trainer] = Quick, **options: Any) -> Watcher:
    """Run a sweep in this process; return how many trials were to train and how many pairs to time."""

    @contextmanager
    def serial(request: ExecutorRequest) -> Iterator[Executor]:
        yield SerialExecutor(make)

    watcher, data_dirs = Watcher(), DataDirs(cache_dir=folder)
    run_sweep(plan, SweepOptions(folder, data_dirs, lambda _: None, watcher, open_executor=serial, **options))
    return watcher


def ratios(folder: Path) -> dict[str, Any]:
    return Results(folder).variants.set_index("variant")["overhead"].dropna().to_dict()


def test_a_run_times_each_pair_once(tmp_path: Path) -> None:
    plan = make_plan(variants=THREE)
    assert len(untimed_pairs(plan, tmp_path)) == 2
    assert train(plan, tmp_path).pairs == 2
    assert ratios(tmp_path) == {"batchnorm": pytest.approx(2), "layernorm": pytest.approx(2)}
    assert len(Results(tmp_path).step_times) == 2 * 7
    assert untimed_pairs(plan, tmp_path) == []
    again = train(plan, tmp_path)
    assert (again.todo, again.pairs) == (0, 0)
    further = train(make_plan(variants=THREE, sweep__seeds=3), tmp_path)
    assert (further.todo, further.pairs) == (6, 0)


def test_a_smoke_run_times_nothing(tmp_path: Path) -> None:
    assert train(make_plan(), tmp_path, time_steps=False).pairs == 0
    assert Results(tmp_path).pairs == []


def test_results_of_an_earlier_version_are_timed_when_nothing_is_left_to_train(tmp_path: Path) -> None:
    train(make_plan(), tmp_path, time_steps=False)
    assert Results(tmp_path).time_ratio("batchnorm", {}).reason == "not measured in pairs: run again"
    after = train(make_plan(), tmp_path)
    assert (after.todo, after.pairs) == (0, 1)
    assert ratios(tmp_path) == {"batchnorm": pytest.approx(2)}


def test_variants_that_cannot_be_compared_say_why(tmp_path: Path) -> None:
    wide = {"plain": {}, "wide": {"norm": "batch", "train": {"batch_size": 16}}, "same": {}}
    assert train(make_plan(variants=wide), tmp_path).pairs == 0
    results = Results(tmp_path)
    assert results.time_ratio("wide", {}).reason == "batches of 8 and 16 rows"
    assert results.time_ratio("same", {}).reason == "the same program"
    assert untimed_pairs(make_plan(variants=wide), tmp_path) == []


def test_a_pair_is_timed_at_some_settings_only(tmp_path: Path) -> None:
    plan = make_plan(sweep__grid={"model.params.units": [4, 5, 6, 7]})
    assert train(plan, tmp_path).pairs == 3
    results = Results(tmp_path)
    assert [results.time_ratio("batchnorm", {"model.params.units": units}).rounds for units in (4, 5, 6, 7)] == [
        7, 7, 0, 7,
    ]  # fmt: skip
    reason = results.time_ratio("batchnorm", {"model.params.units": 6}).reason
    assert reason == "timed at 3 other settings only"


class Interrupted(Quick):
    """Times one pair; then Ctrl-C is pressed."""

    def time_steps(self, pairs: Sequence[TimedPair]) -> Iterator[StepTimes]:
        yield next(super().time_steps(pairs))
        raise KeyboardInterrupt


def test_an_interrupt_loses_nothing_and_the_next_run_goes_on(tmp_path: Path) -> None:
    plan = make_plan(variants=THREE)
    with pytest.raises(KeyboardInterrupt):
        train(plan, tmp_path, Interrupted)
    assert set(stored_states(tmp_path).values()) == {"completed"}
    assert list(ratios(tmp_path)) == ["batchnorm"]
    after = train(plan, tmp_path)
    assert (after.todo, after.pairs) == (0, 1)
    assert list(ratios(tmp_path)) == ["batchnorm", "layernorm"]


class Unlucky(Quick):
    """Cannot time any pair."""

    def time_steps(self, pairs: Sequence[TimedPair]) -> Iterator[StepTimes]:
        for pair in pairs:
            yield StepTimes(*pair.key, fault="ResourceExhaustedError: OOM")


def test_what_goes_wrong_is_logged_and_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        train(make_plan(), tmp_path, Unlucky)
    assert "ResourceExhaustedError: OOM; the next run tries again" in caplog.text
    assert ratios(tmp_path) == {}
    assert train(make_plan(), tmp_path).pairs == 1


def test_a_variant_without_a_trial_waits(tmp_path: Path) -> None:
    plan = make_plan(sweep__learning_rate=[1.0])
    assert train(plan, tmp_path, Starved).pairs == 0
    assert train(plan, tmp_path).pairs == 1


class Former:
    """A watcher that was written for an earlier version."""

    def begin(self, plan: Plan, todo: int, workers: WorkerCount) -> None: ...
    def epoch(self, trial: Any, epoch: Any) -> None: ...
    def result(self, trial: Any, result: Any) -> None: ...
    def end(self) -> None: ...


def test_a_watcher_of_an_earlier_version_still_works(tmp_path: Path) -> None:
    @contextmanager
    def serial(request: ExecutorRequest) -> Iterator[Executor]:
        yield SerialExecutor(Quick)

    options: Any = SweepOptions(
        tmp_path,
        DataDirs(cache_dir=tmp_path),
        lambda _: None,
        Former(),
        open_executor=serial,  # type: ignore[arg-type]
    )
    run_sweep(make_plan(), options)
    assert ratios(tmp_path) == {"batchnorm": pytest.approx(2)}


def timed_pairs(plan: Plan) -> list[TimedPair]:
    return [TimedPair(first, second, 0.1, 0, 6, 1.0) for first, second in pairs_to_compare(plan)]


def submit(pool: ProcessPool, plan: Plan) -> None:
    for cohort in plan.cohorts:
        for trial in cohort.trials:
            pool.submit(cohort.program, trial, Saving(Path("unused")))


def test_a_pool_keeps_one_worker_for_the_pairs_and_trains_again_afterwards() -> None:
    plan = make_plan(variants=THREE, sweep__seeds=5)
    with ProcessPool(WorkerCount(2), WorkerStarter(Steady)) as pool:
        submit(pool, plan)
        workers = {result.worker for result in pool.results(lambda trial, epoch: None)}
        times = list(pool.time_steps(timed_pairs(plan)))
        assert [(one.first, one.second) for one in times] == [pair.key for pair in timed_pairs(plan)]
        (worker,) = pool._workers
        assert worker.process.name in workers
        submit(pool, plan)
        assert len(list(pool.results(lambda trial, epoch: None))) == len(plan.trials)


def test_other_work_is_done_while_a_pair_is_compiled_and_never_during_its_rounds(tmp_path: Path) -> None:
    pieces: list[tuple[float, float]] = []

    def work() -> bool:
        began = time.time()
        time.sleep(0.05)
        pieces.append((began, time.time()))
        return True

    plan = make_plan(variants=THREE)
    with ProcessPool(WorkerCount(1), WorkerStarter(partial(Compiling, tmp_path))) as pool:
        assert len(list(pool.time_steps(timed_pairs(plan), work))) == 2
    rounds = [tuple(map(float, line.split())) for line in (tmp_path / "rounds").read_text().splitlines()]
    assert len(rounds) == 2
    assert len(pieces) >= 10
    assert not any(began < end and start < ended for began, ended in pieces for start, end in rounds)


def test_no_phase_of_the_training_is_reported_and_no_worker_starts_while_pairs_are_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_group, "LOOK", 0.1)
    plan, phases = make_plan(), list[str]()
    with ProcessPool(WorkerCount(2), WorkerStarter(partial(Compiling, tmp_path))) as pool:
        submit(pool, plan)
        assert len(list(pool.results(lambda trial, epoch: None, phases.append))) == len(plan.trials)
        before = len(phases)
        assert len(list(pool.time_steps(timed_pairs(plan)))) == 1
        assert len(pool._workers) == 1
    assert len(phases) == before


def test_the_figures_are_drawn_once_whether_pairs_are_timed_or_not(tmp_path: Path) -> None:
    report = RunReport()
    train(make_plan(), tmp_path)
    while report.draw_more(tmp_path):
        pass
    drawn = list(report._drawing._drawn)  # type: ignore[union-attr]
    report.write(tmp_path)
    assert drawn
    assert report._drawing._drawn == drawn  # type: ignore[union-attr]
    assert {f"{one.name}.png" for one in drawn} <= {path.name for path in (tmp_path / "plots").iterdir()}


def test_times_that_were_measured_after_the_figures_are_in_the_report(tmp_path: Path) -> None:
    report = RunReport()
    train(make_plan(), tmp_path, time_steps=False)
    report.draw_more(tmp_path)
    assert report._drawing.results.variants["overhead_rounds"].max() == 0  # type: ignore[union-attr]
    train(make_plan(), tmp_path)
    report.write(tmp_path)
    assert report.results is not None
    assert report.results.variants["overhead_rounds"].max() == 7


def test_a_pool_that_has_trained_nothing_starts_a_worker() -> None:
    plan = make_plan()
    with ProcessPool(WorkerCount(2), WorkerStarter(Quick)) as pool:
        assert len(list(pool.time_steps(timed_pairs(plan)))) == 1


def test_other_threads_need_another_worker() -> None:
    plan, threaded = make_plan(), make_plan(train__threads=2)
    with ProcessPool(WorkerCount(1), WorkerStarter(Quick)) as pool:
        list(pool.time_steps(timed_pairs(plan)))
        (before,) = pool._workers
        list(pool.time_steps(timed_pairs(threaded)))
        (after,) = pool._workers
        assert before is not after
        assert after.threads == 2


def test_a_worker_that_dies_ends_the_timing_with_an_error_and_leaves_what_was_timed(tmp_path: Path) -> None:
    plan = make_plan(variants=THREE)
    with ProcessPool(WorkerCount(2), WorkerStarter(partial(Untimeable, tmp_path))) as pool:
        times = pool.time_steps(timed_pairs(plan))
        assert next(times).rounds
        with pytest.raises(WorkerError, match="was killed by SIGKILL"):
            next(times)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_pair_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_group, "LOOK", 0.1)
    monkeypatch.setattr(pool_worker, "MIN_LIMIT", 0.5)
    ended = pytest.raises(WorkerError, match=r"took more than 0.5 s and was ended")
    with ProcessPool(WorkerCount(1), WorkerStarter(Jammed)) as pool, ended:
        list(pool.time_steps(timed_pairs(make_plan())))


def test_ctrl_c_ends_the_timing_and_leaves_no_process() -> None:
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with ProcessPool(WorkerCount(1), WorkerStarter(Jammed)) as pool:
            signal.signal(signal.SIGALRM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
            signal.setitimer(signal.ITIMER_REAL, 1.0)
            with pytest.raises(KeyboardInterrupt):
                list(pool.time_steps(timed_pairs(make_plan())))
            assert len(pool._workers) == 0
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGINT, handler)
