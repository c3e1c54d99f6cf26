import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from bnbench.analysis import symptoms
from bnbench.analysis.cells import Cells
from bnbench.analysis.symptoms import SYMPTOMS, Symptom, describe_evidence, trial_symptoms
from bnbench.results.diagnoses import diagnosis_table, list_diagnoses
from support.tables import BLOWN, FAILED, NAN, NONFINITE, history, trials

Course = tuple[Sequence[float], Sequence[float], Sequence[float]]
# Rows of the validation part.
ROWS = 900
# Of ten classes; an untrained model first. Twenty epochs of a network that learns as most do.
LEARNS = [0.1, *(0.9 - 0.6 * 0.7**i for i in range(20))]
LOSSES = [2.3, *(0.3 + 1.5 * 0.7**i for i in range(20))]


def shown(
    row: dict[str, object],
    accuracies: Sequence[float] = LEARNS,
    losses: Sequence[float] = LOSSES,
    train_losses: Sequence[float] = LOSSES,
    rows: int = ROWS,
) -> set[str]:
    """Return the symptoms of one trial with these curves; its final scores are those of the last epoch."""
    (result,) = each_shown(row, [(accuracies, losses[: len(accuracies)], train_losses[: len(accuracies)])], rows)
    return result


def each_shown(row: dict[str, object], curves: Sequence[Course], rows: int = ROWS) -> list[set[str]]:
    """Return the symptoms of trials with these validation scores, validation losses and training losses."""
    names = ("validation_score", "validation_loss", "train_loss")
    ends = [{name: curve[-1] for name, curve in zip(names, of, strict=True)} for of in curves]
    table = trials(*({"epochs": len(of[0]) - 1} | end | row for of, end in zip(curves, ends, strict=True)))
    history = pd.concat(
        pd.DataFrame(dict(zip(names, of, strict=True))).assign(trial=f"t{i}", epoch=range(len(of[0])), step=0)
        for i, of in enumerate(curves)
    )
    result = trial_symptoms(table, history, rows)[list(SYMPTOMS)].to_dict("records")
    return [{str(name) for name, shows in one.items() if shows} for one in result]


HEALTHY = {"prediction_share": 0.12, "majority_share": 0.11, "dead_share": 0.33, "dead_layer": "a", "bn_mode_gap": 0.01}


def test_a_network_that_learns_shows_nothing() -> None:
    assert shown(HEALTHY) == set()
    # Trials of an older format were not probed.
    assert shown({}) == set()


@pytest.mark.parametrize(
    ("got", "wanted", "constant"),
    [
        (1.0, 0.1, True),
        (0.95, 0.1, True),
        (0.94, 0.1, False),
        # Two classes
        (0.96, 0.5, True),
        # It is as many as it should be.
        (0.96, 0.95, False),
        # Fewer than it should be, but a fifth of the others are missed.
        (0.99, 0.95, False),
        # One class has 95% of the rows, and nothing is learned.
        (1.0, 0.95, True),
        # All rows have one class, so one prediction is right.
        (1.0, 1.0, False),
        (NAN, NAN, False),
    ],
)
def test_constant_predictions(got: float, wanted: float, constant: bool) -> None:
    result = shown({"prediction_share": got, "majority_share": wanted})
    assert ("constant predictions" in result) == constant


FLAT = [0.1] * 21
AT_CHANCE = {"train_loss": 2.4}


def test_chance_level_is_shown_if_no_closer_symptom_is() -> None:
    assert shown(AT_CHANCE, FLAT, [2.3] * 21) == {"chance level"}
    dead = {"prediction_share": 1.0, "majority_share": 0.1, "dead_share": 1.0}
    assert shown(AT_CHANCE | dead, FLAT, [2.3] * 21) == {"constant predictions", "dead units"}
    assert shown(AT_CHANCE, [0.1, 0.6, *[0.1] * 19], [2.3] * 21) == {"collapsing score"}


@pytest.mark.parametrize(("share", "dead"), [(0.49, False), (0.5, True), (NAN, False)])
def test_half_of_a_layer_is_dead(share: float, dead: bool) -> None:
    assert ("dead units" in shown({"dead_share": share})) == dead


@pytest.mark.parametrize(
    ("best", "end", "rows", "collapsed"),
    [
        # A quarter of the 0.8 above chance
        (0.9, 0.7, 900, True),
        # Less than a fifth
        (0.9, 0.75, 900, False),
        # Three standard errors of 30 rows are 0.3
        (0.9, 0.7, 30, False),
        # Near chance a few rows are a fifth
        (0.2, 0.17, 900, False),
        (0.3, 0.1, 900, True),
    ],
)
def test_score_that_collapses(best: float, end: float, rows: int, collapsed: bool) -> None:
    curve = [0.1, 0.2, best, *[best] * 10, *[end] * 8]
    assert ("collapsing score" in shown({}, curve, rows=rows)) == collapsed


@pytest.mark.parametrize("accuracy", [0.2, 0.5, 0.95])
def test_noise_of_the_validation_rows_is_rarely_a_collapse(accuracy: float) -> None:
    drawn = np.random.default_rng(0).binomial(ROWS, accuracy, (200, 20)) / ROWS
    result = each_shown({}, [([0.1, *right], LOSSES, LOSSES) for right in drawn.tolist()])
    # That is 3%, and a diagnosis needs half of the seeds.
    assert sum("collapsing score" in symptoms for symptoms in result) <= 6


def turning(onset: int, rise: float, wave: float = 0.0, epochs: int = 20) -> list[float]:
    """A validation loss that falls to 1 by an epoch and has risen so far at the end; up and down between epochs."""
    falls = [1 + (onset - i) / 10 for i in range(onset + 1)]
    rises = [1 + rise * i / (epochs - onset) for i in range(1, epochs - onset + 1)]
    waves = [wave * (-1) ** i for i in range(onset, epochs)]
    return falls + [loss + wave for loss, wave in zip(rises, waves, strict=True)]


@pytest.mark.parametrize(
    ("losses", "overfitted"),
    [
        (turning(5, 0.5), True),
        # Not a fifth
        (turning(5, 0.15), False),
        # Late
        (turning(12, 0.5), False),
        # Of 20 epochs
        (turning(10, 0.5), True),
        (turning(5, 0.5, wave=0.02), True),
        # No more than its noise
        (turning(5, 0.5, wave=0.2), False),
        # Four epochs are too few.
        (turning(1, 0.5, epochs=4), False),
        (turning(2, 0.5, epochs=5), True),
    ],
)
def test_early_overfitting(losses: list[float], overfitted: bool) -> None:
    train = [2.3 - i / 10 for i in range(len(losses))]
    accuracies = LEARNS[: len(losses)]
    assert ("early overfitting" in shown({}, accuracies, losses, train)) == overfitted


def test_a_loss_that_also_rises_in_training_is_no_overfitting() -> None:
    losses = turning(5, 0.5)
    assert "early overfitting" not in shown({}, LEARNS, losses, losses)


@pytest.mark.parametrize("epochs", [12, 30, 300])
@pytest.mark.parametrize("spread", [0.05, 0.5])
def test_noise_of_the_loss_is_rarely_overfitting(epochs: int, spread: float) -> None:
    drawn = np.exp(np.random.default_rng(0).normal(0, spread, (200, epochs)))
    train, accuracies = [2.3 * 0.99**i for i in range(epochs + 1)], [0.1, *[0.8] * epochs]
    result = each_shown({}, [(accuracies, [2.3, *losses], train) for losses in drawn.tolist()])
    # That is 3%, and a diagnosis needs half of the seeds.
    assert sum("early overfitting" in symptoms for symptoms in result) <= 6


@pytest.mark.parametrize(
    ("first", "late", "plateau"),
    [
        (0.9, 0.905, True),
        # A fifth of the errors is gone
        (0.9, 0.92, False),
        # It is slow: the first epoch has little of the gain.
        (0.12, 0.2, False),
        # After 0.4 in the first epoch, it gains 0.03 more.
        (0.5, 0.53, True),
        # Fell
        (0.9, 0.7, False),
        # Too easy
        (1.0, 1.0, True),
    ],
)
def test_first_epoch_plateau(first: float, late: float, plateau: bool) -> None:
    assert ("first-epoch plateau" in shown({}, [0.1, first, *[late] * 19])) == plateau
    assert "first-epoch plateau" not in shown({}, [0.1, first, late, late])


def test_a_score_at_chance_is_no_plateau() -> None:
    assert "first-epoch plateau" not in shown(AT_CHANCE, FLAT, [2.3] * 21)


@pytest.mark.parametrize(
    ("gap", "rows", "cold"),
    [(0.3, 900, True), (0.05, 900, True), (0.015, 90_000, False), (0.05, 90, False), (-0.3, 900, False)],
)
def test_statistics_not_warmed_up(gap: float, rows: int, cold: bool) -> None:
    assert ("statistics not warmed up" in shown({"bn_mode_gap": gap}, rows=rows)) == cold


@pytest.mark.parametrize(
    ("gap", "reestimated", "cold"),
    [
        (0.1, 1.0, True),
        (0.1, 0.96, True),
        # The batches make the difference, not the averages.
        (0.1, 0.94, False),
        (0.1, NAN, True),
        # The statistics of small batches are noisy; good ones show what the moving ones cost.
        (0.0, 0.95, True),
        (0.0, 0.91, False),
        # With dropout.
        (NAN, 1.0, False),
    ],
)
def test_cold_statistics_where_re_estimated_ones_are_known(gap: float, reestimated: float, cold: bool) -> None:
    row = {"bn_mode_gap": gap, "validation_score": 0.9, "reestimated_score": reestimated}
    assert ("statistics not warmed up" in shown(row)) == cold


@pytest.mark.parametrize("end", [NONFINITE, BLOWN])
def test_a_diverged_trial_shows_its_divergence_alone(end: dict[str, object]) -> None:
    row = {"validation_score": NAN} | end
    assert shown(row, [0.1, 0.9, 0.9, 0.1], [2.3, 0.5, 0.5, 9.0], [2.3] * 4) == {"divergence"}


def test_the_evidence_of_a_divergence_names_step_tensor_and_layer() -> None:
    broken = {"first_nonfinite": "output of dense_3", "first_dead_layer": "activation_1", "first_dead_step": 4.0}
    rows = [NONFINITE | broken | {"diverged_at_step": step} for step in (5, 7)] + [BLOWN | {"diverged_at_step": 30}]
    table = trial_symptoms(trials(*rows), history({}, {}, {}), ROWS)
    assert describe_evidence("divergence", table) == (
        "the loss was not finite (2 trials), or jumped and stayed high (1) at step 7; the first to break was the "
        "output of dense_3 (2 of 2 trials); in mini-batches, activation_1 died first, at step 4 (2 of 2 trials where "
        "that was seen)"
    )
    assert describe_evidence("divergence", table[table["outcome"] == "blown"]) == (
        "the loss jumped and stayed high at step 30"
    )


def test_without_scores_the_losses_are_judged() -> None:
    unknown = {"validation_score": NAN}
    losses, train = turning(5, 0.5), [2.3 - i / 10 for i in range(21)]
    assert "early overfitting" in shown(unknown, [NAN] * 21, losses, train)
    assert "collapsing score" not in shown(unknown, [NAN] * 21, losses, train)
    assert "first-epoch plateau" not in shown(unknown, [NAN] * 21, losses, train)


def test_trials_that_failed_or_ended_before_their_first_epoch() -> None:
    history = pd.DataFrame(
        {"trial": ["t1"], "epoch": [0], "step": [0], "train_loss": [NAN], "validation_loss": [2.3],
         "validation_score": [0.1]}
    )  # fmt: skip
    result = trial_symptoms(trials(FAILED, NONFINITE | {"epochs": 0}), history, ROWS)
    assert result["trial"].tolist() == ["t1"]
    assert [name for name in SYMPTOMS if result[name].any()] == ["divergence"]
    assert math.isnan(result["first_score"].iloc[0])
    assert trial_symptoms(trials({}).iloc[:0], history, 0).empty


def test_a_symptom_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up symptom is tested, described and sorted by its severity."""
    slow = Symptom(
        name="slow training",
        question="Why does it take so long?",
        meaning="A trial takes more than a minute.",
        severity=-1,
        shows=lambda table, rows: table["seconds"] > 60,
        describe=lambda of: f"{of['seconds']:g} s, {of.score_name} {of.percent('validation_score')}",
        cures=(lambda facts: "fewer epochs", lambda facts: "another machine" if facts.steps > 1e6 else ""),
    )
    monkeypatch.setitem(symptoms.SYMPTOMS, slow.name, slow)
    table = trials({"seconds": 100.0, "dead_share": 0.9, "dead_layer": "a"}, {"seconds": 80.0, "seed": 1})
    result = diagnosis_table(Cells(table), history({}), ROWS)
    assert result["symptom"].tolist() == ["slow training", "dead units"]
    assert result["evidence"].iloc[0] == "90 s, accuracy 90.0%"
    (first, _) = list_diagnoses(result, ())
    assert (first.question, first.cures) == ("Why does it take so long?", ["fewer epochs"])
