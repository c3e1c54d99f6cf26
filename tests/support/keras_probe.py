"""Whether Keras takes the arguments of a class: it builds the object and uses it once. And values to try."""

import warnings
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np

from bnbench.model import arguments, ranges
from bnbench.model.layer_table import MERGING
from bnbench.model.values import Either, Fields, Listed, Lookup, Number, OneOf, Text, Values

# Arguments that a class needs.
NEEDED: dict[str, Any] = {
    "units": 3, "filters": 2, "kernel_size": 1, "rate": 0.5, "equation": "ab,bc->ac", "output_shape": 4, "input_dim": 8,
    "output_dim": 3, "n": 2, "target_shape": [-1], "dims": [1], "num_bins": 4, "output_size": 2, "pool_size": 2,
    "height": 4, "width": 4, "height_factor": 0.2, "width_factor": 0.2, "stddev": 0.1, "activation": "relu",
    "factor": 0.3, "decay_steps": 10, "decay_rate": 0.5, "first_decay_steps": 10, "boundaries": [2, 4],
    "values": [1.0, 0.5, 0.1], "initial_learning_rate": 1.0, "filepath": "x.keras", "scale": 0.5, "max_number": 3,
}  # fmt: skip
NEEDED_OF: dict[str, dict[str, Any]] = {
    "Discretization": {"bin_boundaries": [0.2, 0.5]},
    "CategoryEncoding": {"num_tokens": 5},
    "RandomPosterization": {"factor": 3},
    "Normalization": {"mean": 0.5, "variance": 2.0},
    "Dot": {"axes": 1},
}
# Where one argument needs another one.
PARTNERS: dict[str, dict[str, Any]] = {
    "BatchNormalization.renorm_clipping": {"renorm": True},
    "CosineDecay.warmup_target": {"warmup_steps": 3},
    "STFTSpectrogram.fft_length": {"frame_length": 2},
    "STFTSpectrogram.frame_step": {"frame_length": 2},
    "MelSpectrogram.sequence_length": {"fft_length": 2048},
}
_IMAGES = {"CenterCrop", "Resizing", "AutoContrast", "ContrastLimitedAdaptiveHistogramEqualization", "Solarization"}
_SHAPES: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("LSTM", "GRU", "SimpleRNN", "Masking"), (5, 3)),
    **dict.fromkeys(("Softmax", "PReLU", "LayerNormalization", "RMSNormalization", "UnitNormalization"), (4, 6, 3)),
    "STFTSpectrogram": (600, 1),
    "MelSpectrogram": (4000,),
    "GroupNormalization": (64,),
    "BatchNormalization": (6, 4),
}
_WHOLE = {"Embedding", "ReversibleEmbedding", "CategoryEncoding", "Hashing"}


def needed_arguments(family: str, class_name: str, argument: str = "") -> dict[str, Any]:
    """Return the arguments without which a class cannot be made, or without which an argument makes no sense."""
    required = arguments.class_signature(family, class_name).required
    needed = NEEDED_OF.get(class_name) or {name: NEEDED[name] for name in required}
    return {**needed, **PARTNERS.get(f"{class_name}.{argument}", {})}


def keras_takes(family: str, class_name: str, given: dict[str, Any]) -> bool:
    """Return whether Keras makes an object of the class and computes with it, without an error."""
    module = keras.optimizers.schedules if family == "schedules" else getattr(keras, family)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            made = getattr(module, class_name)(**ranges.floats_as_meant(family, class_name, given))
            _use(family, class_name, made)
        # Keras raises errors of every kind.
        except Exception:
            return False
    return True


def _use(family: str, class_name: str, made: Any) -> None:
    if family == "layers":
        _use_layer(class_name, made)
    elif family == "optimizers":
        weights = [keras.Variable(np.ones((3, 2), "float32")), keras.Variable(np.ones(2, "float32"))]
        made.build(weights)
        made.apply([np.ones((3, 2), "float32"), np.ones(2, "float32")])
    elif family == "schedules":
        values = [float(made(step)) for step in (0, 1, 3, 9, 25)]
        if not np.all(np.isfinite(values)):
            raise ValueError("nan")
    elif family == "losses":
        targets = np.array([0, 1]) if class_name.startswith("Sparse") else np.eye(2, dtype="float32")
        made(targets, np.array([[0.2, 0.8], [0.3, 0.7]], "float32"))
    elif family == "initializers":
        made((3, 3, 3) if class_name == "STFT" else (3, 3))
    elif family in {"regularizers", "constraints"}:
        made(np.ones((3, 3), "float32"))


def _use_layer(class_name: str, layer: Any) -> None:
    shape = example_shape(class_name)
    rows = np.zeros((2, *shape), "int32") if class_name in _WHOLE else np.full((2, *shape), 0.5, "float32")
    inputs = keras.Input(shape, dtype=rows.dtype)
    taken = [inputs, keras.layers.Identity()(inputs)] if class_name in MERGING else inputs
    outputs = keras.Model(inputs, layer(taken))(rows, training=True)
    if isinstance(outputs, list | tuple):
        raise TypeError("several outputs")
    np.asarray(outputs)


def example_shape(class_name: str) -> tuple[int, ...]:
    """Return the shape of an example that a layer takes."""
    rank = ranges.rank_of(class_name)
    if class_name.startswith("ConvLSTM"):
        return (3, *(5,) * rank, 2)
    if rank:
        return (*(8,) * rank, 3)
    if class_name in _IMAGES or class_name.startswith("Random"):
        return (8, 8, 3)
    return _SHAPES.get(class_name, (4,))


def samples(values: Values, rank: int) -> Iterator[Any]:
    """Yield values at the ends of a range, just outside, and of the same kind far outside."""
    if isinstance(values, Number):
        yield from _numbers(values)
    elif isinstance(values, OneOf | Lookup):
        yield from values.choices
        if any(isinstance(choice, str) for choice in values.choices):
            yield "odd"
        if False in values.choices:
            yield True
    elif isinstance(values, Text):
        yield from ("odd", "ab,bc->ac", "(")
    elif isinstance(values, Listed):
        size = values._size(rank) or 2
        inner = list(samples(values.item, rank))
        yield from ([one] * size for one in inner)
        yield [inner[0]] * (size + 1)
        yield inner[:size][::-1]
    elif isinstance(values, Either):
        yield from samples(values.first, rank)
        yield from samples(values.second, rank)
    elif isinstance(values, Fields):
        yield from ({values.keys[0]: one} for one in samples(values.values, rank))
        yield {"odd": 1.0}


def _numbers(values: Number) -> Iterator[float]:
    low = next((bound for bound in (values.at_least, values.above) if bound is not None), None)
    high = next((bound for bound in (values.at_most, values.below) if bound is not None), None)
    step = 1 if values.whole else 0.25
    for bound in (low, high):
        if bound is not None and bound < 10_000:
            yield from (bound - step, bound, bound + step)
    yield from (1, 0, -1) if low is None and high is None else ()
