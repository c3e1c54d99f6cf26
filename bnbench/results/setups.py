"""The settings and layers of a variant -> the `Setup` that the cures of symptoms depend on."""

from collections.abc import Iterator, Sequence

from bnbench.analysis.cures import Setup
from bnbench.data.access import built_in
from bnbench.model.catalog import find_class
from bnbench.model.layer_table import RECURRENT
from bnbench.model.layers import Layer
from bnbench.planning.constant_loss import has_penalty
from bnbench.planning.small_batches import BATCH_NORM
from bnbench.results.variant_config import VariantConfig

# Momentum of BatchNormalization, if a config does not give it.
KERAS_MOMENTUM = 0.99
# Layers that compute nothing, so that the next one is the first that does.
RESHAPING = frozenset({"Flatten", "Reshape", "Rescaling", "Identity", "Permute"})
# Scales its inputs by a mean and a variance that are given.
PREPROCESSING = "Normalization"
NO_NORMS = frozenset({PREPROCESSING, "SpectralNormalization"})
# Schedules that start with a low rate themselves do so with this argument.
WARM_UP = "warmup_steps"
# Layers that are one activation.
ACTIVATION_LAYERS = {
    "ReLU": "relu", "LeakyReLU": "leaky_relu", "PReLU": "prelu", "ELU": "elu", "Softmax": "softmax",
}  # fmt: skip
# Arguments of optimizers.
CLIPPING = ("clipnorm", "global_clipnorm", "clipvalue")
AUGMENTING = ("Random", "MixUp", "CutMix", "AugMix", "RandAugment")


def describe_setup(config: VariantConfig) -> Setup:
    """Return what cures need to know about a variant."""
    layers, train = config.layers, config.train
    weighted = [i for i, layer in enumerate(layers) if has_kernel(layer)]
    last = weighted[-1] if weighted else len(layers)
    hidden, output = layers[:last], layers[last:]
    spec = built_in(config.data)
    schedule = train.schedule
    return Setup(
        scale=config.data.scale,
        keeps_duplicates=config.data.duplicates == "keep",
        is_limited=config.data.limit is not None,
        is_image=not config.data.table and (spec is None or len(spec.shape) == 3),
        takes_numbers=all(layer.class_name != "Embedding" for layer in layers),
        batch_size=None if train.batch_size == "full" else train.batch_size,
        optimizer=find_class("optimizers", train.optimizer.name) or train.optimizer.name,
        has_schedule=schedule is not None,
        warms_up=train.warmup is not None or bool(schedule and schedule.arguments.get(WARM_UP)),
        stops_early=any(find_class("callbacks", one.name) == "EarlyStopping" for one in train.callbacks),
        saves_best=config.save_models == "best",
        hidden_activations=frozenset(_activations(hidden)),
        output_activation=next(_activations(output), ""),
        has_norm=any(map(is_norm, layers)),
        norms_inputs=next((scales_inputs(one) for one in layers if one.class_name not in RESHAPING), False),
        norms_outputs=any(map(is_norm, output)),
        momentum=max(map(momentum, learning_norms(layers)), default=None),
        good_initializers=frozenset(_good_initializers([layers[i] for i in weighted[:-1]])),
        dropout=tuple(_number(one.arguments.get("rate"), 0.0) for one in layers if "Dropout" in one.class_name),
        has_penalty=has_penalty(layers) or bool(train.optimizer.arguments.get("weight_decay")),
        clips_gradients=any(train.optimizer.arguments.get(name) for name in CLIPPING),
        is_augmented=any(layer.class_name.startswith(AUGMENTING) for layer in layers),
    )


def is_norm(layer: Layer) -> bool:
    """Return True for a layer that normalizes by what it gets.

    A frozen batch normalization keeps the statistics that it began with, so it is none. A frozen layer normalization
    is one: it has no statistics to keep. `Normalization` scales by constants, and `SpectralNormalization` scales
    weights.
    """
    if layer.class_name == BATCH_NORM:
        return is_learning(layer)
    return layer.class_name.endswith("Normalization") and layer.class_name not in NO_NORMS


def scales_inputs(layer: Layer) -> bool:
    """Return True for a layer that brings its inputs to one scale: a norm, or a preprocessing `Normalization`."""
    return layer.class_name == PREPROCESSING or is_norm(layer)


def is_learning(layer: Layer) -> bool:
    """Return True unless a layer is frozen."""
    return bool(layer.arguments.get("trainable", True))


def learning_norms(layers: Sequence[Layer]) -> list[Layer]:
    """Return the batch normalizations that learn moving statistics: all that are not frozen."""
    return [layer for layer in layers if layer.class_name == BATCH_NORM and is_learning(layer)]


def momentum(norm: Layer) -> float:
    """Return the momentum of a batch normalization."""
    return _number(norm.arguments.get("momentum"), KERAS_MOMENTUM)


def has_kernel(layer: Layer) -> bool:
    """Return True for a layer that multiplies its inputs with weights: dense, convolutional or recurrent."""
    return bool({"units", "filters"} & layer.arguments.keys()) or layer.class_name.startswith("DepthwiseConv")


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default


def _activations(layers: Sequence[Layer]) -> Iterator[str]:
    """Yield the activations of some layers by Keras' names, without linear ones."""
    for layer in layers:
        # Keras' defaults.
        default = "tanh" if layer.class_name in RECURRENT else "linear"
        named = str(layer.arguments.get("activation", default) or "linear")
        named = ACTIVATION_LAYERS.get(layer.class_name, named)
        if named != "linear":
            yield named


def _good_initializers(hidden: Sequence[Layer]) -> Iterator[str]:
    """Yield `he` and `glorot` where every hidden layer with weights begins so; Keras' default is Glorot's.

    `variance_scaling` can be either of them, so it counts as both.
    """
    names = [
        str((layer.arguments.get("kernel_initializer") or {}).get("class_name", "GlorotUniform")) for layer in hidden
    ]
    for kind, prefix in (("he", "He"), ("glorot", "Glorot")):
        if all(name.startswith((prefix, "VarianceScaling")) for name in names):
            yield kind
