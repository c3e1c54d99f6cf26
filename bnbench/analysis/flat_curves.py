"""Trials and their histories -> from which epoch on a curve is flat, and how far a score drops from its highest."""

import math

import numpy as np
import pandas as pd

from bnbench.analysis.lr_metrics import ROUNDING
from bnbench.analysis.trials import DIVERGED

FLAT = ("train_loss_flat_from", "validation_score_flat_from")
# A training loss is near its lowest within this share of its whole fall.
NEAR_LOSS = 0.05
NEAR_SCORE = 0.01
# The final level of a score is its mean over the last tenth of the epochs.
TENTH = 10


def flat_from(scored: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of FLAT by trial: one more than the last epoch in which the curve is not near its level.

    So it is one more than the number of epochs if the curve is away from its level after the last one. A trial that is
    not ok is never flat (infinite): nothing is as flat as a curve at chance.

    The level of the training loss is its lowest value, and near is within NEAR_LOSS of the fall to it. The fall starts
    at the loss below which a trial is not at chance: the initial loss, or that of the best constant prediction if that
    is lower. The loss of the first epoch is no start, because a fast training has fallen by then.
    """
    trained = history[history["epoch"] > 0]
    trial, rows = trained["trial"], scored.drop_duplicates("trial").set_index("trial")
    # As for outcomes: losses of training rows are weighted by class, the initial loss is not.
    initial = rows["initial_loss"].astype(float) * rows["mean_class_weight"].astype(float).fillna(1)
    # Without rows, and with pyarrow installed, pandas would give the result the type of the ids: text.
    start = trial.map(initial.combine(rows["constant_loss"].astype(float), np.fmin)).astype(float)
    lowest = trained["train_loss"].groupby(trial).transform("min")
    near_loss = trained["train_loss"] <= lowest + NEAR_LOSS * (start - lowest) + ROUNDING
    near_score = (trained["validation_score"] - _final_level(trained)).abs() <= NEAR_SCORE + ROUNDING
    away = pd.DataFrame(
        {name: trained["epoch"].mask(near) for name, near in zip(FLAT, (near_loss, near_score), strict=True)}
    )
    flat = away.groupby(trial).max().fillna(0) + 1
    ok = (rows["outcome"] == "ok").reindex(flat.index)
    return flat.where(ok, math.inf, axis=0)


def _final_level(trained: pd.DataFrame) -> "pd.Series[float]":
    """Return for each row the mean validation score of its trial over the last tenth of epochs, at least one."""
    epochs = trained.groupby("trial")["epoch"].transform("max")
    last = trained["epoch"] > epochs - np.maximum(epochs // TENTH, 1)
    return trained["validation_score"].where(last).groupby(trained["trial"]).transform("mean")


def score_drop(scored: pd.DataFrame, history: pd.DataFrame) -> "pd.Series[float]":
    """Return, by trial, its highest validation score minus that after its last epoch; a diverged trial ends at chance.

    The untrained model counts as epoch 0.
    """
    rows = scored.drop_duplicates("trial").set_index("trial")
    lost = history["trial"].map(rows["diverged_at_step"]).astype(float) <= history["step"]
    curves = history["validation_score"].mask(lost).groupby(history["trial"])
    last = curves.last()
    diverged = rows["outcome"].isin(DIVERGED).reindex(last.index)
    last = last.mask(diverged, rows["chance"].reindex(last.index))
    return (curves.max() - last).clip(lower=0).rename("score_drop")
