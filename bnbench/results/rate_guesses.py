"""Stored predictions of edges -> the records of the analysis."""

import json
import math

from bnbench.analysis.rate_guesses import PredictedEdge
from bnbench.store.rate_guesses import PlannedGuess


def as_predicted(planned: PlannedGuess) -> PredictedEdge:
    """Return what a predictor said about a variant."""
    guess = planned.guess
    return PredictedEdge(
        planned.variant,
        json.loads(planned.axes),
        guess.predictor,
        math.nan if guess.rate is None else guess.rate,
        guess.reason,
        guess.seed,
        guess.steps,
        guess.training_steps,
        guess.seconds,
    )
