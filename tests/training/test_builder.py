from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from bnbench.config.schema import Data
from bnbench.data.splits import apply_scaling, fit_scaling
from bnbench.data.types import Dataset, DatasetInfo
from bnbench.model.layers import NormSlot, flatten_layers
from bnbench.training.builder import build_model, initial_state, stream_seed, with_scaling
from bnbench.training.threads import use_threads


@pytest.fixture(autouse=True, scope="module")
def _one_thread() -> None:
    use_threads(1)


def test_each_seed_and_each_name_has_its_own_stream() -> None:
    seeds = [stream_seed(seed, *names) for seed in (0, 1) for names in (("a",), ("a", "b"), ("b",))]
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert stream_seed(0, "a") == seeds[0]


LISTS: list[tuple[list[Any], tuple[int, ...]]] = [
    ([{"dense": {"units": 4, "kernel_initializer": "he_normal"}}, "norm", {"dropout": 0.5}, {"dense": 3}], (5,)),
    ([{"conv2d": {"filters": 2, "kernel_size": 3}}, "norm", "random_flip", "flatten", {"dense": 3}], (6, 6, 1)),
    ([{"separable_conv1d": {"filters": 2, "kernel_size": 3}}, "norm", "p_re_lu", "flatten", {"dense": 3}], (6, 2)),
    ([{"lstm": {"units": 3, "dropout": 0.2}}, "norm", {"dense": 3}], (4, 2)),
    ([{"gru": 3}, "norm", {"dense": {"units": 3, "kernel_initializer": "orthogonal"}}], (4, 2)),
]


@pytest.mark.parametrize(("items", "shape"), LISTS, ids=str)
@pytest.mark.parametrize("norm", [NormSlot(), NormSlot("batch"), NormSlot("layer")], ids=lambda norm: norm.name)
def test_the_initial_state_is_that_of_a_fresh_model(items: list[Any], shape: tuple[int, ...], norm: NormSlot) -> None:
    layers = flatten_layers(items, {}, norm, "here")
    model = build_model(layers, shape, "float32", seed=0)
    fresh = build_model(layers, shape, "float32", seed=7)
    state = initial_state(layers, model, "float32", seed=7)
    assert len(state) == len(fresh.variables) == len(model.variables)
    for ours, theirs in zip(state, fresh.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())
    again = initial_state(layers, model, "float32", seed=0)
    assert any(not np.array_equal(first, second) for first, second in zip(state, again, strict=True))


def test_layers_of_one_shape_start_from_different_numbers() -> None:
    layers = flatten_layers([{"repeat": {"times": 3, "layers": [{"dense": 5}]}}], {}, NormSlot(), "here")
    kernels = [layer.get_weights()[0] for layer in build_model(layers, (5,), "float32", seed=0).layers]
    assert not np.array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[1], kernels[2])


def test_dropped_outputs_act_like_rows_of_zeros_in_the_next_kernel() -> None:
    # Source 003 draws dropout as a mask on weights. For one row that is what a mask on outputs does.
    layers = flatten_layers([{"dropout": 0.5}, {"dense": 3}], {}, NormSlot(), "here")
    dropout, dense = build_model(layers, (6,), "float64", seed=0).layers
    row = np.arange(1.0, 7.0).reshape(1, 6)
    dropped = dropout(row, training=True).numpy()
    kept = dropped[0] > 0
    assert 0 < kept.sum() < 6
    kernel, bias = dense.get_weights()
    # Keras divides what is kept by the share that it keeps.
    masked = kernel * kept[:, np.newaxis] / 0.5
    np.testing.assert_allclose(dense(dropped).numpy(), row @ masked + bias, rtol=1e-12)


def test_a_mask_is_drawn_anew_for_each_call_and_row_and_also_holds_for_gradients() -> None:
    # Sources 002 and 003: another mask for each mini-batch, the same one in backpropagation.
    layers = flatten_layers([{"dropout": 0.5}, {"dense": 3}], {}, NormSlot(), "here")
    dropout = build_model(layers, (50,), "float64", seed=0).layers[0]
    rows = tf.ones((2, 50), tf.float64)
    with tf.GradientTape() as tape:
        tape.watch(rows)
        dropped = dropout(rows, training=True)
    gradient = tape.gradient(dropped, rows).numpy()
    np.testing.assert_array_equal(gradient > 0, dropped.numpy() > 0)
    assert not np.array_equal(gradient[0], gradient[1])
    assert not np.array_equal(dropout(rows, training=True).numpy(), dropped.numpy())


def test_an_l1_penalty_sums_absolute_values() -> None:
    # Source 002 speaks of the sum of all elements.
    penalty = {"dense": {"units": 3, "kernel_regularizer": {"l1": 1e-4}}}
    model = build_model(flatten_layers([penalty], {}, NormSlot(), "here"), (6,), "float64", seed=0)
    kernel = model.layers[0].get_weights()[0]
    assert (kernel < 0).any()
    np.testing.assert_allclose(model.losses[0].numpy(), 1e-4 * np.abs(kernel).sum(), rtol=1e-6)


def test_a_saved_model_scales_constant_values_as_training_did() -> None:
    x = np.array([[0, 3, 200], [4, 3, 200], [6, 9, 20]], np.uint8)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Rescaling(1.0)])
    for stored, shown in ((x, [1 / 255 * 6, -180 / 255]), (x.astype(np.float32), [0, 0])):
        facts = DatasetInfo("toy", "made", "0", (3,), str(stored.dtype), ("a",), 3, 0, 0)
        data = Dataset(facts, stored, np.zeros(3, np.int32), (0.0, 255.0), np.zeros(3, bool))
        scaling = fit_scaling(data, Data(name="toy"), np.array([0, 1], np.int32))
        saved = with_scaling([], model, scaling, (3,))(stored.astype(np.float32)).numpy()
        np.testing.assert_allclose(saved, apply_scaling(scaling, stored), atol=1e-6)
        np.testing.assert_allclose(saved[2, 1:], shown, atol=1e-6)
