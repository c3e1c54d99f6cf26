from math import prod
from typing import Any

import pytest

from bnbench.errors import ConfigError
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.model.shapes import WeightCounts, trace_shapes
from bnbench.training.builder import build_model
from bnbench.training.compiled_program import use_threads


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def traced(items: list[Any], shape: tuple[int, ...], norm: NormSlot | None = None) -> Any:
    return trace_shapes(flatten_layers(items, {}, norm or NormSlot(), "here"), shape, "here")


def test_the_weights_of_a_dense_network() -> None:
    # 4 x 3 + 3 = 15; batch normalization of 3: scale and center are trained, mean and variance are not.
    # The outputs of one example.
    assert traced([{"dense": 3}], (4,)) == ((3,), WeightCounts(15, 0), 4 + 3, 15)
    assert traced([{"dense": 3}, "norm"], (4,), NormSlot("batch")) == ((3,), WeightCounts(21, 6), 4 + 3 + 3, 27)
    assert traced([{"dense": {"units": 3, "trainable": False}}], (4,)) == ((3,), WeightCounts(0, 15), 7, 15)


@pytest.mark.parametrize(
    ("items", "shape"),
    [
        (["flatten", {"dense": 5}, "norm", {"dense": {"units": 2, "use_bias": False}}], (3, 4)),
        ([{"dense": {"units": 5, "trainable": False}}, "norm"], (4,)),
        ([{"conv2d": {"filters": 8, "kernel_size": 3}}, "norm", {"max_pooling2d": 2}], (9, 9, 3)),
        ([{"conv2d": {"filters": 8, "kernel_size": [3, 2], "strides": 2, "padding": "same"}}, "norm"], (9, 8, 4)),
        ([{"conv2d": {"filters": 8, "kernel_size": 3, "dilation_rate": 2, "groups": 2}}, "norm"], (9, 9, 4)),
        ([{"conv1d": {"filters": 8, "kernel_size": 3, "padding": "causal"}}, "norm", "global_max_pooling1d"], (9, 3)),
        (
            [
                {"conv2d": {"filters": 8, "kernel_size": 3}},
                "norm",
                {"average_pooling2d": {"pool_size": 2, "strides": 1}},
            ],
            (7, 7, 1),
        ),
        (
            [{"conv2d": {"filters": 8, "kernel_size": 3}}, "norm", {"global_average_pooling2d": {"keepdims": True}}],
            (7, 7, 1),
        ),
        ([{"reshape": [4, -1]}, {"dense": 8}, "norm", "flatten"], (8,)),
        (
            [
                "random_flip",
                {"random_zoom": 0.2},
                {"conv2d": {"filters": 4, "kernel_size": 3}},
                "norm",
                {"dropout": 0.5},
            ],
            (8, 8, 3),
        ),
        ([{"max_pooling2d": {"pool_size": 3, "padding": "same"}}, "norm"], (7, 7, 8)),
    ],
)
@pytest.mark.parametrize(
    "norm",
    [
        NormSlot(),
        NormSlot("batch"),
        NormSlot("batch", {"scale": False}),
        NormSlot("layer"),
        NormSlot("layer", {"center": False}),
        NormSlot("group", {"groups": 1}),
        NormSlot("rms"),
    ],
    ids=str,
)
def test_shapes_and_counts_are_those_of_keras(items: list[Any], shape: tuple[int, ...], norm: NormSlot) -> None:
    layers = flatten_layers(items, {}, norm, "here")
    model = build_model(layers, shape, "float32", seed=0)
    found = trace_shapes(layers, shape, "here")
    assert found is not None
    trainable = sum(weight.numpy().size for weight in model.trainable_weights)
    outputs = prod(shape) + sum(prod(layer.output.shape[1:]) for layer in model.layers)
    products = sum(layer.count_params() * prod(layer.output.shape[1:-1]) for layer in model.layers)
    weights = WeightCounts(trainable, model.count_params() - trainable)
    assert found == (model.output_shape[1:], weights, outputs, products)


@pytest.mark.parametrize(
    ("items", "shape", "message"),
    [
        ([{"conv2d": {"filters": 3, "kernel_size": 3}}], (192,), r"conv2d_0 \(Conv2D\) gets \(192,\): wanted 3 axes"),
        (
            [{"conv2d": {"filters": 3, "kernel_size": 5}}],
            (4, 4, 1),
            r"gets \(4, 4, 1\): smaller than its window \(5, 5\)",
        ),
        ([{"max_pooling2d": 2}, {"max_pooling2d": 2}], (3, 3, 1), r"max_pooling2d_1 .* gets \(1, 1, 1\): smaller"),
        ([{"dense": 0}], (4,), "dense.units: found 0, wanted a whole number above 0"),
        ([{"dense": "many"}], (4,), "found 'many', wanted a whole number"),
        (
            [{"reshape": [0, 8]}],
            (8,),
            r"target_shape: found \[0, 8\], wanted a list, each -1, or a whole number above 0",
        ),
        ([{"group_normalization": {"groups": 0}}], (8,), "groups: found 0, wanted -1, or a whole number above 0"),
        ([{"reshape": [3, 3]}], (8,), r"8 numbers do not fill target_shape \(3, 3\)"),
        (
            [{"conv2d": {"filters": 3, "kernel_size": [3, 3, 3]}}],
            (9, 9, 1),
            r"kernel_size: found \[3, 3, 3\], wanted a whole number above 0, or a list of 2 values",
        ),
        (
            [{"conv2d": {"filters": 4, "kernel_size": 3, "groups": 2}}],
            (9, 9, 3),
            r"here: \[0\].conv2d.groups: conv2d_0 .* groups: 2 must divide its 3 channels",
        ),
    ],
)
def test_a_layer_that_does_not_fit_is_named_with_both_shapes(
    items: list[Any], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        traced(items, shape)


def test_groups_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ConfigError, match="50 channels cannot be split into 32 equal groups"):
        traced([{"dense": 50}, "norm"], (4,), NormSlot("group"))


def test_an_unlisted_layer_ends_the_trace() -> None:
    assert traced([{"einsum_dense": {"equation": "ab,bc->ac", "output_shape": 3}}], (4,)) is None
