from typing import Any

import pytest

from bnbench.training.floats import with_floats


@pytest.mark.parametrize(
    ("family", "class_name", "given", "wanted"),
    [
        ("optimizers", "SGD", {"momentum": 0, "nesterov": True}, {"momentum": 0.0, "nesterov": True}),
        ("optimizers", "Adam", {"clipnorm": 1, "beta_1": 0}, {"clipnorm": 1.0, "beta_1": 0.0}),
        ("optimizers", "Adam", {"gradient_accumulation_steps": 4}, {"gradient_accumulation_steps": 4}),
        ("schedules", "PiecewiseConstantDecay", {"values": [1, 0.1]}, {"values": [1.0, 0.1]}),
        ("schedules", "PiecewiseConstantDecay", {"boundaries": [2, 4]}, {"boundaries": [2.0, 4.0]}),
        ("losses", "Huber", {"delta": 1}, {"delta": 1.0}),
        ("callbacks", "EarlyStopping", {"min_delta": 0, "patience": 3}, {"min_delta": 0.0, "patience": 3}),
        ("layers", "Dropout", {"rate": 0}, {"rate": 0.0}),
        ("layers", "Dense", {"units": 8}, {"units": 8}),
        ("layers", "Conv2D", {"filters": 8, "groups": 2}, {"filters": 8, "groups": 2}),
        ("layers", "ReLU", {"max_value": 6}, {"max_value": 6.0}),
        ("layers", "RandomPosterization", {"factor": 4}, {"factor": 4}),
    ],
    ids=str,
)
def test_whole_numbers_become_floats_where_keras_means_floats(
    family: str, class_name: str, given: dict[str, Any], wanted: dict[str, Any]
) -> None:
    made = with_floats(family, class_name, given)
    assert repr(made) == repr(wanted)


def test_regularizers_inside_a_layer_get_floats_and_the_config_stays_as_it_is() -> None:
    regularizer = {"class_name": "L2", "config": {"l2": 1}}
    made = with_floats("layers", "Dense", {"units": 2, "kernel_regularizer": regularizer})
    assert repr(made["kernel_regularizer"]) == repr({"class_name": "L2", "config": {"l2": 1.0}})
    assert repr(regularizer["config"]) == repr({"l2": 1})
