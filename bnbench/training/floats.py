"""Turns whole numbers into floats where Keras means a float: some classes of Keras refuse `momentum: 0`.

This is done when an object is built. What is hashed stays as it is in the config.
"""

from collections.abc import Mapping
from typing import Any

from bnbench.model import arguments, ranges


def with_floats(family: str, class_name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of a Keras class with floats where Keras means floats, also in initializers and the like."""
    converted = ranges.floats_as_meant(family, class_name, given)
    return {key: _object_with_floats(key, value) for key, value in converted.items()}


def _object_with_floats(key: str, value: Any) -> Any:
    if isinstance(value, Mapping) and value.keys() == {"class_name", "config"}:
        family = next(family for ending, family in arguments.OBJECTS.items() if key.endswith(ending))
        return {**value, "config": with_floats(family, value["class_name"], value["config"])}
    return value
