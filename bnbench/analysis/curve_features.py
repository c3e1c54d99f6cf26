"""Histories -> what the learning curve of each trial looks like, in numbers that symptoms are judged by."""

import math

import pandas as pd


def curve_features(history: pd.DataFrame) -> pd.DataFrame:
    """Return one row per trial, over its epochs of training; epoch 0, the untrained model, is left out.

    Columns: first_score and first_step of the first epoch; late_score, the mean over the second half of the epochs;
    best_score; lowest_loss of validation with its lowest_epoch and the train_loss_at_lowest; noise (`_noise`).
    """
    trained = history[history["epoch"] > 0]
    late = trained[trained["epoch"] > trained.groupby("trial")["epoch"].transform("max") / 2]
    first = trained.drop_duplicates("trial").set_index("trial")
    best = _extreme_epochs(trained, "validation_score", highest=True)
    lowest = _extreme_epochs(trained, "validation_loss")
    features = pd.DataFrame(
        {
            "first_score": first["validation_score"],
            "first_step": first["step"],
            "late_score": late.groupby("trial")["validation_score"].mean(),
            "best_score": best["validation_score"],
            "lowest_loss": lowest["validation_loss"],
            "lowest_epoch": lowest["epoch"],
            "train_loss_at_lowest": lowest["train_loss"],
            "noise": _noise(trained),
        }
    )
    return features.astype(float)


def _extreme_epochs(history: pd.DataFrame, column: str, highest: bool = False) -> pd.DataFrame:
    """Return, by trial, the first epoch with the lowest or highest value of a column."""
    known = history.dropna(subset=column).sort_values([column, "epoch"], ascending=[not highest, True])
    return known.drop_duplicates("trial").set_index("trial")


def _noise(history: pd.DataFrame) -> "pd.Series[float]":
    """Return, by trial, the SD of the noise of its validation loss.

    It is estimated from the distance of each epoch to the middle of its neighbors, so a curve that falls or rises
    evenly has none. The median of the doubled distance of normal noise is 0.6745 sqrt(1 + 4 + 1) SDs of an epoch.
    """
    trial = history["trial"]
    bends = history.groupby(trial)["validation_loss"].diff().groupby(trial).diff().abs()
    return bends.groupby(trial).median() / (0.6745 * math.sqrt(6))
