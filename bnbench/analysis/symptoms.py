"""Known symptoms of trials, one record each: the question it answers, its test, its evidence, its usual cures.

To add a symptom, add a record here; its test and its evidence are in `symptom_rules`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bnbench.analysis import symptom_rules as rules
from bnbench.analysis.curve_features import curve_features
from bnbench.analysis.symptom_rules import Evidence, Flags
from bnbench.analysis.trials import scored_trials


@dataclass(frozen=True)
class Symptom:
    """One symptom.

    Attributes:
        name: the name in reports.
        question: what a person asks who sees the symptom.
        meaning: when a trial shows it, in a sentence or two.
        severity: 1 is the most serious; reports are in this order.
        shows: (trials with `curve_features`, number of validation rows) -> which trials show it.
        describe: the evidence in numbers.
        cures: what usually helps, the most likely first.
        at_best_rate: whether it is judged at a variant's best rate alone, as it occurs in trainings that go well.
    """

    name: str
    question: str
    meaning: str
    severity: int
    shows: Callable[[pd.DataFrame, int], Flags]
    describe: Callable[[Evidence], str]
    cures: tuple[str, ...]
    at_best_rate: bool = False


def trial_symptoms(trials: pd.DataFrame, history: pd.DataFrame, rows: int) -> pd.DataFrame:
    """Return the trials that did not fail, with `curve_features` and a boolean column for each symptom.

    Args:
        rows: number of validation rows.
    """
    table = scored_trials(trials).join(curve_features(history), on="trial")
    return table.assign(**{symptom.name: symptom.shows(table, rows) for symptom in list_symptoms()})


def list_symptoms() -> list[Symptom]:
    """Return all symptoms, most serious first."""
    return sorted(SYMPTOMS.values(), key=lambda symptom: symptom.severity)


def describe_evidence(symptom: str, shown: pd.DataFrame) -> str:
    """Return the evidence for a symptom in numbers: medians over the trials that show it.

    Args:
        shown: rows of `trial_symptoms`, at least one.
    """
    layers = shown["dead_layer"].mode()
    # pandas 2 warns of a median over missing values alone.
    known = shown.dropna(axis="columns", how="all")
    medians = known.median(numeric_only=True).astype(float).reindex(shown.columns)
    layer = str(layers[0]) if len(layers) else ""
    return SYMPTOMS[symptom].describe(Evidence(medians, layer, str(shown["score_name"].iloc[0])))


_RECORDS = (
    Symptom(
        "constant predictions",
        "Why does the network give every row the same prediction?",
        f"At least {rules.CONSTANT:.0%} of the validation rows get one prediction, and should not. "
        "(For numbers, predictions within 1% of the standard deviation of the targets are one.)",
        1,
        rules.gives_one_prediction,
        rules.describe_constant,
        (
            "a lower rate (one large step can push all relu units below zero, and only the last biases still act)",
            "standardized inputs, data.scale: standard (rows that differ little compared with their mean look alike)",
            "a linear output where a number is predicted (a sigmoid stays within 0 and 1)",
            "a larger batch, or Adam (the step of a single row is mostly noise)",
        ),
    ),
    Symptom(
        "chance level",
        "Why does the network learn nothing?",
        "The network is no better than guessing, or its training loss is not below the initial loss.",
        2,
        rules.is_at_chance,
        rules.describe_chance,
        (
            "a lower rate where higher ones fail too, a higher one or more epochs where lower ones do",
            "standardized inputs, data.scale: standard",
            "He initialization for relu (signals keep their size from layer to layer; He et al. 2015)",
            "batch normalization in front of the activations (Ioffe and Szegedy 2015)",
        ),
    ),
    Symptom(
        "dead units",
        "Why do hidden units not learn?",
        f"At least {rules.DEAD:.0%} of a hidden layer's units pass next to no gradient on any validation row, so "
        "they hardly learn: a relu gives 0, a sigmoid or tanh is within 0.01 of its lowest or highest value.",
        3,
        rules.has_dead_units,
        rules.describe_dead,
        (
            "a lower rate, or one that warms up (large first steps kill units)",
            "He initialization for relu (He et al. 2015), Glorot's for tanh and sigmoid (Glorot and Bengio 2010)",
            "batch normalization in front of the activation (over a batch a unit is then on both sides of zero)",
            "leaky_relu or elu (they pass a gradient below zero too; Maas et al. 2013)",
        ),
    ),
    Symptom(
        "collapsing score",
        "Why does the score fall during training?",
        f"At least {rules.COLLAPSE:.0%} of what the network had learned was lost by the end.",
        4,
        rules.has_collapsed,
        rules.describe_collapse,
        (
            "a lower rate, or a schedule that lowers it",
            "the best epoch's weights, save_models: best",
            "a larger batch (its steps are less noisy)",
            "the same modest dropout everywhere, as 0.2 (a high one in front of few units leaves next to none)",
            "batch normalization",
        ),
    ),
    Symptom(
        "early overfitting",
        "Why does the validation loss rise early?",
        "The validation loss is lowest in the first half of the epochs and ends at least "
        f"{rules.RISE:.0%} above that, more than noise explains, while the training loss goes on falling.",
        5,
        rules.overfits_early,
        rules.describe_overfitting,
        (
            "early stopping, or the best epoch's weights, save_models: best",
            "more rows, or augmentation",
            "dropout (Srivastava et al. 2014), weight penalties, fewer units",
            "no norm in front of the output (it fixes the scale of the scores)",
        ),
        at_best_rate=True,
    ),
    Symptom(
        "first-epoch plateau",
        "Why is the score high after the first epoch and then flat?",
        "The later epochs add next to nothing to what the first one reached.",
        6,
        rules.stays_flat,
        rules.describe_plateau,
        (
            "compare with the largest class (always predicting it scores its share)",
            "look for rows that are in two parts (data.duplicates: drop leaves them out)",
            "fewer steps an epoch, steps_per_epoch (all may happen within the first)",
            "another rate, where the score is far from what the rows allow",
        ),
        at_best_rate=True,
    ),
    Symptom(
        "statistics not warmed up",
        "Why is validation worse than training with batch normalization?",
        "The moving statistics of batch normalization, which normalize the validation rows, differ from those of the "
        "batches.",
        7,
        rules.has_cold_statistics,
        rules.describe_mode_gap,
        (
            "a lower momentum, as norm: {batch: {momentum: 0.9}} (after 100 steps 0.99 keeps 37% of its start, 0.9 "
            "nothing)",
            "more steps, by more epochs or smaller batches",
            "a lower rate at the end (moving statistics lag behind weights that move fast)",
        ),
        at_best_rate=True,
    ),
)
SYMPTOMS: dict[str, Symptom] = {symptom.name: symptom for symptom in _RECORDS}
