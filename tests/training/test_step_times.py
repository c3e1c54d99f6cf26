"""Two real programs are trained by turns, and each of their rounds has its seconds."""

from dataclasses import replace
from typing import Any

import pytest

from bnbench.data.types import Dataset
from bnbench.planning.plan import Program
from bnbench.planning.step_pairs import ROUNDS
from bnbench.planning.step_times import StepTimes, TimedPair
from bnbench.training import step_times
from bnbench.training.compiled_program import CompiledProgram
from bnbench.training.threads import use_threads
from support.examples import dataset, facts, make_plan


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    use_threads(1)


@pytest.fixture(autouse=True)
def _all_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine the short rounds of these tests would end too early."""
    monkeypatch.setattr(step_times, "PATIENCE", 10_000)


def pair(steps: int | None = None, rate: float = 0.01, seconds: float = 0.05, **changes: Any) -> TimedPair:
    """Return the two programs of the small experiment; by default whole epochs."""
    first, second = (cohort.program for cohort in make_plan(**changes).cohorts)
    return TimedPair(first, second, rate, 0, steps or first.steps_per_epoch, seconds)


def load(program: Program) -> Dataset:
    return dataset(facts())


def timed(pairs: list[TimedPair]) -> list[StepTimes]:
    """Return the times of pairs; before those of each it must say that both programs are compiled."""
    found = list(step_times.time_pairs(pairs, load))
    times = [one for one in found if one]
    compiled = [one for one in times if one.rounds or one.reason or one.fault == "the machine is too busy"]
    assert found.count(None) == len(compiled)
    return times


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of the programs that are compiled, in order. They are kept, so that each is compiled once."""
    keys: list[str] = []

    def recorded(program: Program, of: Dataset, warm: bool = True) -> CompiledProgram:
        keys.append(program.key)
        return CompiledProgram(program, of, warm=warm)

    monkeypatch.setattr(step_times, "CompiledProgram", recorded)
    return keys


def test_both_are_timed_in_each_round_and_stay_compiled_for_the_next_pair(built: list[str]) -> None:
    whole = pair(train__engine="graph")
    # Nine whole batches, then a part of an epoch.
    found = timed([whole, replace(whole, steps=2, seed=1)])
    assert len(built) == 2
    for times, asked in zip(found, (whole, replace(whole, steps=2, seed=1)), strict=True):
        assert (times.first, times.second) == asked.key
        assert (times.learning_rate, times.seed) == (0.01, asked.seed)
        assert (len(times.rounds), times.fault, times.reason) == (ROUNDS, "", "")
        assert all(first > 0 and second > 0 for first, second in times.rounds)
        assert times.steps % asked.steps == 0
        assert times.clock == "processor"


def test_a_pair_whose_loss_is_not_finite_says_so() -> None:
    (times,) = timed([pair(rate=1e30, train__engine="graph")])
    assert (times.rounds, times.reason) == ((), "the loss is not finite at rate 1e+30")


def test_a_program_that_does_not_compile_costs_only_its_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    good = pair(train__engine="graph")

    def broken(program: Program, of: Dataset, warm: bool = True) -> CompiledProgram:
        if program.key == good.first.key:
            raise MemoryError("none left")
        return CompiledProgram(program, of, warm=warm)

    monkeypatch.setattr(step_times, "CompiledProgram", broken)
    same = replace(good, first=good.second)
    first, second = timed([good, same])
    assert (first.fault, first.rounds) == ("MemoryError: none left", ())
    assert len(second.rounds) == ROUNDS


def test_a_busy_machine_ends_the_rounds_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_times, "PATIENCE", 0)
    (times,) = timed([pair(train__engine="graph")])
    assert (times.rounds, times.fault) == ((), "the machine is too busy")
