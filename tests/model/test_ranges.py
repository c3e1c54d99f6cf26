"""The tables of ranges: complete, without rows that nothing uses, and their messages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bnbench.errors import ConfigError
from bnbench.model import arguments, catalog, ranges
from bnbench.model.range_docs import render_arguments
from bnbench.model.values import Listed, Number, describe_problem, per_axis
from bnbench.planning import keras_checks

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "arguments.md"
REFUSED = {
    "optimizers": keras_checks.OF_OPTIMIZERS,
    "schedules": keras_checks.OF_SCHEDULES,
    "callbacks": keras_checks.OF_CALLBACKS,
}


def all_arguments() -> Iterator[tuple[str, str, str, object]]:
    """Yield family, class, argument and default of everything that a config may name."""
    for family in catalog.FAMILIES:
        names = {catalog.find_class(family, name) for name in catalog._class_names(family).values()}
        for name in sorted(filter(None, names)):
            refused = {} if family == "schedules" else REFUSED.get(family, {})
            for argument, default in arguments._allowed(family, name, refused).items():
                yield family, name, argument, default


def check(family: str, name: str, given: dict[str, Any]) -> None:
    arguments.check_arguments(family, name, given, "here", REFUSED.get(family, {}))


def test_every_argument_has_a_range() -> None:
    without = [
        f"{name}.{argument}"
        for family, name, argument, default in all_arguments()
        if not isinstance(default, bool)
        and not argument.endswith(tuple(arguments.OBJECTS))
        and not ranges.find_range(family, name, argument)
    ]
    assert without == []


def test_every_row_is_the_range_of_some_argument() -> None:
    used = {id(ranges.find_range(family, name, argument)) for family, name, argument, _ in all_arguments()}
    unused = [(row.classes, row.arguments) for rows in ranges.TABLES.values() for row in rows if id(row) not in used]
    assert unused == []


def test_an_argument_that_is_not_in_the_tables_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arguments, "find_range", lambda *_: None)
    with pytest.raises(ConfigError, match=r"here: units: Dense.units is not yet checked with the installed Keras"):
        check("layers", "dense", {"units": 3})


@pytest.mark.parametrize(
    ("family", "name", "given", "message"),
    [
        ("optimizers", "sgd", {"momentum": 1.5}, "momentum: found 1.5, wanted a number from 0 to 1"),
        ("optimizers", "sgd", {"momentum": None}, "momentum: found None, wanted a number from 0 to 1"),
        ("optimizers", "sgd", {"momentum": True}, "momentum: found True, wanted a number"),
        ("optimizers", "adam", {"epsilon": 0}, "epsilon: found 0, wanted a number above 0: with 0 or less"),
        ("optimizers", "adam", {"beta_1": 1}, "beta_1: found 1, wanted a number from 0 to below 1: with 1"),
        ("optimizers", "adam", {"clipnorm": 0}, "clipnorm: found 0, wanted a number above 0: leave it out"),
        ("optimizers", "adam", {"clipnorm": float("nan")}, "clipnorm: found nan, wanted a number above 0"),
        ("optimizers", "adam", {"clipvalue": 1, "clipnorm": 1}, "wanted one of clipnorm, clipvalue and"),
        ("optimizers", "adam", {"loss_scale_factor": -1}, "loss_scale_factor: found -1, wanted a number above 0"),
        ("optimizers", "adam", {"gradient_accumulation_steps": 1}, "found 1, wanted a whole number of at least 2"),
        ("optimizers", "adam", {"gradient_accumulation_steps": 4.0}, "found 4.0, wanted a whole number"),
        ("optimizers", "adam_w", {"weight_decay": None}, "weight_decay: found None, wanted a number of at least 0"),
        ("optimizers", "muon", {"exclude_layers": ["("]}, r"found \['\('\], wanted a list, each a part of the name"),
        ("schedules", "cosine", {"decay_steps": 0}, "decay_steps: found 0, wanted a number above 0"),
        ("schedules", "cosine", {"decay_steps": 9, "warmup_target": 1}, "warmup_steps: found 0, wanted a number above"),
        (
            "schedules",
            "piecewise_constant",
            {"boundaries": [4, 2], "values": [1, 0.1, 0.01]},
            r"boundaries: found \[4, 2\], wanted a list that rises",
        ),
        (
            "schedules",
            "piecewise_constant",
            {"boundaries": [2, 4], "values": [1, 0.1]},
            r"values: found \[1, 0.1\], wanted one value more than boundaries",
        ),
        ("schedules", "cosine", {"decay_steps": "al"}, "decay_steps: found 'al', wanted a number above 0, or all"),
        ("schedules", "cosine", {"decay_steps": 1}, "decay_steps: found 1, wanted `all` for the whole training"),
        ("schedules", "cosine", {"decay_steps": 9, "warmup_steps": 3}, "found 3, wanted a warmup_target .* ignores it"),
        ("schedules", "polynomial", {"decay_steps": 9, "power": 0}, "power: found 0, .* ignores end_learning_rate"),
        (
            "schedules",
            "exponential",
            {"decay_steps": "all", "decay_rate": 0.1, "staircase": True},
            "staircase: found True, wanted false, or decay_steps",
        ),
        (
            "schedules",
            "cosine_decay_restarts",
            {"first_decay_steps": "all", "t_mul": 2.0},
            "t_mul: found 2.0, wanted first_decay_steps below the whole training with it: without a restart",
        ),
        ("optimizers", "sgd", {"nesterov": True}, "nesterov: found True, wanted false, or a momentum .* ignores it"),
        ("optimizers", "adafactor", {"relative_step": False}, "relative_step: found False, wanted true: Keras ignores"),
        (
            "losses",
            "binary_focal_crossentropy",
            {"alpha": 0.25},
            "alpha: found 0.25, wanted apply_class_balancing: true with it: Keras ignores",
        ),
        (
            "callbacks",
            "model_checkpoint",
            {"initial_value_threshold": 1},
            "initial_value_threshold: found 1, wanted save_best_only: true",
        ),
        ("losses", "categorical_crossentropy", {"label_smoothing": 1.1}, "found 1.1, wanted a number from 0 to 1"),
        ("losses", "categorical_crossentropy", {"axis": 0}, "axis: found 0, wanted one of -1, 1: outputs have two"),
        ("losses", "huber", {"delta": 0}, "delta: found 0, wanted a number above 0"),
        ("callbacks", "early_stopping", {"patience": -1}, "patience: found -1, wanted a whole number of at least 0"),
        ("callbacks", "reduce_lr_on_plateau", {"factor": 1}, "factor: found 1, wanted a number above 0 and below 1"),
        ("callbacks", "early_stopping", {"mode": "maxx"}, r"'maxx' is not one of auto, min, max .did you mean 'max'"),
        ("layers", "dense", {"units": 8.0}, "units: found 8.0, wanted a whole number above 0"),
        ("layers", "dense", {"units": True}, "units: found True, wanted a whole number above 0"),
        ("layers", "dense", {"units": 10**12}, "units: found 1000000000000, wanted at most 2,147,483,647"),
        ("layers", "dense", {"units": 2, "lora_rank": 2}, "lora_rank: found 2, wanted no value: leave it out"),
        ("layers", "dense", {"units": 2, "activation": "threshold"}, "'threshold' is not one of"),
        ("layers", "dense", {"units": 2, "kernel_initializer": None}, "kernel_initializer: found None, wanted an init"),
        ("layers", "dropout", {"rate": 1}, "rate: found 1, wanted a number from 0 to below 1: a rate of 1 drops"),
        ("layers", "conv2d", {"filters": 2, "kernel_size": 0}, "kernel_size: found 0, wanted a whole number above 0"),
        ("layers", "conv2d", {"filters": 2, "kernel_size": [3]}, "or a list of 2 values, each a whole number above 0"),
        (
            "layers",
            "conv2d",
            {"filters": 2, "kernel_size": 3, "padding": "causal"},
            "'causal' is not one of valid, same",
        ),
        (
            "layers",
            "conv1d",
            {"filters": 2, "kernel_size": 3, "strides": 2, "dilation_rate": 2},
            "dilation_rate: found 2, wanted 1, or strides of 1",
        ),
        ("layers", "batch_normalization", {"axis": 0}, "axis: found 0, wanted a whole number other than 0: axes count"),
        ("layers", "batch_normalization", {"momentum": -0.1}, "momentum: found -0.1, wanted a number from 0 to 1"),
        (
            "layers",
            "batch_normalization",
            {"renorm": True, "renorm_clipping": {"rmin": 2, "rmax": 1}},
            "renorm_clipping: found .*, wanted rmin not above rmax",
        ),
        (
            "layers",
            "batch_normalization",
            {"renorm": True, "renorm_clipping": {"r": 1}},
            "wanted a mapping with rmin, rmax, dmax, each a number of at least 0",
        ),
        ("layers", "random_rotation", {"factor": 0.1, "fill_mode": "x"}, "'x' is not one of constant, nearest, wrap"),
        ("layers", "random_zoom", {"height_factor": -1}, "found -1, wanted a number above -1 and of at most 1"),
        ("layers", "lstm", {"units": 2, "stateful": True}, "stateful: found True, wanted false: a state would pass"),
        ("layers", "lstm", {"units": 2, "use_cudnn": True}, "use_cudnn: found True, wanted one of auto, false"),
        ("layers", "permute", {"dims": [1, 1]}, r"dims: found \[1, 1\], wanted each axis from 1 once"),
        ("layers", "normalization", {"mean": [0, 0], "variance": [1]}, "variance: found .*, wanted as many numbers"),
        ("initializers", "constant", {"value": [1, 2, 3]}, r"value: found \[1, 2, 3\], wanted a number: a list would"),
        ("initializers", "random_uniform", {"minval": 1}, "minval: found 1, wanted at most maxval"),
        ("initializers", "variance_scaling", {"mode": "fan"}, "'fan' is not one of fan_in, fan_out, fan_avg"),
        ("regularizers", "l2", {"l2": -1}, "l2: found -1, wanted a number of at least 0"),
        ("constraints", "min_max_norm", {"min_value": 2}, "min_value: found 2, wanted at most max_value"),
    ],
)
def test_a_value_out_of_its_range_is_refused(family: str, name: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check(family, name, given)


@pytest.mark.parametrize(
    ("family", "name", "given"),
    [
        ("optimizers", "sgd", {"momentum": 0}),
        ("optimizers", "adam", {"clipnorm": 1, "epsilon": 1}),
        ("schedules", "piecewise_constant", {"boundaries": [2, 4], "values": [1, 0.1, 0.01]}),
        ("schedules", "piecewise_constant", {"boundaries": [0.5, 0.75], "values": [1, 0.1, 0.01]}),
        ("schedules", "cosine_decay_restarts", {"first_decay_steps": "all"}),
        ("losses", "binary_focal_crossentropy", {"alpha": 0.25, "apply_class_balancing": True}),
        ("layers", "batch_normalization", {"renorm": True, "renorm_clipping": {"rmin": 0.3, "rmax": 3, "dmax": 5}}),
        ("layers", "batch_normalization", {"axis": -1, "momentum": 1}),
        ("layers", "conv2d", {"filters": 2, "kernel_size": [3, 2], "padding": "same", "activation": None}),
        ("layers", "zero_padding2d", {"padding": [[1, 2], 3]}),
        ("layers", "random_zoom", {"height_factor": [-0.2, 0.1]}),
        ("layers", "group_normalization", {"groups": -1}),
        ("layers", "dropout", {"rate": 0, "noise_shape": [None, 1]}),
        ("callbacks", "early_stopping", {"baseline": 1, "patience": 0}),
    ],
)
def test_a_whole_number_is_a_float_and_every_form_is_taken(family: str, name: str, given: dict[str, Any]) -> None:
    check(family, name, given)


def test_whole_numbers_become_floats_where_a_float_is_meant() -> None:
    given = {"boundaries": [2, 4], "values": [1, 0.1, 0]}
    values = ranges.floats_as_meant("schedules", "PiecewiseConstantDecay", given)["values"]
    assert list(map(type, values)) == [float] * 3
    convolution = ranges.floats_as_meant("layers", "Conv2D", {"filters": 3, "kernel_size": [3, 2], "padding": "same"})
    assert convolution == {"filters": 3, "kernel_size": [3, 2], "padding": "same"}
    assert type(convolution["filters"]) is int
    clipping = ranges.floats_as_meant("layers", "BatchNormalization", {"renorm_clipping": {"rmax": 3}})
    assert type(clipping["renorm_clipping"]["rmax"]) is float
    assert type(ranges.floats_as_meant("optimizers", "Adam", {"amsgrad": True})["amsgrad"]) is bool


def test_the_page_of_the_arguments_is_made_from_the_tables() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_arguments(), "run make docs"


def test_the_axes_in_the_name_of_a_class() -> None:
    assert [ranges.rank_of(name) for name in ("Conv2DTranspose", "MaxPooling3D", "Dense")] == [2, 3, 0]
    assert describe_problem(per_axis(Number(whole=True)), [1, 2], 2) is None
    assert describe_problem(per_axis(Number(whole=True)), [1, 2], 3) == (
        "found [1, 2], wanted a whole number, or a list of 3 values, each a whole number"
    )
    assert describe_problem(Listed(Number(), nulls=True), [None, "x"], 0) == (
        "found [None, 'x'], wanted a list, each a number or null"
    )
