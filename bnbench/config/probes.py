"""Checks of `probes`, the list of what trials measure in their networks besides scores."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

from bnbench.analysis.asked_probes import ALL, ASKED_PROBES, LOOKS, MAX_LOOKS
from bnbench.config.types import InnerValueError
from bnbench.errors import not_one_of, shorten


class Named(Protocol):
    """A name with its arguments."""

    name: str

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments, without the name."""


Value = TypeVar("Value", bound=Named)


def all_probes(value: object) -> object:
    """Return the list of all names for `all`; every other value as it is."""
    return list(ASKED_PROBES) if value in (ALL, [ALL]) else value


def check_probe(value: Value) -> Value:
    """Return a probe if there is one with this name, and with these arguments; raise if not."""
    if value.name not in ASKED_PROBES:
        raise ValueError(not_one_of(value.name, [*ASKED_PROBES, ALL]))
    _check_arguments(value.name, value.arguments)
    return value


def _check_arguments(name: str, arguments: Mapping[str, Any]) -> None:
    has_looks = ASKED_PROBES[name].looks is not None
    for key, looks in arguments.items():
        if not has_looks or key != LOOKS:
            raise ValueError(f"{name} has no argument {shorten(key)}{f', only {LOOKS}' if has_looks else ''}")
        if type(looks) is not int or not 0 <= looks <= MAX_LOOKS:
            raise ValueError(f"{name}: {LOOKS} is {shorten(looks)}, wanted a whole number from 0 to {MAX_LOOKS}")


def check_distinct(value: Sequence[Value]) -> Sequence[Value]:
    """Return the probes if each is named once; raise if not."""
    names = [probe.name for probe in value]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise InnerValueError(f"{name} is already in the list", i)
    return value
