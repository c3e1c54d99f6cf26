"""Where a value of an experiment comes from, for messages: `FILE:LINE:COLUMN: key.sub[2]` or `-o KEY=VALUE`."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bnbench.errors import ConfigError, shorten_name

# The maximum number of characters of an override in a message.
MAX_SHOWN = 60


@dataclass(frozen=True)
class Mark:
    """Where a value is written in a file, and where the values inside it are. Lines and columns count from 1."""

    line: int
    column: int
    # Line and column of the key that the value belongs to. None for an entry of a list and for the whole file.
    key: tuple[int, int] | None = None
    inner: Mapping[str | int, "Mark"] = field(default_factory=dict)

    def find(self, steps: tuple[str | int, ...]) -> tuple["Mark", bool]:
        """Return the mark of the value at the end of these steps, and True.

        If the file does not contain that value, return the mark of the innermost value on the way, and False. Checks
        use the same steps for every form of a named object, so `{sgd: {momentum: 1}}` and `{name: sgd, momentum: 1}`
        are searched for `momentum`, and for `sgd.momentum`.
        """
        mark, exact = self, True
        for step in steps:
            only = next(iter(mark.inner.values())).inner if len(mark.inner) == 1 else {}
            if step in mark.inner:
                mark = mark.inner[step]
            elif step in only:
                mark = only[step]
            elif mark is not self and "name" in mark.inner:
                exact = False
            else:
                return mark, False
        return mark, exact


@dataclass(frozen=True)
class Location:
    """A file, or an override, and the keys and list positions that lead to one of its values.

    `Location("a.yaml") / "model" / "layers" / 2` is shown as `a.yaml: model.layers[2]`. If the location knows the
    marks of the file, line and column are shown, too: `a.yaml:4:7: model.layers[2]`.
    """

    source: str
    steps: tuple[str | int, ...] = ()
    # Values that another place sets, as pairs: the steps to the value, the place that sets it. The longest match
    # counts.
    origins: tuple[tuple[tuple[str | int, ...], "Location"], ...] = ()
    # The mark of the whole file.
    root: Mark | None = field(default=None, compare=False, repr=False)
    # Whether a message is about the last key instead of its value: line and column are those of the key.
    of_key: bool = False
    # Whether a message is about a missing key: line and column are those of the mapping that lacks it.
    is_missing: bool = False

    @classmethod
    def of(cls, where: "Location | str") -> "Location":
        """Return `where` itself, or the location of a whole file with that name."""
        return where if isinstance(where, Location) else cls(where)

    def __truediv__(self, step: str | int) -> "Location":
        # `replace` takes five times as long, and a plan with a long grid does this a million times.
        return Location(self.source, (*self.steps, step), self.origins, self.root)

    def __str__(self) -> str:
        resolved = self._resolved()
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{shorten_name(step)}" for step in resolved.steps)
        return ": ".join(filter(None, (resolved.source + resolved._position(), path.lstrip("."))))

    @property
    def key(self) -> "Location":
        """The place of the last key instead of its value."""
        return replace(self, of_key=True)

    @property
    def missing(self) -> "Location":
        """The place of a last key that the mapping does not have."""
        return replace(self, is_missing=True)

    def _position(self) -> str:
        """Return `:LINE:COLUMN`; empty if the file is not known."""
        if self.root is None:
            return ""
        mark, exact = self.root.find(self.steps[:-1] if self.is_missing else self.steps)
        line, column = mark.key if self.of_key and exact and mark.key else (mark.line, mark.column)
        return f":{line}:{column}"

    def set_by(self, key: str, origin: "Location") -> "Location":
        """Return this location with a note that `origin` sets the value at a dotted key."""
        return self.set_at(setting_steps(key), origin)

    def set_at(self, steps: tuple[str | int, ...], origin: "Location") -> "Location":
        """Return this location with a note that `origin` sets the value at the end of these steps."""
        return replace(self, origins=(*self.origins, (steps, origin)))

    def overrides_below(self) -> list["Location"]:
        """Return the places that set a value inside the one at this location."""
        size = len(self.steps)
        return [origin for steps, origin in self.origins if len(steps) > size and steps[:size] == self.steps]

    def _resolved(self) -> "Location":
        """Return the location of the place that sets this value."""
        matches = [(steps, origin) for steps, origin in self.origins if self.steps[: len(steps)] == steps]
        if not matches:
            return self
        # If two matches have the same length, the later one overwrites the earlier one.
        steps, origin = max(reversed(matches), key=lambda match: len(match[0]))
        return replace(
            origin, steps=origin.steps + self.steps[len(steps) :], of_key=self.of_key, is_missing=self.is_missing
        )._resolved()


def setting_steps(key: str) -> tuple[str, ...]:
    """`train.epochs` -> `("train", "epochs")`; an axis of the grid is one step, because its name is a dotted key."""
    grid = "sweep.grid."
    if key.startswith(grid) and key != grid:
        return "sweep", "grid", key.removeprefix(grid)
    return tuple(key.split("."))


def override_location(key: str, value: object, option: str = "-o") -> Location:
    """Return the location of an override: `-o KEY=VALUE`."""
    text = value if isinstance(value, str) and value.isprintable() else json.dumps(value, default=str)
    shown = f"{key}={text}"
    return Location(f"{option} {shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 3] + '...'}")


def config_location(file: object, overrides: Mapping[str, Any] | None = None, root: Mark | None = None) -> Location:
    """Return the location of an experiment file in which overrides set some values.

    Args:
        root: where the values of the file are written.
    """
    location = Location(str(file), root=root)
    for key, value in (overrides or {}).items():
        location = location.set_by(key, override_location(key, value))
    return location


class OriginError(ConfigError):
    """A value is wrong because of what other places set.

    Attributes:
        plain: the error without these places.
        origins: the places.
    """

    def __init__(self, plain: ConfigError, origins: str) -> None:
        super().__init__(plain.where, f"{plain.message} (with {origins})")
        self.plain, self.origins = plain, origins


@contextmanager
def origins_named(where: Location) -> Iterator[None]:
    """Add to a message the places that set the model or the data, unless it already names one.

    A layer with `units: $units` fails at the layer, although `-o model.params.units=0` is the cause.
    """
    try:
        yield
    except ConfigError as error:
        origins = [str(origin) for steps, origin in where.origins if steps[0] in ("model", "data")]
        if not origins or any(str(origin) in str(error) for _, origin in where.origins):
            raise
        raise OriginError(error, ", ".join(origins)) from error
