"""Known symptoms of trials, one record each: the question it answers, its test, its evidence, its usual cures.

To add a symptom, add a record here; its test and its evidence are in `symptom_rules`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from bnbench.analysis import cures as ways
from bnbench.analysis import symptom_rules as rules
from bnbench.analysis.cures import Cure, ShownCure
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
        severity: 0 is the most serious; reports are in this order.
        shows: (trials with `curve_features`, number of validation rows) -> which trials show it.
        describe: the evidence in numbers.
        cures: what usually helps, the most likely first; each says whether it can help in a given case, and some name
            an experiment that shows it.
        of_diverged: whether only trials that diverged show it, so that their rates count.
        at_best_rate: whether it is judged at a variant's best rate alone, as it occurs in trainings that go well.
    """

    name: str
    question: str
    meaning: str
    severity: int
    shows: Callable[[pd.DataFrame, int], Flags]
    describe: Callable[[Evidence], str]
    cures: tuple[Cure, ...]
    at_best_rate: bool = False
    of_diverged: bool = False


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
    layer = str(layers[0]) if len(layers) else ""
    return SYMPTOMS[symptom].describe(Evidence(shown, layer, str(shown["score_name"].iloc[0])))


_RECORDS = (
    Symptom(
        "divergence",
        "Why does the loss become infinite, or jump?",
        "A mini-batch loss or the weights were not finite, or a loss was 1,000 times the one before it and the "
        "training did not recover. `bnbench why` shows the last steps of a trial.",
        0,
        rules.has_diverged,
        rules.describe_divergence,
        (
            ways.other_rates, ways.lower_rate, ways.warm_up, ways.clipped_gradients, ways.he_initialization,
            ways.batch_norm,
        ),
        of_diverged=True,
    ),
    Symptom(
        "constant predictions",
        "Why does the network give every row the same prediction?",
        f"At least {rules.CONSTANT:.0%} of the validation rows get one prediction, and should not. "
        "(For numbers, predictions within 1% of the standard deviation of the targets are one.)",
        1,
        rules.gives_one_prediction,
        rules.describe_constant,
        (
            ways.other_rates, ShownCure(ways.lower_rate, "higher-rates"),
            ShownCure(ways.standardized_inputs, "predicts-one-number-cures"),
            ShownCure(ways.linear_output, "predicts-one-number-meters"), ways.larger_batch, ways.adam,
        ),
    ),
    Symptom(
        "chance level",
        "Why does the network learn nothing?",
        "The network is no better than a constant prediction: in its validation score, or in its training loss, which "
        "is not below the initial loss or, for a cross-entropy, the entropy of the training labels.",
        2,
        rules.is_at_chance,
        rules.describe_chance,
        (
            ways.other_rates, ShownCure(ways.lower_rate, "leaf"), ShownCure(ways.higher_rate, "cross-entropy"),
            ways.standardized_inputs, ShownCure(ways.he_initialization, "initialisation"),
            ShownCure(ways.batch_norm, "initialisation"),
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
            ways.other_rates, ShownCure(ways.lower_rate, "higher-rates"), ways.warm_up,
            ShownCure(ways.he_initialization, "initialisation"), ways.glorot_initialization,
            ShownCure(ways.batch_norm_for_units, "fashion-mlp"), ways.leaky_units,
            ShownCure(ways.unsaturated_units, "cifar10-relu-short", uncured="cifar10-sigmoid-short"),
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
            ways.other_rates, ShownCure(ways.lower_rate, "higher-rates"), ways.falling_rate, ways.best_weights,
            ways.larger_batch, ways.modest_dropout, ShownCure(ways.batch_norm, "higher-rates"),
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
            ways.early_stopping, ways.best_weights, ways.more_rows, ShownCure(ways.augmentation, "augmentation"),
            ShownCure(ways.dropout, "letters-dropout"), ShownCure(ways.penalties, "fashion-penalties-short"),
            ways.fewer_units, ways.no_output_norm,
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
        (ways.largest_class, ways.distinct_parts, ways.shorter_epochs, ways.rates_beyond),
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
            ShownCure(ways.faster_statistics, "cold-statistics"), ShownCure(ways.more_steps, "cold-statistics"),
            ways.falling_rate_for_statistics,
        ),
        at_best_rate=True,
    ),
)  # fmt: skip
SYMPTOMS: dict[str, Symptom] = {symptom.name: symptom for symptom in _RECORDS}
