import math

import numpy as np
import pandas as pd
import pytest

from bnbench.analysis import learning_curves
from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.analysis.trials import scored_trials
from support.tables import FAILED, NONFINITE, history, scores, trials

INF = math.inf


def one(course: list[float], target: float = 0.8, losses: list[float] | None = None, **changes: object) -> dict:
    table = trials({"trial": "a", "validation_loss": (losses or [0.3])[-1]} | changes)
    epochs = history({"a": course}, {"a": losses} if losses else None)
    (row,) = learning_curves.trial_curves(scored_trials(table), epochs, target).to_dict("records")
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


def test_how_rough_a_course_is_beside_its_slope() -> None:
    row = one([0.1, 0.2, 0.3, 0.4], losses=[9.0, 1.0, 2.0, 1.0])  # one bend, of -2; the untrained model is no part
    assert row["score_roughness"] == pytest.approx(0)
    assert row["loss_roughness"] == pytest.approx(2 / math.sqrt(6))


def test_the_roughness_of_noise_is_its_sd() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 5000)
    assert one([0.5] * 5000, losses=(10 / np.arange(1, 5001) + noise).tolist())["loss_roughness"] == pytest.approx(
        0.1, rel=0.05
    )


@pytest.mark.parametrize("changes", [NONFINITE, {"validation_score": 0.1}], ids=["diverged", "chance"])
def test_what_learns_nothing_is_not_smooth(changes: dict[str, object]) -> None:
    assert math.isnan(one([0.1] * 5, **changes)["score_roughness"])


def drift(*percentiles: tuple[float, float, float], **changes: object) -> float:
    epochs = history({"a": [0.5] * len(percentiles)})
    epochs[list(PRE_ACTIVATIONS)] = percentiles
    (row,) = learning_curves.trial_curves(scored_trials(trials({"trial": "a"} | changes)), epochs, 0.8).to_dict(
        "records"
    )
    return float(row["pre_activation_drift"])


def test_how_far_pre_activations_move_an_epoch_as_a_share_of_their_spread() -> None:
    assert drift((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)) == 0
    assert drift((-1, 0, 1), (0, 1, 2), (1, 2, 3)) == pytest.approx(0.5)  # by 1 where they are 2 wide
    assert drift((-1, 0, 1), (-2, 0, 2), (-2, 0, 2)) == pytest.approx((2 / 3 + 0) / 2 / (10 / 3))


def test_pre_activations_that_were_not_recorded_or_are_all_one_have_no_drift() -> None:
    assert math.isnan(one([0.1, 0.9])["pre_activation_drift"])
    assert math.isnan(drift((0, 0, 0), (1, 1, 1)))
    assert math.isnan(drift((-1, 0, 1), (0, 1, 2), validation_score=0.1))  # at chance


def test_two_epochs_tell_no_roughness() -> None:
    assert math.isnan(one([0.1, 0.5, 0.4])["score_roughness"])


def test_the_default_target_is_the_median_trial_of_the_baseline() -> None:
    rows = [*scores("plain", *({0.1: 0.9, 1.0: 0.2} for _ in range(4))), *scores("other", {0.1: 0.95})]
    epochs = history({f"plain 0.1 {seed} ": [0.1, best, 0.3] for seed, best in enumerate((0.9, 0.7, 0.8, 0.6))})
    ended = scored_trials(trials(*rows))
    assert learning_curves.default_target(ended, epochs, "plain") == 0.7  # the lower of the two middle ones
    assert math.isnan(learning_curves.default_target(ended, epochs, "none such"))


def test_a_diverged_trial_lowers_the_default_target_to_chance() -> None:
    rows = [{"trial": "a"}, {"trial": "b", "seed": 1} | NONFINITE]
    epochs = history({"a": [0.1, 0.9], "b": [0.1, 0.8]})
    assert learning_curves.default_target(scored_trials(trials(*rows)), epochs, "plain") == pytest.approx(0.1)


def table(*reached: list[float], target: float | None = 0.8) -> pd.DataFrame:
    rows = scores("plain", *({0.1: 0.9, 1.0: None} for _ in reached))
    epochs = history({f"plain 0.1 {seed} ": course for seed, course in enumerate(reached)})
    return learning_curves.curve_table(trials(*rows), epochs, "plain", target)


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
    assert learning_curves.curve_table(trials({}).iloc[:0], history({}), "").empty


def times(*plain: list[float], **normed: list[float]) -> dict[tuple[str, float], float]:
    """The median epochs to the target by variant and rate: courses of plain at .1, all other trials diverged."""
    rows = scores("plain", *({0.1: 0.9, 1.0: None} for _ in plain))
    rows += scores("batchnorm", *({1.0: 0.9} for _ in normed))
    named = {f"plain 0.1 {seed} ": course for seed, course in enumerate(plain)}
    named |= {f"plain 1.0 {seed} ": [0.1] for seed in range(len(plain))}
    named |= {f"batchnorm 1.0 {seed} ": course for seed, course in enumerate(normed.values())}
    found = learning_curves.times_by_rate(trials(*rows), history(named), "plain")
    assert set(found["target"]) == {0.8}
    return {(row["variant"], row["learning_rate"]): row["epochs_to_target"] for row in found.to_dict("records")}


def test_times_at_every_rate_to_what_the_baseline_reaches() -> None:
    assert times([0.1, 0.5, 0.8], a=[0.1, 0.9, 0.9]) == {
        ("plain", 0.1): 2,
        ("plain", 1.0): INF,
        ("batchnorm", 1.0): 1,
    }


def test_the_time_of_a_rate_is_the_median_over_seeds() -> None:
    found = times([0.1, 0.8], a=[0.1, 0.9], b=[0.1, 0.2, 0.9], c=[0.1, 0.2, 0.3, 0.9])
    assert found["batchnorm", 1.0] == 2


def test_where_half_of_the_seeds_never_reach_the_target_the_rate_never_does() -> None:
    assert times([0.1, 0.8], a=[0.1, 0.9], b=[0.1, 0.2])["batchnorm", 1.0] == INF
    assert times([0.1, 0.8], a=[0.1, 0.9], b=[0.1, 0.9], c=[0.1, 0.2])["batchnorm", 1.0] == 1


def at_two_places(*best: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Trials of plain at two values of an axis, which reach these accuracies in their last epoch."""
    axes = ['{"a": 1}', '{"a": 2}']
    rows = [row for text in axes for row in scores("plain", {0.1: 0.9}, axes=text)]
    epochs = history({f"plain 0.1 0 {text}": [0.1, 0.2, score] for text, score in zip(axes, best, strict=True)})
    return trials(*rows), epochs


def test_each_value_of_the_axes_has_its_own_target() -> None:
    found = learning_curves.times_by_rate(*at_two_places(0.7, 0.9), "plain")
    assert found[["a", "target", "epochs_to_target"]].to_numpy().tolist() == [[1, 0.7, 2], [2, 0.9, 2]]


def test_without_the_baseline_there_is_no_target() -> None:
    found = learning_curves.times_by_rate(*at_two_places(0.7, 0.9), "none such")
    assert found["target"].isna().all()
    assert found["epochs_to_target"].isna().all()


def mean_by_epoch(*rows: dict[str, object], **named: list[float]) -> list[float]:
    """The mean validation accuracy of epochs 0, 1, ... of trials of one variant and rate."""
    table = trials(*({"trial": trial} | row for trial, row in zip(named, rows, strict=True)))
    found = learning_curves.mean_by_epoch(table, history(named))
    assert found["epoch"].tolist() == list(range(len(found)))
    assert set(found["learning_rate"]) == {0.1}
    return found["validation_score"].tolist()


def test_the_mean_of_each_epoch_over_seeds() -> None:
    assert mean_by_epoch({}, {"seed": 1}, a=[0.1, 0.4, 0.8], b=[0.1, 0.6, 1.0]) == pytest.approx([0.1, 0.5, 0.9])


def test_a_diverged_trial_is_at_chance_from_its_divergence_on() -> None:
    lost = NONFINITE | {"diverged_at_step": 15}  # in the second epoch of ten steps
    assert mean_by_epoch(lost, {"seed": 1}, a=[0.2, 0.6], b=[0.2, 0.8, 0.9]) == pytest.approx(
        [0.2, 0.7, (0.1 + 0.9) / 2]
    )
    assert mean_by_epoch(lost, a=[0.2, 0.6, 0.7, 0.8]) == pytest.approx([0.2, 0.6, 0.1, 0.1])  # it went on


def test_what_diverged_in_its_first_epoch_is_at_chance_ever_after() -> None:
    assert mean_by_epoch(NONFINITE, {"seed": 1}, a=[0.2], b=[0.2, 0.9, 0.9]) == pytest.approx([0.2, 0.5, 0.5])
    assert mean_by_epoch(NONFINITE, a=[0.2]) == [0.2]


def test_a_trial_that_stopped_early_keeps_what_it_had() -> None:
    assert mean_by_epoch({}, {"seed": 1}, a=[0.2, 0.6], b=[0.2, 0.8, 1.0]) == pytest.approx([0.2, 0.7, 0.8])


def test_rates_variants_and_values_of_the_axes_are_kept_apart() -> None:
    rows = [
        row
        for variant, axis, score in (("plain", 1, 0.3), ("plain", 2, 0.5), ("batchnorm", 1, 0.7))
        for row in scores(variant, {0.1: score, 1.0: score + 0.1}, axes=f'{{"a": {axis}}}')
    ]
    epochs = history({str(row["trial"]): [float(str(row["validation_score"]))] for row in rows})
    found = learning_curves.mean_by_epoch(trials(*rows), epochs)
    columns = ["variant", "a", "learning_rate", "epoch", "validation_score"]
    assert sorted(found[columns].itertuples(index=False, name=None)) == [
        ("batchnorm", 1, 0.1, 0, pytest.approx(0.7)), ("batchnorm", 1, 1.0, 0, pytest.approx(0.8)),
        ("plain", 1, 0.1, 0, pytest.approx(0.3)), ("plain", 1, 1.0, 0, pytest.approx(0.4)),
        ("plain", 2, 0.1, 0, pytest.approx(0.5)), ("plain", 2, 1.0, 0, pytest.approx(0.6)),
    ]  # fmt: skip


def test_a_trial_that_stands_in_two_places_counts_in_both() -> None:
    rows: list[dict[str, object]] = [{"trial": "a", "axes": '{"m": 0.9}'}, {"trial": "a", "axes": '{"m": 0.99}'}]
    found = learning_curves.mean_by_epoch(trials(*rows), history({"a": [0.1, 0.9]}))
    assert found[["m", "epoch", "validation_score"]].to_numpy().tolist() == [
        [0.9, 0, 0.1], [0.99, 0, 0.1], [0.9, 1, 0.9], [0.99, 1, 0.9],
    ]  # fmt: skip


def test_rows_are_in_the_order_of_the_plan() -> None:
    rows: list[dict[str, object]] = [{"trial": "b"}, {"trial": "a", "learning_rate": 1.0}]
    found = learning_curves.mean_by_epoch(trials(*rows), history({"b": [0.1, 0.9], "a": [0.1, 0.8]}))
    assert found["learning_rate"].tolist() == [0.1, 1.0, 0.1, 1.0]


def test_a_failed_trial_has_no_epochs() -> None:
    table = trials({"trial": "a"}, {"trial": "b", "seed": 1} | FAILED)
    found = learning_curves.mean_by_epoch(table, history({"a": [0.1, 0.9], "b": [0.1]}))
    assert found["validation_score"].tolist() == [0.1, 0.9]
