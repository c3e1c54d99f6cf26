import math

import pytest

from bnbench.analysis.columns import MEASURES
from bnbench.analysis.trials import axes_of, by_axes, chance_bound, outcome, summary_table, trial_table
from support.tables import BLOWN, NAN, NONFINITE, stored


def test_the_chance_bound_is_three_standard_errors_above_chance() -> None:
    # sqrt(.1 x .9 / 900) = .01
    assert chance_bound(10, 900) == pytest.approx(0.1 + 3 * 0.01)


@pytest.mark.parametrize(
    ("divergence", "final", "accuracy", "wanted"),
    [
        ("nonfinite", NAN, 0.9, "nonfinite"),
        ("blown", 0.1, 0.9, "blown"),
        # The loss is where it began
        (None, 2.3, 0.9, "chance"),
        # On the bound
        (None, 1.0, 0.13, "chance"),
        (None, 1.0, 0.131, "ok"),
        # An unknown score is no success.
        (None, 1.0, NAN, "chance"),
    ],
)
def test_the_first_outcome_that_applies(divergence: str | None, final: float, accuracy: float, wanted: str) -> None:
    assert outcome(divergence, final, 2.3, accuracy, 0.13) == wanted


def test_a_largest_class_of_more_than_its_share_raises_the_bound() -> None:
    # sqrt(.8 x .2 / 400) = .02
    assert chance_bound(10, 400, 0.8) == pytest.approx(0.8 + 3 * 0.02)
    # Ten rows can have a class of less than a tenth only by its absence: guessing is then the better constant.
    assert chance_bound(2, 400, 0.2) == chance_bound(2, 400, NAN) == chance_bound(2, 400)


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({}, "ok"),
        # A network that began at 4 and died rests at the entropy of the labels, up to the error of float32.
        ({"train_loss": 2.31, "fitted_loss": 2.302584, "initial_loss": 4.0, "constant_loss": math.log(10)}, "chance"),
        ({"train_loss": 2.31, "fitted_loss": 2.302584, "initial_loss": 4.0}, "ok"),
        # The mean over the last epoch, whose first steps were bad, is not the loss at the end.
        ({"train_loss": 2.5, "fitted_loss": 0.7, "constant_loss": math.log(10)}, "ok"),
        # Results of earlier versions have no loss of the final weights.
        ({"train_loss": 2.5, "fitted_loss": NAN}, "chance"),
        ({"train_loss": 0.5, "fitted_loss": NAN}, "ok"),
        # Moving statistics that are not warmed up: training was better than that.
        ({"train_loss": 0.5, "fitted_loss": 3.0}, "ok"),
        # 90% is what the largest class alone gives.
        ({"constant_score": 0.9}, "chance"),
        ({"constant_score": 0.8}, "ok"),
        # By accident the validation rows have more of one class, but no training could know that.
        ({"majority_share": 0.9}, "ok"),
        # Numbers: 9 / 900 = 0.01
        ({"classes": 0, "validation_score": 0.01}, "chance"),
        ({"classes": 0, "validation_score": 0.02}, "ok"),
        ({"classes": 0, "validation_score": 0.9, "train_loss": 2.3, "fitted_loss": 2.3}, "chance"),
    ],
    ids=str,
)
def test_a_trial_is_at_chance_if_a_constant_prediction_does_as_well(changes: dict[str, object], wanted: str) -> None:
    assert trial_table(stored(changes))["outcome"].tolist() == [wanted]


def test_the_public_columns_of_trials() -> None:
    table = trial_table(stored({"axes": '{"model.params.units": 50}'}))
    assert list(table.columns) == [
        "trial", "variant", "learning_rate", "seed", "model.params.units", "status", "outcome", "score_name",
        "diverged_at_step", "epochs", "restored_epoch", "steps", "train_loss", "train_score", "validation_loss",
        "validation_score", "test_loss",
        "test_score", "best_epoch", "best_test_loss", "best_test_score", "fitted_loss", "fitted_score",
        "validation_macro_f1", "test_macro_f1", "validation_top_k", "test_top_k",
        "bn_mode_gap", "reestimated_score", "reestimated_gap", "start_share", "startless_score",
        "longer_momentum_score", "prediction_share", "majority_share", "dead_share", "dead_layer",
        "first_nonfinite", "first_dead_layer", "first_dead_step", "gradient_growth",
        "sharpness_times_rate", "batch_sharpness_times_rate", "first_worse_length", "gradient_change",
        "effective_smoothness", "smoothness_at_distance", "effective_rate", "least_norm_growth",
        "initial_loss", "constant_score", "constant_loss", "chance", "prediction_spread",
        "parameters", "seconds", "seconds_per_step", "engine", "worker",
            "mean_class_weight", "chance_top_k", "score_rows",
    ]  # fmt: skip
    assert axes_of(table) == ["model.params.units"]
    assert table["model.params.units"].tolist() == [50]


def test_an_axis_of_lists_is_text() -> None:
    table = trial_table(stored({"axes": '{"data.split": {"test": 0.2}}'}))
    assert table["data.split"].tolist() == ['{"test": 0.2}']


def test_a_nonfinite_trial_has_no_final_scores() -> None:
    (row,) = trial_table(stored(NONFINITE)).to_dict("records")
    assert row["outcome"] == "nonfinite"
    assert all(math.isnan(row[score]) for score in MEASURES)
    assert row["diverged_at_step"] == 7


def test_a_failed_trial_has_no_outcome_and_does_not_count() -> None:
    table = trial_table(stored({}, {"status": "failed", "train_loss": NAN, "seed": 1}))
    assert table["outcome"].tolist() == ["ok", ""]
    assert summary_table(table)["n"].tolist() == [1]


def test_diverged_trials_count_at_chance_and_at_the_initial_loss() -> None:
    summary = summary_table(trial_table(stored({}, NONFINITE | {"seed": 1}, BLOWN | {"seed": 2})))
    (row,) = summary.to_dict("records")
    assert (row["n"], row["n_ok"], row["n_chance"], row["n_diverged"]) == (3, 1, 0, 2)
    assert row["validation_score_mean"] == pytest.approx((0.9 + 0.1 + 0.1) / 3)
    assert row["validation_loss_mean"] == pytest.approx((0.3 + 2.3 + 2.3) / 3)
    assert row["test_score_mean"] == pytest.approx((0.8 + 0.1 + 0.1) / 3)
    assert row["p_ok"] == pytest.approx(1 / 3)


def test_mean_and_sd_over_seeds() -> None:
    rows = [{"seed": seed, "validation_score": score} for seed, score in enumerate((0.7, 0.8, 0.9))]
    (row,) = summary_table(trial_table(stored(*rows))).to_dict("records")
    assert row["validation_score_mean"] == pytest.approx(0.8)
    # (.01 + 0 + .01) / 2
    assert row["validation_score_sd"] == pytest.approx(0.1)


def test_one_seed_has_no_spread() -> None:
    (row,) = summary_table(trial_table(stored({}))).to_dict("records")
    assert math.isnan(row["validation_score_sd"])


def test_one_row_per_variant_axis_value_and_rate() -> None:
    rows = [
        {"variant": variant, "axes": f'{{"a": {axis}}}', "learning_rate": rate}
        for variant in ("plain", "bn") for axis in (1, 2) for rate in (0.1, 1.0)
    ]  # fmt: skip
    summary = summary_table(trial_table(stored(*rows)))
    assert summary[["variant", "a", "learning_rate"]].to_numpy().tolist() == [
        ["plain", 1, 0.1], ["plain", 1, 1.0], ["plain", 2, 0.1], ["plain", 2, 1.0],
        ["bn", 1, 0.1], ["bn", 1, 1.0], ["bn", 2, 0.1], ["bn", 2, 1.0],
    ]  # fmt: skip


def test_tables_are_split_by_the_values_of_the_further_axes() -> None:
    rows = [{"axes": f'{{"a": {axis}, "b": {other}}}'} for axis in (1, 2) for other in ("null", 3)]
    table = trial_table(stored(*rows))
    result = list(by_axes(table, ["a", "b"]))
    assert [place["a"] for place, _ in result] == [1, 1, 2, 2]
    assert [len(part) for _, part in result] == [1] * 4
    ((place, everything),) = by_axes(table, [])
    assert (place, len(everything)) == ({}, 4)
