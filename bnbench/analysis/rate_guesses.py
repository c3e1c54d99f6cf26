"""Edges that were predicted before a sweep, scored by what the sweep has found."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.columns import GUESS_SCORES, RATE_GUESSES, column_names
from bnbench.analysis.per_seed import matches_axes

# Decades. A prediction within a factor of 1.8 is good enough to choose the rates of a sweep.
NEAR = 0.25


@dataclass(frozen=True)
class PredictedEdge:
    """What a predictor said about a variant at a value of the further axes.

    Attributes:
        variant: its name.
        place: the values of the further axes, as a config has them.
        predictor: the name of the predictor.
        rate: the predicted edge; NaN if it is not known.
        reason: why it is not known; else empty.
        seed: of its trainings.
        steps: how many steps it trained.
        training_steps: the steps of one trial.
        seconds: how long it took.
    """

    variant: str
    place: Mapping[str, Any]
    predictor: str
    rate: float
    reason: str
    seed: int
    steps: int
    training_steps: int
    seconds: float


def rate_guess_table(
    guesses: Sequence[PredictedEdge], variants: pd.DataFrame, summary: pd.DataFrame, axes: Sequence[str]
) -> pd.DataFrame:
    """Return one row per guess, with the columns of `columns.RATE_GUESSES`. The further axes follow `variant`.

    Args:
        guesses: the predictions.
        variants: the edge and the best rate of each variant and axis value.
        summary: the mean score of each at each rate.
        axes: the further axes.
    """
    known, rates = variants.to_dict("records"), summary.to_dict("records")
    rows = []
    for guess in guesses:
        own = next((row for row in known if _is_of(row, guess)), {})
        rows.append(
            {"variant": guess.variant, **{axis: own.get(axis, guess.place.get(axis)) for axis in axes}}
            | {"predictor": guess.predictor, "rate": guess.rate, "reason": guess.reason}
            | {name: own.get(name, math.nan) for name in ("edge", "edge_low", "edge_high", "best_rate")}
            | {"edge_error": _decades(guess.rate, _bounded_edge(own))}
            | {"best_error": _decades(guess.rate, own.get("best_rate", math.nan))}
            | {"regret": _regret(guess.rate, [row for row in rates if _is_of(row, guess)])}
            | {"seed": guess.seed, "steps": guess.steps, "training_steps": guess.training_steps}
            | {"seconds": guess.seconds}
        )
    names = column_names(RATE_GUESSES)
    return pd.DataFrame(rows, columns=[names[0], *axes, *names[1:]])


def guess_score_table(guesses: pd.DataFrame) -> pd.DataFrame:
    """Return one row per predictor, with the columns of `columns.GUESS_SCORES`.

    Args:
        guesses: from `rate_guess_table`.
    """
    rows = [
        {"predictor": name, "predicted": int(own["rate"].notna().sum()), "not_known": int(own["rate"].isna().sum())}
        | _error_scores(own["edge_error"], "edge")
        | _error_scores(own["best_error"], "best")
        | {"regret": float(own["regret"].mean())}
        for name, own in guesses.groupby("predictor", sort=False)
    ]
    return pd.DataFrame(rows, columns=column_names(GUESS_SCORES))


def _error_scores(errors: "pd.Series[float]", of: str) -> dict[str, float]:
    """Return the number of errors that are known, their mean, their root mean square, and the share of small ones."""
    known = errors.dropna().to_numpy(float)
    if not len(known):
        return {f"{of}_n": 0, f"{of}_bias": math.nan, f"{of}_rms": math.nan, f"{of}_near": math.nan}
    return {
        f"{of}_n": len(known),
        f"{of}_bias": float(known.mean()),
        f"{of}_rms": float(np.sqrt((known**2).mean())),
        f"{of}_near": float((np.abs(known) <= NEAR).mean()),
    }


def _is_of(row: Mapping[Any, Any], guess: PredictedEdge) -> bool:
    return row["variant"] == guess.variant and matches_axes(row, guess.place)


def _bounded_edge(row: Mapping[Any, Any]) -> float:
    """Return the edge of a row of variants; NaN if no training bounds it on one of its sides."""
    low, high = row.get("edge_low", math.nan), row.get("edge_high", math.nan)
    return float(row["edge"]) if low > 0 and high < math.inf else math.nan


def _decades(rate: float, truth: float) -> float:
    return math.log10(rate / truth) if rate > 0 and truth > 0 else math.nan


def _regret(rate: float, rows: Sequence[Mapping[Any, Any]]) -> float:
    """Return how far the mean validation score at a rate is below the best; NaN outside the rates of the sweep.

    Between two rates of the sweep, the score is taken from the line between them on the scale of log10.
    """
    points = sorted((math.log10(row["learning_rate"]), row["validation_score_mean"]) for row in rows)
    if not points or not points[0][0] <= (math.log10(rate) if rate > 0 else -math.inf) <= points[-1][0]:
        return math.nan
    x, scores = np.array(points).T
    return float(np.nanmax(scores) - np.interp(math.log10(rate), x, scores))
