"""Small models that together have every layer that trains as in `fit`, for the comparison with `fit`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from bnbench.data.types import Dataset, DatasetInfo
from bnbench.model.catalog import find_class
from bnbench.model.layer_table import LAYERS

ROWS = 30


@dataclass(frozen=True)
class LayerCase:
    """Layers one after another. A dense layer of the classes follows them."""

    name: str
    # Of one row.
    shape: tuple[int, ...]
    layers: tuple[Any, ...]
    # `digits` are whole numbers from 0 to 16, as uint8; the others are random numbers, as float32.
    digits: bool = False
    scale: str = "none"
    dtype: str = "float64"
    # Loops inside a layer take seconds to compile; without compiling, the same code runs step by step.
    compiled: bool = True

    @property
    def classes(self) -> set[str]:
        """The Keras classes of the layers."""
        return {find_class("layers", name) or name for name in _names(self.layers)}


def _names(items: Iterable[Any]) -> Iterator[str]:
    """Yield the names of the layers of a list, with those inside its blocks."""
    for item in items:
        name, spec = (item, None) if isinstance(item, str) else next(iter(item.items()))
        if name != "parallel":
            yield name
            continue
        yield spec["merge"] if isinstance(spec["merge"], str) else next(iter(spec["merge"]))
        for branch in spec["branches"]:
            yield from _names(branch)


def merged(merge: Any, *branches: list[Any]) -> dict[str, Any]:
    """Return a parallel block."""
    return {"parallel": {"branches": list(branches), "merge": merge}}


def trained_classes() -> set[str]:
    """Return the classes of all layers that train as in `fit`."""
    return {name for name, record in LAYERS.items() if not record.refused}


def case_data(case: LayerCase) -> Dataset:
    """Return 30 rows of three classes."""
    generator = np.random.default_rng(0)
    size = (ROWS, *case.shape)
    x = generator.integers(0, 17, size).astype(np.uint8) if case.digits else generator.normal(size=size)
    x = x if case.digits else x.astype(np.float32)
    facts = DatasetInfo("digits", "made up", case.name, case.shape, str(x.dtype), ("a", "b", "c"), ROWS, 0, 0)
    return Dataset(facts, x, np.arange(ROWS, dtype=np.int32) % 3, (0.0, 16.0), np.zeros(ROWS, bool))


IMAGE, SEQUENCE, VOLUME = (6, 6, 3), (6, 3), (4, 4, 4, 2)
CASES = (
    LayerCase(
        "vectors",
        (5,),
        (
            {"normalization": {"mean": 0.5, "variance": 2.0}},
            {"rescaling": 0.9},
            "identity",
            {"dense": 6},
            "batch_normalization",
            {"activation": "tanh"},
            {"alpha_dropout": 0.1},
            "elu",
            "layer_normalization",
            {"dropout": 0.1},
            "leaky_relu",
            "rms_normalization",
            {"gaussian_dropout": 0.1},
            {"prelu": {"alpha_initializer": "ones"}},
            {"gaussian_noise": 0.1},
            {"activity_regularization": 0.1},
            {"repeat_vector": 2},
            {"permute": [2, 1]},
            "unit_normalization",
            {"reshape": [3, 4]},
            "softmax",
            "relu",
            "flatten",
        ),
    ),
    LayerCase("masked", SEQUENCE, ("masking", {"lstm": {"units": 2, "return_sequences": True}}, "flatten")),
    LayerCase(
        "sequences",
        SEQUENCE,
        (
            {"conv1d": {"filters": 4, "kernel_size": 2, "padding": "causal"}},
            {"group_normalization": {"groups": 2}},
            {"depthwise_conv1d": 2},
            {"separable_conv1d": {"filters": 4, "kernel_size": 2}},
            {"conv1d_transpose": {"filters": 3, "kernel_size": 2}},
            {"spatial_dropout1d": 0.2},
            "up_sampling1d",
            {"max_pooling1d": {"pool_size": 2, "strides": 1}},
            {"average_pooling1d": {"pool_size": 2, "strides": 1}},
            {"cropping1d": 1},
            "zero_padding1d",
            {"einsum_dense": {"equation": "abc,cd->abd", "output_shape": [8, 4], "bias_axes": "d"}},
            {"adaptive_average_pooling1d": {"output_size": 4}},
            {"adaptive_max_pooling1d": {"output_size": 2}},
            {"global_max_pooling1d": {"keepdims": True}},
            "global_average_pooling1d",
        ),
    ),
    LayerCase(
        "images",
        IMAGE,
        (
            {"conv2d": {"filters": 4, "kernel_size": 2}},
            {"depthwise_conv2d": 2},
            {"separable_conv2d": {"filters": 3, "kernel_size": 2}},
            {"conv2d_transpose": {"filters": 3, "kernel_size": 2}},
            {"spatial_dropout2d": 0.2},
            "up_sampling2d",
            {"max_pooling2d": {"pool_size": 2, "strides": 1}},
            {"average_pooling2d": {"pool_size": 2, "strides": 1}},
            {"cropping2d": 1},
            "zero_padding2d",
            {"adaptive_average_pooling2d": {"output_size": 4}},
            {"adaptive_max_pooling2d": {"output_size": 2}},
            {"global_max_pooling2d": {"keepdims": True}},
            "global_average_pooling2d",
        ),
    ),
    LayerCase(
        "volumes",
        VOLUME,
        (
            {"conv3d": {"filters": 3, "kernel_size": 2}},
            {"conv3d_transpose": {"filters": 2, "kernel_size": 2}},
            {"spatial_dropout3d": 0.2},
            "up_sampling3d",
            {"cropping3d": 1},
            "zero_padding3d",
            {"global_max_pooling3d": {"keepdims": True}},
            "global_average_pooling3d",
        ),
    ),
    LayerCase(
        "pooled volumes",
        VOLUME,
        (
            {"conv3d": {"filters": 2, "kernel_size": 1}},
            {"max_pooling3d": {"pool_size": 2, "strides": 1}},
            {"adaptive_max_pooling3d": {"output_size": 3}},
            {"average_pooling3d": {"pool_size": 2, "strides": 1}},
            {"adaptive_average_pooling3d": {"output_size": 2}},
            "flatten",
        ),
        dtype="float32",
    ),
    LayerCase(
        "recurrent",
        (2, 3),
        (
            {"gru": {"units": 3, "return_sequences": True, "dropout": 0.2}},
            {"simple_rnn": {"units": 3, "return_sequences": True, "dropout": 0.2}},
            {"lstm": {"units": 3, "dropout": 0.2, "recurrent_dropout": 0.2}},
        ),
        compiled=False,
    ),
    LayerCase(
        "convolutional recurrent",
        (2, 2, 2, 2, 1),
        (
            {"conv_lstm3d": {"filters": 1, "kernel_size": 1, "return_sequences": True}},
            {"reshape": [2, 2, 2, 2]},
            {"conv_lstm2d": {"filters": 1, "kernel_size": 1, "return_sequences": True, "dropout": 0.2}},
            {"reshape": [2, 4, 1]},
            {"conv_lstm1d": {"filters": 1, "kernel_size": 1, "recurrent_dropout": 0.2}},
            "flatten",
        ),
        compiled=False,
    ),
    LayerCase("embedded", (5,), ({"embedding": {"input_dim": 17, "output_dim": 2}}, "flatten"), digits=True),
    LayerCase(
        "embedded bins",
        (5,),
        (
            {"discretization": {"bin_boundaries": [-1.0, 0.0, 1.0]}},
            {"reversible_embedding": {"input_dim": 4, "output_dim": 2}},
            "flatten",
        ),
    ),
    LayerCase("encoded", (5,), ({"category_encoding": {"num_tokens": 17, "output_mode": "count"}},), digits=True),
    LayerCase("hashed", (5,), ({"hashing": {"num_bins": 7, "output_mode": "multi_hot"}},), digits=True),
    LayerCase("mel", (64,), ({"mel_spectrogram": {"fft_length": 16, "num_mel_bins": 3}}, "flatten"), dtype="float32"),
    LayerCase(
        "fourier", (32, 1), ({"stft_spectrogram": {"frame_length": 16, "frame_step": 8, "fft_length": 16}}, "flatten")
    ),
    LayerCase(
        "colors",
        IMAGE,
        (
            {"random_brightness": 0.2},
            {"random_color_degeneration": 0.5},
            {"random_contrast": 0.4},
            {"random_grayscale": 0.3},
            {"random_hue": 0.3},
            {"random_invert": 0.5},
            {"random_posterization": [4, 8]},
            {"random_saturation": 0.5},
            {"random_sharpness": 0.5},
            {"solarization": {"addition_factor": 0.1, "threshold_factor": 0.5}},
            {"random_color_jitter": {"brightness_factor": 0.2, "hue_factor": 0.2}},
            "auto_contrast",
            {"random_erasing": {"scale": 0.2}},
            {"random_gaussian_blur": {"factor": 1.0, "kernel_size": 3}},
            "flatten",
        ),
        digits=True,
        scale="unit",
    ),
    LayerCase(
        "equalized colors",
        IMAGE,
        ("contrast_limited_adaptive_histogram_equalization", "flatten"),
        digits=True,
        scale="unit",
        dtype="float32",
    ),
    LayerCase(
        "moved",
        IMAGE,
        (
            "random_flip",
            {"random_translation": {"height_factor": 0.2, "width_factor": 0.2}},
            {"random_zoom": 0.2},
            {"random_shear": {"x_factor": 0.2, "y_factor": [0.1, 0.2]}},
            "random_perspective",
            {"random_crop": {"height": 5, "width": 4}},
            {"center_crop": {"height": 5, "width": 4}},
            {"resizing": {"height": 4, "width": 3}},
            "flatten",
        ),
        digits=True,
        scale="unit",
    ),
    LayerCase(
        "merged",
        (5,),
        (
            merged("average", [], [{"dense": 5}], [{"dense": 5}, {"activation": "tanh"}]),
            merged("maximum", [{"dense": 4}], [{"dense": 4}]),
            merged("minimum", [{"dense": 4}], [{"dense": 4}]),
            merged("multiply", [], [{"dense": 1}]),
            merged("subtract", [{"dense": 3}], [{"dense": 3}]),
            merged(
                "concatenate", [], [merged({"dot": {"axes": -1, "normalize": True}}, [{"dense": 2}], [{"dense": 2}])]
            ),
            merged("add", [], [{"dense": 4}, {"dropout": 0.2}]),
        ),
    ),
    LayerCase("turned", IMAGE, ({"random_rotation": 0.2}, "flatten"), dtype="float32"),
)
