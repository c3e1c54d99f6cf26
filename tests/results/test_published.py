import math
from typing import Any

import pandas as pd
import pytest

from bnbench.analysis.learning_curves import Curves
from bnbench.config.expectations import Published
from bnbench.results import published
from support.tables import FAILED, history, scores, trials

PLAIN = scores("plain", *({0.1: top, 1.0: 0.5} for top in (0.8, 0.9, 1.0)))
NORMED = scores("batchnorm", *({0.1: 0.5, 1.0: top} for top in (0.9, 0.9)))
NO_HISTORY = history({})


def value(**values: Any) -> Published:
    named = {"source": "Table 1", "variant": "plain", "metric": "validation_score", "value": 0.7, "note": "n"}
    return Published.model_validate(named | values)


def compared(
    *values: Published, rows: list[dict[str, object]] = PLAIN + NORMED, epochs: pd.DataFrame = NO_HISTORY
) -> list[dict[str, Any]]:
    table = trials(*rows)
    return published.compare_published(values, table, Curves(table, epochs), "plain").to_dict("records")


def test_our_value_is_at_our_best_rate_with_its_interval() -> None:
    (row,) = compared(value())
    assert (row["source"], row["variant"], row["metric"], row["note"]) == (
        "Table 1",
        "plain",
        "validation_score",
        "n",
    )
    assert (row["learning_rate"], row["published"], row["n"]) == (0.1, 0.7, 3)
    assert (row["mean"], row["sd"], row["difference"]) == pytest.approx((0.9, 0.1, 0.2))
    half = 4.302653 * 0.1 / math.sqrt(3)
    assert (row["low"], row["high"]) == pytest.approx((0.9 - half, 0.9 + half))


def test_a_value_at_one_rate_is_compared_at_that_rate() -> None:
    (row,) = compared(value(at=1.0))
    assert (row["learning_rate"], row["mean"]) == (1.0, 0.5)


def test_two_seeds_have_no_interval() -> None:
    (row,) = compared(value(variant="batchnorm"))
    assert (row["mean"], row["n"]) == (pytest.approx(0.9), 2)
    assert math.isnan(row["low"])


@pytest.mark.parametrize(
    ("reached", "share", "low", "high"), [([0.9] * 5, 1, 0.47818, 1), ([0.9, 0.1, 0.9], 2 / 3, 0.09430, 0.99160)]
)
def test_a_share_of_seeds_has_its_exact_interval(reached: list[float], share: float, low: float, high: float) -> None:
    rows = scores("plain", *({0.1: score} for score in reached))
    (row,) = compared(value(metric="ok", at=0.1), rows=rows)
    # scipy.stats.binomtest(k, n).proportion_ci()
    assert (row["mean"], row["low"], row["high"]) == pytest.approx((share, low, high), abs=5e-6)
    assert published.published_lies(row) == "within"


def test_a_metric_of_all_rates_has_no_rate() -> None:
    (row,) = compared(value(metric="best_rate", value=0.1))
    assert math.isnan(row["learning_rate"])
    assert (row["mean"], row["n"], row["difference"]) == pytest.approx((0.1, 3, 0))


def test_time_to_a_target_that_was_published() -> None:
    epochs = history({f"plain 0.1 {seed} ": [0.1, 0.5, 0.9] for seed in range(3)})
    (row,) = compared(value(metric="epochs_to_target", value=3, target=0.6), epochs=epochs)
    assert (row["mean"], row["difference"]) == (2, -1)


def test_each_published_value_and_axis_value_has_a_row() -> None:
    rows = [
        row
        for units, score in ((50, 0.8), (100, 0.9))
        for row in scores("plain", {0.1: score}, axes=f'{{"model.params.units": {units}}}')
    ]
    result = compared(value(), value(where={"model.params.units": 100}), rows=rows)
    assert [(row["model.params.units"], row["mean"]) for row in result] == [(50, 0.8), (100, 0.9), (100, 0.9)]
    # The trials have no such axis.
    assert compared(value(where={"train.epochs": 3}), rows=rows) == []


@pytest.mark.parametrize("metric", ["validation_score", "epochs_to_target", "stable_width", "ok"])
def test_unfinished_trials_give_missing_values(metric: str) -> None:
    for rows in (NORMED, [row | FAILED for row in PLAIN]):
        (row,) = compared(value(metric=metric), rows=rows)
        assert (row["n"], math.isnan(row["mean"]), math.isnan(row["difference"])) == (0, True, True)


def test_nothing_published_is_an_empty_table() -> None:
    assert compared() == []


def test_before_the_first_trial_has_finished_our_value_is_missing() -> None:
    none = trials({}).iloc[:0]
    (row,) = published.compare_published([value()], none, Curves(none, NO_HISTORY), "").to_dict("records")
    assert (row["n"], row["published"]) == (0, 0.7)


def test_a_target_that_is_never_reached_has_no_difference() -> None:
    epochs = history({f"plain 0.1 {seed} ": [0.1, 0.5, 0.5] for seed in range(3)})
    (row,) = compared(value(metric="epochs_to_target", value="never", target=0.6), epochs=epochs)
    assert (row["published"], row["mean"]) == (math.inf, math.inf)
    (row,) = compared(value(metric="epochs_to_target", value="never", target=0.4), epochs=epochs)
    assert (row["published"], row["mean"]) == (math.inf, 1)


def test_a_value_after_an_epoch_is_compared_with_ours_after_it() -> None:
    epochs = history({f"plain 0.1 {seed} ": [0.1, 0.5 + seed / 10, 0.9] for seed in range(3)})
    (row,) = compared(value(epoch=1, basis="read"), epochs=epochs)
    assert (row["epoch"], row["mean"], row["basis"]) == (1, pytest.approx(0.6), "read")
    (row,) = compared(value(), epochs=epochs)
    assert (math.isnan(row["epoch"]), row["basis"]) == (True, "")


@pytest.mark.parametrize(("number", "shown"), [(0.9, ""), (0.3, "other images"), (0.99999, "")])
def test_the_reason_is_shown_only_for_a_value_outside_the_interval(number: float, shown: str) -> None:
    (row,) = compared(value(value=number, why_outside="other images"))
    assert row["why_outside"] == shown
