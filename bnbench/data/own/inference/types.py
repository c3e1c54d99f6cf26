"""What was inferred from a file or folder of the user."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

# The keys that lead to a value of `data`: ("target",), ("missing", "age"), or ("drop", "id") for an entry of the list.
Steps = tuple[str, ...]


@dataclass(frozen=True)
class Hint:
    """A key of `data` that is not set, but may be wanted."""

    # As it would be written: `group: patient`.
    line: str
    # When it is wanted.
    why: str


@dataclass(frozen=True)
class Inferred:
    """The keys of `data` for a file or folder, and what was seen in it."""

    # The keys that say where the rows are and how they are read, in the order in which they are written.
    settings: Mapping[str, Any]
    task: Literal["classes", "number"]
    # What was found, as a phrase for each value that has one.
    remarks: Mapping[Steps, str] = field(default_factory=dict)
    hints: tuple[Hint, ...] = ()
    # The rows of each class, as far as they were counted.
    class_counts: Mapping[str, int] = field(default_factory=dict)
