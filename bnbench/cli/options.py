"""Options that commands share, and what surrounds a command that trains."""

import logging
import re
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from bnbench.cli.output import Formatter, echo

INTERRUPTED = 130  # what a shell calls a command that Ctrl-C ended
TIME = re.compile(r"(?=.)(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def seconds(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """`90s`, `30m`, `2h` or `1h30m` as seconds."""
    if value is None:
        return None
    found = TIME.fullmatch(value)
    if not found:
        raise click.BadParameter(f"{value!r} is no time: wanted one as 90s, 30m, 2h or 1h30m")
    hours, minutes, rest = (int(number or 0) for number in found.groups())
    return 3600.0 * hours + 60 * minutes + rest


def _several(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def add(command: Any) -> Any:
        for option in reversed(options):
            command = option(command)
        return command

    return add


results = click.option(
    "--results",
    type=click.Path(path_type=Path, file_okay=False),
    default="results",
    show_default=True,
    help="Folder under which an experiment's own lies.",
)
experiment = _several(
    click.argument("config", type=click.Path(path_type=Path)),
    click.option(
        "-o",
        "--override",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set one key, as train.epochs=5. Repeatable.",
    ),
    click.option("--smoke", is_flag=True, help="Cut the experiment to seconds; results go to NAME-smoke."),
    results,
)
places = _several(
    click.option(
        "--data-dir",
        type=click.Path(path_type=Path),
        envvar="BNBENCH_DATA",
        show_envvar=True,
        help="Folder with a folder a data set.",
    ),
    click.option("--offline", is_flag=True, help="Never download data."),
)
jobs = click.option(
    "-j",
    "--jobs",
    type=click.IntRange(0, 1024),
    help="Trials at a time, each in a process of its own; default: as cores and memory allow. 0: in this process.",
)
trial_timeout = click.option(
    "--trial-timeout",
    callback=seconds,
    metavar="TIME",
    help="End a trial that takes longer, try it again, then count it as failed: 90s, 30m, 2h. Default: 20 times the "
    "longest of the same program, at least 10m.",
)
noise = _several(
    click.option("-q", "--quiet", is_flag=True, help="No progress."),
    click.option("-v", "--verbose", is_flag=True, help="Tell what is found, cached and downloaded."),
)


@contextmanager
def training(quiet: bool, verbose: bool) -> Iterator[None]:
    """Warnings as asked for; an interrupt ends the command and tells how to go on."""
    level = logging.INFO if verbose else logging.ERROR if quiet else logging.WARNING
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter())
    logging.basicConfig(level=level, handlers=[handler])
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite kill is an interrupt too
    try:
        yield
    except KeyboardInterrupt:
        echo("\nInterrupted; finished trials are kept. The same command goes on from there:", err=True)
        echo(f"  {this_command()}", err=True)
        sys.exit(INTERRUPTED)


def this_command() -> str:
    """As it was typed."""
    return "bnbench " + shlex.join(sys.argv[1:])
