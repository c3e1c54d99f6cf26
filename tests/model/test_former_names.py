"""Names of earlier Keras versions and of other libraries lead to what to write now."""

from typing import Any

import pytest

from bnbench.errors import ConfigError
from bnbench.model import arguments, catalog, former_names
from bnbench.planning import keras_checks


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        (
            "sgd",
            {"decay": 1e-6},
            "here: decay: SGD has no such argument: .*schedule: {inverse_time: {decay_rate: 1e-06, decay_steps: 1}}",
        ),
        ("adam", {"eps": 1e-6}, "write epsilon"),
        ("adam", {"betas": [0.9, 0.99]}, "write beta_1 and beta_2"),
        ("adam", {"clip_norm": 1}, "write clipnorm"),
    ],
)
def test_a_former_argument_of_an_optimizer(name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        arguments.check_arguments("optimizers", name, given, "here", keras_checks.OF_OPTIMIZERS)


@pytest.mark.parametrize("alias", ["lr", "learning_rate", "initial_learning_rate", "base_lr", "eta"])
def test_every_name_of_the_learning_rate_says_that_it_is_swept(alias: str) -> None:
    with pytest.raises(ConfigError, match=f"here: {alias}: the learning rate is swept: set sweep.learning_rate"):
        arguments.check_arguments("optimizers", "sgd", {alias: 0.1}, "here", keras_checks.OF_OPTIMIZERS)
    with pytest.raises(ConfigError, match=f"here: {alias}: the schedule is a factor of the swept learning rate"):
        arguments.check_arguments(
            "schedules", "cosine", {"decay_steps": 3, alias: 0.1}, "here", keras_checks.OF_SCHEDULES
        )


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("conv2d", {"filters": 2, "kernel_size": 3, "border_mode": "same"}, "write padding"),
        ("conv2d", {"nb_filter": 2}, "write filters"),
        ("conv2d", {"filters": 2, "kernel_size": 3, "subsample": 2}, "write strides"),
        ("conv2d", {"filters": 2, "kernel_size": 3, "input_shape": [8, 8, 1]}, "the data decide the shape"),
        ("dense", {"units": 2, "input_dim": 4}, "the data decide the shape"),
        ("dense", {"units": 2, "W_regularizer": "l2"}, "write kernel_regularizer"),
        ("dense", {"units": 2, "init": "uniform"}, "write kernel_initializer"),
        ("dense", {"units": 2, "dtype": "float16"}, "set train.dtype"),
        ("dropout", {"p": 0.5}, "write rate"),
        ("leaky_relu", {"alpha": 0.1}, "write negative_slope"),
        ("batch_normalization", {"eps": 0.1}, "write epsilon"),
    ],
)
def test_a_former_argument_of_a_layer(name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"has no such argument: {message}"):
        arguments.check_arguments("layers", name, given, "here")


def test_advice_is_given_only_where_the_class_has_the_argument() -> None:
    with pytest.raises(ConfigError, match="Flatten has no such argument; it has"):
        arguments.check_arguments("layers", "flatten", {"border_mode": "same"}, "here")


@pytest.mark.parametrize(
    ("family", "name", "message"),
    [
        ("layers", "CuDNNLSTM", "is no layer of Keras: write lstm"),
        ("layers", "batch_norm", "is no layer of Keras: write batch_normalization, or norm"),
        ("optimizers", "nesterov", "is no optimizer of Keras: write {sgd: {momentum: 0.9, nesterov: true}}"),
        ("schedules", "linear", "is no schedule of Keras: write {polynomial: {power: 1}}"),
        ("losses", "cross_entropy", "is no loss of Keras: write sparse_categorical_crossentropy"),
        ("initializers", "kaiming_normal", "is no initializer of Keras: write he_normal"),
        ("callbacks", "learning_rate_scheduler", "cannot be used in a config: set train.schedule"),
    ],
)
def test_a_former_class_leads_to_the_present_one(family: str, name: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"here: '{name}' {message}"):
        catalog.resolve_class(family, name, "here")


@pytest.mark.parametrize("family", list(former_names._CLASSES))
def test_no_name_that_keras_has_is_called_former(family: str) -> None:
    for name in former_names._CLASSES[family]:
        assert catalog.find_class(family, name) is None, name
