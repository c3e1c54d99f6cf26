"""The way to the terminal: what strangers' files say is shown, never obeyed."""

import logging

import click

from bnbench.errors import printable


def echo(message: object, err: bool = False) -> None:
    """Print a message."""
    click.echo(printable(message), err=err)


class Formatter(logging.Formatter):
    """Formats what is logged."""

    def format(self, record: logging.LogRecord) -> str:
        """The message alone."""
        return printable(super().format(record))
