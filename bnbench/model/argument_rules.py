"""Rules about several arguments of one Keras class: which of them exclude, need or bound one another."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any

from bnbench.errors import shorten
from bnbench.model.ranges import rank_of
from bnbench.model.schedule_arguments import ALL
from bnbench.model.shape_types import per_axis

Arguments = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """A rule for the arguments of some classes."""

    classes: str
    # The argument that a message names.
    argument: str
    # Returns whether the arguments, with the defaults of the class, obey the rule.
    holds: Callable[[Arguments], bool]
    # What is wanted.
    wanted: str
    # Why the rule is stricter than Keras. Empty if Keras refuses the same.
    reason: str = ""


def broken_rule(family: str, class_name: str, defaults: Arguments, given: Arguments) -> tuple[str, str] | None:
    """Return an argument and what is wrong with it, or None if the arguments obey all rules.

    Args:
        defaults: all arguments of the class, with their defaults.
        given: the arguments that a config gives; each is within its range.
    """
    arguments = {**defaults, **given}
    for rule in RULES[family]:
        if any(fnmatchcase(class_name, one) for one in rule.classes.split()):
            known = {**arguments, _RANK: rank_of(class_name), _GIVEN: given.keys()}
            if not rule.holds(known):
                found = f"found {shorten(arguments[rule.argument])}, wanted {rule.wanted}"
                return rule.argument, f"{found}: {rule.reason}" if rule.reason else found
    return None


_RANK = "(axes)"
_GIVEN = "(given)"


def _given(arguments: Arguments, *names: str) -> int:
    return sum(arguments[name] is not None for name in names)


def _sizes(arguments: Arguments, name: str) -> tuple[int, ...]:
    return per_axis(arguments[name], arguments[_RANK])


def _strides_or_dilation(arguments: Arguments) -> bool:
    return max(_sizes(arguments, "strides")) == 1 or max(_sizes(arguments, "dilation_rate")) == 1


def _padding_below_strides(arguments: Arguments) -> bool:
    if arguments["output_padding"] is None:
        return True
    pairs = zip(_sizes(arguments, "output_padding"), _sizes(arguments, "strides"), strict=True)
    return all(padding < stride for padding, stride in pairs)


def _same_shape(first: Any, second: Any) -> bool:
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(_same_shape, first, second))
    return isinstance(first, list) == isinstance(second, list)


def _renorm_bounds(arguments: Arguments) -> bool:
    clipping = arguments["renorm_clipping"] or {}
    return bool(clipping.get("rmin", 0) <= clipping.get("rmax", float("inf")))


_IGNORED = "Keras ignores it otherwise"
_CLIPPINGS = ("clipnorm", "clipvalue", "global_clipnorm")
_ONE_CLIPPING = "one of clipnorm, clipvalue and global_clipnorm"
RULES: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "layers": (
            Rule("Conv*D Conv*Transpose", "dilation_rate", _strides_or_dilation, "1, or strides of 1"),
            Rule(
                "Conv1D Conv2D Conv3D",
                "groups",
                lambda a: a["filters"] % a["groups"] == 0,
                "a number that divides filters evenly",
            ),
            Rule("Conv*Transpose", "output_padding", _padding_below_strides, "less than strides"),
            Rule(
                "Permute",
                "dims",
                lambda a: sorted(a["dims"]) == list(range(1, len(a["dims"]) + 1)),
                "each axis from 1 once",
            ),
            Rule("Reshape", "target_shape", lambda a: list(a["target_shape"]).count(-1) <= 1, "-1 at most once"),
            Rule(
                "EinsumDense",
                "bias_axes",
                lambda a: set(a["bias_axes"] or "") <= set(a["equation"].partition("->")[2]),
                "letters behind the arrow of the equation",
            ),
            Rule("BatchNormalization", "renorm_clipping", _renorm_bounds, "rmin not above rmax"),
            Rule(
                "BatchNormalization",
                "renorm_clipping",
                lambda a: a["renorm"] or not a["renorm_clipping"],
                "renorm: true with it",
                _IGNORED,
            ),
            Rule(
                "Normalization",
                "mean",
                lambda a: (a["mean"] is None) == (a["variance"] is None),
                "also a variance, or neither",
            ),
            Rule(
                "Normalization",
                "variance",
                lambda a: _same_shape(a["mean"], a["variance"]),
                "as many numbers as in mean",
            ),
            Rule(
                "Discretization",
                "num_bins",
                lambda a: _given(a, "num_bins", "bin_boundaries") == 1,
                "either num_bins or bin_boundaries",
            ),
            Rule("CategoryEncoding", "num_tokens", lambda a: a["num_tokens"] is not None, "a whole number above 0"),
            Rule(
                "STFTSpectrogram",
                "frame_step",
                lambda a: a["frame_step"] is None or a["frame_step"] <= a["frame_length"],
                "at most frame_length",
            ),
            Rule(
                "STFTSpectrogram",
                "fft_length",
                lambda a: a["fft_length"] is None or a["fft_length"] >= a["frame_length"],
                "at least frame_length",
            ),
            Rule(
                "MelSpectrogram",
                "sequence_length",
                lambda a: (a["sequence_length"] or 0) <= a["fft_length"],
                "at most fft_length",
            ),
            Rule(
                "MelSpectrogram",
                "max_freq",
                lambda a: (a["max_freq"] or a["sampling_rate"] // 2) > a["min_freq"],
                "more than min_freq",
                "no frequency would be left",
            ),
        ),
        "optimizers": (
            *(
                Rule("*", name, lambda a, n=name: a[n] is None or _given(a, *_CLIPPINGS) == 1, _ONE_CLIPPING)  # type: ignore[misc]
                for name in _CLIPPINGS
            ),
            Rule("AdamW", "weight_decay", lambda a: a["weight_decay"] is not None, "a number of at least 0"),
            Rule(
                "SGD",
                "nesterov",
                lambda a: not a["nesterov"] or a["momentum"] > 0,
                "false, or a momentum above 0 with it",
                _IGNORED,
            ),
        ),
        "schedules": (
            Rule(
                "PiecewiseConstantDecay",
                "values",
                lambda a: len(a["values"]) == len(a["boundaries"]) + 1,
                "one value more than boundaries",
            ),
            Rule(
                "CosineDecay",
                "warmup_steps",
                lambda a: a["warmup_target"] is None or a["warmup_steps"] > 0,
                "a number above 0 with warmup_target",
                "the first step would divide by 0",
            ),
            Rule(
                "CosineDecay",
                "warmup_steps",
                lambda a: a["warmup_target"] is not None or a["warmup_steps"] == 0,
                "a warmup_target with it, or train.warmup instead",
                _IGNORED,
            ),
            Rule(
                "CosineDecay PolynomialDecay",
                "decay_steps",
                lambda a: a["decay_steps"] != 1,
                "`all` for the whole training, a share of it below 1, or more than one step",
                "after the first step the decay would be over",
            ),
            Rule(
                "ExponentialDecay InverseTimeDecay",
                "staircase",
                lambda a: not a["staircase"] or a["decay_steps"] not in (1, ALL),
                "false, or decay_steps of more than one step and less than the training",
                "it would have one stair for each step, or a single one",
            ),
            *(
                Rule(
                    "CosineDecayRestarts",
                    name,
                    lambda a, n=name: n not in a[_GIVEN] or a["first_decay_steps"] != ALL,  # type: ignore[misc]
                    "first_decay_steps below the whole training with it",
                    "without a restart Keras ignores it",
                )
                for name in ("t_mul", "m_mul")
            ),
        ),
        "initializers": (
            Rule(
                "RandomUniform",
                "minval",
                lambda a: a["minval"] <= a["maxval"],
                "at most maxval",
                "the range of the numbers would be empty",
            ),
            Rule(
                "Glorot* He* Lecun* VarianceScaling",
                "input_axes",
                lambda a: (a["input_axes"] is None) == (a["output_axes"] is None),
                "both input_axes and output_axes, or neither",
                "Keras ignores one without the other",
            ),
        ),
        "constraints": (
            Rule(
                "MinMaxNorm",
                "min_value",
                lambda a: a["min_value"] <= a["max_value"],
                "at most max_value",
                "no norm would be allowed",
            ),
        ),
        "losses": (
            Rule(
                "BinaryFocalCrossentropy",
                "alpha",
                lambda a: "alpha" not in a[_GIVEN] or a["apply_class_balancing"],
                "apply_class_balancing: true with it",
                _IGNORED,
            ),
        ),
        "callbacks": (
            Rule(
                "ModelCheckpoint",
                "initial_value_threshold",
                lambda a: a["initial_value_threshold"] is None or a["save_best_only"],
                "save_best_only: true with it",
                _IGNORED,
            ),
            Rule(
                "TensorBoard",
                "write_images",
                lambda a: not a["write_images"] or a["histogram_freq"] > 0,
                "false, or a histogram_freq above 0 with it",
                _IGNORED,
            ),
        ),
        "regularizers": (),
    }
)
