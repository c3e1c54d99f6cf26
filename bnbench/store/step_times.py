"""The step times of pairs of programs, in the note `step_times`.

They belong to two programs and to no trial, so they are no measurements of a trial: its checksum stays as it is, and
earlier versions of bnbench neither read nor change the note.
"""

import json
import math
import sqlite3
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple

from bnbench.planning.step_times import StepTimes
from bnbench.store.former_plans import axes_are_valid
from bnbench.store.notes import read_note, write_note
from bnbench.store.rows import with_short_names

NOTE = "step_times"
STORED = tuple(field.name for field in fields(StepTimes) if field.name != "fault")
# The maximum number of characters of a text.
MAX_TEXT = 200


class PlannedTimes(NamedTuple):
    """The step times of two variants of the present plan, at one setting of the further axes.

    Attributes:
        variant: the variant with the second program.
        over: the variant with the first program.
        axes: the further axes as JSON.
    """

    variant: str
    over: str
    axes: str
    times: StepTimes


def read_step_times(connection: sqlite3.Connection) -> dict[tuple[str, str], StepTimes]:
    """Return the step times by the keys of the two programs. None if there is no such note, or if it is damaged."""
    text = read_note(connection, NOTE)
    if text is None:
        return {}
    try:
        known = [_as_step_times(one) for one in json.loads(text)]
    # The database may come from another person and contain anything.
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return {}
    return {(one.first, one.second): one for one in known}


def write_step_times(connection: sqlite3.Connection, times: StepTimes) -> None:
    """Add the step times of a pair to the note, inside a transaction of the caller."""
    known = read_step_times(connection) | {(times.first, times.second): times}
    rows = [{name: getattr(one, name) for name in STORED} for one in known.values()]
    write_note(connection, NOTE, json.dumps(rows))


def planned_step_times(connection: sqlite3.Connection) -> list[PlannedTimes]:
    """Return the step times of the variants of the present plan."""
    known = read_step_times(connection)
    if not known:
        return []
    planned: dict[str, list[tuple[str, str]]] = {}
    for program, variant, axes in connection.execute("SELECT DISTINCT program, variant, axes FROM plan"):
        if axes_are_valid(axes):
            row = with_short_names({"variant": variant, "axes": axes})
            planned.setdefault(program, []).append((row["variant"], row["axes"]))
    return [
        PlannedTimes(variant, over, axes, times)
        for (first, second), times in known.items()
        for variant, axes in planned.get(second, [])
        for over, place in planned.get(first, [])
        if place == axes and over != variant
    ]


def _as_step_times(row: Mapping[str, Any]) -> StepTimes:
    """Return a row of the note.

    Raises:
        ValueError: it is not as bnbench writes it.
    """
    if row.keys() != set(STORED):
        raise ValueError("other keys")
    texts = [row[name] for name in ("first", "second", "clock", "reason")]
    rounds = tuple((float(first), float(second)) for first, second in row["rounds"])
    seconds = [value for pair in rounds for value in pair]
    is_sound = all(isinstance(text, str) and len(text) <= MAX_TEXT for text in texts)
    is_sound &= all(math.isfinite(value) and value > 0 for value in seconds)
    is_sound &= not rounds or (_is_number(row["learning_rate"]) and _is_whole(row["seed"]) and _is_whole(row["steps"]))
    if not is_sound or (rounds and row["steps"] < 1):
        raise ValueError("other values")
    return StepTimes(**{**row, "rounds": rounds})


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
