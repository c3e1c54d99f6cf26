"""Chooses how a program is compiled: by XLA, or as a plain TensorFlow graph."""

from collections.abc import Sequence

from bnbench.config.schema import Train
from bnbench.model.layer_table import MERGING
from bnbench.model.layers import Layer
from bnbench.model.norms import NORMS

# XLA runs these layers fast on a CPU. It is slow with convolutions and with layers that draw a random number for each
# element (dropout), and it does not compile some layers that move images. docs/performance.md has the timings; a layer
# that is not listed has not been timed.
XLA_LAYERS = frozenset(
    {
        "Dense", "Activation", "ReLU", "LeakyReLU", "PReLU", "ELU", "Softmax", "ActivityRegularization", "Flatten",
        "Reshape", "Permute", "Rescaling", "Identity", "UnitNormalization", "SpatialDropout2D", "MaxPooling2D",
        "AveragePooling2D", "GlobalAveragePooling2D", "GlobalMaxPooling2D", "ZeroPadding2D", "UpSampling2D",
        "RandomFlip", "RandomContrast", "RandomBrightness", "LSTM", "GRU", "SimpleRNN", *MERGING,
    }
)  # fmt: skip


def choose_engine(train: Train, layers: Sequence[Layer]) -> str:
    """Return the engine that a config sets, else `xla` if XLA runs every layer fast, else `graph`."""
    if train.engine != "auto":
        return train.engine
    fast = XLA_LAYERS | {norm.class_name for norm in NORMS if norm.fast_in_xla}
    return "xla" if all(layer.class_name in fast for layer in layers) else "graph"
