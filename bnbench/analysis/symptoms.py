"""Trials and their histories -> which trials show which known symptom, and the figures that say so."""

import math
from typing import TypeAlias

import numpy as np
import pandas as pd

from bnbench.analysis.trials import DIVERGED, scored_trials

Flags: TypeAlias = "pd.Series[bool]"

# Share of rows with one prediction: on Leaf relu networks that died end with 95 to 100%, healthy ones with 3%.
CONSTANT = 0.95
MISSED = 0.1  # of the rows outside the commonest class: so few, at most, get another prediction
DEAD = 0.5  # share of a layer's units: networks that train well were seen with up to a third of them dead
COLLAPSE = 0.2  # of what the best epoch had above chance: so much, at least, the end has lost
ERRORS = 3.0  # standard errors, that a fall of accuracy or a gap of statistics must exceed
EARLY = 0.5  # of the epochs: a loss that is lowest later is a matter of when to stop
RISE = 0.2  # of the lowest validation loss: so much, at least, it rises
NOISE = 5.0  # SD of the loss of an epoch: the lowest of 1,000 epochs of noise alone lies 3.2 below their mean
PLATEAU = 0.1  # of the gains of the first epoch, and of the errors that it left: so little the later ones change
GAP = 0.02  # of accuracy, between statistics of the batch and moving ones
MIN_EPOCHS = 5  # for a course to have a beginning and an end

SYMPTOMS = (  # the gravest first; a trial may show several
    "constant predictions", "chance level", "dead units", "accuracy that collapses", "early overfitting",
    "first-epoch plateau", "statistics not warmed up",
)  # fmt: skip


def trial_symptoms(trials: pd.DataFrame, history: pd.DataFrame, rows: int) -> pd.DataFrame:
    """The trials that ended, as `counted`, with the figures of their courses and a column of truth for each symptom.

    What was not measured is no symptom: older trials were not probed. Where data have numbers, accuracy is R2.

    Symptoms:
        constant predictions: at least 95% of the validation rows get one class (of numbers: one within 1% of the SD of
            the targets), and the others are at most a tenth of those that should get another one.
        chance level: the outcome `chance` of a trial that shows neither constant predictions nor a collapse.
        dead units: at least half of the units of some hidden layer, as `Probe` has them.
        accuracy that collapses: the final validation accuracy is below that of the best epoch by a fifth of what that
            one had above chance, and by over 3 standard errors.
        early overfitting: the validation loss is lowest in the first half of the epochs and ends a fifth above that, by
            over 5 SD of its noise (`_noise`), while the training loss fell on.
        first-epoch plateau: the validation accuracy over the second half of the epochs is that of the first epoch, to
            within a tenth of what the first one gained over chance, and of the errors it left.
        statistics not warmed up: the accuracy by each batch's own statistics is above that by the moving ones by over
            0.02 and 3 standard errors.

    Args:
        rows: that accuracies were measured on.
    """
    ended = scored_trials(trials).join(_courses(history).astype(float), on="trial")
    constant, collapsed = gives_one_prediction(ended), _collapsed(ended, rows)
    gap = ended["bn_mode_gap"].astype(float)
    found = {
        "constant predictions": constant,
        "chance level": (ended["outcome"] == "chance") & ~constant & ~collapsed,
        "dead units": ended["dead_share"] >= DEAD,
        "accuracy that collapses": collapsed,
        "early overfitting": _overfitted(ended),
        "first-epoch plateau": _plateau(ended),
        "statistics not warmed up": (gap > GAP) & (gap > ERRORS * _error(ended["validation_accuracy"], rows)),
    }
    return ended.assign(**found)


def gives_one_prediction(ended: pd.DataFrame) -> Flags:
    """Which trials show constant predictions, as `trial_symptoms` has them."""
    got, wanted = ended["prediction_share"], ended["majority_share"]
    return (got >= CONSTANT) & (1 - got <= MISSED * (1 - wanted))


def _collapsed(ended: pd.DataFrame, rows: int) -> Flags:
    end, best, chance = ended["validation_accuracy"], ended["best_accuracy"], ended["chance"]
    noise = np.hypot(_error(end, rows), _error(best, rows))
    fallen = (best - end >= COLLAPSE * (best - chance)) & (best - end > ERRORS * noise)
    return fallen & ~ended["outcome"].isin(DIVERGED)  # which count at chance


def _overfitted(ended: pd.DataFrame) -> Flags:
    epochs, lowest = ended["epochs"].astype(float), ended["lowest_loss"]
    rise = ended["validation_loss"] - lowest
    risen = (rise >= RISE * lowest) & (rise > NOISE * ended["noise"]) & (ended["lowest_epoch"] <= EARLY * epochs)
    return risen & (ended["train_loss"] < ended["train_loss_at_lowest"]) & (epochs >= MIN_EPOCHS)


def _plateau(ended: pd.DataFrame) -> Flags:
    first, epochs = ended["first_accuracy"], ended["epochs"].astype(float)
    change = (ended["late_accuracy"] - first).abs()
    flat = (change <= PLATEAU * (first - ended["chance"])) & (change <= PLATEAU * (1 - first))
    return flat & (ended["outcome"] == "ok") & (epochs >= MIN_EPOCHS)


def _error(accuracy: "pd.Series[float]", rows: int) -> "pd.Series[float]":
    """The standard error of a share of so many rows; that of R2 is not far from it."""
    return (accuracy * (1 - accuracy) / rows) ** 0.5


def _courses(history: pd.DataFrame) -> pd.DataFrame:
    """By trial, over its epochs without the untrained model: what the symptoms are told by."""
    own = history[history["epoch"] > 0]
    late = own[own["epoch"] > own.groupby("trial")["epoch"].transform("max") / 2]
    first = own.drop_duplicates("trial").set_index("trial")
    best = _first(own, "validation_accuracy", highest=True)
    lowest = _first(own, "validation_loss")
    return pd.DataFrame(
        {
            "first_accuracy": first["validation_accuracy"],
            "first_step": first["step"],
            "late_accuracy": late.groupby("trial")["validation_accuracy"].mean(),
            "best_accuracy": best["validation_accuracy"],
            "lowest_loss": lowest["validation_loss"],
            "lowest_epoch": lowest["epoch"],
            "train_loss_at_lowest": lowest["train_loss"],
            "noise": _noise(own),
        }
    )


def _first(own: pd.DataFrame, score: str, highest: bool = False) -> pd.DataFrame:
    """By trial: the first epoch of its lowest, or highest, score."""
    known = own.dropna(subset=score).sort_values([score, "epoch"], ascending=[not highest, True])
    return known.drop_duplicates("trial").set_index("trial")


def _noise(own: pd.DataFrame) -> "pd.Series[float]":
    """By trial: the SD of the noise of its validation loss, from how far epochs are off the middle of their neighbours.

    A course that falls or rises evenly has none. Of normal noise the median distance, doubled, is 0.6745 times an SD of
    sqrt(1 + 4 + 1) that of an epoch.
    """
    trial = own["trial"]
    bends = own.groupby(trial)["validation_loss"].diff().groupby(trial).diff().abs()
    return bends.groupby(trial).median() / (0.6745 * math.sqrt(6))
