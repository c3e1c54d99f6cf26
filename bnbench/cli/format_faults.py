"""The trials that failed, as text: those with the same reason in one line."""

import re
from collections.abc import Iterator, Sequence

from bnbench.errors import shorten_name

# The maximum number of characters of the reason why a trial failed, and of lines.
MAX_REASON, MAX_LINES = 500, 10
# Process ids, sizes and times differ from trial to trial.
NUMBER = re.compile(r"\d+")


def format_faults(faults: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield a line per reason. Reasons that differ only in their numbers are one, and the first of them is shown.

    Args:
        faults: id and reason of each trial that failed.
    """
    alike: dict[str, list[tuple[str, str]]] = {}
    for trial, reason in faults:
        first = next(iter(reason.splitlines()), "")
        alike.setdefault(NUMBER.sub("0", first), []).append((trial, first))
    for group in list(alike.values())[:MAX_LINES]:
        (trial, reason), others = group[0], len(group) - 1
        which = f"{trial} and {others} more" if others else trial
        yield f"failed: {which}: {shorten_name(reason, MAX_REASON)}"
    if len(alike) > MAX_LINES:
        left = sum(map(len, list(alike.values())[MAX_LINES:]))
        yield f"failed: {left} more for other reasons; the report has all"
