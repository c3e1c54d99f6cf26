import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bnbench.analysis.columns import MEASURES
from bnbench.cli.format import _where_they_differ, format_comparison
from bnbench.errors import ResultsError
from bnbench.results import compare
from bnbench.results.compare import Comparison, Difference, OutcomePair
from support.kept import keep

COLUMNS = ["variant", "learning_rate", "seed", "a", "b"]
PLAIN = {"variants": {"plain": {}}}


def compared(place: Path, a: list[float | str], b: list[float | str], **changes: Any) -> Comparison:
    """Two folders of the small experiment; `changes` are B's."""
    return compare.compare_results(keep(place / "a", a), keep(place / "b", b, **changes), "validation_score")


def test_mean_paired_difference_with_its_interval(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"sweep__seeds": 3, "sweep__learning_rate": [0.1], **PLAIN}
    a, b = keep(tmp_path / "a", [0.7, 0.75, 0.8], **changes), keep(tmp_path / "b", [0.7, 0.85, 1.0], **changes)
    result = compare.compare_results(a, b, "validation_score")
    (row,) = result.rates.to_dict("records")
    assert (row["variant"], row["learning_rate"], row["n"]) == ("plain", 0.1, 3)
    assert (row["mean_a"], row["mean_b"]) == pytest.approx((0.75, 0.85))
    # Of 0, 0.1, 0.2
    assert (row["difference"], row["sd"]) == pytest.approx((0.1, 0.1))
    # t of 2 degrees of freedom
    assert row["high"] - 0.1 == pytest.approx(4.30265 * 0.1 / math.sqrt(3), rel=1e-4)
    assert math.isnan(result.p)
    (loss,) = compare.compare_results(a, b, "test_loss").rates.to_dict("records")
    # A made-up trial's losses are 1 - accuracy
    assert loss["difference"] == pytest.approx(-0.1)


def test_no_interval_below_three_seeds_and_no_test_below_six_however_many_pairs(tmp_path: Path) -> None:
    result = compared(tmp_path, [0.8] * 8, [0.9] * 6)
    assert result.rates["n"].tolist() == [2, 2, 2]
    assert result.rates["low"].isna().all()
    assert math.isnan(result.p)
    assert (result.pairs, result.only_a, result.only_b) == (6, 2, 0)


def test_a_seed_is_one_observation_whatever_the_number_of_its_pairs(tmp_path: Path) -> None:
    a, b = (keep(tmp_path / name, [score] * 24, sweep__seeds=6) for name, score in (("a", 0.8), ("b", 0.9)))
    result = compare.compare_results(a, b, "validation_score")
    assert result.pairs == 24
    assert result.p == pytest.approx(2 / 2**6)


def test_a_diverged_trial_counts_at_chance_and_its_change_is_listed(tmp_path: Path) -> None:
    result = compared(tmp_path, [0.8] * 8, [0.8, "nonfinite"] + [0.8] * 6)
    assert result.changed == (OutcomePair("plain lr=0.01 seed=1", "ok", "nonfinite"),)
    assert result.rates["difference"].tolist() == pytest.approx([(1 / 3 - 0.8) / 2, 0, 0, 0])


def test_a_failed_trial_is_in_no_mean_and_beyond_any_tolerance(tmp_path: Path) -> None:
    result = compared(tmp_path, ["failed"] + [0.8] * 7, ["failed", "failed"] + [0.8] * 6)
    assert result.pairs == 6
    assert result.changed == (OutcomePair("plain lr=0.01 seed=1", "ok", "failed"),)
    assert compare.beyond_tolerance(result, 1.0) == ["plain lr=0.01 seed=0: failed", "plain lr=0.01 seed=1: failed"]


def test_a_missing_score_makes_the_mean_missing(tmp_path: Path) -> None:
    pairs = pd.DataFrame([["plain", 0.1, s, 0.8, b] for s, b in enumerate((0.8, math.nan))], columns=COLUMNS)
    rates = compare.by_rate(pairs, [])
    assert rates[["mean_b", "difference"]].isna().all(axis=None)
    result = replace(compared(tmp_path, [0.8] * 8, [0.8] * 8), rates=rates)
    assert compare.beyond_tolerance(result, 1.0) == ["plain lr=0.1: +nan"]


def test_trials_are_paired_by_their_keys_whatever_their_order_and_settings(tmp_path: Path) -> None:
    changes = {"variants": {"batchnorm": {"norm": "batch"}, "plain": {}}, "sweep__learning_rate": [0.1, 1.0]}
    result = compared(tmp_path, [0.7] * 4 + [0.8] * 4, [0.9] * 4 + [0.75] * 4, train__epochs=9, **changes)
    assert result.rates[["variant", "learning_rate", "n"]].to_numpy().tolist() == [
        ["plain", 0.1, 2],
        ["batchnorm", 0.1, 2],
    ]
    assert result.rates["difference"].tolist() == pytest.approx([0.05, 0.1])
    assert (result.only_a, result.only_b) == (4, 4)


def test_further_axes_pair_too_and_a_missing_value_equals_itself(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"sweep__grid": {"train.steps_per_epoch": [None, 2]}, **PLAIN}
    a, b = keep(tmp_path / "a", [0.7] * 8, **changes), keep(tmp_path / "b", [0.7] * 4 + [0.8] * 4, **changes)
    result = compare.compare_results(a, b, "validation_score")
    assert result.pairs == 8
    assert result.rates["difference"].tolist() == pytest.approx([0, 0, 0.1, 0.1])
    assert "plain steps_per_epoch=2 lr=0.01: +0.1" in compare.beyond_tolerance(result, 0.05)


def test_settings_and_environments_that_differ(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "environment.json").write_text('{"packages": {"keras": "3.15.0"}}', encoding="utf-8")
    result = compared(
        tmp_path, [0.8] * 8, [0.8] * 8, train={"epochs": 5, "batch_size": 8, "optimizer": {"adam": {"beta_1": 0.8}}}
    )
    assert result.settings == (
        Difference("train.epochs", 3, 5),
        Difference("train.optimizer.name", "sgd", "adam"),
        Difference("train.optimizer.momentum", 0.9, compare.NOT_SET),
        Difference("train.optimizer.beta_1", compare.NOT_SET, 0.8),
    )
    assert result.environment == (Difference("packages", compare.NOT_SET, {"keras": "3.15.0"}),)


def test_nested_values_are_compared_key_by_key() -> None:
    a = {"layers": [{"dense": 3}, "norm"], "seeds": [0, 1], "same": {"x": 1.0}}
    b = {"layers": [{"dense": 4}, "norm"], "seeds": [0, 1, 2], "same": {"x": 1}}
    result = list(compare.differences(a, b))
    assert result == [Difference("layers[0].dense", 3, 4), Difference("seeds", [0, 1], [0, 1, 2])]


@pytest.mark.parametrize(("tolerance", "past"), [(0.0, 1), (0.0499, 1), (0.05, 0), (1.0, 0)])
def test_a_mean_difference_beyond_the_tolerance_in_either_direction(
    tmp_path: Path, tolerance: float, past: int
) -> None:
    worse = compared(tmp_path / "x", [0.8] * 8, [0.8, 0.8, 0.75, 0.75] + [0.8] * 4)
    better = compared(tmp_path / "y", [0.8] * 8, [0.8, 0.8, 0.85, 0.85] + [0.8] * 4)
    for result, difference in ((worse, "-0.05"), (better, "+0.05")):
        assert compare.beyond_tolerance(result, tolerance) == [f"plain lr=0.1: {difference}"] * past


@pytest.mark.parametrize("tolerance", [-0.1, math.nan])
def test_a_negative_or_missing_tolerance_is_refused(tmp_path: Path, tolerance: float) -> None:
    result = compared(tmp_path, [0.8] * 8, [0.8] * 8)
    with pytest.raises(ResultsError, match="wanted a number of at least 0"):
        compare.beyond_tolerance(result, tolerance)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sweep__learning_rate": [1.0, 10.0]}, r"no common learning_rate: 0.01, 0.1 in .*a, 1, 10 in .*b"),
        ({"sweep__seeds": [7]}, r"no common seed: 0, 1 in .*a, 7 in .*b"),
        ({"variants": {"bn": {"norm": "batch"}}}, r"no common variant: plain, batchnorm in .*a, bn in .*b"),
        (
            {"sweep__grid": {"train.epochs": [1]}},
            r"a sweeps the learning rate alone and .*b sweeps train.epochs: wanted the same further axes",
        ),
    ],
    ids=str,
)
def test_results_without_a_common_trial_say_where_they_differ(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ResultsError, match=message):
        compared(tmp_path, [0.8] * 8, [0.8] * 8, **changes)


def test_unfinished_results_say_so(tmp_path: Path) -> None:
    with pytest.raises(ResultsError, match=r"no trial of .*b has finished"):
        compared(tmp_path / "x", [0.8] * 8, [])
    with pytest.raises(ResultsError, match="both have every value of each axis, but not in one trial"):
        compared(tmp_path / "y", [0.8] * 3, [0.8], sweep__seeds=[1], sweep__learning_rate=[0.1])


def test_one_folder_is_not_compared_with_itself(tmp_path: Path) -> None:
    folder = keep(tmp_path / "a", [0.8])
    with pytest.raises(ResultsError, match="are one folder: wanted two"):
        compare.compare_results(folder, tmp_path / "b" / ".." / "a", "test_loss")
    with pytest.raises(ResultsError, match=r"no results here .*; there are a"):
        compare.compare_results(folder, tmp_path / "b", "test_loss")


def test_the_text_and_the_json_say_the_same(tmp_path: Path) -> None:
    result = compared(tmp_path, [0.8] * 8, [0.9, 0.9, "nonfinite"] + [0.9] * 5, train__epochs=5)
    text = format_comparison(result, "a", "b")
    assert "settings: 1 differ  A  B\ntrain.epochs        3  5" in text
    assert "environment: the same" in text
    assert "plain      0.01  2  80.0%  90.0%  +10.0 points  0.0%" in text
    assert "no interval below n = 3; no test below 6 seeds" in text
    assert "outcomes: 1 differ   A   B\nplain lr=0.1 seed=0  ok  nonfinite" in text
    again = json.loads(compare.comparison_as_json(result))
    assert again["rates"][0]["difference"] == pytest.approx(0.1)
    assert again["rates"][0]["low"] is None
    assert again["settings"] == [{"key": "train.epochs", "a": 3, "b": 5}]
    assert again["changed"] == [{"trial": "plain lr=0.1 seed=0", "a": "ok", "b": "nonfinite"}]
    assert json.loads(compare.comparison_as_json(replace(result, p=math.nan)))["p"] is None


def test_long_values_are_shown_where_they_differ() -> None:
    first, second = _where_they_differ("x" * 80 + "one" + "y" * 80, "x" * 80 + "two")
    assert first == "..." + "x" * 10 + "one" + "y" * 37 + "..."
    assert second == "..." + "x" * 10 + "two"


@pytest.mark.parametrize("score", MEASURES)
def test_every_score_can_be_compared(tmp_path: Path, score: str) -> None:
    folders = keep(tmp_path / "a", [0.8] * 8), keep(tmp_path / "b", [0.8] * 8)
    assert compare.compare_results(*folders, score).score == score


def test_a_former_name_of_a_score_is_accepted_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folders = keep(tmp_path / "a", [0.8] * 8), keep(tmp_path / "b", [0.9] * 8)
    comparison = compare.compare_results(*folders, "test_accuracy")
    assert (comparison.score, comparison.score_name) == ("test_score", "accuracy")
    assert comparison.rates["difference"].tolist() == pytest.approx([0.1] * 4)
    assert caplog.messages == ["--score: 'test_accuracy' is now called 'test_score'"]
    with pytest.raises(ResultsError, match=r"--score: 'test_scores' is not one of .*did you mean 'test_score'"):
        compare.compare_results(*folders, "test_scores")
