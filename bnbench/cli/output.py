"""Output to the terminal. Control characters from other people's files are printed as escape sequences."""

import logging

import click

from bnbench.errors import printable, shorten_words


def echo(message: object, err: bool = False) -> None:
    """Print a message to stdout, or to stderr."""
    click.echo(printable(message), err=err)


class Formatter(logging.Formatter):
    """Formats log records."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the message alone."""
        return printable(shorten_words(super().format(record)))
