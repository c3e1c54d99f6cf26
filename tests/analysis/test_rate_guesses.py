"""Predicted edges against those of a sweep, with numbers one can check in the head."""

import math
from typing import Any

import pandas as pd
import pytest

from bnbench.analysis.rate_guesses import PredictedEdge, guess_score_table, rate_guess_table

VARIANTS = pd.DataFrame(
    {
        "variant": ["plain", "batchnorm", "open"],
        "best_rate": [0.1, 1.0, 1.0],
        "edge": [1.0, 10.0, 100.0],
        "edge_low": [0.5, 5.0, 50.0],
        "edge_high": [2.0, 20.0, math.inf],
    }
)
SUMMARY = pd.DataFrame(
    {
        "variant": ["plain"] * 3 + ["batchnorm"] * 2,
        "learning_rate": [0.1, 1.0, 10.0, 1.0, 100.0],
        "validation_score_mean": [0.9, 0.5, 0.1, 0.8, 0.2],
    }
)


def predicted(variant: str, rate: float, predictor: str = "constant", **changes: Any) -> PredictedEdge:
    reason = "no rate passes" if math.isnan(rate) else ""
    values = {"variant": variant, "place": {}, "predictor": predictor, "rate": rate, "reason": reason, "seed": 0}
    return PredictedEdge(**{**values, "steps": 700, "training_steps": 1000, "seconds": 1.0, **changes})


def table(*guesses: PredictedEdge) -> pd.DataFrame:
    return rate_guess_table(guesses, VARIANTS, SUMMARY, [])


def test_errors_are_decades_from_the_edge_and_from_the_best_rate() -> None:
    rows = table(predicted("plain", 10.0), predicted("batchnorm", 10.0))
    assert rows["edge_error"].tolist() == pytest.approx([1, 0])
    assert rows["best_error"].tolist() == pytest.approx([2, 1])


def test_regret_is_read_off_the_line_between_two_rates() -> None:
    # At sqrt(10) plain is halfway between 0.5 and 0.1; at 10 batchnorm is halfway between 0.8 and 0.2.
    rows = table(predicted("plain", 10**0.5), predicted("batchnorm", 10.0), predicted("plain", 1000.0))
    assert rows["regret"].tolist() == pytest.approx([0.6, 0.3, math.nan], nan_ok=True)


def test_an_edge_that_no_training_bounds_and_an_unknown_guess_have_no_error() -> None:
    rows = table(predicted("open", 100.0), predicted("plain", math.nan), predicted("of another plan", 1.0))
    assert rows["edge_error"].isna().all()
    assert rows["best_error"].tolist() == pytest.approx([2, math.nan, math.nan], nan_ok=True)
    assert rows["reason"].tolist() == ["", "no rate passes", ""]


def test_the_values_of_the_axes_are_compared_as_a_config_has_them() -> None:
    variants = pd.concat([VARIANTS.assign(units=4), VARIANTS.assign(units=6, edge=100.0, edge_high=1000.0)])
    guesses = [predicted("plain", 10.0, place={"units": 6})]
    rows = rate_guess_table(guesses, variants, SUMMARY.assign(units=6), ["units"])
    assert rows[["units", "edge", "edge_error"]].to_numpy().tolist() == [[6, 100, -1]]
    assert list(rows.columns[:3]) == ["variant", "units", "predictor"]


def test_scores_are_bias_rms_and_the_share_within_a_quarter_of_a_decade() -> None:
    guesses = [predicted("plain", 10.0), predicted("batchnorm", 10.0), predicted("open", math.nan)]
    (row,) = guess_score_table(table(*guesses)).to_dict("records")
    assert (row["predicted"], row["not_known"], row["edge_n"], row["best_n"]) == (2, 1, 2, 2)
    assert row["edge_bias"] == pytest.approx(0.5)
    assert row["edge_rms"] == pytest.approx(0.5**0.5)
    assert row["edge_near"] == pytest.approx(0.5)
    assert row["best_bias"] == pytest.approx(1.5)
    # 0.9 - 0.1 and 0.8 - 0.5.
    assert row["regret"] == pytest.approx((0.8 + 0.3) / 2)


def test_each_predictor_has_its_scores_in_the_order_in_which_they_ran() -> None:
    scores = guess_score_table(table(predicted("plain", 1.0), predicted("plain", 10.0, "range-test")))
    assert scores["predictor"].tolist() == ["constant", "range-test"]
    assert scores["edge_bias"].tolist() == pytest.approx([0, 1])


def test_without_guesses_both_tables_are_empty() -> None:
    assert table().empty
    assert guess_score_table(table()).empty
