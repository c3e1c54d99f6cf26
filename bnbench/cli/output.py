"""Output to the terminal. Control characters from other people's files are printed as escape sequences."""

import json
import logging
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from itertools import islice
from types import MappingProxyType

import click

from bnbench.errors import printable, shorten_words

# Of a long list; one at a time takes twice as long.
ROWS_AT_ONCE = 1000
# No table is made for a narrower terminal.
MIN_WIDTH = 40
# A table has at least some rows on a lower terminal.
MIN_HEIGHT = 15


def terminal_width() -> int | None:
    """Return the number of columns of the terminal, or None if stdout is a pipe or a file, which have no width.

    The environment variable COLUMNS decides for both.
    """
    if os.environ.get("COLUMNS", "").isdecimal() or sys.stdout.isatty():
        return max(MIN_WIDTH, shutil.get_terminal_size().columns)
    return None


def terminal_height() -> int | None:
    """Return the number of lines of the terminal, or None if stdout is a pipe or a file, which have no end.

    The environment variable LINES decides for both.
    """
    if os.environ.get("LINES", "").isdecimal() or sys.stdout.isatty():
        return max(MIN_HEIGHT, shutil.get_terminal_size().lines)
    return None


def echo(message: object, err: bool = False) -> None:
    """Print a message to stdout, or to stderr."""
    click.echo(printable(message), err=err)


def echo_json(rows: Iterable[Mapping[str, object]], before: Mapping[str, object] = MappingProxyType({})) -> None:
    """Print rows of plain values as a JSON list with a row per line, a thousand at a time: there may be millions.

    Args:
        rows: the rows.
        before: further values; if there are any, an object has them and the list, as `trials`.
    """
    if before:
        click.echo(printable(json.dumps(before)[:-1] + ', "trials":'))
    texts = map(json.dumps, rows)
    parts = iter(lambda: list(islice(texts, ROWS_AT_ONCE)), [])
    opening = "[\n "
    for part in parts:
        click.echo(printable(opening + ",\n ".join(part)), nl=False)
        opening = ",\n "
    click.echo(("[]" if opening == "[\n " else "\n]") + ("}" if before else ""))


class EchoHandler(logging.Handler):
    """Prints log records to stderr as it is at that time: a live display moves its lines above itself."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record. `click.echo` would find the stream below the one of the display."""
        with suppress(OSError):
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()


class Formatter(logging.Formatter):
    """Formats log records."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message alone."""
        return printable(shorten_words(super().format(record)))
