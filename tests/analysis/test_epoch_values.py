import pytest

from bnbench.analysis.epoch_values import values_after_epoch, values_by_epoch
from bnbench.analysis.trials import scored_trials
from support.tables import NONFINITE, history, trials

EPOCHS = history({"a": [0.1, 0.6, 0.7], "b": [0.1, 0.8, 0.9, 0.95]}, {"a": [2.3, 1, 2], "b": [2.3, 0.9, 0.8, 0.7]})
LOST = NONFINITE | {"diverged_at_step": 15}


def after(epoch: int, name: str = "validation_score", **first: object) -> dict[object, float]:
    table = scored_trials(trials({"trial": "a"} | first, {"trial": "b", "seed": 1}))
    return {trial: float(value) for trial, value in values_after_epoch(table, EPOCHS, name, epoch).items()}


def test_the_value_of_an_epoch() -> None:
    assert after(1) == {"a": 0.6, "b": 0.8}
    assert after(2, "validation_loss") == {"a": 2, "b": 0.8}
    assert after(1, "train_loss") == {"a": 1.15, "b": 1.15}


def test_a_trial_that_ended_early_keeps_its_last_value() -> None:
    assert after(3) == {"a": 0.7, "b": 0.95}
    assert after(9) == {"a": 0.7, "b": 0.95}


def test_a_diverged_trial_counts_at_chance_or_at_its_initial_loss_from_its_divergence_on() -> None:
    assert after(1, **LOST)["a"] == 0.6
    assert after(2, **LOST)["a"] == 0.1
    assert after(2, "validation_loss", **LOST)["a"] == 2.3
    # Also if no trial has such an epoch, or if it stopped before the end of the epoch in which it diverged.
    assert after(9, **LOST) == {"a": 0.1, "b": 0.95}
    assert after(9, **NONFINITE | {"diverged_at_step": 25})["a"] == 0.1


def test_rows_are_in_the_order_of_the_trials_and_without_trials_there_are_none() -> None:
    table = scored_trials(trials({"trial": "b"}, {"trial": "a", "seed": 1}, {"trial": "b", "variant": "other"}))
    assert values_by_epoch(table, EPOCHS, "validation_score").index.tolist() == ["b", "a"]
    assert values_by_epoch(table, EPOCHS, "validation_score").loc["a"].tolist() == pytest.approx([0.1, 0.6, 0.7, 0.7])
    assert values_after_epoch(table.iloc[:0], EPOCHS, "validation_score", 1).empty
    assert values_after_epoch(table, history({}), "validation_score", 1).empty
