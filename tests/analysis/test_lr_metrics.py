import math

import numpy as np
import pandas as pd
import pytest

from bnbench.analysis import lr_metrics, variant_tables
from bnbench.analysis.cells import Cells
from bnbench.analysis.trials import scored_trials
from support.tables import BLOWN, FAILED, NONFINITE, scores, trials

GRID = (0.001, 0.01, 0.1, 1.0, 10.0)


def table(*rows: dict[str, object]) -> pd.DataFrame:
    return variant_tables.variant_table(Cells(trials(*rows)), "plain")


def one(*rows: dict[str, object]) -> dict[str, float]:
    (row,) = table(*rows).to_dict("records")
    return row


def over(*rows: dict[str, object]) -> lr_metrics.RateMetrics:
    return lr_metrics.metrics_over_rates(scored_trials(trials(*rows)))


def losses(*values: float, initial: float = 2.3) -> list[dict[str, object]]:
    return [
        {"learning_rate": rate, "validation_loss": loss, "initial_loss": initial, "validation_score": 1 - loss / 10}
        for rate, loss in zip(GRID, values, strict=False)
    ]


def test_the_best_rate_and_the_stable_rates_around_it() -> None:
    row = one(*scores("plain", dict(zip(GRID, (0.5, 0.8, 0.9, 0.85, 0.1), strict=True))))
    assert row["best_rate"] == 0.1
    assert (row["stable_from"], row["stable_to"], row["max_stable_rate"]) == (0.001, 1.0, 1.0)
    assert (row["n"], row["n_diverged"], row["trials"]) == (1, 0, 5)
    assert row["validation_score_mean"] == 0.9
    assert row["test_score_mean"] == pytest.approx(0.8)
    assert math.isnan(row["validation_score_sd"])


def test_the_lowest_of_several_best_rates() -> None:
    assert one(*scores("plain", {0.01: 0.8, 0.1: 0.9, 1.0: 0.9}))["best_rate"] == 0.1
    turned = [{0.1: low, 1.0: high} for low, high in zip((0.7, 0.8, 0.6), (0.6, 0.7, 0.8), strict=True)]
    # The same seeds in another order are the same mean
    assert one(*scores("plain", *turned))["best_rate"] == 0.1


def test_one_seed_that_fails_to_train_ends_the_stable_rates() -> None:
    rows = [{"learning_rate": rate, "seed": seed} for rate in (0.01, 0.1, 1.0) for seed in (0, 1)]
    rows[5] = rows[5] | NONFINITE
    row = one(*rows)
    assert (row["stable_from"], row["max_stable_rate"]) == (0.01, 0.1)


def test_a_rate_above_a_gap_is_not_stable() -> None:
    row = one(*scores("plain", {0.01: 0.9, 0.1: None, 1.0: 0.8}))
    assert row["max_stable_rate"] == 0.01


def test_no_stable_rate_if_the_best_one_is_not_stable() -> None:
    row = one(BLOWN)
    assert math.isnan(row["stable_from"])
    assert math.isnan(row["max_stable_rate"])
    assert row["n_diverged"] == 1


def test_a_failed_trial_does_not_count() -> None:
    row = one({"seed": 0}, {"seed": 1} | FAILED)
    assert (row["n"], row["trials"], row["max_stable_rate"]) == (1, 1, 0.1)


@pytest.mark.parametrize(
    ("accuracies", "width", "is_open"),
    [
        ((0.5, 0.9, 0.895, 0.5, 0.5), 1.0, False),
        # Exactly delta below, whatever 0.9 - 0.01 is
        ((0.5, 0.89, 0.9, 0.89, 0.5), 2.0, False),
        ((0.5, 0.88, 0.9, 0.88, 0.5), 0.0, False),
        ((0.5, 0.5, 0.5, 0.895, 0.9), 1.0, True),
        ((0.9, 0.9, 0.5, 0.5, 0.5), 1.0, True),
        # The second peak is not next to the first
        ((0.9, 0.5, 0.9, 0.5, 0.5), 0.0, True),
        ((0.9, 0.9, 0.9, 0.9, 0.9), 4.0, True),
    ],
)
def test_the_stable_width_in_decades(accuracies: tuple[float, ...], width: float, is_open: bool) -> None:
    result = over(*scores("plain", dict(zip(GRID, accuracies, strict=True))))
    assert result.stable_width == pytest.approx(width)
    assert result.stable_width_open is is_open


def test_sensitivity_is_the_mean_excess_of_the_loss_capped_at_the_initial_one() -> None:
    assert over(*losses(0.3, 0.1, 2.1)).lr_sensitivity == pytest.approx((0.2 + 0 + 2.0) / 3)
    assert over(*losses(0.3, 0.1, 50.0)).lr_sensitivity == pytest.approx((0.2 + 0 + 2.2) / 3)
    rows = losses(0.3, 0.1, 0.1)
    rows[2] |= NONFINITE
    assert over(*rows).lr_sensitivity == pytest.approx((0.2 + 0 + 2.2) / 3)


def test_sensitivity_of_several_seeds_is_that_of_their_mean_loss() -> None:
    # Means .3 and (.1 + 2.3) / 2
    first, second = losses(0.2, 0.1), [row | {"seed": 1} for row in losses(0.4, 9.9)]
    assert over(*first, *second).lr_sensitivity == pytest.approx((0 + 0.9) / 2)


def test_the_centered_grid_is_within_one_and_a_half_decades_of_the_best_rate() -> None:
    result = over(*losses(2.3, 0.5, 0.1, 0.5, 2.3))
    assert result.lr_sensitivity == pytest.approx((2.2 + 0.4 + 0 + 0.4 + 2.2) / 5)
    assert result.lr_sensitivity_centered == pytest.approx((0.4 + 0 + 0.4) / 3)


def test_an_unknown_initial_loss_makes_the_mean_unknown() -> None:
    assert math.isnan(over(*losses(0.3, 0.1, initial=math.nan)).lr_sensitivity)


def test_regret_counts_trials_that_are_not_ok_at_chance() -> None:
    assert over(*scores("plain", {0.01: 0.9, 0.1: 0.7, 1.0: None})).score_regret == pytest.approx((0.2 + 0.8) / 3)
    # Within three standard errors of guessing
    at_chance = scores("plain", {0.01: 0.9, 0.1: 0.11})
    assert over(*at_chance).score_regret == pytest.approx(0.8 / 2)


def test_everything_diverged() -> None:
    row = one(*scores("plain", {0.1: None, 1.0: None}))
    # Its scores, all at chance, are read there.
    assert row["best_rate"] == 0.1
    for name in ("score_regret", "lr_sensitivity", "stable_width", "max_stable_rate", "best_rate_ratio"):
        # A flat line would have the best of all
        assert math.isnan(row[name])


def test_one_rate() -> None:
    row = one(*scores("plain", {0.1: 0.9}))
    assert (row["stable_width"], row["stable_width_open"], row["lr_sensitivity"]) == (0.0, True, 0.0)


def test_ratios_are_over_the_baseline_at_the_same_axis_value() -> None:
    rows = [
        *scores("plain", {0.1: 0.9, 1.0: 0.5}, axes='{"a": 1}'),
        *scores("batchnorm", {0.1: 0.5, 1.0: 0.9}, axes='{"a": 1}'),
        *scores("batchnorm", {0.1: 0.5, 1.0: 0.9}, axes='{"a": 2}'),
    ]
    result = table(*rows)
    assert result[["variant", "a", "best_rate"]].to_numpy().tolist() == [
        ["plain", 1, 0.1], ["batchnorm", 1, 1.0], ["batchnorm", 2, 1.0],
    ]  # fmt: skip
    assert result["best_rate_ratio"].tolist() == pytest.approx([1, 10, math.nan], nan_ok=True)
    # Times of trials are those of different moments.
    assert "overhead" not in result


def test_trials_without_a_timed_step_are_left_out_of_the_median() -> None:
    rows = [{"seconds_per_step": 0.02}, {"seed": 1, "seconds_per_step": math.nan} | NONFINITE]
    assert one(*rows)["seconds_per_step"] == 0.02


def test_the_expected_best_of_k_draws() -> None:
    # Of 1, 2, 3 without replacement: one draw 2; pairs {1,2} {1,3} {2,3} have 2, 3, 3; all three 3.
    assert variant_tables.expected_best([3, 1, 2]) == pytest.approx([2, 8 / 3, 3])
    assert variant_tables.expected_best([0.5]) == pytest.approx([0.5])
    assert np.diff(variant_tables.expected_best([0.1, 0.1, 0.9, 0.4])).min() >= 0


def test_tuning_effort_uses_the_mean_over_seeds() -> None:
    rows = scores("plain", {0.1: 0.9, 1.0: None}, {0.1: 0.7, 1.0: 0.5})
    result = variant_tables.tuning_table(Cells(trials(*rows)))
    assert result.columns.tolist() == ["variant", "tried", "expected_score"]
    # Diverged at .1
    assert result["expected_score"].tolist() == pytest.approx([(0.8 + 0.3) / 2, 0.8])
    assert result["tried"].tolist() == [1, 2]


def test_no_trials_no_rows() -> None:
    empty = trials({}).iloc[:0]
    assert variant_tables.variant_table(Cells(empty), "").empty
    assert variant_tables.tuning_table(Cells(empty)).empty
