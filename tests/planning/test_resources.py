from pathlib import Path

import pytest

from bnbench.planning import resources
from bnbench.planning.resources import WorkerCount
from support.examples import make_plan


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "core_count", lambda: 8)
    monkeypatch.setattr(resources, "free_memory", lambda: 100_000_000_000)


def test_there_is_one_worker_per_core() -> None:
    assert resources.choose_worker_count(make_plan(sweep__seeds=9).cohorts, None) == WorkerCount(8)


def test_no_more_workers_than_trials() -> None:
    assert resources.choose_worker_count(
        make_plan(sweep__seeds=1, sweep__learning_rate=[0.1]).cohorts, None
    ) == WorkerCount(2)


def test_trials_of_several_threads_share_the_cores() -> None:
    assert resources.choose_worker_count(make_plan(train__threads=3).cohorts, None) == WorkerCount(2)
    assert resources.choose_worker_count(make_plan(train__threads=9).cohorts, None) == WorkerCount(1)


def test_memory_limits_the_workers_and_the_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "free_memory", lambda: 3_000_000_000)
    assert str(resources.choose_worker_count(make_plan().cohorts, None)) == (
        "2 workers (of 8 cores: each needs about 1.0 GB, 3.0 GB are free)"
    )


def test_a_requested_number_of_workers_is_used() -> None:
    assert [str(resources.choose_worker_count(make_plan().cohorts, n)) for n in (0, 1, 50)] == [
        "in this process", "1 worker", "50 workers",
    ]  # fmt: skip


def test_memory_counts_weights_activations_and_data() -> None:
    (plain, _) = make_plan(train__batch_size=8).cohorts
    # 5 inputs, 6 units, 6 activations, 3 classes: 20 numbers per example, 57 weights, 75 rows of 5 numbers
    wanted = resources.WORKER_BYTES + 6 * 4 * 57 + 4 * 500 * 20 + 2 * 4 * 75 * 5
    assert resources.worker_memory(plain.program) == wanted


def test_the_memory_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for text, limited in (("1000\n", True), ("max\n", False)):
        (tmp_path / "memory.max").write_text(text)
        monkeypatch.setattr(resources, "CGROUP_LIMIT", tmp_path / "memory.max")
        assert (resources.free_memory() == 1000) is limited
