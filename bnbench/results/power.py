"""What the seeds of stored results can show, and how many it takes for a narrower interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import format_count, format_duration
from bnbench.analysis.sample_size import MAX_PAIRS, detectable, half_width, pairs_within, sd_bounds
from bnbench.results.results import Results


@dataclass(frozen=True)
class Power:
    """What is known about the difference of one variant to the baseline, and what more seeds would add.

    Attributes:
        variant: compared with the baseline.
        place: the values of the further axes.
        n: seeds with a pair of trials.
        half: half of the width of the 95% interval; None below three seeds, or if all differences are equal.
        detectable: the true difference that so many seeds show four times in five; None in the same cases.
        needed: the number of seeds for the wanted half-width, from the SD as measured; None if it is too large, or the
            SD is unknown.
        least, most: the same for the lowest and the highest SD that is likely.
    """

    variant: str
    place: Mapping[str, Any]
    n: int
    half: float | None
    detectable: float | None
    needed: int | None
    least: int | None
    most: int | None


def power_of(row: Mapping[Any, Any], axes: list[str], within: float) -> Power:
    """Return what is known about a difference.

    Args:
        row: of `Results.differences_at_best`.
        axes: the further axes.
        within: half of the width of an interval that would be narrow enough, in the unit of the score.
    """
    # The interval of seeds that are judged at different rates is wider, so it takes more of them.
    n, sd = int(row["n"]), float(row["sd"]) * float(row["widened"])
    named = str(row["variant"]), {axis: row[axis] for axis in axes}, n
    # Where some pairs collapse, no t interval holds what it says, so none can be planned.
    if n < MIN_VALUES or row["mixed"] or not math.isfinite(row["low"]):
        return Power(*named, None, None, None, None, None)
    least, most = (pairs_within(within, bound) for bound in sd_bounds(sd, n))
    return Power(*named, half_width(sd, n), detectable(sd, n), pairs_within(within, sd), least, most)


def seconds_per_seed(results: Results) -> float:
    """Return how long all trials of a seed took with the workers of the last run."""
    trials = results.trials
    jobs = (results.environment or {}).get("jobs")
    workers = jobs if isinstance(jobs, int) and jobs > 0 else 1
    return float(trials["seconds"].sum()) / max(1, trials["seed"].nunique()) / workers


def describe_seeds(power: Power, seconds: float) -> str:
    """Return the seeds for the wanted width, and the time of those that are missing.

    Args:
        power: with the seeds for the wanted width.
        seconds: the time that a further seed takes; 0 if it is unknown.

    Returns:
        For example `19 seeds, probably 8 to 40; 4 min to 9 min more`.
    """
    if power.needed is None:
        return f"more than {MAX_PAIRS:,} seeds"
    likely = f", probably {power.least} to {power.most or f'more than {MAX_PAIRS:,}'}"
    likely = likely if power.least != power.most else ""
    times = [max(0, count - power.n) * seconds for count in (power.least, power.most) if count]
    return f"{format_count(power.needed, 'seed')}{likely}{_missing_time(times)}"


def _missing_time(seconds: list[float]) -> str:
    if not max(seconds):
        return ""
    shortest = "" if min(seconds) else "up to "
    return f"; {shortest}{' to '.join(dict.fromkeys(map(format_duration, filter(None, seconds))))} more"


def format_width(share: float) -> str:
    """Return a width in points with two digits that count."""
    return f"{100 * share:.2g}" if abs(share) < 0.1 else f"{100 * share:.0f}"
