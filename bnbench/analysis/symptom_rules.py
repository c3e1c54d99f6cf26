"""The tests of the known symptoms, and how the evidence for each is described. `symptoms` has the records.

A test takes the trials with their `curve_features` and the number of validation rows, and returns which trials show the
symptom. A missing value never shows a symptom: trials of older versions were not probed.
"""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd

from bnbench.analysis.labels import format_percent
from bnbench.analysis.trials import DIVERGED

Flags: TypeAlias = "pd.Series[bool]"

# Share of rows with one prediction. On Leaf, relu networks that died end with 95 to 100%, healthy ones with 3%.
CONSTANT = 0.95
# At most this share of the rows outside the largest class gets another prediction.
MISSED = 0.1
# Share of the units of a layer: networks that train well had up to a third of them dead.
DEAD = 0.5
# At least this share of the best epoch's gain over chance is lost at the end.
COLLAPSE = 0.2
# Standard errors that a fall of the score, or a gap between statistics, must exceed.
ERRORS = 3.0
# Share of the epochs. If the loss is lowest later, the only question is when to stop.
EARLY = 0.5
# The validation loss rises by at least this share of its lowest value.
RISE = 0.2
# SDs of the loss of an epoch: the lowest of 1,000 epochs of pure noise is 3.2 SDs below their mean.
NOISE = 5.0
# Later epochs change the score by at most this share of the gain of the first epoch, and of the errors left after it.
PLATEAU = 0.1
# Score with batch statistics minus score with moving statistics.
MODE_GAP = 0.02
# If re-estimated statistics close less than this share of that gap, the moving ones are not its cause.
CLOSED = 0.5
# A weight of initial values below this, in the moving statistics, is not mentioned.
SMALL_WEIGHT = 0.005
# A class of more than this many times its equal share.
MUCH_LARGER = 1.2
# A shorter curve has no beginning and no end.
MIN_EPOCHS = 5


@dataclass(frozen=True)
class Evidence:
    """What the trials that show a symptom have in common.

    Attributes:
        trials: rows of `trial_symptoms`.
        layer: the layer that most often has the most dead units; empty if no trial names a layer.
        score_name: accuracy or R².
    """

    trials: pd.DataFrame
    layer: str
    score_name: str

    def percent(self, column: str) -> str:
        """Return a median in percent."""
        return format_percent(self[column])

    def __getitem__(self, column: str) -> float:
        """Return the median of a column of `trial_symptoms`; NaN if all values are missing."""
        values = self.trials[column].to_numpy(float, na_value=np.nan)
        known = values[~np.isnan(values)]
        return float(np.median(known)) if len(known) else np.nan


def gives_one_prediction(trials: pd.DataFrame, _: int = 0) -> Flags:
    """Return which trials give (nearly) all validation rows one prediction, though they should not."""
    predicted, largest = trials["prediction_share"], trials["majority_share"]
    # If all rows have one class, one prediction is right.
    return (predicted >= CONSTANT) & (1 - predicted <= MISSED * (1 - largest)) & (largest < 1)


def is_at_chance(trials: pd.DataFrame, rows: int) -> Flags:
    """Return which trials are at chance, and neither give one prediction nor have collapsed."""
    explained = gives_one_prediction(trials) | has_collapsed(trials, rows)
    return (trials["outcome"] == "chance") & ~explained


def has_dead_units(trials: pd.DataFrame, _: int) -> Flags:
    """Return which trials have a hidden layer with at least half of its units dead."""
    return trials["dead_share"] >= DEAD


def has_collapsed(trials: pd.DataFrame, rows: int) -> Flags:
    """Return which trials end below their best epoch, by a fifth of its gain over chance and 3 standard errors."""
    end, best, chance = trials["validation_score"], trials["best_score"], trials["chance"]
    noise = np.hypot(_standard_error(end, rows), _standard_error(best, rows))
    fallen = (best - end >= COLLAPSE * (best - chance)) & (best - end > ERRORS * noise)
    # Diverged trials count at chance, so their fall is already reported as divergence.
    return fallen & ~trials["outcome"].isin(DIVERGED)


def overfits_early(trials: pd.DataFrame, _: int) -> Flags:
    """Return which trials have their lowest validation loss early and end well above it."""
    epochs, lowest = trials["epochs"].astype(float), trials["lowest_loss"]
    rise = trials["validation_loss"] - lowest
    risen = (rise >= RISE * lowest) & (rise > NOISE * trials["noise"]) & (trials["lowest_epoch"] <= EARLY * epochs)
    return risen & (trials["train_loss"] < trials["train_loss_at_lowest"]) & (epochs >= MIN_EPOCHS)


def stays_flat(trials: pd.DataFrame, _: int) -> Flags:
    """Return which trials hardly change their score after the first epoch."""
    first, epochs = trials["first_score"], trials["epochs"].astype(float)
    change = (trials["late_score"] - first).abs()
    flat = (change <= PLATEAU * (first - trials["chance"])) & (change <= PLATEAU * (1 - first))
    return flat & (trials["outcome"] == "ok") & (epochs >= MIN_EPOCHS)


def has_cold_statistics(trials: pd.DataFrame, rows: int) -> Flags:
    """Return which trials score more with batch statistics, or re-estimated ones, than with moving statistics.

    Where re-estimated statistics do not help, the batches themselves make the difference. Without a mode gap, other
    layers act differently in training, such as dropout, so a gap would not come from the moving averages alone.
    """
    mode, reestimated = trials["bn_mode_gap"].astype(float), trials["reestimated_gap"]
    gap = mode.where(~(reestimated > mode), reestimated)
    enough = (gap > MODE_GAP) & (gap > ERRORS * _standard_error(trials["validation_score"], rows))
    return enough & ~(reestimated < CLOSED * mode)


def _standard_error(score: "pd.Series[float]", rows: int) -> "pd.Series[float]":
    """Return the standard error of a share of this many rows; the standard error of R² is close to it."""
    return (score * (1 - score) / rows) ** 0.5


def describe_constant(of: Evidence) -> str:
    """Describe predictions that are (nearly) all the same."""
    predicted, largest = of.percent("prediction_share"), of.percent("majority_share")
    return f"{predicted} of rows get one prediction, at most {largest} can be right"


def describe_chance(of: Evidence) -> str:
    """Describe a score and losses at chance."""
    losses = f"training loss {of['train_loss']:.3g}, of the untrained network {of['initial_loss']:.3g}"
    if not pd.isna(of["constant_loss"]):
        losses += f", of the best constant prediction {of['constant_loss']:.3g}"
    if pd.isna(of["validation_score"]):
        return losses
    guessing = f"of guessing {of.percent('chance')}"
    # One row more in a class is not worth mentioning.
    if of["constant_score"] > MUCH_LARGER * of["chance"]:
        guessing = f"of always predicting the largest class {of.percent('constant_score')}"
    return f"{of.score_name} {of.percent('validation_score')}, {guessing}; {losses}"


def describe_dead(of: Evidence) -> str:
    """Describe the layer with dead units, and where units died first, if that was measured."""
    return _with_first_death(f"{of.percent('dead_share')} of the units of {of.layer}", of)


def _with_first_death(text: str, of: Evidence) -> str:
    seen = of.trials.dropna(subset="first_dead_layer")
    if seen.empty:
        return text
    layer = seen["first_dead_layer"].mode()[0]
    there = seen[seen["first_dead_layer"] == layer]
    step, count = float(np.median(there["first_dead_step"].to_numpy(float))), f"{len(there)} of {len(seen)}"
    return f"{text}; in mini-batches, {layer} died first, at step {step:g} ({count} trials where that was seen)"


def has_diverged(trials: pd.DataFrame, _: int) -> Flags:
    """Return which trials diverged: their loss was not finite, or jumped and did not recover."""
    return trials["outcome"].isin(DIVERGED)


def describe_divergence(of: Evidence) -> str:
    """Describe when trials diverged, and what was the first value that was not finite."""
    count = len(of.trials)
    nonfinite = int((of.trials["outcome"] == "nonfinite").sum())
    how = "the loss was not finite" if nonfinite == count else "the loss jumped and stayed high"
    if 0 < nonfinite < count:
        how = f"the loss was not finite ({nonfinite} trials), or jumped and stayed high ({count - nonfinite})"
    text = f"{how} at step {of['diverged_at_step']:g}"
    broken = of.trials["first_nonfinite"].value_counts()
    if len(broken):
        text = f"{text}; the first to break was the {broken.index[0]} ({broken.iloc[0]} of {broken.sum()} trials)"
    return _with_first_death(text, of)


def describe_collapse(of: Evidence) -> str:
    """Describe the fall from the best epoch."""
    best = f"{of.score_name} {of.percent('best_score')} at its best, in epoch {of['best_epoch']:g}"
    return f"{best}, and {of.percent('validation_score')} at the end"


def describe_overfitting(of: Evidence) -> str:
    """Describe the rise of the validation loss."""
    lowest = f"validation loss {of['lowest_loss']:.3g} in epoch {of['lowest_epoch']:g} of {of['epochs']:g}"
    losses = f"training loss {of['train_loss_at_lowest']:.3g} and {of['train_loss']:.3g}"
    return f"{lowest}, {of['validation_loss']:.3g} at the end; {losses}"


def describe_plateau(of: Evidence) -> str:
    """Describe the score of the first epoch and of the late ones."""
    first = f"{of.score_name} {of.percent('first_score')} after the first epoch ({of['first_step']:g} steps)"
    text = f"{first}, {of.percent('late_score')} over the second half of the epochs"
    if pd.isna(of["majority_share"]):
        return text
    return f"{text}; the largest class has {of.percent('majority_share')}"


def describe_mode_gap(of: Evidence) -> str:
    """Describe the difference between batch statistics and moving statistics."""
    points = f"{100 * of['bn_mode_gap']:.1f} points"
    if pd.isna(of["reestimated_score"]):
        return f"{of.score_name} {points} higher with the statistics of each batch than with the moving ones"
    text = f"{of.score_name} {of.percent('validation_score')} with the moving statistics, {points} more with those of"
    text = f"{text} each batch, {of.percent('reestimated_score')} with ones re-estimated over the training part"
    if of["start_share"] < SMALL_WEIGHT:
        return text
    text = f"{text}; the moving ones still hold {of['start_share']:.0%} of their initial values"
    if not pd.isna(of["startless_score"]):
        text = f"{text} ({of.percent('startless_score')} without these)"
    longer = of.percent("longer_momentum_score")
    return f"{text}; a momentum ten times as long (0.999 for 0.99) would have given {longer}"
