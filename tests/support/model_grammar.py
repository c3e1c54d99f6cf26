"""Experiments made by a grammar: all layers, optimizers, schedules, losses and callbacks, with arguments of all kinds.

Most values are valid; others are at the edge of a range, beyond it, or of another kind.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from bnbench.model import arguments, catalog
from bnbench.model.norms import NORMS
from bnbench.planning import keras_checks

# Images, sequences, a table with numbers to predict, and a table of classes; all without files.
DATA = ("digits", "digits", "windows", "distance", "bag_of_words")
# Of a layer name, by the number of axes of the data. A layer without such an ending fits all data.
RANKS = {"1D": 2, "2D": 3, "3D": 4}
# These take images or sequences, whatever their name.
OF_IMAGES = ("Random", "Aug", "Auto", "Crop", "Solar", "Equal", "Resiz", "CutMix", "MixUp", "Contrast")
OF_SEQUENCES = frozenset({"LSTM", "GRU", "SimpleRNN", "Masking"})
# Shares of choices.
ODD, GIVEN, WRAPPED = 0.05, 0.3, 0.5
# Arguments that bnbench always refuses, by family.
REFUSED: Mapping[str, Mapping[str, str]] = {
    "optimizers": keras_checks.OF_OPTIMIZERS,
    "schedules": keras_checks.OF_SCHEDULES,
    "callbacks": keras_checks.OF_CALLBACKS,
}
# Argument -> values that are mostly valid. An argument that is not listed gets values like its default.
VALUES: Mapping[str, Sequence[Any]] = {
    "units": (1, 3, 8, "$units"), "filters": (1, 2, 4), "kernel_size": (1, 2, 3, [3]), "strides": (1, 2, 3),
    "padding": ("valid", "same", "causal"), "pool_size": (1, 2, 3), "size": (1, 2), "dilation_rate": (1, 2),
    "data_format": ("channels_last", "channels_first"), "groups": (1, 2, 4), "depth_multiplier": (1, 2),
    "axis": (-1, 1, 2, 3, [1, 2]), "rate": (0.0, 0.1, 0.5, 0.9), "momentum": (0.0, 0.5, 0.9, 0.99, 0, 1),
    "epsilon": (1e-3, 1e-7, 1e-12, 0.1), "alpha": (0.0, 0.3, 1.0), "negative_slope": (0.0, 0.1),
    "max_value": (1.0, 6.0), "threshold": (0.0, 0.5), "target_shape": ([-1], [2, -1], [4, 4, 4], [8, 8]),
    "dims": ([1], [2, 1], [3, 1, 2]), "n": (1, 2, 3), "factor": (0.1, 0.5, [0.0, 0.5], [-0.2, 0.2]),
    "height": (4, 8, 9), "width": (4, 8, 9), "height_factor": (0.1, [-0.2, 0.2]), "width_factor": (0.1, [-0.2, 0.2]),
    "scale": (0.1, 2.0, [0.5, 1.5]), "offset": (0.0, 1.0), "mode": ("auto", "min", "max", "fan_in", "horizontal"),
    "fill_mode": ("constant", "reflect", "wrap", "nearest"), "interpolation": ("bilinear", "nearest"),
    "value_range": ([0, 16], [0, 255], [0.0, 1.0], [-1, 1]), "output_size": (1, 2, [2, 2]), "stddev": (0.0, 0.05, 1.0),
    "mean": (0.0, 1.0), "variance": (1.0, 2.0), "mask_value": (0.0, -1.0), "input_dim": (17, 100), "output_dim": (2, 4),
    "num_tokens": (17, 100), "output_mode": ("int", "one_hot", "multi_hot", "count"), "num_bins": (2, 5),
    "bin_boundaries": ([0.0, 1.0], [1.0, 0.0]), "cropping": (1, 2, [1, 0]), "equation": ("ab,bc->ac", "abc,cd->abd"),
    "output_shape": (3, [None, 3]), "bias_axes": ("c", "d"), "shared_axes": ([1], [1, 2], [5]), "rank": (1, 2),
    "activation": ("relu", "tanh", "sigmoid", "softmax", "swish", "gelu", "linear"), "lora_rank": (1, 2),
    "recurrent_activation": ("sigmoid", "hard_sigmoid"), "beta_1": (0.0, 0.9, 0.99), "beta_2": (0.9, 0.999),
    "rho": (0.0, 0.9), "weight_decay": (0.0, 0.01, 4e-3), "clipnorm": (0.5, 1.0), "clipvalue": (0.5, 1.0),
    "global_clipnorm": (0.5, 1.0), "loss_scale_factor": (1.0, 128.0), "gradient_accumulation_steps": (2, 3),
    "label_smoothing": (0.0, 0.1, 0.5), "gamma": (1.0, 2.0), "delta": (0.5, 1.0), "from_logits": (True, False),
    "ignore_class": (0, 1), "decay_steps": (1, 10, 100), "decay_rate": (0.5, 0.96), "boundaries": ([2], [1, 3], [3, 1]),
    "values": ([1.0, 0.1], [1, 0.1, 0.01]), "first_decay_steps": (2, 10), "warmup_steps": (0, 2),
    "warmup_target": (1.0, 2.0), "power": (1.0, 2.0), "t_mul": (1.0, 2.0), "m_mul": (0.5, 1.0),
    "monitor": ("val_loss", "val_accuracy", "loss", "accuracy"), "patience": (0, 1, 2), "min_delta": (0.0, 0.1, 10),
    "baseline": (0.5, 0.99), "cooldown": (0, 1), "start_from_epoch": (0, 1), "min_lr": (0.0, 1e-4),
    "l1": (0.0, 0.01), "l2": (0.0, 0.01), "gain": (1.0, 0.5), "minval": (-0.1, 0.0), "maxval": (0.1, 1.0),
    "value": (0.0, 0.1), "rate_": (0.0,), "max_norm": (1.0, 3.0), "min_value": (0.0, 0.1), "ns_steps": (1, 5),
    "exclude_layers": (["dense_0"], []), "trainable": (True, False), "tile_grid_size": ([2, 2], [8, 8]),
    "initial_accumulator_value": (0.0, 0.1), "learning_rate_power": (-0.5, 0.0), "noise_shape": ([1, 1], None),
    "num_ops": (1, 2), "sequence_stride": (2, 4), "sequence_length": (4, 8), "fft_length": (4, 8),
    "frame_length": (4, 8), "frame_step": (2, 4), "num_mel_bins": (2, 4), "max_number": (1, 2), "shape": ([2],),
}  # fmt: skip
# Values that hardly any argument takes.
ODDITIES: Sequence[Any] = (0, -1, 1, 2, 1.5, -0.5, 1e-30, 1e30, True, None, "x", "", [], [1, 2, 3, 4, 5], [0], {"a": 1})


def make_experiment(seed: int, number: int) -> dict[str, Any]:
    """Return experiment `number` of a series, as the values of a config file; the same for the same two numbers."""
    random = Random(f"{seed}/{number}")
    data = random.choice(DATA)
    variants = random.sample(sorted(_variants(random).items()), random.randint(1, 2))
    return {
        "name": f"made-{seed}-{number}",
        "data": {
            "name": data,
            "limit": random.choice((17, 24, 40)),
            "scale": random.choice(("none", "unit", "standard")),
        },
        "model": {"params": {"units": 5}, "layers": _layers(random, data)},
        "variants": dict(variants),
        "train": _training(random, data),
        "sweep": {"learning_rate": [random.choice((1e-3, 0.01, 0.1))], "seeds": random.choice((1, 1, 2))},
        "save_models": random.choice(("none", "none", "final", "best")),
    }


def _variants(random: Random) -> dict[str, Any]:
    norm = random.choice([norm.name for norm in NORMS])
    class_name = next(one.class_name for one in NORMS if one.name == norm)
    changed = {
        "norm": {norm: _arguments(random, "layers", class_name)},
        "norm_position": random.choice((None, "before", "after")),
    }
    return {
        "plain": {"norm": "none"},
        "normed": {"norm": random.choice([one.name for one in NORMS])},
        "changed": changed if random.random() < 0.5 else {"norm": changed["norm"]},
        "trained": {"train": {"optimizer": _named(random, "optimizers")}},
    }


def _layers(random: Random, data: str) -> list[Any]:
    rank = {"digits": 3, "windows": 2}.get(data, 1)
    fitting = [name for name in _classes("layers") if _fits(name, rank)]
    inner = [_layer(random, random.choice(fitting)) for _ in range(random.choice((0, 1, 1, 2, 3)))]
    ending: list[Any] = [] if rank == 1 and random.random() < 0.9 else ["flatten"]
    hidden = [{"dense": random.choice((4, "$units", {"units": 4, "use_bias": False}))}, "norm", {"activation": "relu"}]
    wide = [_layer(random, random.choice([name for name in _classes("layers") if _fits(name, 1)]))]
    last = {"dense": 1 if data == "distance" else "$classes"}
    hidden = _with_blocks(random, hidden)
    return [*inner, *ending, *hidden, *(wide if random.random() < 0.3 else []), {"dense": "$units"}, last]


def _with_blocks(random: Random, hidden: list[Any]) -> list[Any]:
    """Return the hidden layers, now and then inside a block."""
    # A stream of its own, so that the experiments of earlier versions stay as they were.
    random = Random(f"{random.getstate()[1][:8]}/blocks")
    shortcut = random.choice(("auto", "conv", "none", [], [{"dense": "$units"}]))
    branches = [[], [*hidden, {"dense": "$units"}], [{"dense": "$units"}]][random.randint(0, 1) :]
    merge = random.choice(("add", "average", "concatenate", "maximum", "multiply", {"concatenate": {"axis": 1}}, "dot"))
    kind = random.random()
    if kind < 0.2:
        return [{"residual": {"layers": hidden, "shortcut": shortcut}}]
    return [{"parallel": {"branches": branches, "merge": merge}}] if kind < 0.3 else hidden


def _fits(name: str, rank: int) -> bool:
    """Return whether a layer takes rows with this number of axes, judged by its name; now and then that is wrong."""
    wanted = next((axes for ending, axes in RANKS.items() if ending in name), None)
    if wanted is None and name.startswith(OF_IMAGES):
        wanted = 3
    if wanted is None and name in OF_SEQUENCES:
        wanted = 2
    return wanted in (None, rank)


def _layer(random: Random, class_name: str) -> Any:
    given = _arguments(random, "layers", class_name)
    name = catalog.snake_case(class_name)
    return {name: given} if given or random.random() < WRAPPED else name


def _training(random: Random, data: str) -> dict[str, Any]:
    train: dict[str, Any] = {
        "epochs": random.choice((1, 2, 2, 3)),
        "batch_size": random.choice((1, 4, 7, 8, 16, "full")),
        "optimizer": _named(random, "optimizers"),
    }
    if data == "distance":
        train["loss"] = random.choice(("mean_squared_error", "mean_absolute_error", "huber", "log_cosh"))
    elif random.random() < GIVEN:
        train["loss"] = _named(random, "losses")
    further = {
        "steps_per_epoch": lambda: random.choice((1, 2, 3)),
        "schedule": lambda: _named(random, "schedules"),
        "callbacks": lambda: [_named(random, "callbacks") for _ in range(random.choice((1, 1, 2)))],
        "on_divergence": lambda: "continue",
        "pre_activations": lambda: True,
        "dtype": lambda: random.choice(("float32", "float64")),
        "engine": lambda: random.choice(("auto", "xla", "graph")),
    }
    return train | {key: make() for key, make in further.items() if random.random() < GIVEN}


def _named(random: Random, family: str) -> Any:
    class_name = random.choice(_classes(family))
    given = _arguments(random, family, class_name)
    name = catalog.snake_case(class_name)
    return {name: given} if given else name


def _classes(family: str) -> list[str]:
    """Return the classes of a family that a config may name, in alphabetical order."""
    names = sorted(set(catalog._class_names(family).values()))
    return [name for name in names if catalog.find_class(family, name)]


def _arguments(random: Random, family: str, class_name: str) -> dict[str, Any]:
    """Return the required arguments of a class, and some of the others."""
    signature = arguments.class_signature(family, class_name)
    offered = {**(arguments.BASE_ARGUMENTS.get(family, {}) if signature.takes_more else {}), **signature.defaults}
    hidden = arguments.HIDDEN if random.random() < ODD else {*arguments.HIDDEN, *REFUSED.get(family, {})}
    chosen = [name for name in signature.required if name not in hidden]
    optional = [name for name in offered if name not in chosen and name not in hidden]
    chosen += random.sample(optional, min(len(optional), random.choice((0, 0, 1, 1, 2))))
    return {name: _value(random, name, offered[name]) for name in chosen}


def _value(random: Random, name: str, default: object) -> Any:
    if random.random() < ODD:
        return random.choice(ODDITIES)
    family = next((one for ending, one in arguments.OBJECTS.items() if name.endswith(ending)), None)
    if family:
        return _named(random, family)
    if isinstance(default, bool):
        return random.choice((True, False))
    if name in VALUES:
        return random.choice(VALUES[name])
    if isinstance(default, int | float):
        return random.choice((default, 1, 2 * default))
    return default if isinstance(default, str) and default is not arguments.REQUIRED else random.choice((1, 2, 0.5))
