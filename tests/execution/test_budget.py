"""A budget of time, with a clock that only trials move: two variants, four seeds, two rates; a trial takes 10 s."""

import math
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from bnbench.data.types import DataDirs
from bnbench.execution import sweep
from bnbench.execution.budget import Budget, TrialSupply
from bnbench.execution.in_process import SerialExecutor
from bnbench.execution.protocols import Executor
from bnbench.execution.sweep import SweepOptions, run_sweep, stored_states
from bnbench.planning.plan import Plan, Program, Trial
from bnbench.planning.runtime import LOADING_SECONDS, PROGRAM_SECONDS, REPORT_SECONDS, estimate_trial
from bnbench.planning.trial import OnEpoch, Result, Saving
from bnbench.planning.trial_times import TrialTimes
from support.examples import make_plan
from support.trainers import Quick

PLAN = make_plan(sweep__seeds=4)
SECONDS = 10.0
# What a budget is longer than the trials that just fit into it.
AROUND = REPORT_SECONDS + 0.5


class Clock:
    """A clock that stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Clocked(Quick):
    """Takes some seconds of a made-up clock for each trial."""

    def __init__(self, clock: Clock, seconds: Callable[[Trial], float] = lambda trial: SECONDS) -> None:
        self.clock, self.seconds = clock, seconds

    def result(self, program: Program, trial: Trial, on_epoch: OnEpoch) -> Result:
        seconds = self.seconds(trial)
        self.clock.now += seconds
        # Of 18 steps.
        step = seconds / 18
        return replace(super().result(program, trial, on_epoch), seconds=seconds, seconds_per_step=step)


def known_times(plan: Plan = PLAN) -> TrialTimes:
    """Return times of 10 s for each trial, for programs that have been compiled."""
    times = TrialTimes({})
    for cohort in plan.cohorts:
        times.add(cohort.program, Result("t", cohort.program.key, 1, seconds=SECONDS))
    return times


def train(seconds: float, plan: Plan = PLAN, times: TrialTimes | None = None, takes: float = SECONDS) -> list[Trial]:
    """Train in this process as far as a budget allows, and return the trials in the order in which they ended."""
    clock = Clock()
    budget = Budget(seconds, clock)
    supply = TrialSupply(plan.cohorts, budget, times or known_times(plan))
    executor = SerialExecutor(lambda: Clocked(clock, lambda trial: takes))
    submitted: dict[str, tuple[Program, Trial]] = {}
    ended: list[Trial] = []

    def submit() -> None:
        for program, trial in supply.take(len(submitted), 0):
            executor.submit(program, trial, Saving(Path("unused")))
            submitted[trial.id] = program, trial

    submit()
    for result in executor.results(lambda trial, epoch: None, may_start=supply.may_start):
        program, trial = submitted.pop(result.trial)
        supply.add(program, result)
        ended.append(trial)
        submit()
    supply.close()
    assert (budget.ended, budget.not_started) == (len(ended), len(plan.trials) - len(ended))
    return ended


def seeds(trials: list[Trial]) -> dict[int, int]:
    """Return how many of the four trials of each seed have ended."""
    return dict(Counter(trial.seed for trial in trials))


def test_without_a_limit_one_program_comes_after_the_other() -> None:
    ended = train(math.inf)
    assert [trial.variant for trial in ended] == 8 * ["plain"] + 8 * ["batchnorm"]


def test_with_much_time_the_order_is_the_same() -> None:
    assert train(1000) == train(math.inf)


@pytest.mark.parametrize(("time", "whole"), [(175, 4), (130, 3), (95, 2), (45, 1)])
def test_with_little_time_whole_seeds_are_trained(time: float, whole: int) -> None:
    assert seeds(train(time + AROUND)) == dict.fromkeys(range(whole), 4)


def test_no_seed_begins_that_would_not_end_in_time() -> None:
    # Seven trials would fit, but the second seed has four.
    assert seeds(train(75 + AROUND)) == {0: 4}


def test_of_the_first_seed_as_much_is_trained_as_fits() -> None:
    # Otherwise a short command would never begin with a seed that takes long.
    assert seeds(train(25 + AROUND)) == {0: 2}


def test_no_trial_starts_that_would_not_end_in_time() -> None:
    assert train(9 + AROUND) == []


def test_an_estimate_that_is_too_low_by_a_factor_of_two_costs_no_whole_seed() -> None:
    # The first seed is trained whole, and shows that a second one does not fit.
    assert seeds(train(120 + AROUND, takes=20.0)) == {0: 4}
    assert seeds(train(180 + AROUND, takes=20.0)) == {0: 4, 1: 4}


def test_seeds_that_have_been_trained_are_not_counted() -> None:
    left = replace(PLAN, cohorts=tuple(replace(one, trials=one.trials.of_seeds({2, 3})) for one in PLAN.cohorts))
    assert seeds(train(60 + AROUND, left)) == {2: 4}


def test_of_many_programs_every_one_trains_a_seed_before_the_next_seed() -> None:
    plan = make_plan(sweep__seeds=3, sweep__grid={"train.epochs": [2, 3, 4]})
    ended = train(130 + AROUND, plan)
    assert seeds(ended) == {0: 12}
    assert len({(trial.variant, trial.axes["train.epochs"]) for trial in ended}) == 6


def test_a_time_that_nobody_knows_is_tried_seed_by_seed() -> None:
    plan = make_plan(
        sweep__seeds=3,
        model__layers=[
            {"dense": "$units"},
            "norm",
            {"einsum_dense": {"equation": "ab,bc->ac", "output_shape": 6}},
            {"dense": "$classes"},
        ],
    )
    assert seeds(train(95 + AROUND, plan, TrialTimes({}))) == {0: 4, 1: 4}


class NeverLoaded(SerialExecutor):
    """An executor that must not train."""

    def __init__(self) -> None:
        def fail() -> Quick:
            raise AssertionError("loads TensorFlow")

        super().__init__(fail)


def run(folder: Path, executor: Executor, budget: Budget) -> None:
    options = SweepOptions(
        folder,
        DataDirs(cache_dir=folder.parent / "cache"),
        lambda folder: None,
        time_steps=False,
        open_executor=lambda request: nullcontext(executor),
        budget=budget,
    )
    run_sweep(PLAN, options)


def test_a_sweep_is_continued_by_the_next_budget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    timed = {cohort.program.key: SECONDS / 18 for cohort in PLAN.cohorts}
    monkeypatch.setattr(sweep, "step_seconds", lambda folder: timed)
    clock = Clock()
    for count, seconds in ((4, 60), (8, 60), (16, 200)):
        budget = Budget(seconds, clock)
        run(tmp_path / "results", SerialExecutor(lambda: Clocked(clock)), budget)
        assert len(stored_states(tmp_path / "results")) == count
        assert budget.not_started == 16 - count


def test_without_time_for_a_trial_nothing_is_loaded_and_the_run_ends_well(tmp_path: Path) -> None:
    needed = estimate_trial(PLAN.cohorts[0].program, {})[0] + PROGRAM_SECONDS + LOADING_SECONDS + REPORT_SECONDS
    budget = Budget(needed - 0.5, Clock())
    run(tmp_path / "results", NeverLoaded(), budget)
    assert (budget.ended, budget.not_started) == (0, 16)
    assert budget.wanted == pytest.approx(needed, rel=0.01)
    assert stored_states(tmp_path / "results") == {}
    assert (tmp_path / "results" / "config.yaml").exists()


def test_the_timing_of_pairs_and_the_report_have_their_time() -> None:
    budget = Budget(100, Clock())
    supply = TrialSupply(PLAN.cohorts, budget, known_times(), pairs=["a pair"])
    # 5% of the time, and the compilation.
    after = REPORT_SECONDS + 5 + PROGRAM_SECONDS
    program, trial = PLAN.cohorts[0].program, PLAN.trials[0]
    budget._end = SECONDS + after + 0.1
    assert supply.may_start(program, trial)
    budget._end = SECONDS + after - 0.1
    assert not supply.may_start(program, trial)
    assert supply.has_time_for_pairs()
    budget._end = 5
    assert not supply.has_time_for_pairs()
