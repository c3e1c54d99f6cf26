"""The exceptions of bnbench, with their exit codes, and helpers for the text of messages."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from hashlib import sha256

# The largest number of characters of a value in a message, and of a name anywhere.
MAX_SHOWN, MAX_NAME = 60, 100
# No path that people use has so many characters.
LONG_WORD = re.compile(r"[^\s:]{500,}")


class BnbenchError(Exception):
    """A mistake of the user or a problem of the machine. The CLI shows the message without a traceback."""

    exit_code = 2


class ConfigError(BnbenchError):
    """An experiment file has an unknown key, an invalid value, or asks for something impossible."""

    def __init__(self, where: object, message: str) -> None:
        self.where = str(where)
        super().__init__(f"{self.where}: {message}" if self.where else message)
        self.message = message

    def __reduce__(self) -> tuple[type["ConfigError"], tuple[str, str]]:
        # Workers send this error as a pickle, which would otherwise call `__init__` with one argument.
        return ConfigError, (self.where, self.message)


class SettingsError(ConfigError):
    """Keys of `data` do not fit the data: for example, a table has no such column.

    Args:
        problems: for each wrong key, the steps to it from `data`, and what is wrong.
    """

    def __init__(self, problems: Sequence[tuple[tuple[str | int, ...], str]]) -> None:
        self.problems = tuple(problems)
        lines = [(".".join(["data", *map(str, steps)]), message) for steps, message in self.problems]
        if len(lines) == 1:
            super().__init__(*lines[0])
        else:
            super().__init__("", "\n".join(f"{where}: {message}" for where, message in lines))

    def __reduce__(self) -> tuple[type["SettingsError"], tuple[object]]:  # type: ignore[override]
        return SettingsError, (self.problems,)


class DataError(BnbenchError):
    """Data files are missing, incomplete, or differ from what the source of the data set published."""


class ResultsError(BnbenchError):
    """A results folder cannot be read, written or locked."""


class OutputError(BnbenchError):
    """Results cannot be written to stdout."""


class WorkerError(BnbenchError):
    """A worker process cannot be started, or crashes while compiling a program."""

    exit_code = 1


class TrialsFailedError(BnbenchError):
    """Some trials ended in a fault. The results of the other trials are stored."""

    exit_code = 1


class ExperimentsFailedError(BnbenchError):
    """Some of several experiments could not be completed. The other experiments are complete."""

    exit_code = 1


class ClaimsRefutedError(BnbenchError):
    """The results refute some claims of an experiment."""

    exit_code = 3


class DifferentResultsError(BnbenchError):
    """A trial has different outcomes in two results folders."""

    exit_code = 3


class ToleranceError(BnbenchError):
    """Two results differ by more than the tolerance."""

    exit_code = 3


def shorten(value: object) -> str:
    """Return a value as text for a message; long text is cut at the end."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."


def shorten_name(name: str, longest: int = MAX_NAME) -> str:
    """Return a name as messages, tables and figures show it.

    A long name is cut and ends with a part of the checksum of the whole name, so that different names stay different.
    """
    if len(name) <= longest:
        return name
    checksum = sha256(name.encode(errors="surrogatepass")).hexdigest()[:8]
    return f"{name[: longest - 11]}...{checksum}"


def shorten_words(text: str) -> str:
    """Return a message in which every absurdly long word is cut, whatever it quotes."""
    return LONG_WORD.sub(lambda match: shorten_name(match[0]), text)


def printable(value: object) -> str:
    """Return a value as text with terminal control characters escaped."""
    text = str(value)
    # Most text has nothing to escape. A loop over the characters of a table would be slow: it can have megabytes.
    if text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)


def did_you_mean(found: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` with the most similar known name, or an empty text."""
    names = {name.lower(): name for name in known}
    near = get_close_matches(found.lower(), names, n=1, cutoff=0.6)
    return f" (did you mean '{names[near[0]]}'?)" if near else ""


def not_one_of(found: object, known: Iterable[str]) -> str:
    """Return for example `'batchh' is not one of none, batch, layer (did you mean 'batch'?)`."""
    names = list(known)
    return f"{shorten(found)} is not one of {', '.join(map(shorten_name, names))}{did_you_mean(str(found), names)}"
