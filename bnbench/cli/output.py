"""Output to the terminal. Control characters from other people's files are printed as escape sequences."""

import json
import logging
from collections.abc import Iterable, Mapping
from itertools import islice

import click

from bnbench.errors import printable, shorten_words

# Of a long list; one at a time takes twice as long.
ROWS_AT_ONCE = 1000


def echo(message: object, err: bool = False) -> None:
    """Print a message to stdout, or to stderr."""
    click.echo(printable(message), err=err)


def echo_json(rows: Iterable[Mapping[str, object]]) -> None:
    """Print rows of plain values as a JSON list with a row per line, a thousand at a time: there may be millions."""
    texts = map(json.dumps, rows)
    parts = iter(lambda: list(islice(texts, ROWS_AT_ONCE)), [])
    opening = "[\n "
    for part in parts:
        click.echo(printable(opening + ",\n ".join(part)), nl=False)
        opening = ",\n "
    click.echo("[]" if opening == "[\n " else "\n]")


class Formatter(logging.Formatter):
    """Formats log records."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message alone."""
        return printable(shorten_words(super().format(record)))
