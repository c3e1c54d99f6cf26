from typing import Any

import pytest

from bnbench.planning.check_key import distinct_programs
from support.examples import make_plan


def count(**changes: Any) -> int:
    return len(distinct_programs(cohort.program for cohort in make_plan(**changes).cohorts))


@pytest.mark.parametrize(
    "axis",
    [
        {"train.epochs": [1, 2, 3]},
        {"train.batch_size": [4, 8, "full"]},
        {"train.steps_per_epoch": [1, 2]},
        {"data.limit": [30, 20]},
        {"data.split.stratify": [True, False]},
        {"train.on_divergence": ["stop", "continue"]},
    ],
    ids=str,
)
def test_values_that_change_nothing_that_keras_sees_share_a_check(axis: dict[str, list[Any]]) -> None:
    assert count() == count(sweep__grid=axis) == 2


@pytest.mark.parametrize(
    "axis",
    [
        {"model.params.units": [6, 7]},
        {"train.optimizer": ["sgd", "adam"]},
        {"train.optimizer.momentum": [0, 0.9]},
        {"train.loss": ["sparse_categorical_crossentropy", "categorical_hinge"]},
        {"train.callbacks": [[], ["reduce_lr_on_plateau"]]},
        {"train.dtype": ["float32", "float64"]},
        {"data.scale": ["none", "standard"]},
    ],
    ids=str,
)
def test_values_that_change_what_keras_sees_are_checked_each(axis: dict[str, list[Any]]) -> None:
    assert count(sweep__grid=axis) == 4


def test_models_are_saved_and_loaded_only_if_a_run_saves_them() -> None:
    plain, saved = (make_plan(save_models=models).cohorts[0].program for models in ("none", "best"))
    assert plain.key == saved.key
    assert len(distinct_programs([plain, saved])) == 2
