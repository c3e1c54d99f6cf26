"""Seconds that two variants took by turns -> the ratio of the times of their steps.

A ratio of medians over trials compares two moments, and a shared machine is not equally fast at both. So there is a
ratio only where one worker trained both variants by turns; its spread over the rounds says how sure it is.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis.columns import OVERHEAD, STEP_TIMES, column_names
from bnbench.analysis.labels import format_axes
from bnbench.analysis.per_seed import matches_axes

# With fewer rounds there is no verdict: the range over n rounds misses the median with a probability of 1 in 2**(n-1).
MIN_ROUNDS = 5
UNTIMED = "not measured in pairs: run again"
Seconds = NDArray[np.float64]


@dataclass(frozen=True)
class PairTimes:
    """How long a step of two variants took by turns, at one setting of the further axes.

    Attributes:
        place: the values of the further axes.
        seconds, over_seconds: seconds per step of `variant` and of `over` in each round, (rounds,).
        learning_rate, seed: of the training.
        steps: how many steps each of them trained in a round.
        clock: `processor` or `elapsed`.
        reason: why there are no rounds.
    """

    variant: str
    over: str
    place: Mapping[str, Any] = field(default_factory=dict)
    seconds: Seconds = field(default_factory=lambda: np.empty(0))
    over_seconds: Seconds = field(default_factory=lambda: np.empty(0))
    learning_rate: float = math.nan
    seed: int | None = None
    steps: int = 0
    clock: str = ""
    reason: str = ""

    @property
    def swapped(self) -> "PairTimes":
        """The same times, with the two variants exchanged."""
        names = {"variant": self.over, "over": self.variant}
        times = {"seconds": self.over_seconds, "over_seconds": self.seconds}
        return PairTimes(**{**vars(self), **names, **times})

    @property
    def total(self) -> float:
        """The seconds that all rounds took."""
        return float(self.steps * (self.seconds.sum() + self.over_seconds.sum()))


@dataclass(frozen=True)
class TimeRatio:
    """The median ratio of the times of a step, its range over the rounds, and their number; or why there is none."""

    median: float = math.nan
    low: float = math.nan
    high: float = math.nan
    rounds: int = 0
    reason: str = ""


def time_ratio(pair: PairTimes) -> TimeRatio:
    """Return the ratio of the times of a step of `variant` and `over`."""
    if not len(pair.seconds):
        return TimeRatio(reason=pair.reason)
    ratios = pair.seconds / pair.over_seconds
    return TimeRatio(float(np.median(ratios)), float(ratios.min()), float(ratios.max()), len(ratios))


def find_pair(pairs: Sequence[PairTimes], variant: str, over: str, place: Mapping[str, Any]) -> PairTimes:
    """Return the times of two variants at a setting of the further axes, or why they were not timed there.

    Args:
        place: the values of the further axes, as tables have them.
    """
    both = [pair for pair in pairs if (pair.variant, pair.over) == (variant, over)]
    both += [pair.swapped for pair in pairs if (pair.over, pair.variant) == (variant, over)]
    here = [pair for pair in both if matches_axes(place, pair.place)]
    # Two variants of one program have a record for themselves, and one for each other.
    if here:
        return here[0]
    elsewhere = list(dict.fromkeys(format_axes(pair.place, pair.place) for pair in both if len(pair.seconds)))
    where = elsewhere[0] if len(elsewhere) == 1 else f"{len(elsewhere)} other settings"
    reason = f"timed at {where} only" if elsewhere else UNTIMED
    return PairTimes(variant, over, reason=reason)


def with_overhead(
    variants: pd.DataFrame, axes: Sequence[str], baseline: str, pairs: Sequence[PairTimes]
) -> pd.DataFrame:
    """Return the table of variants with the columns OVERHEAD: the time of a step compared with the baseline."""
    ratios = [
        time_ratio(find_pair(pairs, str(row["variant"]), baseline, {axis: row[axis] for axis in axes}))
        for row in variants.to_dict("records")
    ]
    table = variants.copy()
    where = list(table.columns).index("best_rate_ratio") + 1 if len(table) else len(table.columns)
    values = ([one.median, one.low, one.high, one.rounds] for one in ratios)
    for column, numbers in zip(reversed(OVERHEAD), reversed(list(zip(*values, strict=True))), strict=False):
        table.insert(where, column.name, numbers)
    return table


def step_times_table(pairs: Sequence[PairTimes], axes: Sequence[str]) -> pd.DataFrame:
    """Return one row per pair of variants, axis value and round, with the columns of `columns.STEP_TIMES`.

    The further axes follow `over`.
    """
    rows = [
        {"variant": pair.variant, "over": pair.over, **{axis: pair.place.get(axis) for axis in axes}}
        | {"learning_rate": pair.learning_rate, "seed": pair.seed, "steps": pair.steps, "clock": pair.clock}
        | {"round": number, "seconds": own, "over_seconds": other, "ratio": own / other}
        for pair in pairs
        for number, (own, other) in enumerate(zip(pair.seconds, pair.over_seconds, strict=True), start=1)
    ]
    names = column_names(STEP_TIMES)
    return pd.DataFrame(rows, columns=[*names[:2], *axes, *names[2:]])
