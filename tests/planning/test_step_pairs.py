"""Which programs train by turns, at which rate, for how many steps and how long."""

from typing import Any

import pytest

from bnbench.planning.plan import Plan, Program
from bnbench.planning.step_pairs import (
    MAX_SECONDS,
    MIN_SECONDS,
    ROUNDS,
    WARM_UP,
    pairs_to_compare,
    plan_turns,
    why_not_comparable,
)
from bnbench.planning.step_times import TrainedPrograms
from support.examples import make_plan

THREE = {"plain": {}, "batchnorm": {"norm": "batch"}, "layernorm": {"norm": "layer"}}
FASTER = {"text": "faster", "metric": "seconds_per_step", "of": "layernorm", "ratio": {"at_most": 1}}


def named(plan: Plan) -> list[str]:
    """Return the pairs as `plain units=50 / batchnorm units=50`."""
    names = {cohort.program.key: " ".join([cohort.variant, *map(str, cohort.axes.values())]) for cohort in plan.cohorts}
    return [f"{names[first.key]} / {names[second.key]}" for first, second in pairs_to_compare(plan)]


def test_each_variant_is_compared_with_the_baseline() -> None:
    assert named(make_plan(variants=THREE)) == ["plain / batchnorm", "plain / layernorm"]
    assert named(make_plan(variants=THREE, baseline="layernorm")) == ["layernorm / plain", "layernorm / batchnorm"]


def test_one_variant_has_no_pair() -> None:
    assert named(make_plan(variants={"plain": {}})) == []


def test_a_claim_about_seconds_adds_its_pair() -> None:
    claim = FASTER | {"over": "batchnorm"}
    assert named(make_plan(variants=THREE, claims=[claim]))[2:] == ["batchnorm / layernorm"]
    # The same two the other way round, a value and another metric add nothing.
    known = [
        FASTER | {"of": "plain", "over": "layernorm"},
        {"text": "fast", "metric": "seconds_per_step", "of": "layernorm", "value": {"at_most": 1}},
        claim | {"metric": "test_score"},
    ]
    assert len(named(make_plan(variants=THREE, claims=known))) == 2


UNITS = {"model.params.units": [4, 5, 6, 7, 8]}


def test_with_further_axes_the_first_the_middle_and_the_last_setting_are_compared() -> None:
    assert named(make_plan(sweep__grid=UNITS)) == [
        "plain 4 / batchnorm 4", "plain 6 / batchnorm 6", "plain 8 / batchnorm 8",
    ]  # fmt: skip
    assert len(named(make_plan(sweep__grid={"model.params.units": [4, 5]}))) == 2


def test_many_variants_are_compared_at_the_middle_setting_only() -> None:
    many = {"plain": {}} | {f"v{units}": {"params": {"more": units}} for units in range(1, 6)}
    layers = [{"dense": "$units"}, {"dense": "$more"}, {"dense": "$classes"}]
    plan = make_plan(variants=many, model={"params": {"units": 4, "more": 9}, "layers": layers}, sweep__grid=UNITS)
    assert named(plan) == [f"plain 6 / v{units} 6" for units in range(1, 6)]


def test_the_setting_that_a_claim_names_is_compared() -> None:
    claim = FASTER | {"of": "batchnorm", "where": {"model.params.units": 7}}
    assert "plain 7 / batchnorm 7" in named(make_plan(sweep__grid=UNITS, claims=[claim]))
    assert len(named(make_plan(sweep__grid=UNITS, claims=[claim]))) == 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, ""),
        ({"train": {"epochs": 7}}, ""),
        ({"train": {"batch_size": 16}}, "batches of 8 and 16 rows"),
        ({"train": {"threads": 2}}, "1 and 2 threads"),
        ({"norm": "none", "train": {}}, "the same program"),
    ],
    ids=str,
)
def test_only_programs_of_equal_batches_and_threads_are_comparable(changes: dict[str, Any], reason: str) -> None:
    plan = make_plan(variants={"plain": {}, "other": {"norm": "batch"} | changes})
    assert why_not_comparable(*(cohort.program for cohort in plan.cohorts)) == reason


def trained(plan: Plan, step: float = 1e-4, seconds: float = 60.0, **ended: dict[tuple[float, int], str]) -> Any:
    """Return that every trial has completed, or what is given for a variant."""
    everything = {(0.01, 0): "completed", (0.01, 1): "completed", (0.1, 0): "completed"}
    programs = {cohort.variant: cohort.program.key for cohort in plan.cohorts}
    return TrainedPrograms(
        dict.fromkeys(programs.values(), step),
        {key: ended.get(variant, everything) for variant, key in programs.items()},
        seconds,
    )


def pairs(plan: Plan) -> list[tuple[Program, Program]]:
    return pairs_to_compare(plan)


def test_a_pair_trains_at_the_lowest_rate_and_seed_at_which_both_completed() -> None:
    plan = make_plan()
    (turn,) = plan_turns(pairs(plan), trained(plan))
    assert (turn.learning_rate, turn.seed) == (0.01, 0)
    later = {(0.01, 0): "diverged", (0.01, 1): "completed", (0.1, 0): "completed"}
    (turn,) = plan_turns(pairs(plan), trained(plan, plain=later))
    assert (turn.learning_rate, turn.seed) == (0.01, 1)
    (turn,) = plan_turns(pairs(plan), trained(plan, plain={(0.1, 0): "completed"}))
    assert (turn.learning_rate, turn.seed) == (0.1, 0)


def test_without_such_a_rate_it_is_the_lowest() -> None:
    plan = make_plan()
    diverged = {(0.1, 0): "diverged", (0.01, 1): "diverged"}
    (turn,) = plan_turns(pairs(plan), trained(plan, plain=diverged))
    assert (turn.learning_rate, turn.seed) == (0.01, 0)


def test_a_variant_whose_trials_all_failed_waits_for_the_next_run() -> None:
    plan = make_plan()
    assert plan_turns(pairs(plan), trained(plan, batchnorm={})) == []


def test_the_seconds_are_a_share_of_the_training_within_bounds() -> None:
    plan = make_plan(variants=THREE)
    assert [turn.seconds for turn in plan_turns(pairs(plan), trained(plan, seconds=120.0))] == [3.0, 3.0]
    assert {turn.seconds for turn in plan_turns(pairs(plan), trained(plan, seconds=1.0))} == {MIN_SECONDS}
    assert {turn.seconds for turn in plan_turns(pairs(plan), trained(plan, seconds=1e6))} == {MAX_SECONDS}


def test_a_turn_is_an_epoch_or_a_part_of_a_long_one() -> None:
    plan = make_plan(train__epochs=5)
    epoch = plan.cohorts[0].program.steps_per_epoch
    (turn,) = plan_turns(pairs(plan), trained(plan))
    assert turn.steps == epoch
    (turn,) = plan_turns(pairs(plan), trained(plan, step=0.05, seconds=60.0))
    # A twentieth of a minute for 7 rounds and a warm-up, two programs, 0.05 seconds a step.
    assert turn.steps == 3 == int(3.0 / (WARM_UP + ROUNDS) / 2 / 0.05)
    (turn,) = plan_turns(pairs(plan), trained(plan, step=3600.0))
    assert turn.steps == 1


def test_variants_with_epochs_of_other_lengths_train_the_same_number_of_steps() -> None:
    plan = make_plan(variants={"plain": {}, "short": {"norm": "batch", "train": {"steps_per_epoch": 2}}})
    (turn,) = plan_turns(pairs(plan), trained(plan))
    assert turn.steps == 2
