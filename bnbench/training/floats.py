"""Turns whole numbers into floats where Keras means a float: some classes of Keras refuse `momentum: 0`.

This is done when an object is built. What is hashed stays as it is in the config.
"""

from collections.abc import Mapping
from typing import Any

from bnbench.model import arguments

# Arguments that are floats although their default is a whole number or None, or although they have no default.
FLOATS = frozenset(
    {
        # Layers.
        "rate", "stddev", "max_value", "negative_slope", "mean", "variance", "factor", "height_factor", "width_factor",
        "x_factor", "y_factor", "lower", "upper",
        # Optimizers.
        "weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor",
        # Schedules.
        "values", "decay_rate", "warmup_target",
        # Callbacks.
        "min_delta", "baseline",
    }
)  # fmt: skip
# Classes that take only whole numbers for an argument in FLOATS.
WHOLE = frozenset({("RandomPosterization", "factor")})


def with_floats(family: str, class_name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of a Keras class with floats where Keras means floats, also in initializers and the like."""
    defaults = arguments.class_signature(family, class_name).defaults
    return {
        key: _converted(key, value, _means_float(class_name, key, defaults.get(key))) for key, value in given.items()
    }


def _means_float(class_name: str, key: str, default: object) -> bool:
    return (isinstance(default, float) or key in FLOATS) and (class_name, key) not in WHOLE


def _converted(key: str, value: Any, means_float: bool) -> Any:
    if isinstance(value, Mapping) and value.keys() == {"class_name", "config"}:
        family = next(family for ending, family in arguments.OBJECTS.items() if key.endswith(ending))
        return {**value, "config": with_floats(family, value["class_name"], value["config"])}
    if isinstance(value, list):
        return [_converted(key, one, means_float) for one in value]
    return float(value) if means_float and type(value) is int else value
