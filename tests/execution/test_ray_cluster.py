"""Trials run on a Ray cluster as in worker processes: all of them, once, with the same bits, whatever dies."""

import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError, DataError, WorkerError
from bnbench.execution import ray_cluster, ray_handle
from bnbench.execution.protocols import ExecutorRequest
from bnbench.execution.ray_cluster import RayPool, open_ray_pool
from bnbench.execution.ray_seat import MakeTrainer, SeatFacts, facts_of_this_node
from bnbench.planning.machine import MachineKind
from bnbench.planning.plan import Plan
from bnbench.planning.trial import Result, Saving
from support.examples import make_plan
from support.quick import write_no_report
from support.ray_nodes import RayNodes
from support.ray_trainers import deadly_trainer, quick_trainer, saving_trainer, slow_trainer

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def nodes() -> Iterator[RayNodes]:
    """A cluster of two nodes with one core each."""
    with RayNodes() as started:
        started.add()
        yield started


@contextmanager
def opened(nodes: RayNodes, plan: Plan, make_trainer: MakeTrainer = quick_trainer, **changes: Any) -> Iterator[RayPool]:
    request = ExecutorRequest(DataDirs(), plan.cohorts, address=nodes.address)
    with open_ray_pool(replace(request, **changes), make_trainer) as pool:
        yield pool


def submit(pool: RayPool, plan: Plan, folder: Path = Path("unused")) -> None:
    for cohort in plan.cohorts:
        for trial in cohort.trials:
            pool.submit(cohort.program, trial, Saving(folder))


def train(pool: RayPool, plan: Plan, folder: Path = Path("unused")) -> list[Result]:
    submit(pool, plan, folder)
    return list(pool.results(lambda trial, epoch: None))


@pytest.fixture(autouse=True)
def _no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainers of these tests need no rows."""
    monkeypatch.setattr(ray_handle.access, "load_planned", lambda settings, places, facts: facts.fingerprint)


def test_every_trial_ends_once_on_both_nodes(nodes: RayNodes) -> None:
    plan = make_plan(sweep__seeds=10)
    with opened(nodes, plan, slow_trainer) as pool:
        assert pool.capacity.count == 2
        assert str(pool.capacity) == "2 workers (on 2 nodes)"
        pool.check([cohort.program for cohort in plan.cohorts])
        assert pool.devices() == ["none"]
        results = train(pool, plan)
    assert Counter(result.trial for result in results) == Counter(trial.id for trial in plan.trials)
    assert {result.fault for result in results} == {None}
    assert len({result.worker for result in results}) == 2


def test_a_killed_node_costs_its_running_trial_alone(nodes: RayNodes) -> None:
    plan = make_plan(sweep__seeds=20)
    third = nodes.add()
    with opened(nodes, plan, slow_trainer) as pool:
        submit(pool, plan)
        ended = []
        for result in pool.results(lambda trial, epoch: None):
            ended.append(result)
            if len(ended) == 15:
                nodes.kill(third)
    assert Counter(result.trial for result in ended) == Counter(trial.id for trial in plan.trials)
    assert {result.fault for result in ended} == {None}


def test_a_node_that_joins_gets_a_seat_within_ten_seconds(nodes: RayNodes) -> None:
    plan = make_plan(sweep__seeds=200)
    joined: list[tuple[int, float]] = []
    thread = threading.Thread(target=lambda: joined.append((nodes.add(), time.monotonic())))
    with opened(nodes, plan, slow_trainer) as pool:
        submit(pool, plan)
        workers, third = set(), 0.0
        for number, result in enumerate(pool.results(lambda trial, epoch: None)):
            workers.add(result.worker)
            if number == 3:
                thread.start()
            if len(workers) == 3:
                third = time.monotonic()
                break
        thread.join()
    group, since = joined[0]
    nodes.kill(group)
    assert third
    assert third - since < 10


def test_a_trial_that_kills_its_seat_fails_after_three_tries_and_the_others_go_on(nodes: RayNodes) -> None:
    plan = make_plan()
    with opened(nodes, plan, partial(deadly_trainer, plan.trials[0].id)) as pool:
        results = {result.trial: result for result in train(pool, plan)}
    fault = results[plan.trials[0].id].fault
    assert fault is not None
    assert "was lost" in fault.reason
    assert fault.reason.endswith("tried 3 times")
    assert sum(result.fault is None for result in results.values()) == len(plan.trials) - 1


def test_saved_models_come_back_before_their_result(nodes: RayNodes, tmp_path: Path) -> None:
    plan = make_plan()
    with opened(nodes, plan, saving_trainer) as pool:
        submit(pool, plan, tmp_path)
        for result in pool.results(lambda trial, epoch: None):
            assert (tmp_path / "models" / f"{result.trial}.keras").read_text() == f"weights of {result.trial}"
            assert (tmp_path / "checkpoints" / f"{result.trial}-1.h5").exists()
    assert len(list((tmp_path / "models").iterdir())) == len(plan.trials)


def test_a_time_limit_and_a_cancelled_trial_end_the_seat(nodes: RayNodes) -> None:
    plan = make_plan(variants={"plain": {}}, sweep__learning_rate=[0.1], sweep__seeds=2)
    with opened(nodes, plan, partial(slow_trainer, seconds=3600.0), trial_timeout=1.0, jobs=1) as pool:
        submit(pool, plan)
        pool.cancel(plan.trials[1].id)
        (result,) = pool.results(lambda trial, epoch: None)
    assert result.fault is not None
    assert "took more than 1 s" in result.fault.reason


def test_missing_data_end_the_run_with_the_error_of_the_data(nodes: RayNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise DataError("leaf: missing")

    monkeypatch.setattr(ray_handle.access, "load_planned", missing)
    with opened(nodes, make_plan()) as pool, pytest.raises(DataError, match="leaf: missing"):
        train(pool, make_plan())


def test_no_ray_no_cluster_and_no_room_are_errors_that_name_the_cure(
    nodes: RayNodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make_plan()
    with (
        pytest.raises(WorkerError, match=r"no Ray cluster answers .*start one with `ray start --head`"),
        open_ray_pool(ExecutorRequest(DataDirs(), plan.cohorts, address="127.0.0.1:9")),
    ):
        pass
    monkeypatch.setattr(ray_cluster, "worker_memory", lambda program: 10**12)
    with (
        pytest.raises(WorkerError, match=r"no room for a seat:\n  a seat needs 1 core and about 1000.0 GB"),
        opened(nodes, plan),
    ):
        pass
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with (
        pytest.raises(ConfigError, match=r"Ray is not installed.*extra `ray`: pip install '\.\[ray\]'"),
        opened(nodes, plan),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("auto", True),
        ("local", True),
        ("localhost:6379", True),
        ("127.0.0.1:6379", True),
        ("::1", True),
        ("[::1]:6379", True),
        ("localnode:6399", False),
        ("automatic:6379", False),
        ("127.0.0.100:6379", False),
    ],
)
def test_only_another_machine_needs_a_warning_about_access(
    address: str, local: bool, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ray_cluster.socket, "create_connection", lambda *_, **__: SimpleNamespace(close=lambda: None))
    monkeypatch.setattr(ray, "init", lambda **_: None)
    ray_cluster._connect(address)
    assert ("no access control" in caplog.text) is not local


def test_without_a_seat_the_run_ends_after_a_while(nodes: RayNodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "MAX_SECONDS_WITHOUT_SEAT", 3.0)
    plan = make_plan()
    with opened(nodes, plan, jobs=1) as first, opened_again(nodes, plan) as second:
        assert train(first, plan)
        with pytest.raises(WorkerError, match="no seat for"):
            second.check([cohort.program for cohort in plan.cohorts])
        second._since = time.monotonic()
        with pytest.raises(WorkerError, match="no seat for"):
            train(second, plan)


def test_a_signal_still_ends_the_command(nodes: RayNodes) -> None:
    before = signal.getsignal(signal.SIGTERM)
    with opened(nodes, make_plan(), jobs=1):
        assert signal.getsignal(signal.SIGTERM) is before


@contextmanager
def opened_again(nodes: RayNodes, plan: Plan) -> Iterator[RayPool]:
    """A pool whose seats need more cores than are free."""
    request = ExecutorRequest(DataDirs(), plan.cohorts, jobs=1)
    starter = ray_cluster.RayStarter(ray, request, partial(slow_trainer, start=3600.0))
    with RayPool(starter, 1, None) as pool:
        yield pool


AVX2 = MachineKind("x86_64", ("avx2",), (), (("keras", "3.15.1"),))
AVX512 = replace(AVX2, abilities=("avx2", "avx512f"))


class Recorded:
    """A seat of which only the facts matter."""

    has_started, was_stopped = False, False


def starter(**changes: Any) -> ray_cluster.RayStarter:
    made = ray_cluster.RayStarter(None, replace(ExecutorRequest(DataDirs()), **changes), quick_trainer)
    made._nodes = {"n": ray_cluster.Node("node-7", 4)}
    return made


def refusal(made: ray_cluster.RayStarter, facts: SeatFacts) -> str:
    seat: Any = Recorded()
    made._seats[seat] = "n"
    return made._refuse(seat, facts)


def facts(kind: MachineKind, **changes: Any) -> SeatFacts:
    here = facts_of_this_node()
    return replace(here, host="node-7", machine=replace(here.machine, kind=kind), **changes)


def test_other_versions_are_refused_by_the_name_of_the_node(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        problem = refusal(starter(), facts(AVX2, bnbench="0.0.9"))
    assert problem.startswith("node-7: other versions: bnbench 0.0.9 there, ")
    assert "no trials for node-7" in caplog.text
    assert "keras 3.1 there" in refusal(starter(), facts(AVX2, libraries={"keras": "3.1", "tensorflow": "2.1"}))


def test_another_kind_of_machine_needs_mixed(caplog: pytest.LogCaptureFixture) -> None:
    made = starter()
    assert refusal(made, facts(AVX512)) == ""
    assert refusal(made, facts(AVX512)) == ""
    problem = refusal(made, facts(AVX2))
    assert problem == (
        "node-7: another kind of machine (other instructions: avx512f only there); --mixed lets it train, too"
    )
    assert made.problems() == [problem]
    assert refusal(starter(mixed=True, kinds=frozenset({AVX512})), facts(AVX2)) == ""
    assert "another kind" in refusal(starter(kinds=frozenset({AVX512})), facts(AVX2))


def test_real_trials_have_the_bits_of_trials_in_this_process(
    nodes: RayNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bnbench

    monkeypatch.undo()
    # Nobody reads the report.
    write_no_report(monkeypatch)
    monkeypatch.setenv("BNBENCH_CACHE", str(tmp_path / "cache"))
    small = {"train.epochs": 2, "data.limit": 200, "sweep.seeds": 2, "save_models": "final"}
    results = {
        name: bnbench.run(
            Path(__file__).parent.parent.parent / "configs" / "quickstart.yaml",
            {**small, "sweep.learning_rate": [0.01, 100.0]},
            results_dir=tmp_path / name,
            **options,
        )
        for name, options in (
            ("ray", {"executor": "ray", "address": nodes.address}),
            # tests/execution/test_process_pool.py has workers.
            ("here", {"jobs": 0}),
        )
    }
    of_a_run = ["seconds", "seconds_per_step", "worker"]
    tables = [one.trials.drop(columns=of_a_run) for one in results.values()]
    assert tables[0].equals(tables[1])
    curves = [one.history.drop(columns="seconds") for one in results.values()]
    assert curves[0].equals(curves[1])
    models = [sorted(path.name for path in (one.folder / "models").iterdir()) for one in results.values()]
    assert models[0] == models[1]
    assert len(set(results["ray"].trials["worker"])) == 2
