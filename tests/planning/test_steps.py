"""Shares of the training become numbers of steps, which are hashed."""

from typing import Any

import pytest

from bnbench.config.schema import Train, WarmupSteps
from bnbench.errors import ConfigError
from bnbench.location import Location
from bnbench.planning.check_key import check_key
from bnbench.planning.steps import resolve_steps
from support.examples import make_plan

# 45 training rows, six steps of at most 8 rows, five epochs: 30 steps.
STEPS: dict[str, Any] = {"train__epochs": 5, "train__batch_size": 8}


def trained(**changes: Any) -> Train:
    return make_plan(**STEPS, **changes).cohorts[0].program.train


def key(**changes: Any) -> str:
    return make_plan(**STEPS, **changes).cohorts[0].program.key


def warmup(share: float, epochs: int) -> int:
    train = Train.model_validate({"epochs": epochs, "warmup": share, "steps_per_epoch": 1})
    resolved = resolve_steps(train, 45, Location("tiny.yaml", ("train",))).warmup
    assert isinstance(resolved, WarmupSteps)
    return resolved.steps


@pytest.mark.parametrize(
    ("share", "total", "steps"), [(0.1, 30, 3), (0.07, 100, 7), (0.1, 31, 4), (0.1, 5, 1), (0.99, 10, 9), (0.5, 1, 1)]
)
def test_a_share_is_rounded_up_and_leaves_a_step(share: float, total: int, steps: int) -> None:
    assert warmup(share, total) == steps


def test_a_share_and_its_number_of_steps_are_one_trial_and_no_warm_up_is_the_same_as_before() -> None:
    assert key(train__warmup=0.1) == key(train__warmup={"steps": 3})
    assert key() == key(train__warmup=None) == key(train__warmup=0) == key(train__warmup={"steps": 0})
    assert len({key(), key(train__warmup=0.1), key(train__warmup=0.2)}) == 3


@pytest.mark.parametrize(
    ("schedule", "resolved"),
    [
        ({"cosine": {"decay_steps": "all"}}, {"decay_steps": 30}),
        ({"exponential": {"decay_steps": 0.5, "decay_rate": 0.1}}, {"decay_steps": 15}),
        ({"inverse_time": {"decay_steps": 0.5, "decay_rate": 0.1}}, {"decay_steps": 15}),
        ({"polynomial": {"decay_steps": "all"}}, {"decay_steps": 30}),
        ({"cosine_decay_restarts": {"first_decay_steps": 0.1}}, {"first_decay_steps": 3}),
        ({"piecewise_constant": {"boundaries": [0.5, 0.75], "values": [1, 0.1, 0.01]}}, {"boundaries": [15, 23]}),
        (
            {"cosine": {"decay_steps": 0.9, "warmup_steps": 0.1, "warmup_target": 1, "initial_learning_rate": 0}},
            {"decay_steps": 27, "warmup_steps": 3},
        ),
    ],
)
def test_every_argument_that_counts_steps_takes_a_share(schedule: dict[str, Any], resolved: dict[str, Any]) -> None:
    train = trained(train__schedule=schedule)
    assert train.schedule is not None
    assert {name: train.schedule.arguments[name] for name in resolved} == resolved
    ((name, arguments),) = schedule.items()
    assert key(train__schedule=schedule) == key(train__schedule={name: arguments | resolved})


def test_a_schedule_has_the_steps_that_the_warm_up_leaves() -> None:
    train = trained(train__warmup=0.2, train__schedule={"cosine": {"decay_steps": "all"}})
    assert train.warmup == WarmupSteps(steps=6)
    assert train.schedule is not None
    assert train.schedule.arguments == {"decay_steps": 24}


def test_numbers_of_steps_stay_as_they_are_written() -> None:
    schedule = {"piecewise_constant": {"boundaries": [0, 2.5, 100], "values": [1, 2, 3, 4]}}
    train = trained(train__schedule=schedule)
    assert train.schedule is not None
    assert train.schedule.arguments == schedule["piecewise_constant"]


def test_each_variant_and_each_value_of_an_axis_has_its_own_steps() -> None:
    variants = {"plain": {}, "warmup": {"train": {"warmup": 0.1}}, "longer": {"train": {"warmup": 0.1, "epochs": 10}}}
    plan = make_plan(**STEPS, variants=variants, sweep__grid={"train.batch_size": [8, "full"]})
    found = [cohort.program.train.warmup for cohort in plan.cohorts]
    assert [one and one.steps for one in found] == [None, 3, 6, None, 1, 1]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train__warmup": {"steps": 30}}, r"train\.warmup\.steps: found 30, wanted fewer than the 30 steps"),
        (
            {"train__schedule": {"piecewise_constant": {"boundaries": [0.11, 0.12], "values": [1, 2, 3]}}},
            r"schedule\..*boundaries: found \[0\.11, 0\.12\], which are the steps \[4, 4\] of 30",
        ),
        (
            {
                "train__warmup": 0.1,
                "train__schedule": {"cosine": {"decay_steps": "all", "warmup_steps": 2, "warmup_target": 1}},
            },
            r"warmup_target: CosineDecay would warm up a second time",
        ),
        (
            {"train__warmup": 0.1, "train__callbacks": ["reduce_lr_on_plateau"]},
            "changes the learning rate, and train.warmup does too",
        ),
        (
            {"train__schedule": {"cosine": {"decay_steps": "all", "initial_learning_rate": 0.5}}},
            "initial_learning_rate: the schedule is a factor .* train.warmup",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_plan(**STEPS, **changes)


def test_numbers_of_steps_make_no_further_check_by_keras() -> None:
    def checked(**changes: Any) -> str:
        return check_key(make_plan(**STEPS, **changes).cohorts[0].program)

    assert checked(train__warmup=0.1) == checked(train__warmup=0.2) != checked()
    one, other = ({"train__schedule": {"cosine": {"decay_steps": share}}} for share in (0.5, "all"))
    assert checked(**one) == checked(**other)
