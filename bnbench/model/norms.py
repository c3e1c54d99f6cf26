"""The normalizations that a variant may name. To add one, add a record to NORMS."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bnbench.errors import ConfigError, not_one_of
from bnbench.location import Location

NO_NORM = "none"


@dataclass(frozen=True)
class Norm:
    """One normalization: its name in a config, and the Keras layer that does it."""

    name: str
    class_name: str
    # Arguments that differ from Keras' own defaults; a config may give others.
    defaults: Mapping[str, Any] = field(default_factory=dict)
    # Whether XLA runs it fast on a CPU. If so, XLA compiles networks with this norm (docs/performance.md).
    fast_in_xla: bool = True


NORMS = (
    Norm("batch", "BatchNormalization"),
    Norm("layer", "LayerNormalization"),
    Norm("group", "GroupNormalization"),
    Norm("rms", "RMSNormalization"),
)
# The classes of Keras that are norms.
NORM_CLASSES = frozenset(norm.class_name for norm in NORMS)


def norm_names() -> tuple[str, ...]:
    """Return the names that `norm` may hold in a config."""
    return (NO_NORM, *(norm.name for norm in NORMS))


def find_norm(name: str, where: Location | str) -> Norm | None:
    """Return the norm with a name, or None if the name stands for no normalization.

    Raises:
        ConfigError: no norm has the name.
    """
    if name == NO_NORM:
        return None
    for norm in NORMS:
        if norm.name == name:
            return norm
    raise ConfigError(where, not_one_of(name, norm_names()))
