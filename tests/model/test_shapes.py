from math import prod
from typing import Any

import keras
import pytest

from bnbench.errors import ConfigError
from bnbench.model import catalog
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.model.merge_shapes import MERGE_STEPS
from bnbench.model.shapes import STEPS, WeightCounts, trace_shapes
from bnbench.training.builder import build_model
from bnbench.training.threads import use_threads


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
    ("merge", "inputs"),
    [
        ("Add", [(4, 3), (4, 3)]),
        ("Multiply", [(4, 4, 3), (1, 1, 3), (3,)]),
        ("Subtract", [(3,), (4, 3)]),
        ("Average", [(4, 1), (1, 3)]),
        ("Concatenate", [(4, 3), (4, 5)]),
        (("Concatenate", {"axis": 1}), [(4, 3), (2, 3)]),
        (("Concatenate", {"axis": -2}), [(4, 3), (2, 3), (1, 3)]),
        (("Dot", {"axes": 1}), [(5,), (5,)]),
        (("Dot", {"axes": [2, 1]}), [(4, 5), (5, 3)]),
        (("Dot", {"axes": -1}), [(4, 5), (3, 5)]),
    ],
)
def test_merged_shapes_are_those_of_keras(merge: Any, inputs: list[tuple[int, ...]]) -> None:
    name, arguments = merge if isinstance(merge, tuple) else (merge, {})
    layer = getattr(keras.layers, name)(**arguments)
    tensors = [keras.KerasTensor((None, *shape)) for shape in inputs]
    assert MERGE_STEPS[name](arguments, inputs).shape == layer(tensors).shape[1:]


def compared(items: list[Any], shape: tuple[int, ...], norm: NormSlot | None = None) -> None:
    """Compare what is traced with the model that Keras builds."""
    layers = flatten_layers(items, {}, norm or NormSlot(), "here")
    model = build_model(layers, shape, "float32", seed=0)
    found = trace_shapes(layers, shape, "here")
    assert found is not None
    trainable = sum(weight.numpy().size for weight in model.trainable_weights)
    fixed = sum(weight.numpy().size for weight in model.non_trainable_weights)
    assert found[:2] == (model.output_shape[1:], WeightCounts(trainable, fixed))
    assert found.outputs == prod(shape) + sum(prod(layer.output.shape[1:]) for layer in model.layers)


CONV = {"filters": 4, "kernel_size": 3}
FIRST = {"data_format": "channels_first"}


@pytest.mark.parametrize(
    ("item", "shape"),
    [
        ({"conv1d_transpose": {**CONV, "strides": 2}}, (5, 3)),
        ({"conv2d_transpose": {**CONV, "strides": [3, 2], "padding": "same"}}, (5, 4, 3)),
        ({"conv2d_transpose": {**CONV, "strides": 3, "output_padding": 1}}, (5, 4, 3)),
        ({"conv2d_transpose": {**CONV, "strides": 3, "output_padding": 2, "padding": "same"}}, (5, 4, 3)),
        ({"conv2d_transpose": {**CONV, "dilation_rate": 2, "use_bias": False}}, (5, 4, 3)),
        ({"conv3d_transpose": CONV}, (2, 3, 4, 1)),
        ({"depthwise_conv1d": {"kernel_size": 3, "depth_multiplier": 2}}, (8, 3)),
        ({"depthwise_conv2d": {"kernel_size": [3, 2], "strides": 2, "padding": "same"}}, (9, 8, 3)),
        ({"separable_conv1d": {**CONV, "depth_multiplier": 2}}, (8, 3)),
        ({"separable_conv2d": {**CONV, "padding": "same", "use_bias": False}}, (8, 8, 3)),
        ({"conv_lstm1d": CONV}, (3, 8, 2)),
        ({"conv_lstm2d": {**CONV, "return_sequences": True, "padding": "same", "strides": 2}}, (3, 8, 7, 2)),
        ({"simple_rnn": 5}, (6, 3)),
        ({"lstm": {"units": 5, "return_sequences": True}}, (6, 3)),
        ({"lstm": {"units": 5, "use_bias": False}}, (6, 3)),
        ({"gru": 5}, (6, 3)),
        ({"gru": {"units": 5, "reset_after": False}}, (6, 3)),
        ({"embedding": {"input_dim": 7, "output_dim": 3}}, (6,)),
        ({"adaptive_average_pooling1d": 4}, (8, 3)),
        ({"adaptive_max_pooling2d": [4, 2]}, (8, 8, 3)),
        ({"zero_padding1d": [1, 2]}, (8, 3)),
        ({"zero_padding2d": 2}, (8, 8, 3)),
        ({"zero_padding2d": [[1, 2], 3]}, (8, 8, 3)),
        ({"zero_padding3d": [1, [0, 2], 1]}, (3, 4, 5, 2)),
        ({"cropping1d": 2}, (8, 3)),
        ("cropping2d", (8, 8, 3)),
        ({"cropping2d": [[1, 2], [3, 4]]}, (8, 8, 3)),
        ("cropping3d", (3, 4, 5, 2)),
        ({"up_sampling1d": 3}, (8, 3)),
        ({"up_sampling2d": {"size": [2, 3], "interpolation": "bilinear"}}, (8, 8, 3)),
        ("up_sampling3d", (3, 4, 5, 2)),
        ({"permute": [2, 1]}, (8, 3)),
        ({"repeat_vector": 4}, (3,)),
        ({"p_re_lu": {"shared_axes": [1, 2]}}, (8, 8, 3)),
        ("p_re_lu", (8, 3)),
        ({"spatial_dropout1d": 0.5}, (8, 3)),
        ({"dropout": {"rate": 0.5, "noise_shape": [None, 1, 3]}}, (8, 3)),
        ("masking", (8, 3)),
        ({"rescaling": {"scale": [1, 2, 3]}}, (8, 3)),
        ({"softmax": {"axis": [1, 2]}}, (8, 3)),
        ({"unit_normalization": {"axis": -2}}, (8, 3)),
        ({"center_crop": {"height": 5, "width": 8}}, (8, 8, 3)),
        ({"resizing": {"height": 5, "width": 9}}, (8, 8, 3)),
        ({"random_crop": {"height": 5, "width": 6}}, (8, 8, 3)),
        ({"conv2d": {**CONV, **FIRST, "strides": 2}}, (3, 8, 9)),
        ({"max_pooling2d": {"pool_size": 2, **FIRST}}, (3, 8, 9)),
        ({"global_average_pooling2d": {"keepdims": True, **FIRST}}, (3, 8, 9)),
        ({"separable_conv2d": {**CONV, **FIRST}}, (3, 8, 9)),
        ({"flatten": FIRST}, (3, 8, 9)),
        ({"batch_normalization": {"axis": 1}}, (8, 3)),
        ({"batch_normalization": {"axis": -2, "scale": False}}, (8, 3)),
        ({"batch_normalization": {"renorm": True}}, (8, 3)),
        ({"layer_normalization": {"axis": [1, 2]}}, (8, 3)),
        ({"layer_normalization": {"axis": [-1, -2], "center": False}}, (8, 3)),
        ({"rms_normalization": {"axis": 2}}, (8, 3)),
        ({"rms_normalization": {"axis": [-1, -2]}}, (8, 3, 2)),
        ({"normalization": {"mean": 1, "variance": 2}}, (8, 3)),
        ({"normalization": {"axis": None, "mean": 1, "variance": 2}}, (8, 3)),
        ({"discretization": {"bin_boundaries": [1, 2]}}, (8, 3)),
        ({"hashing": {"num_bins": 5, "output_mode": "count"}}, (8, 3)),
        ({"category_encoding": {"num_tokens": 5}}, (8,)),
        ({"category_encoding": {"num_tokens": 5, "output_mode": "one_hot"}}, (8,)),
        ({"mel_spectrogram": {"num_mel_bins": 16}}, (2000,)),
        ({"group_normalization": {"groups": -1, "axis": 1}}, (8, 3)),
    ],
    ids=str,
)
def test_each_layer_is_traced_as_keras_builds_it(item: Any, shape: tuple[int, ...]) -> None:
    compared([item], shape)


def test_every_traced_layer_can_be_used() -> None:
    assert [name for name in STEPS if catalog.find_class("layers", name) != name] == []


def test_a_recurrent_layer_uses_its_weights_at_each_step() -> None:
    # (3 + 5) * 5 + 5 weights, at 6 steps; an embedding only looks up its 3 numbers.
    assert traced([{"simple_rnn": 5}], (6, 3)).products == 45 * 6
    assert traced([{"embedding": {"input_dim": 7, "output_dim": 3}}], (6,)).products == 0


@pytest.mark.parametrize(
    ("items", "shape", "message"),
    [
        ([{"batch_normalization": {"axis": 3}}], (8,), r"\[0\].batch_normalization.axis: .* axis is 3, wanted 1 or -1"),
        ([{"layer_normalization": {"axis": [1, -1]}}], (8,), "names an axis twice"),
        ([{"group_normalization": {"axis": -3}}], (8, 3), "axis is -3, wanted 1 to 2, or -2 to -1"),
        ([{"rms_normalization": {"axis": 3}}], (8, 3), "axis is 3, wanted"),
        ([{"rms_normalization": {"axis": 1}}], (3, 3), "axis is 1, wanted the last axis, or all axes from one on"),
        ([{"layer_normalization": {"axis": [1, -1]}}], (3, 3), r"axis is \[1, -1\], wanted numbers from 1, or all"),
        ([{"softmax": 3}], (8, 3), "axis is 3, wanted"),
        ([{"prelu": {"shared_axes": [5]}}], (8, 3), r"prelu.shared_axes: .* axis 5, wanted axes from 1 to 2"),
        ([{"cropping2d": [[4, 4], 1]}], (8, 8, 3), r"cropping \[\[4, 4\], \[1, 1\]\] leaves nothing"),
        (
            [{"center_crop": {"height": 9, "width": 8}}],
            (8, 8, 3),
            r"height: .* larger than the height of the image: .* 8",
        ),
        ([{"random_crop": {"height": 8, "width": 9}}], (8, 8, 3), r"width: .* larger than the width of the image"),
        ([{"lstm": 3}], (8,), r"wanted 2 axes \(steps, features\), found 1"),
        ([{"conv_lstm2d": CONV}], (8, 8, 3), "wanted 4 axes"),
        ([{"permute": [2, 1]}], (8, 8, 3), "has 2 axes, wanted 3"),
        ([{"repeat_vector": 2}], (8, 3), "wanted 1 axis"),
        ([{"dropout": {"rate": 0.5, "noise_shape": [8, 1]}}], (3,), r"wanted null or 1 for the rows"),
        ([{"rescaling": {"scale": [1, 2]}}], (8, 3), "scale has 2 values, wanted 1 or 3"),
        (
            [{"normalization": {"mean": [1, 2], "variance": [1, 2]}}],
            (8, 3),
            "normalization.mean: .* 2 values, wanted 1 or 3",
        ),
        (
            [{"adaptive_max_pooling2d": [2, 1]}],
            (8, 8, 3),
            "output_size: .* an axis of 8 to 1 .* use global_max_pooling2d",
        ),
        ([{"adaptive_max_pooling1d": 2}], (1, 3), "output_size: .* an axis of 1 to 2"),
        ([{"repeat_vector": 10**9}], (8,), "gives 8,000,000,000 numbers for one example: at most 1,000,000,000"),
        (
            [{"dense": {"units": 3, "bias_initializer": "identity"}}],
            (8,),
            "Identity needs weights of 2 axes, and bias has 1",
        ),
        (
            [{"conv2d": {**CONV, "kernel_initializer": "identity"}}],
            (8, 8, 3),
            "needs weights of 2 axes, and kernel has 4",
        ),
        ([{"batch_normalization": {"gamma_initializer": "orthogonal"}}], (8,), "at least 2 axes, and gamma has 1"),
        ([{"conv2d": {**CONV, "kernel_regularizer": "orthogonal_regularizer"}}], (8, 8, 3), "needs weights of 2 axes"),
        (
            [{"dense": {"units": 3, "kernel_constraint": {"max_norm": {"axis": 2}}}}],
            (8,),
            "axis 2 is none of the 2 axes",
        ),
        (
            [{"dense": {"units": 3, "kernel_constraint": {"unit_norm": [0, -2]}}}],
            (8,),
            r"axis \[0, -2\] names an axis of",
        ),
        ([{"dense": {"units": 3, "bias_constraint": {"max_norm": {"axis": 1}}}}], (8,), "axis 1 is none of the 1 axes"),
    ],
)
def test_axes_crops_and_weights_that_do_not_exist_are_refused(
    items: list[Any], shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        traced(items, shape)


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
