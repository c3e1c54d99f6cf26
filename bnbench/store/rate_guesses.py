"""The predicted edges of programs, in the note `rate_guesses`.

They are from before the sweep, so they belong to programs and not to trials: they stay while the rates and the seeds of
a sweep change, and another network or another number of epochs has none.
"""

import json
import math
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, NamedTuple

from bnbench.planning.predictors.types import ALL_PASS, NONE_PASSES
from bnbench.planning.rate_guess import RateGuess
from bnbench.store.former_plans import axes_are_valid
from bnbench.store.notes import read_note, write_note
from bnbench.store.rows import with_short_names

NOTE = "rate_guesses"
STORED = {field.name for field in fields(RateGuess)}
REASONS = {"", NONE_PASSES, ALL_PASS}
# The maximum number of characters of a text.
MAX_TEXT = 200
# log10 of the largest rate and of the largest factor that a note may contain.
MAX_DECADES = 30


class PlannedGuess(NamedTuple):
    """What a predictor said about a variant of the present plan.

    Attributes:
        variant: the variant.
        axes: the further axes as JSON.
    """

    variant: str
    axes: str
    guess: RateGuess


def read_rate_guesses(connection: sqlite3.Connection) -> dict[tuple[str, str], RateGuess]:
    """Return the guesses by program and predictor. None if there is no such note, or if it is damaged."""
    text = read_note(connection, NOTE)
    if text is None:
        return {}
    try:
        known = [_as_guess(row) for row in json.loads(text)]
    # The database may come from another person and contain anything.
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return {}
    return {(one.program, one.predictor): one for one in known}


def write_rate_guesses(connection: sqlite3.Connection, guesses: Sequence[RateGuess]) -> None:
    """Add guesses to the note, inside a transaction of the caller. They replace earlier ones."""
    known = read_rate_guesses(connection) | {(one.program, one.predictor): one for one in guesses}
    write_note(connection, NOTE, json.dumps([asdict(one) for one in known.values()]))


def planned_rate_guesses(connection: sqlite3.Connection) -> list[PlannedGuess]:
    """Return the guesses for the variants of the present plan, in its order."""
    known = read_rate_guesses(connection)
    if not known:
        return []
    found = []
    query = "SELECT program, variant, axes FROM plan GROUP BY program, variant, axes ORDER BY min(number)"
    for program, variant, axes in connection.execute(query):
        if axes_are_valid(axes):
            row = with_short_names({"variant": variant, "axes": axes})
            own = [guess for (of, _), guess in known.items() if of == program]
            found += [PlannedGuess(row["variant"], row["axes"], guess) for guess in own]
    return found


def _as_guess(row: Mapping[str, Any]) -> RateGuess:
    """Return a row of the note.

    Raises:
        ValueError: it is not as bnbench writes it.
    """
    if row.keys() != STORED:
        raise ValueError("other keys")
    guess = RateGuess(**row)
    is_sound = all(isinstance(text, str) and len(text) <= MAX_TEXT for text in (guess.program, guess.predictor))
    is_sound &= guess.reason in REASONS and (guess.found is None) == bool(guess.reason)
    is_sound &= guess.found is None or (_is_positive(guess.found) and abs(math.log10(guess.found)) <= MAX_DECADES)
    is_sound &= _is_number(guess.offset) and abs(guess.offset) <= MAX_DECADES
    is_sound &= _is_whole(guess.seed) and _is_number(guess.seconds) and guess.seconds >= 0
    is_sound &= _is_whole(guess.steps) and guess.steps >= 0
    is_sound &= _is_whole(guess.training_steps) and guess.training_steps > 0
    if not is_sound:
        raise ValueError("other values")
    return guess


def _is_positive(value: object) -> bool:
    return _is_number(value) and float(str(value)) > 0


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
