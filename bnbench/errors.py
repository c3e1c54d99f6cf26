"""The errors of bnbench, and helpers for their messages."""

from collections.abc import Iterable
from difflib import get_close_matches


class BnbenchError(Exception):
    """A mistake of the user or a problem of the machine. The command line shows its message, never a traceback."""

    exit_code = 2


class ConfigError(BnbenchError):
    """An experiment file or an override is wrong."""

    def __init__(self, where: object, message: str) -> None:
        self.where = str(where)
        super().__init__(f"{self.where}: {message}" if self.where else message)
        self.message = message

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, str]]:
        # Workers send it to the coordinator.
        return ConfigError, (self.where, self.message)


class DataError(BnbenchError):
    """Data are missing or cut, or differ from the published data set."""


class ResultsError(BnbenchError):
    """A results folder cannot be read or written, or another process uses it."""


class WorkerError(BnbenchError):
    """A worker process cannot be started, or a program kills it before any trial."""

    exit_code = 1


class TrialsFailedError(BnbenchError):
    """Some trials failed; the results of the others are stored."""

    exit_code = 1


class ExperimentsFailedError(BnbenchError):
    """Some of several experiments failed; the others are complete."""

    exit_code = 1


class ClaimsRefutedError(BnbenchError):
    """The results of an experiment refute some of its claims."""

    exit_code = 3


class ToleranceError(BnbenchError):
    """Two results differ by more than the tolerance."""

    exit_code = 3


def shorten(value: object) -> str:
    """Return a value as a message shows it: the beginning of its `repr` if that is long."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def printable(value: object) -> str:
    """Return a value as text in which escape sequences replace the control characters of terminals."""
    text = str(value)
    # A table may have megabytes, and the loop below is slow.
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the most similar known name, or an empty text."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(found.lower(), names, n=1, cutoff=0.6)
    return f" (did you mean '{names[near[0]]}'?)" if near else ""


def not_one_of(found: object, known: Iterable[str]) -> str:
    """Return for example `'batchh' is not one of none, batch, layer (did you mean 'batch'?)`."""
    names = list(known)
    return f"{shorten(found)} is not one of {', '.join(names)}{did_you_mean(str(found), names)}"
