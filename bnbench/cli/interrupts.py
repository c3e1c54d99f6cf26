"""Ctrl-C and SIGTERM, which `kill` sends: a command ends with a message and the exit code of the signal."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import click

from bnbench.cli.output import echo

# 128 plus the number of the signal, as shells have it.
INTERRUPTED, TERMINATED = 130, 143
# The key of the context under which a command leaves word of how to continue.
HOW_TO_CONTINUE = "bnbench.how_to_continue"


class TerminatedError(KeyboardInterrupt):
    """SIGTERM arrived. Whatever handles Ctrl-C, such as storing finished trials, handles SIGTERM in the same way."""


@contextmanager
def interruptible(context: click.Context) -> Iterator[None]:
    """On Ctrl-C or SIGTERM, say so, say how to continue if the command has left word, and exit."""
    before = signal.signal(signal.SIGTERM, _raise_terminated)
    try:
        yield
    except KeyboardInterrupt as error:
        echo(f"\nInterrupted. {context.meta.get(HOW_TO_CONTINUE, '')}".rstrip(), err=True)
        sys.exit(TERMINATED if isinstance(error, TerminatedError) else INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, before)


def _raise_terminated(number: int, frame: FrameType | None) -> NoReturn:
    raise TerminatedError
