"""How long trials take: 3 epochs of 6 steps each in the small experiment."""

import pytest

from bnbench.planning.plan import Program
from bnbench.planning.runtime import PROGRAM_SECONDS, estimate_trial
from bnbench.planning.trial import Divergence, Fault, Result
from bnbench.planning.trial_times import RECENT, TrialTimes
from support.examples import make_plan

PLAIN, NORMED = (cohort.program for cohort in make_plan().cohorts)


def ended(program: Program, seconds: float, step: float | None = None, diverged: bool = False) -> Result:
    divergence = Divergence("nonfinite", 1) if diverged else None
    return Result("t", program.key, 1, seconds=seconds, seconds_per_step=step, divergence=divergence)


def test_without_trials_the_time_is_the_estimate() -> None:
    times = TrialTimes({PLAIN.key: 0.5})
    assert times.seconds(PLAIN) == pytest.approx(3 * 6 * 0.5, rel=0.01)
    assert times.seconds(NORMED) == estimate_trial(NORMED, {})[0]


def test_trials_replace_the_estimate_by_the_longest_of_the_last_ones() -> None:
    times = TrialTimes({PLAIN.key: 0.5})
    times.add(PLAIN, ended(PLAIN, 40.0))
    times.add(PLAIN, ended(PLAIN, 20.0))
    assert times.seconds(PLAIN) == 40
    for _ in range(RECENT - 1):
        times.add(PLAIN, ended(PLAIN, 10.0))
    assert times.seconds(PLAIN) == 20


def test_a_trial_that_diverged_early_counts_with_its_steps() -> None:
    times = TrialTimes({})
    times.add(PLAIN, ended(PLAIN, 0.1, step=2.0, diverged=True))
    assert times.seconds(PLAIN) == pytest.approx(36, rel=0.01)
    before = times.seconds(NORMED)
    times.add(NORMED, ended(NORMED, 0.1, diverged=True))
    assert times.seconds(NORMED) == before


def test_a_fault_says_nothing() -> None:
    times = TrialTimes({})
    before = times.seconds(PLAIN)
    times.add(PLAIN, Result("t", PLAIN.key, 1, seconds=100.0, fault=Fault("MemoryError", "")))
    assert times.seconds(PLAIN) == before
    assert times.compile_seconds(PLAIN) == PROGRAM_SECONDS


def test_what_one_program_took_corrects_the_estimates_of_the_same_kind() -> None:
    calculated, _ = estimate_trial(NORMED, {})
    times = TrialTimes({})
    times.add(PLAIN, ended(PLAIN, 3 * estimate_trial(PLAIN, {})[0]))
    assert times.seconds(NORMED) == pytest.approx(3 * calculated)
    timed = TrialTimes({PLAIN.key: 0.5})
    timed.add(PLAIN, ended(PLAIN, 27.0))
    assert timed.seconds(NORMED) == calculated


def test_workers_share_whole_trials() -> None:
    times = TrialTimes({})
    for program in (PLAIN, NORMED):
        times.add(program, ended(program, 10.0))
    # One worker compiles the second program again.
    assert times.together([(PLAIN, 4), (NORMED, 4)], workers=1) == 80 + 2 * PROGRAM_SECONDS
    assert times.together([(PLAIN, 4), (NORMED, 4)], workers=2) == 40
    # Three rounds of three, three and two trials.
    assert times.together([(PLAIN, 4), (NORMED, 4)], workers=3) == 30
    assert times.together([(PLAIN, 1), (NORMED, 0)], workers=8) == 10
    assert times.together([(PLAIN, 0)], workers=1) == 0


def test_a_program_that_is_new_in_this_run_is_compiled() -> None:
    times = TrialTimes({})
    times.add(PLAIN, ended(PLAIN, 10.0))
    assert times.compile_seconds(PLAIN) == 0
    assert times.together([(PLAIN, 1), (NORMED, 1)], workers=2) == pytest.approx(10 + PROGRAM_SECONDS / 2, abs=0.1)
