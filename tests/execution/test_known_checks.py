"""A program that Keras has accepted is not checked again, unless something that matters has changed."""

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bnbench.data.types import DataDirs
from bnbench.errors import ConfigError
from bnbench.execution import known_checks
from bnbench.execution.in_process import SerialExecutor
from bnbench.execution.known_checks import KnownChecks
from bnbench.execution.process_pool import ProcessPool
from bnbench.execution.protocols import Executor, ExecutorRequest
from bnbench.execution.sweep import SweepOptions, run_sweep
from bnbench.execution.worker_starter import WorkerStarter
from bnbench.planning.plan import Plan, Program
from bnbench.planning.resources import WorkerCount
from support.examples import make_plan
from support.trainers import Quick


class Counting(Quick):
    checked: list[str]
    refused = ""

    def __init__(self, checked: list[str]) -> None:
        self.checked = checked

    def check(self, program: Program) -> None:
        self.checked.append(str(program.where))
        if self.refused:
            raise ConfigError(program.where, self.refused)


def programs(plan: Plan) -> list[Program]:
    return [cohort.program for cohort in plan.cohorts]


def run(plan: Plan, folder: Path, trainer: Counting, cache: Path) -> None:
    @contextmanager
    def serial(request: ExecutorRequest) -> Iterator[Executor]:
        yield SerialExecutor(lambda: trainer)

    places = DataDirs(cache_dir=cache)
    run_sweep(plan, SweepOptions(folder, places, lambda _: None, open_executor=serial, time_steps=False))


def test_the_next_run_checks_nothing_again(tmp_path: Path) -> None:
    checked: list[str] = []
    for name in ("first", "second"):
        run(make_plan(), tmp_path / name, Counting(checked), tmp_path / "cache")
    assert len(checked) == 2
    run(make_plan(model__params={"units": 9}), tmp_path / "other", Counting(checked), tmp_path / "cache")
    assert len(checked) == 4


def test_what_keras_rejects_is_checked_again(tmp_path: Path) -> None:
    trainer = Counting([])
    trainer.refused = "no such initializer"
    for _ in range(2):
        with pytest.raises(ConfigError, match="no such initializer"):
            run(make_plan(), tmp_path / "results", trainer, tmp_path / "cache")
    assert len(trainer.checked) == 2


def test_other_versions_and_other_code_check_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = programs(make_plan())
    KnownChecks(tmp_path).add(known)
    assert KnownChecks(tmp_path).unknown(known) == []
    with monkeypatch.context() as patch:
        patch.setattr(known_checks, "version", lambda name: "99")
        assert KnownChecks(tmp_path).unknown(known) == known
    package = tmp_path / "package"
    for room in ("model", "training"):
        (package / room).mkdir(parents=True)
        (package / room / "a.py").touch()
    monkeypatch.setattr(known_checks, "ROOMS", package)
    KnownChecks(tmp_path).add(known)
    assert KnownChecks(tmp_path).unknown(known) == []
    os.utime(package / "training" / "a.py", (1, 1))
    assert KnownChecks(tmp_path).unknown(known) == known


def test_a_cache_that_cannot_be_used_costs_a_check_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    known = programs(make_plan())
    KnownChecks(tmp_path).add(known)
    (file,) = (tmp_path / "checked").iterdir()
    for damage in (b"\xff\xfe\x00", b"", b"half a li"):
        file.write_bytes(damage)
        assert KnownChecks(tmp_path).unknown(known) == known
    blocked = tmp_path / "blocked"
    blocked.write_text("a file")
    with caplog.at_level(logging.INFO):
        KnownChecks(blocked).add(known)
    assert "are not remembered" in caplog.text
    assert KnownChecks(blocked).unknown(known) == known


def test_the_file_is_begun_anew_when_it_is_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_checks, "MAX_BYTES", 10)
    first, second = programs(make_plan())
    KnownChecks(tmp_path).add([first])
    KnownChecks(tmp_path).add([second])
    assert KnownChecks(tmp_path).unknown([first, second]) == [first]


def test_a_pool_that_checks_nothing_knows_its_devices_and_starts_all_workers() -> None:
    with ProcessPool(WorkerCount(2), WorkerStarter(Quick)) as pool:
        pool.check([])
        assert pool.devices() == ["none"]
        assert len(pool._workers) == 2


def test_a_card_checks_what_a_processor_has_accepted(tmp_path: Path) -> None:
    first, _ = programs(make_plan())
    KnownChecks(tmp_path).add([first])
    on_card = replace(first, device="NVIDIA H100")
    assert KnownChecks(tmp_path).unknown([on_card]) == [on_card]


def test_equal_programs_are_one(tmp_path: Path) -> None:
    first, second = programs(make_plan())
    same: Sequence[Program] = [replace(first, key="other"), second]
    KnownChecks(tmp_path).add([first])
    assert KnownChecks(tmp_path).unknown(same) == [second]
