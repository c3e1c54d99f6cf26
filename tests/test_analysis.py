import math

import pandas as pd
import pytest

from bnbench import analysis

NAN = math.nan


def stored(*rows: dict[str, object]) -> pd.DataFrame:
    """Rows as the store gives them: ten classes, 900 validation rows, initial loss 2.3."""
    default: dict[str, object] = {
        "trial": "t", "variant": "plain", "learning_rate": 0.1, "seed": 0, "axes": "{}", "status": "completed",
        "divergence": None, "diverged_at_step": None, "epochs": 5, "steps": 50, "train_loss": 0.2,
        "train_accuracy": 0.9,
        "validation_loss": 0.3, "validation_accuracy": 0.9, "test_loss": 0.4, "test_accuracy": 0.8, "best_epoch": 4,
        "best_test_loss": 0.4, "best_test_accuracy": 0.8, "initial_loss": 2.3, "parameters": 10, "seconds": 1.0,
        "seconds_per_step": 0.02, "engine": "xla", "worker": "pid 1", "reason": None, "classes": 10,
        "validation_rows": 900,
    }  # fmt: skip
    return pd.DataFrame([default | row for row in rows])


NONFINITE = {
    "status": "diverged",
    "divergence": "nonfinite",
    "diverged_at_step": 7,
    "test_loss": NAN,
    "test_accuracy": NAN,
}
BLOWN = {"status": "diverged", "divergence": "blown", "diverged_at_step": 3, "train_loss": 9e9, "validation_loss": 9e9}


def test_the_chance_bound_is_three_standard_errors_above_chance() -> None:
    assert analysis.chance_bound(10, 900) == pytest.approx(0.1 + 3 * 0.01)  # sqrt(.1 x .9 / 900) = .01


@pytest.mark.parametrize(
    ("divergence", "final", "accuracy", "wanted"),
    [
        ("nonfinite", NAN, 0.9, "nonfinite"),
        ("blown", 0.1, 0.9, "blown"),
        (None, 2.3, 0.9, "chance"),  # the loss is where it began
        (None, 1.0, 0.13, "chance"),  # on the bound
        (None, 1.0, 0.131, "ok"),
    ],
)
def test_the_first_outcome_that_applies(divergence: str | None, final: float, accuracy: float, wanted: str) -> None:
    assert analysis.outcome(divergence, final, 2.3, accuracy, 0.13) == wanted


def test_the_public_columns_of_trials() -> None:
    table = analysis.trial_table(stored({"axes": '{"model.params.units": 50}'}))
    assert list(table.columns) == [
        "trial", "variant", "learning_rate", "seed", "model.params.units", "status", "outcome", "diverged_at_step",
        "epochs", "steps", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy", "test_loss",
        "test_accuracy", "best_epoch", "best_test_loss", "best_test_accuracy", "initial_loss", "parameters", "seconds",
        "seconds_per_step", "engine", "worker", "classes",
    ]  # fmt: skip
    assert analysis.axes_of(table) == ["model.params.units"]
    assert table["model.params.units"].tolist() == [50]


def test_an_axis_of_lists_is_told_as_text() -> None:
    table = analysis.trial_table(stored({"axes": '{"data.split": {"test": 0.2}}'}))
    assert table["data.split"].tolist() == ['{"test": 0.2}']


def test_a_nonfinite_trial_has_no_final_figures() -> None:
    (row,) = analysis.trial_table(stored(NONFINITE)).to_dict("records")
    assert row["outcome"] == "nonfinite"
    assert all(math.isnan(row[score]) for score in analysis.SCORES)
    assert row["diverged_at_step"] == 7


def test_a_failed_trial_has_no_outcome_and_counts_nowhere() -> None:
    table = analysis.trial_table(stored({}, {"status": "failed", "train_loss": NAN, "seed": 1}))
    assert table["outcome"].tolist() == ["ok", ""]
    assert analysis.summary_table(table)["n"].tolist() == [1]


def test_diverged_trials_count_at_chance_and_at_the_initial_loss() -> None:
    summary = analysis.summary_table(analysis.trial_table(stored({}, NONFINITE | {"seed": 1}, BLOWN | {"seed": 2})))
    (row,) = summary.to_dict("records")
    assert (row["n"], row["n_ok"], row["n_chance"], row["n_diverged"]) == (3, 1, 0, 2)
    assert row["validation_accuracy_mean"] == pytest.approx((0.9 + 0.1 + 0.1) / 3)
    assert row["validation_loss_mean"] == pytest.approx((0.3 + 2.3 + 2.3) / 3)
    assert row["test_accuracy_mean"] == pytest.approx((0.8 + 0.1 + 0.1) / 3)
    assert row["p_ok"] == pytest.approx(1 / 3)


def test_mean_and_sd_over_seeds() -> None:
    rows = [{"seed": seed, "validation_accuracy": score} for seed, score in enumerate((0.7, 0.8, 0.9))]
    (row,) = analysis.summary_table(analysis.trial_table(stored(*rows))).to_dict("records")
    assert row["validation_accuracy_mean"] == pytest.approx(0.8)
    assert row["validation_accuracy_sd"] == pytest.approx(0.1)  # (.01 + 0 + .01) / 2


def test_one_seed_has_no_spread() -> None:
    (row,) = analysis.summary_table(analysis.trial_table(stored({}))).to_dict("records")
    assert math.isnan(row["validation_accuracy_sd"])


def test_one_row_a_variant_axis_value_and_rate() -> None:
    rows = [
        {"variant": variant, "axes": f'{{"a": {axis}}}', "learning_rate": rate}
        for variant in ("plain", "bn") for axis in (1, 2) for rate in (0.1, 1.0)
    ]  # fmt: skip
    summary = analysis.summary_table(analysis.trial_table(stored(*rows)))
    assert summary[["variant", "a", "learning_rate"]].to_numpy().tolist() == [
        ["plain", 1, 0.1], ["plain", 1, 1.0], ["plain", 2, 0.1], ["plain", 2, 1.0],
        ["bn", 1, 0.1], ["bn", 1, 1.0], ["bn", 2, 0.1], ["bn", 2, 1.0],
    ]  # fmt: skip


def test_the_best_rate_and_the_stable_rates_around_it() -> None:
    scores = {0.001: 0.5, 0.01: 0.8, 0.1: 0.9, 1.0: 0.85, 10.0: 0.1}
    rows = [{"learning_rate": rate, "validation_accuracy": score} for rate, score in scores.items()]
    (row,) = analysis.variant_table(analysis.summary_table(analysis.trial_table(stored(*rows))), []).to_dict("records")
    assert row["best_rate"] == 0.1
    assert (row["stable_from"], row["stable_to"]) == (0.001, 1.0)
    assert (row["n_diverged"], row["trials"]) == (0, 5)


def test_one_seed_that_fails_to_train_ends_the_stable_rates() -> None:
    rows = [{"learning_rate": rate, "seed": seed} for rate in (0.01, 0.1, 1.0) for seed in (0, 1)]
    rows[5] = rows[5] | NONFINITE
    (row,) = analysis.variant_table(analysis.summary_table(analysis.trial_table(stored(*rows))), []).to_dict("records")
    assert (row["stable_from"], row["stable_to"]) == (0.01, 0.1)


def test_no_stable_rate_where_the_best_one_is_not() -> None:
    (row,) = analysis.variant_table(analysis.summary_table(analysis.trial_table(stored(BLOWN))), []).to_dict("records")
    assert math.isnan(row["stable_from"])
    assert row["n_diverged"] == 1
