"""Signals that end a command, with a message and the exit code of the signal.

Ctrl-C sends SIGINT, and `kill` SIGTERM. A scheduler of a cluster sends SIGTERM or SIGUSR1 before the time of a job is
over.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

import click

from bnbench.cli.output import echo

# Shells report 128 plus the number of the signal.
SIGNALED = 128
# The key of the context under which a command leaves word of how to continue.
HOW_TO_CONTINUE = "bnbench.how_to_continue"


@contextmanager
def interruptible(context: click.Context) -> Iterator[None]:
    """On Ctrl-C, SIGTERM or SIGUSR1, say so, say how to continue if the command has left word, and exit."""
    arrived: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        arrived.append(number)
        # Whatever handles Ctrl-C, such as storing finished trials, handles the other signals in the same way.
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _signals()}
    try:
        yield
        # Python drops an exception that is raised while an object is destroyed, and so do some compiled modules.
        if arrived:
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        echo(f"\nInterrupted. {context.meta.get(HOW_TO_CONTINUE, '')}".rstrip(), err=True)
        sys.exit(SIGNALED + (arrived[-1] if arrived else signal.SIGINT))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signals() -> list[signal.Signals]:
    """Return the signals that interrupt a command. A process that a shell starts with `&` ignores SIGINT."""
    hears_ctrl_c = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    return [*([signal.SIGINT] if hears_ctrl_c else []), signal.SIGTERM, signal.SIGUSR1]
