"""What the arguments of Keras' schedules mean: steps, which a config may give as shares of the training, and rates."""

import struct
from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any

# Arguments that are learning rates; in a config they are factors.
RATE_ARGUMENTS = frozenset({"initial_learning_rate", "end_learning_rate", "warmup_target", "values"})
# As an argument of steps: all steps that the schedule has.
ALL = "all"
# Class of the schedule -> its arguments that count steps.
STEP_ARGUMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "CosineDecay": ("decay_steps", "warmup_steps"),
        "CosineDecayRestarts": ("first_decay_steps",),
        "ExponentialDecay": ("decay_steps",),
        "InverseTimeDecay": ("decay_steps",),
        "PiecewiseConstantDecay": ("boundaries",),
        "PolynomialDecay": ("decay_steps",),
    }
)


def has_factors_beyond_float32(arguments: Mapping[str, Any]) -> bool:
    """Return whether float32 cannot hold a factor among the arguments of a schedule, as 0.1."""
    given = [arguments.get(name) for name in RATE_ARGUMENTS]
    listed = [value if isinstance(value, list) else [value] for value in given if value is not None]
    return any(struct.unpack("f", struct.pack("f", factor))[0] != factor for factor in chain.from_iterable(listed))


def is_share(value: Any) -> bool:
    """Return whether the value of such an argument is a share of the training: `all`, or a number between 0 and 1."""
    return value == ALL or (isinstance(value, float) and 0 < value < 1)
