"""Values that a command adds to the sweep of an experiment: `-o sweep.learning_rate+=[0.3]`, `--also seeds=2`.

A value that the sweep has already is left as it is, so the same command can be given again.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from bnbench.config.schema import MAX_VALUES, Sweep
from bnbench.errors import ConfigError, not_one_of, shorten
from bnbench.location import Location, override_location, setting_steps

# The end of a key to whose list a value is added.
PLUS = "+"
RATES, SEEDS, GRID = "learning_rate", "seeds", "grid"
SEEDS_KEY = f"sweep.{SEEDS}"
WANTED = f"adds values to sweep.{RATES}, sweep.{SEEDS} or an axis of sweep.{GRID}; to set a key, write KEY=VALUE"
log = logging.getLogger("bnbench.config")
_noted: set[str] = set()


@dataclass(frozen=True)
class Addition:
    """Values to add to one list of the sweep, and what asks for them."""

    # The dotted key of the list, such as `sweep.learning_rate`.
    key: str
    # A list of values, or one value. For seeds, a number is a number of further seeds.
    value: object
    # What asks for them, for messages.
    origin: Location
    # Whether to note the values that the sweep has already.
    notes: bool = True


def is_addition(key: str) -> bool:
    """Return whether the key of an override ends with `+`."""
    return key.endswith(PLUS)


def from_override(key: str, value: object) -> Addition:
    """`("sweep.learning_rate+", [0.3])` -> what to add."""
    return Addition(key.removesuffix(PLUS).rstrip(), value, override_location(key, value))


def from_also(key: str, value: object) -> Addition:
    """`("learning_rate", 0.3)` -> what to add. A key is `learning_rate`, `seeds` or the dotted key of an axis."""
    name = key.removeprefix("sweep.")
    inner = name if name in (RATES, SEEDS) or name.startswith(f"{GRID}.") else f"{GRID}.{name}"
    return Addition(f"sweep.{inner}", value, override_location(key, value, option="--also"))


def from_sweep(sweep: Sweep, origin: Location) -> list[Addition]:
    """Return what to add so that an experiment has at least the values of another sweep."""
    axes = {f"{GRID}.{key}": values for key, values in sweep.grid.items()}
    lists: dict[str, list[Any]] = {RATES: sweep.rates(), SEEDS: sweep.seed_list(), **axes}
    return [Addition(f"sweep.{key}", values, origin, notes=False) for key, values in lists.items()]


def join_values(key: str, one: object, other: object) -> object:
    """Return what two additions to one list ask for together.

    Raises:
        ConfigError: one is a number of further seeds and the other a list of seeds.
    """
    if setting_steps(key.removesuffix(PLUS).rstrip())[-1] == SEEDS and (isinstance(one, int) or isinstance(other, int)):
        if isinstance(one, int) and isinstance(other, int):
            return one + other
        raise ConfigError(key, "found a number of further seeds and a list of seeds: write one of them")
    return [*_as_list(one), *_as_list(other)]


def add_to_sweep(
    values: dict[str, object], additions: Iterable[Addition], where: Location
) -> tuple[dict[str, object], Location]:
    """Return the values of an experiment file with additions, and its location, which knows where each value is from.

    What is wrong in the file stays as it is: the check of the whole experiment reports it.

    Raises:
        ConfigError: an addition has another key, or is not possible.
    """
    for one in additions:
        values, where = _add(values, one, where)
    return values, where


def _add(values: dict[str, object], one: Addition, where: Location) -> tuple[dict[str, object], Location]:
    steps, sweep = _steps_in_sweep(one), values.get("sweep")
    if not isinstance(sweep, dict) or (present := _present(sweep, steps, one)) is None:
        return values, where
    added = _seeds(present, one) if steps == (SEEDS,) else _as_list(one.value)
    new = _new_positions(present, added)
    if one.notes and len(new) < len(added):
        _note(
            f"{one.origin}: {one.key} has {', '.join(shorten(v) for i, v in enumerate(added) if i not in new)} already"
        )
    for position, i in enumerate(new, start=len(present)):
        place = one.origin / i if isinstance(one.value, list) else one.origin
        where = where.set_at(("sweep", *steps, position), place)
    return {**values, "sweep": _with_list(sweep, steps, [*present, *(added[i] for i in new)])}, where


def _note(message: str) -> None:
    """Log a note, once in a process: a command may read the same file several times."""
    if message not in _noted:
        _noted.add(message)
        log.warning(message)


def _new_positions(present: Sequence[object], added: Sequence[object]) -> list[int]:
    """Return the positions of the values that are not there yet, each once."""
    if len(present) + len(added) > 2 * MAX_VALUES:
        # The check of the whole experiment refuses so many values, and finding equal ones would take long.
        return list(range(len(added)))
    return [i for i, value in enumerate(added) if not _is_in(value, [*present, *added[:i]])]


def _steps_in_sweep(one: Addition) -> tuple[str, ...]:
    """Return `("learning_rate",)`, `("seeds",)` or `("grid", AXIS)`."""
    part, *inner = setting_steps(one.key)
    steps = tuple(inner)
    if part != "sweep" or (steps not in {(RATES,), (SEEDS,)} and not (steps[:1] == (GRID,) and len(steps) == 2)):
        raise ConfigError(one.origin, f"{PLUS}= {WANTED}")
    return steps


def _present(sweep: Mapping[str, Any], steps: tuple[str, ...], one: Addition) -> list[Any] | None:
    """Return the values of a list of the sweep; None if the file has something wrong there.

    Raises:
        ConfigError: the sweep has no such axis.
    """
    if steps[0] == GRID:
        return _present_axis(sweep.get(GRID, {}), steps[1], one)
    if steps == (RATES,) and RATES not in sweep:
        return None
    try:
        read = Sweep.model_validate({RATES: [1.0], **{key: sweep[key] for key in steps if key in sweep}})
    except ValidationError:
        return None
    return read.rates() if steps == (RATES,) else read.seed_list()


def _present_axis(grid: object, axis: str, one: Addition) -> list[Any] | None:
    if not isinstance(grid, dict) or not isinstance(grid.get(axis, []), list):
        return None
    if axis not in grid:
        known = not_one_of(axis, grid) if grid else f"{axis!r}: sweep.grid has no axes"
        raise ConfigError(one.origin, f"{known}; -o sweep.grid.{axis}=[...] makes a new axis")
    return list(grid[axis])


def _seeds(present: Sequence[int], one: Addition) -> list[Any]:
    """Return the seeds to add. A number means so many further ones: the next whole numbers after the largest seed."""
    count = one.value
    if not isinstance(count, int) or isinstance(count, bool):
        return _as_list(count)
    if not 1 <= count <= MAX_VALUES:
        raise ConfigError(one.origin, f"found {shorten(count)}, wanted 1 to {MAX_VALUES:,} further seeds")
    first = max(present) + 1
    return list(range(first, first + count))


def _with_list(sweep: Mapping[str, Any], steps: tuple[str, ...], values: list[Any]) -> dict[str, Any]:
    """Return the sweep with another list. Seeds from 0 on are written as their number, as most files have it."""
    if steps[0] == GRID:
        return {**sweep, GRID: {**sweep[GRID], steps[1]: values}}
    numbered = steps[0] == SEEDS and values == list(range(len(values)))
    return {**sweep, steps[0]: len(values) if numbered else values}


def _as_list(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else [value]


def _is_in(value: object, values: Sequence[object]) -> bool:
    """Return whether a list has a value; numbers are compared as floats, and true is not 1."""
    return any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in values)
