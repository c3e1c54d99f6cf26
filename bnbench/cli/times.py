"""Times as people type them, for options of several commands: `90s`, `30m`, `1h30m`, also `30 min` or `0.5h`."""

import math
import re
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from bnbench.execution.budget import Budget

NUMBER = r"(\d+\.?\d*|\.\d+)"
# Hours, minutes and seconds; each may be missing, but not all of them.
TIME = re.compile(
    rf"(?=.)(?:{NUMBER}(?:hours?|hrs?|h))?(?:{NUMBER}(?:minutes?|mins?|m))?(?:{NUMBER}(?:seconds?|secs?|s))?", re.ASCII
)
WANTED = "write 90s, 30m, 2h or 1h30m"
# Of a year: nobody waits longer, and a thread cannot.
MAX_SECONDS = 366 * 24 * 3600.0


def parse_time(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """Return a time as seconds."""
    if value is None:
        return None
    match = TIME.fullmatch(value.lower().replace(" ", ""))
    if not match:
        raise click.BadParameter(f"{value!r} is not a time: {_wanted(value)}")
    hours, minutes, seconds = (float(number or 0) for number in match.groups())
    seconds += 3600 * hours + 60 * minutes
    if seconds > MAX_SECONDS:
        raise click.BadParameter(f"{value!r} is more than a year")
    return seconds


def _wanted(value: str) -> str:
    """Return what to write. A number without a unit may mean any of them."""
    number = value.strip()
    is_bare = re.fullmatch(r"\d+", number, re.ASCII)
    return f"it has no unit: write {number}s, {number}m or {number}h" if is_bare else WANTED


def parse_interval(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return a time of at least a second in seconds."""
    seconds = parse_time(context, parameter, value)
    if seconds is not None and seconds < 1:
        raise click.BadParameter(f"{value!r} is less than a second: write for example 30s")
    return seconds


def parse_positive(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return a time of more than zero in seconds."""
    seconds = parse_time(context, parameter, value)
    if seconds == 0:
        raise click.BadParameter(f"{value!r} is no time at all: {WANTED}")
    return seconds


def start_budget(context: click.Context, parameter: click.Parameter, value: str | None) -> "Budget | None":
    """Return a time as a budget that begins now, while the command line is read."""
    seconds = parse_positive(context, parameter, value)
    if seconds is None:
        return None
    from bnbench.execution.budget import Budget

    return Budget(seconds)


def format_time(seconds: float) -> str:
    """Return a time that is not shorter as an option takes it: `50s`, `4m` or `1h10m`."""
    if seconds <= 90:
        return f"{10 * math.ceil(seconds / 10)}s"
    minutes = math.ceil(seconds / 60)
    hours, rest = divmod(minutes, 60)
    return f"{minutes}m" if minutes < 90 else f"{hours}h" + (f"{rest}m" if rest else "")
