import math

import pandas as pd
import pytest

from bnbench import courses
from bnbench.analysis import counted
from tables import NONFINITE, history, scores, trials

INF = math.inf


def one(course: list[float], target: float = 0.8, losses: list[float] | None = None, **changes: object) -> dict:
    table = trials({"trial": "a", "validation_loss": (losses or [0.3])[-1]} | changes)
    epochs = history({"a": course}, {"a": losses} if losses else None)
    (row,) = courses.trial_courses(counted(table), epochs, target).to_dict("records")
    return row


def test_the_first_epoch_that_reaches_the_target() -> None:
    row = one([0.1, 0.5, 0.8, 0.7, 0.9])
    assert (row["epochs_to_target"], row["steps_to_target"], row["seconds_to_target"]) == (2, 20, 2.0)


def test_a_target_that_is_never_reached_is_infinitely_far() -> None:
    assert one([0.1, 0.5])["epochs_to_target"] == INF
    assert math.isnan(one([0.1, 0.5], target=math.nan)["epochs_to_target"])


def test_what_diverged_after_the_target_reached_it() -> None:
    assert one([0.1, 0.9], **NONFINITE)["epochs_to_target"] == 1


def test_the_area_under_the_curve_from_the_untrained_model_on() -> None:
    assert one([0.0, 1.0, 1.0])["aulc"] == pytest.approx((0.5 + 1) / 2)
    assert one([0.2, 0.4])["aulc"] == pytest.approx(0.3)


def test_the_area_of_what_diverged_is_at_chance() -> None:
    assert one([0.1, 0.9], **NONFINITE)["aulc"] == pytest.approx(0.1)
    assert one([0.1], **NONFINITE)["aulc"] == pytest.approx(0.1)


def test_overfitting_begins_at_the_lowest_validation_loss() -> None:
    row = one([0.1] * 5, losses=[2.3, 1.0, 0.5, 0.5, 0.8])
    assert row["overfitting_onset"] == 2
    assert row["overfitting_rise"] == pytest.approx(0.3)


def test_what_diverged_rose_to_its_initial_loss() -> None:
    row = one([0.1] * 3, losses=[2.3, 1.0, math.nan], **NONFINITE)
    assert (row["overfitting_onset"], row["overfitting_rise"]) == (1, pytest.approx(1.3))


def test_the_default_target_is_the_median_trial_of_the_baseline() -> None:
    rows = [*scores("plain", *({0.1: 0.9, 1.0: 0.2} for _ in range(4))), *scores("other", {0.1: 0.95})]
    epochs = history({f"plain 0.1 {seed} ": [0.1, best, 0.3] for seed, best in enumerate((0.9, 0.7, 0.8, 0.6))})
    ended = counted(trials(*rows))
    assert courses.default_target(ended, epochs, "plain") == 0.7  # the lower of the two middle ones
    assert math.isnan(courses.default_target(ended, epochs, "none such"))


def test_a_diverged_trial_lowers_the_default_target_to_chance() -> None:
    rows = [{"trial": "a"}, {"trial": "b", "seed": 1} | NONFINITE]
    epochs = history({"a": [0.1, 0.9], "b": [0.1, 0.8]})
    assert courses.default_target(counted(trials(*rows)), epochs, "plain") == pytest.approx(0.1)


def table(*reached: list[float], target: float | None = 0.8) -> pd.DataFrame:
    rows = scores("plain", *({0.1: 0.9, 1.0: None} for _ in reached))
    epochs = history({f"plain 0.1 {seed} ": course for seed, course in enumerate(reached)})
    return courses.course_table(trials(*rows), epochs, "plain", target)


def test_a_row_a_variant_at_its_best_rate() -> None:
    (row,) = table([0.1, 0.9, 0.9], [0.1, 0.5, 0.9], [0.1, 0.9, 0.5]).to_dict("records")
    assert (row["variant"], row["best_rate"], row["n"], row["n_reached"]) == ("plain", 0.1, 3, 3)
    assert (row["epochs_to_target_median"], row["steps_to_target_median"]) == (1, 10)
    assert row["aulc_mean"] == pytest.approx((0.7 + 0.5 + 0.6) / 3)


def test_infinity_stays_in_the_median() -> None:
    assert table([0.1, 0.9], [0.1, 0.5], [0.1, 0.5])["epochs_to_target_median"].tolist() == [INF]
    assert table([0.1, 0.9], [0.1, 0.9], [0.1, 0.5])["epochs_to_target_median"].tolist() == [1]
    assert table([0.1, 0.9], [0.1, 0.5])["epochs_to_target_median"].tolist() == [INF]  # half way to infinity


def test_the_baseline_reaches_its_own_target() -> None:
    (row,) = table([0.1, 0.9], [0.1, 0.5], target=None).to_dict("records")
    assert (row["target"], row["epochs_to_target_median"]) == (0.5, 1)


def test_no_trials_no_rows() -> None:
    assert courses.course_table(trials({}).iloc[:0], history({}), "").empty
