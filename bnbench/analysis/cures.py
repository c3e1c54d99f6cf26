"""What is said of each known symptom: what it means, by which figures it shows, what usually cures it."""

from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from bnbench.analysis.symptoms import COLLAPSE, CONSTANT, DEAD, RISE

MEANINGS: Mapping[str, str] = {
    "constant predictions": f"At least {CONSTANT:.0%} of the validation rows get one prediction, and should not.",
    "chance level": "Nothing was learnt: no better than guessing, or a training loss not below the initial one.",
    "dead units": f"At least {DEAD:.0%} of a hidden layer's units pass next to no gradient on any validation row, and "
    "so hardly learn: a relu gives 0, a sigmoid or tanh is within 0.01 of an end.",
    "accuracy that collapses": f"At least {COLLAPSE:.0%} of what the network had learnt was lost by the end.",
    "early overfitting": f"The validation loss is lowest in the first half of the epochs and ends at least {RISE:.0%} "
    "above that, more than noise explains, while the training loss fell on.",
    "first-epoch plateau": "The later epochs add next to nothing to what the first one reached.",
    "statistics not warmed up": "The moving statistics of batch normalisation, by which validation rows are "
    "normalised, are not those of the batches.",
}
CURES: Mapping[str, Sequence[str]] = {
    "constant predictions": (
        "a lower rate (one large step can push all relu units below zero, and only the last biases still act)",
        "standardised inputs, data.scale: standard (rows that differ little beside their mean look alike)",
        "a linear output where a number is predicted (a sigmoid stays within 0 and 1)",
        "a larger batch, or Adam (the step of a single row is mostly noise)",
    ),
    "chance level": (
        "a lower rate where higher ones fail too, a higher one or more epochs where lower ones do",
        "standardised inputs, data.scale: standard",
        "He initialisation for relu (signals keep their size from layer to layer; He et al. 2015)",
        "batch normalisation in front of the activations (Ioffe and Szegedy 2015)",
    ),
    "dead units": (
        "a lower rate, or one that warms up (large first steps kill)",
        "He initialisation for relu (He et al. 2015), Glorot's for tanh and sigmoid (Glorot and Bengio 2010)",
        "batch normalisation in front of the activation (over a batch a unit then lies on both sides of zero)",
        "leaky_relu or elu (they pass a gradient below zero too; Maas et al. 2013)",
    ),
    "accuracy that collapses": (
        "a lower rate, or a schedule that lowers it",
        "the best epoch's weights, save_models: best",
        "a larger batch (its steps are less noisy)",
        "the same modest dropout everywhere, as 0.2 (a high one in front of few units leaves next to none)",
        "batch normalisation",
    ),
    "early overfitting": (
        "early stopping, or the best epoch's weights, save_models: best",
        "more rows, or augmentation",
        "dropout (Srivastava et al. 2014), weight penalties, fewer units",
        "no norm in front of the output (it fixes the scale of the scores)",
    ),
    "first-epoch plateau": (
        "compare with the commonest class (an accuracy of its share is learnt from nothing)",
        "look for rows that stand in two parts (data.duplicates: drop leaves them out)",
        "fewer steps an epoch, steps_per_epoch (all may happen within the first)",
        "another rate, where the accuracy is far from what the rows allow",
    ),
    "statistics not warmed up": (
        "a lower momentum, as norm: {batch: {momentum: 0.9}} (0.99 keeps 37% of its start for 100 steps, 0.9 nothing)",
        "more steps, by more epochs or smaller batches",
        "a lower rate at the end (moving statistics lag behind weights that move fast)",
    ),
}


def evidence_of(symptom: str, shown: pd.DataFrame) -> str:
    """The figures of the trials that show a symptom, rows of `trial_symptoms`: medians; missing ones are left out."""
    layers = shown["dead_layer"].mode()
    known = shown.dropna(axis="columns", how="all").median(numeric_only=True)  # pandas 2 warns of what is all missing
    return EVIDENCE[symptom](known.reindex(shown.columns), str(layers[0]) if len(layers) else "")


Figures = pd.Series  # by column


def _constant(of: Figures, _: str) -> str:
    got, right = _percent(of["prediction_share"]), _percent(of["majority_share"])
    return f"{got} of rows get one prediction, at most {right} can be right"


def _chance(of: Figures, _: str) -> str:
    losses = f"training loss {of['train_loss']:.3g}, of the untrained network {of['initial_loss']:.3g}"
    if pd.isna(of["validation_accuracy"]):
        return losses
    return f"accuracy {_percent(of['validation_accuracy'])}, of guessing {_percent(of['chance'])}; {losses}"


def _dead(of: Figures, layer: str) -> str:
    return f"{_percent(of['dead_share'])} of the units of {layer}"


def _collapse(of: Figures, _: str) -> str:
    best, end = _percent(of["best_accuracy"]), _percent(of["validation_accuracy"])
    return f"accuracy {best} at its best, in epoch {of['best_epoch']:g}, and {end} at the end"


def _overfitting(of: Figures, _: str) -> str:
    lowest = f"validation loss {of['lowest_loss']:.3g} in epoch {of['lowest_epoch']:g} of {of['epochs']:g}"
    losses = f"training loss {of['train_loss_at_lowest']:.3g} and {of['train_loss']:.3g}"
    return f"{lowest}, {of['validation_loss']:.3g} at the end; {losses}"


def _plateau(of: Figures, _: str) -> str:
    first = f"accuracy {_percent(of['first_accuracy'])} after the first epoch ({of['first_step']:g} steps)"
    told = f"{first}, {_percent(of['late_accuracy'])} over the second half of the epochs"
    if pd.isna(of["majority_share"]):
        return told
    return f"{told}; the commonest class has {_percent(of['majority_share'])}"


def _not_warm(of: Figures, _: str) -> str:
    return (
        f"accuracy {100 * of['bn_mode_gap']:.1f} points higher by the statistics of each batch than by the moving ones"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"


EVIDENCE: Mapping[str, Callable[[Figures, str], str]] = {
    "constant predictions": _constant,
    "chance level": _chance,
    "dead units": _dead,
    "accuracy that collapses": _collapse,
    "early overfitting": _overfitting,
    "first-epoch plateau": _plateau,
    "statistics not warmed up": _not_warm,
}
