"""What the seeds of stored results can show, and how many it takes for a narrower interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.sample_size import detectable, half_width, pairs_within, sd_bounds
from bnbench.errors import ResultsError
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


@dataclass(frozen=True)
class PowerSummary:
    """The comparisons of a results folder.

    Attributes:
        baseline: the variant that the others are compared with.
        score: the column that is compared.
        score_name: the name of the score: accuracy or R2.
        within: the wanted half-width.
        rows: one for each comparison.
        seconds: the time that a further seed takes, with all of its rates and variants.
    """

    baseline: str
    score: str
    score_name: str
    within: float
    rows: list[Power]
    seconds: float


def read_power(folder: Path, within: float, score: str = "test_score") -> PowerSummary:
    """Return what the seeds of a results folder can show about differences at own best rates.

    Args:
        folder: the results folder.
        within: half of the width of an interval that would be narrow enough, in the unit of the score.
        score: the column that is compared.

    Raises:
        ResultsError: the folder has no results, or nothing to compare.
    """
    results = Results(folder)
    table = results.differences_at_best(score)
    if table.empty:
        raise ResultsError(f"{folder}: no variant has finished a seed together with {results.baseline}")
    rows = [_power(row, results.axes, within) for row in table.to_dict("records")]
    return PowerSummary(results.baseline, score, results.score_name, within, rows, _seconds_per_seed(results))


def _power(row: Mapping[Any, Any], axes: list[str], within: float) -> Power:
    # The interval of seeds that are judged at different rates is wider, so it takes more of them.
    n, sd = int(row["n"]), float(row["sd"]) * float(row["widened"])
    named = str(row["variant"]), {axis: row[axis] for axis in axes}, n
    # Where some pairs collapse, no t interval holds what it says, so none can be planned.
    if n < MIN_VALUES or 0 < row["n_collapsed"] < n or not math.isfinite(row["low"]):
        return Power(*named, None, None, None, None, None)
    least, most = (pairs_within(within, bound) for bound in sd_bounds(sd, n))
    return Power(*named, half_width(sd, n), detectable(sd, n), pairs_within(within, sd), least, most)


def _seconds_per_seed(results: Results) -> float:
    """Return how long all trials of a seed took with the workers of the last run."""
    trials = results.trials
    jobs = (results.environment or {}).get("jobs")
    workers = jobs if isinstance(jobs, int) and jobs > 0 else 1
    return float(trials["seconds"].sum()) / max(1, trials["seed"].nunique()) / workers
