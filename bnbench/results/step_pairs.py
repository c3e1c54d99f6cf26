"""Stored step times of pairs of variants -> the records of the analysis."""

import json

import numpy as np

from bnbench.analysis.step_times import PairTimes
from bnbench.store.step_times import PlannedTimes


def as_pair(planned: PlannedTimes) -> PairTimes:
    """Return the step times of two variants, in seconds per step."""
    times = planned.times
    place = json.loads(planned.axes)
    if not times.rounds:
        return PairTimes(planned.variant, planned.over, place, reason=times.reason)
    rounds = np.array(times.rounds, float) / times.steps
    return PairTimes(
        planned.variant,
        planned.over,
        place,
        seconds=rounds[:, 1],
        over_seconds=rounds[:, 0],
        learning_rate=np.nan if times.learning_rate is None else float(times.learning_rate),
        seed=times.seed,
        steps=times.steps,
        clock=times.clock,
    )
