"""Kinds of values that an argument may hold (numbers in a range, words, lists), and their wording in messages."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from bnbench.errors import not_one_of, shorten

# The largest number of float32: a larger one would be infinite in most trials.
LARGEST = 3.4e38
# TensorFlow counts the sizes of axes in 32 bits.
LARGEST_WHOLE = 2**31 - 1
# As `size` of a list: one entry for each axis of the layer, as 2 for Conv2D.
PER_AXIS = -1
_WORDS: Mapping[object, str] = {None: "null", True: "true", False: "false"}


class Values(Protocol):
    """The values that an argument may hold."""

    def admits(self, value: object, rank: int) -> bool:
        """Return whether an argument may hold a value; `rank` is the number of axes in the name of the class."""

    def wanted(self, rank: int) -> str:
        """Return the values in words."""


def describe_problem(values: Values, value: object, rank: int) -> str | None:
    """Return what was found and what was wanted, or None if the argument may hold the value."""
    if values.admits(value, rank):
        return None
    if isinstance(values, OneOf | Lookup) and len(values.choices) > 1 and isinstance(value, str | list):
        return not_one_of(value, map(_word, values.choices))
    limit = LARGEST_WHOLE if isinstance(value, int) and value > LARGEST_WHOLE else LARGEST
    if isinstance(value, int | float) and limit < value < float("inf"):
        return f"found {value}, wanted at most {limit:,}"
    return f"found {shorten(value)}, wanted {values.wanted(rank)}"


@dataclass(frozen=True)
class Number:
    """A finite number, as wide as the bounds that are given."""

    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None
    below: float | None = None
    # A whole number also counts as a float, but not the other way round.
    whole: bool = False
    nonzero: bool = False
    odd: bool = False

    def admits(self, value: object, rank: int) -> bool:
        """Return whether the value is a number within the bounds. `true` is no number."""
        if isinstance(value, bool) or not isinstance(value, int if self.whole else int | float):
            return False
        return (
            # Also false for nan.
            abs(value) <= (LARGEST_WHOLE if self.whole else LARGEST)
            and (self.at_least is None or value >= self.at_least)
            and (self.at_most is None or value <= self.at_most)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
            and not (self.nonzero and value == 0)
            and not (self.odd and value % 2 == 0)
        )

    def wanted(self, rank: int) -> str:
        """Return for example `a number from 0 to below 1`."""
        kind = "a whole number" if self.whole else "a number"
        kind = f"an odd {kind[2:]}" if self.odd else kind
        if self.nonzero:
            return f"{kind} other than 0"
        if self.whole and self.at_least == 1 and _high(self) is None:
            return f"{kind} above 0"
        if self.at_least is not None and _high(self):
            return f"{kind} from {self.at_least:g} to {_high(self)}"
        bounds = (
            None if self.at_least is None else f"of at least {self.at_least:g}",
            None if self.above is None else f"above {self.above:g}",
            f"of at most {_high(self)}" if self.at_most is not None else _high(self),
        )
        return f"{kind} {' and '.join(filter(None, bounds))}".rstrip()


def _high(number: Number) -> str | None:
    if number.at_most is not None:
        return f"{number.at_most:,}"
    return None if number.below is None else f"below {number.below:g}"


@dataclass(frozen=True)
class OneOf:
    """One of a few words or plain values."""

    choices: tuple[object, ...]

    def admits(self, value: object, rank: int) -> bool:
        """Return whether the value is one of the choices, of the same type."""
        return any(type(value) is type(choice) and value == choice for choice in self.choices)

    def wanted(self, rank: int) -> str:
        """Return for example `one of valid, same`."""
        if not self.choices:
            return "no value: leave it out"
        return ("one of " if len(self.choices) > 1 else "") + ", ".join(map(_word, self.choices))


@dataclass(frozen=True)
class Lookup:
    """One of the names that a function returns: the installed Keras is read only when a value is checked."""

    find: Callable[[], Iterable[str]]

    @property
    def choices(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(sorted(self.find()))

    def admits(self, value: object, rank: int) -> bool:
        """Return whether the value is one of the names."""
        return isinstance(value, str) and value in self.choices

    def wanted(self, rank: int) -> str:
        """Return the names."""
        return f"one of {', '.join(self.choices)}"


def _word(choice: object) -> str:
    return _WORDS[choice] if choice is None or isinstance(choice, bool) else str(choice)


@dataclass(frozen=True)
class Text:
    """A text that matches a regular expression."""

    pattern: str
    meaning: str

    def admits(self, value: object, rank: int) -> bool:
        """Return whether the whole text matches."""
        return isinstance(value, str) and re.fullmatch(self.pattern, value) is not None

    def wanted(self, rank: int) -> str:
        """Return the meaning in words."""
        return self.meaning


@dataclass(frozen=True)
class Listed:
    """A list of at least one value."""

    item: Values
    # The number of entries, PER_AXIS, or None for any number.
    size: int | None = None
    rising: bool = False
    distinct: bool = False
    # Whether an entry may be null.
    nulls: bool = False

    def admits(self, value: object, rank: int) -> bool:
        """Return whether the value is such a list."""
        if not isinstance(value, list | tuple) or not value or len(value) != (self._size(rank) or len(value)):
            return False
        if not all((self.nulls and one is None) or self.item.admits(one, rank) for one in value):
            return False
        if self.distinct and len(set(value)) < len(value):
            return False
        return not self.rising or all(a < b for a, b in pairwise(value))

    def wanted(self, rank: int) -> str:
        """Return for example `a list of 2 values, each a whole number above 0`."""
        size = self._size(rank)
        count = f"a list of {size} {'value' if size == 1 else 'values'}" if size else "a list"
        if self.size == PER_AXIS and not rank:
            count = "a list of one value for each axis"
        each = self.item.wanted(rank) + (" or null" if self.nulls else "")
        return f"{count}{' that rises' if self.rising else ''}, each{' different, and' if self.distinct else ''} {each}"

    def _size(self, rank: int) -> int | None:
        return rank if self.size == PER_AXIS else self.size


@dataclass(frozen=True)
class Either:
    """A value of one kind or of another."""

    first: Values
    second: Values

    def admits(self, value: object, rank: int) -> bool:
        """Return whether one of the kinds admits the value."""
        return self.first.admits(value, rank) or self.second.admits(value, rank)

    def wanted(self, rank: int) -> str:
        """Return both kinds."""
        return f"{self.first.wanted(rank)}, or {self.second.wanted(rank)}"


@dataclass(frozen=True)
class Fields:
    """A mapping with some of these keys."""

    keys: tuple[str, ...]
    values: Values

    def admits(self, value: object, rank: int) -> bool:
        """Return whether all keys are known and all values are right."""
        return isinstance(value, Mapping) and all(
            key in self.keys and self.values.admits(one, rank) for key, one in value.items()
        )

    def wanted(self, rank: int) -> str:
        """Return the keys, each with its values."""
        return f"a mapping with {', '.join(self.keys)}, each {self.values.wanted(rank)}"


def per_axis(item: Values) -> Values:
    """Return a value for all axes, or a list with one for each axis."""
    return Either(item, Listed(item, PER_AXIS))


def span(low: float, high: float) -> Values:
    """Return a number within bounds, or the two ends of a range within them."""
    return number_or_pair(Number(at_least=low, at_most=high))


def number_or_pair(number: Values) -> Values:
    """Return a number, or a list of two."""
    return Either(number, Listed(number, 2))


def one_or_more(item: Values) -> Values:
    """Return a single value, or a list of them."""
    return Either(item, Listed(item))


def with_floats(values: Values, value: object, rank: int) -> object:
    """Return a value with each whole number as a float where a float is meant, because Keras refuses some of them."""
    if isinstance(values, Number) and not values.whole and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(values, Either):
        return with_floats(values.first if values.first.admits(value, rank) else values.second, value, rank)
    if isinstance(values, Listed) and isinstance(value, list | tuple):
        return [with_floats(values.item, one, rank) for one in value]
    if isinstance(values, Fields) and isinstance(value, Mapping):
        return {key: with_floats(values.values, one, rank) for key, one in value.items()}
    return value
