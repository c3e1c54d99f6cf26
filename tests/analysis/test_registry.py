from dataclasses import fields

import pandas as pd
import pytest

from bnbench.analysis import registry
from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.lr_metrics import RateMetrics
from bnbench.analysis.per_seed import with_trial_metrics
from bnbench.analysis.registry import METRICS, Metric, find_metric
from bnbench.config.expectations import Claim
from bnbench.results.claims import judge_claims
from support.tables import BLOWN, history, scores, trials

RATE_METRICS = {field.name for field in fields(RateMetrics)}
PLAIN = scores("plain", *({0.1: 0.8, 1.0: 0.5} for _ in range(3)))
NORMED = scores("batchnorm", *({0.1: top, 1.0: 0.6} for top in (0.88, 0.9, 0.92)))


def test_former_names_are_found_and_belong_to_one_metric() -> None:
    assert find_metric("validation_accuracy") is find_metric("validation_r2") is METRICS["validation_score"]
    assert find_metric("lr_sensitivity_centred") is METRICS["lr_sensitivity_centered"]
    assert find_metric("accuracy_gap") is METRICS["score_gap"]
    assert find_metric("accuracy") is None
    former = [name for metric in METRICS.values() for name in metric.former]
    assert len(set(former)) == len(former)
    assert not set(former) & set(METRICS)


def test_a_metric_over_rates_without_a_function_is_a_field_of_rate_metrics() -> None:
    over_rates = {name for name, metric in METRICS.items() if metric.over_rates and not metric.measure_rates}
    # The edge is known from all seeds together.
    assert over_rates - {"edge"} <= RATE_METRICS
    assert len(over_rates) == 7


def test_only_rates_and_widths_are_read_off_the_grid() -> None:
    assert {name: metric.grid_steps for name, metric in METRICS.items() if metric.scale != "linear"} == {
        "best_rate": 2,
        "edge": 0,
        "stable_width": 2,
    }


def judge(**values: object) -> dict[str, object]:
    claim = Claim.model_validate({"text": "x", "of": "batchnorm"} | values)
    table = trials(*PLAIN, *NORMED)
    (row,) = judge_claims([claim], table, Curves(table, history({})), "plain").to_dict("records")
    return row


def test_the_spread_of_predictions_is_missing_for_a_diverged_trial_and_in_earlier_results() -> None:
    rows = [{"prediction_spread": 0.4}, {"prediction_spread": 9e9} | BLOWN, {}]
    claim = Claim.model_validate(
        {"text": "x", "metric": "prediction_spread", "of": "plain", "value": {"at_most": 0.001}}
    )
    planned = trials(*rows)
    table = with_trial_metrics(planned, Curves(planned, history({})), claim, "plain")
    assert table["prediction_spread"].fillna(-1).tolist() == [0.4, -1, -1]
    # The wider spread wins.
    assert METRICS["prediction_spread"].higher_is_better


def test_gaps_of_statistics_are_missing_for_a_diverged_trial() -> None:
    measured = {"bn_mode_gap": 0.1, "validation_score": 0.75, "reestimated_score": 0.875}
    claim = Claim.model_validate({"text": "x", "metric": "reestimated_gap", "of": "plain", "value": {"at_most": 0.1}})
    planned = trials(measured, measured | BLOWN, {})
    table = with_trial_metrics(planned, Curves(planned, history({})), claim, "plain")
    assert table["reestimated_gap"].fillna(-1).tolist() == [0.125, -1, -1]
    mode = METRICS["bn_mode_gap"].measure_trials
    assert mode is not None
    assert mode(planned, history({})).fillna(-1).tolist() == [0.1, -1, -1]


def test_a_diverged_trial_counts_as_guessing_in_f1_and_in_the_top_k() -> None:
    measured = {"test_macro_f1": 0.6, "test_top_k": 0.8, "top_k": 5}
    claim = Claim.model_validate({"text": "x", "metric": "test_top_k", "of": "plain", "value": {"at_least": 0.5}})
    planned = trials(measured, measured | BLOWN, {"top_k": 5})
    table = with_trial_metrics(planned, Curves(planned, history({})), claim, "plain")
    # Of ten classes one has the F1 2 / 11, and the others have 0.
    assert table["test_macro_f1"].fillna(-1).tolist() == pytest.approx([0.6, 0.2 / 11, -1])
    assert table["test_top_k"].fillna(-1).tolist() == pytest.approx([0.8, 0.5, -1])


def test_a_metric_of_trials_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """A made-up metric needs a record and its function, and a claim can name it."""

    def errors(table: pd.DataFrame, _: pd.DataFrame) -> "pd.Series[float]":
        return 1 - table["validation_score"]

    metric = Metric("error_rate", "share of wrong rows", higher_is_better=False, measure_trials=errors)
    monkeypatch.setitem(registry.METRICS, "error_rate", metric)
    row = judge(metric="error_rate", difference={"at_most": 0})
    assert row["estimate"] == pytest.approx(-0.1)
    assert (row["metric"], row["n"], row["verdict"]) == ("error_rate", 3, "supported")
    # Fewer errors are better.
    assert judge(metric="error_rate", probability={"at_least": 0.4})["estimate"] == 1


def test_a_metric_over_rates_is_one_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def spread(table: pd.DataFrame) -> float:
        return float(table["validation_score"].max() - table["validation_score"].min())

    metric = Metric("score_spread", "highest minus lowest score", over_rates=True, measure_rates=spread)
    monkeypatch.setitem(registry.METRICS, "score_spread", metric)
    row = judge(metric="score_spread", value={"at_least": 0})
    assert (row["estimate"], row["n"]) == (pytest.approx(0.3), 3)


def test_a_metric_that_is_not_registered_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'test_acuracy' is not one of .*did you mean 'test_accuracy'"):
        judge(metric="test_acuracy", value={"at_least": 0})
