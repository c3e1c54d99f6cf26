"""What bnbench raises when it was asked for something it cannot do."""

from collections.abc import Iterable
from difflib import get_close_matches


class BnbenchError(Exception):
    """A mistake of the user's or of the surroundings: a message to show, never a traceback."""

    exit_code = 2


class ConfigError(BnbenchError):
    """An experiment file that does not say what it should, or says it in the wrong place."""

    def __init__(self, where: object, message: str) -> None:
        self.where = str(where)
        super().__init__(f"{self.where}: {message}" if self.where else message)
        self.message = message

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, str]]:
        return ConfigError, (self.where, self.message)  # workers send it


class DataError(BnbenchError):
    """Data that are missing, cut, or not what the data set's source published."""


class ResultsError(BnbenchError):
    """A results folder that cannot be read, written or had for oneself."""


class WorkerError(BnbenchError):
    """A worker process that cannot be started, or dies of a program before any trial."""

    exit_code = 1


class TrialsFailedError(BnbenchError):
    """Some trials ended in a fault; the others are kept."""

    exit_code = 1


class ExperimentsFailedError(BnbenchError):
    """Some of several experiments could not be run to their end; the others are."""

    exit_code = 1


class ClaimsRefutedError(BnbenchError):
    """Some claims of an experiment do not stand up to its results."""

    exit_code = 3


class ToleranceError(BnbenchError):
    """Two results that are further apart than was tolerated."""

    exit_code = 3


def shorten(value: object) -> str:
    """A value as a message shows it: its beginning, if it is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def printable(value: object) -> str:
    """A value as text without what would tell a terminal to do something: escapes stand for it."""
    text = str(value)
    if text.replace("\n", "").isprintable():  # tables of megabytes
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)` for the nearest of the known names, or nothing."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(found.lower(), names, n=1, cutoff=0.6)
    return f" (did you mean '{names[near[0]]}'?)" if near else ""


def not_one_of(found: object, known: Iterable[str]) -> str:
    """`'batchh' is not one of none, batch, layer (did you mean 'batch'?)`"""
    names = list(known)
    return f"{shorten(found)} is not one of {', '.join(names)}{did_you_mean(str(found), names)}"
