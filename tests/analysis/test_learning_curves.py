import math

import numpy as np
import pandas as pd
import pytest

from bnbench.analysis import learning_curves
from bnbench.analysis.cells import Cells
from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.trials import scored_trials
from support.tables import FAILED, NONFINITE, history, scores, trials

INF = math.inf


def one(curve: list[float], target: float = 0.8, losses: list[float] | None = None, **changes: object) -> dict:
    table = trials({"trial": "a", "validation_loss": (losses or [0.3])[-1]} | changes)
    epochs = history({"a": curve}, {"a": losses} if losses else None)
    (row,) = learning_curves.trial_curves(scored_trials(table), Curves(table, epochs), target).to_dict("records")
    return row


def test_the_first_epoch_that_reaches_the_target() -> None:
    row = one([0.1, 0.5, 0.8, 0.7, 0.9])
    assert (row["epochs_to_target"], row["steps_to_target"], row["seconds_to_target"]) == (2, 20, 2.0)


def test_an_unreached_target_is_infinite() -> None:
    assert one([0.1, 0.5])["epochs_to_target"] == INF
    assert math.isnan(one([0.1, 0.5], target=math.nan)["epochs_to_target"])


def test_a_trial_that_diverges_after_the_target_has_reached_it() -> None:
    assert one([0.1, 0.9], **NONFINITE)["epochs_to_target"] == 1


def test_the_area_under_the_curve_from_the_untrained_model_on() -> None:
    assert one([0.0, 1.0, 1.0])["aulc"] == pytest.approx((0.5 + 1) / 2)
    assert one([0.2, 0.4])["aulc"] == pytest.approx(0.3)


def test_a_diverged_trial_has_an_area_at_chance() -> None:
    assert one([0.1, 0.9], **NONFINITE)["aulc"] == pytest.approx(0.1)
    assert one([0.1], **NONFINITE)["aulc"] == pytest.approx(0.1)


def test_overfitting_begins_at_the_lowest_validation_loss() -> None:
    row = one([0.1] * 5, losses=[2.3, 1.0, 0.5, 0.5, 0.8])
    assert row["overfitting_onset"] == 2
    assert row["overfitting_rise"] == pytest.approx(0.3)


def test_a_diverged_trial_rises_to_its_initial_loss() -> None:
    row = one([0.1] * 3, losses=[2.3, 1.0, math.nan], **NONFINITE)
    assert (row["overfitting_onset"], row["overfitting_rise"]) == (1, pytest.approx(1.3))


def test_roughness_does_not_depend_on_the_slope() -> None:
    # There is one bend, of -2; the untrained model does not count.
    row = one([0.1, 0.2, 0.3, 0.4], losses=[9.0, 1.0, 2.0, 1.0])
    assert row["score_roughness"] == pytest.approx(0)
    assert row["loss_roughness"] == pytest.approx(2 / math.sqrt(6))


def test_the_roughness_of_training_curves_is_that_of_the_training_alone() -> None:
    """The training loss of the made-up history, 2.3 / (1 + epoch), bends by 2.3 (1/2 - 2/3 + 1/4) once in epoch 2."""
    row = one([0.1, 0.5, 0.2, 0.9], losses=[1.0, 0.5, 0.9, 0.2])
    assert row["train_loss_roughness"] == pytest.approx(2.3 / 12 / math.sqrt(6))
    assert row["loss_roughness"] == pytest.approx(1.1 / math.sqrt(6))


def test_the_roughness_of_noise_is_its_sd() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, 5000)
    assert one([0.5] * 5000, losses=(10 / np.arange(1, 5001) + noise).tolist())["loss_roughness"] == pytest.approx(
        0.1, rel=0.05
    )


@pytest.mark.parametrize("changes", [NONFINITE, {"validation_score": 0.1}], ids=["diverged", "chance"])
def test_a_trial_that_learns_nothing_has_no_roughness(changes: dict[str, object]) -> None:
    assert math.isnan(one([0.1] * 5, **changes)["score_roughness"])


def drift(*percentiles: tuple[float, float, float], **changes: object) -> float:
    epochs = history({"a": [0.5] * len(percentiles)})
    epochs[list(PRE_ACTIVATIONS)] = percentiles
    table = trials({"trial": "a"} | changes)
    (row,) = learning_curves.trial_curves(scored_trials(table), Curves(table, epochs), 0.8).to_dict("records")
    return float(row["pre_activation_drift"])


def test_drift_is_the_movement_per_epoch_as_a_share_of_the_spread() -> None:
    assert drift((-1, 0, 1), (-1, 0, 1), (-1, 0, 1)) == 0
    # They move by 1 and are 2 wide.
    assert drift((-1, 0, 1), (0, 1, 2), (1, 2, 3)) == pytest.approx(0.5)
    assert drift((-1, 0, 1), (-2, 0, 2), (-2, 0, 2)) == pytest.approx((2 / 3 + 0) / 2 / (10 / 3))


def test_missing_or_constant_pre_activations_have_no_drift() -> None:
    assert math.isnan(one([0.1, 0.9])["pre_activation_drift"])
    assert math.isnan(drift((0, 0, 0), (1, 1, 1)))
    # At chance
    assert math.isnan(drift((-1, 0, 1), (0, 1, 2), validation_score=0.1))


def test_two_epochs_have_no_roughness() -> None:
    assert math.isnan(one([0.1, 0.5, 0.4])["score_roughness"])


def test_the_default_target_is_the_lowest_trial_of_the_baseline() -> None:
    rows = [*scores("plain", *({0.1: 0.9, 1.0: 0.2} for _ in range(4))), *scores("other", {0.1: 0.95})]
    epochs = history({f"plain 0.1 {seed} ": [0.1, best, 0.3] for seed, best in enumerate((0.9, 0.7, 0.8, 0.6))})
    table = trials(*rows)
    scored, curves = scored_trials(table), Curves(table, epochs)
    assert learning_curves.default_target(scored, curves, "plain") == 0.6
    assert math.isnan(learning_curves.default_target(scored, curves, "none such"))


def test_a_trial_that_does_not_train_sets_no_default_target() -> None:
    table = trials({"trial": "a"}, {"trial": "b", "seed": 1} | NONFINITE, {"trial": "c", "seed": 2})
    curves = Curves(table, history({"a": [0.1, 0.9], "b": [0.1, 0.8], "c": [0.1, 0.85]}))
    assert learning_curves.default_target(scored_trials(table), curves, "plain") == pytest.approx(0.85)


def table(*reached: list[float], target: float | None = 0.8) -> pd.DataFrame:
    planned = trials(*scores("plain", *({0.1: 0.9, 1.0: None} for _ in reached)))
    epochs = history({f"plain 0.1 {seed} ": curve for seed, curve in enumerate(reached)})
    return learning_curves.curve_table(Cells(planned), Curves(planned, epochs), "plain", target)


def test_one_row_per_variant_at_its_best_rate() -> None:
    (row,) = table([0.1, 0.9, 0.9], [0.1, 0.5, 0.9], [0.1, 0.9, 0.5]).to_dict("records")
    assert (row["variant"], row["best_rate"], row["n"], row["n_reached"]) == ("plain", 0.1, 3, 3)
    assert (row["epochs_to_target_median"], row["steps_to_target_median"]) == (1, 10)
    assert row["aulc_mean"] == pytest.approx((0.7 + 0.5 + 0.6) / 3)


def test_infinity_counts_in_the_median() -> None:
    assert table([0.1, 0.9], [0.1, 0.5], [0.1, 0.5])["epochs_to_target_median"].tolist() == [INF]
    assert table([0.1, 0.9], [0.1, 0.9], [0.1, 0.5])["epochs_to_target_median"].tolist() == [1]
    # Half way to infinity
    assert table([0.1, 0.9], [0.1, 0.5])["epochs_to_target_median"].tolist() == [INF]


def test_the_baseline_reaches_its_own_target() -> None:
    (row,) = table([0.1, 0.9], [0.1, 0.5], target=None).to_dict("records")
    assert (row["target"], row["epochs_to_target_median"]) == (0.5, 1)


def test_no_trials_no_rows() -> None:
    none = trials({}).iloc[:0]
    assert learning_curves.curve_table(Cells(none), Curves(none, history({})), "").empty


def times(*plain: list[float], **normed: list[float]) -> dict[tuple[str, float], float]:
    """Return the median epochs to the target by variant and rate: curves of plain at 0.1, other trials diverged."""
    rows = scores("plain", *({0.1: 0.9, 1.0: None} for _ in plain))
    rows += scores("batchnorm", *({1.0: 0.9} for _ in normed))
    named = {f"plain 0.1 {seed} ": curve for seed, curve in enumerate(plain)}
    named |= {f"plain 1.0 {seed} ": [0.1] for seed in range(len(plain))}
    named |= {f"batchnorm 1.0 {seed} ": curve for seed, curve in enumerate(normed.values())}
    planned = trials(*rows)
    result = learning_curves.times_by_rate(Cells(planned), Curves(planned, history(named)), "plain")
    assert set(result["target"]) == {0.8}
    return {(row["variant"], row["learning_rate"]): row["epochs_to_target"] for row in result.to_dict("records")}


def test_times_at_every_rate_to_the_score_of_the_baseline() -> None:
    assert times([0.1, 0.5, 0.8], a=[0.1, 0.9, 0.9]) == {
        ("plain", 0.1): 2,
        ("plain", 1.0): INF,
        ("batchnorm", 1.0): 1,
    }


def test_the_time_of_a_rate_is_the_median_over_seeds() -> None:
    result = times([0.1, 0.8], a=[0.1, 0.9], b=[0.1, 0.2, 0.9], c=[0.1, 0.2, 0.3, 0.9])
    assert result["batchnorm", 1.0] == 2


def test_if_half_of_the_seeds_never_reach_the_target_the_median_is_infinite() -> None:
    assert times([0.1, 0.8], a=[0.1, 0.9], b=[0.1, 0.2])["batchnorm", 1.0] == INF
    assert times([0.1, 0.8], a=[0.1, 0.9], b=[0.1, 0.9], c=[0.1, 0.2])["batchnorm", 1.0] == 1


def at_two_places(*best: float) -> tuple[Cells, Curves]:
    """Return trials of plain at two values of an axis, with these scores in their last epoch."""
    axes = ['{"a": 1}', '{"a": 2}']
    rows = [row for text in axes for row in scores("plain", {0.1: 0.9}, axes=text)]
    epochs = history({f"plain 0.1 0 {text}": [0.1, 0.2, score] for text, score in zip(axes, best, strict=True)})
    planned = trials(*rows)
    return Cells(planned), Curves(planned, epochs)


def test_each_value_of_the_axes_has_its_own_target() -> None:
    result = learning_curves.times_by_rate(*at_two_places(0.7, 0.9), "plain")
    assert result[["a", "target", "epochs_to_target"]].to_numpy().tolist() == [[1, 0.7, 2], [2, 0.9, 2]]


def test_without_the_baseline_there_is_no_target() -> None:
    result = learning_curves.times_by_rate(*at_two_places(0.7, 0.9), "none such")
    assert result["target"].isna().all()
    assert result["epochs_to_target"].isna().all()


def mean_by_epoch(*rows: dict[str, object], **named: list[float]) -> list[float]:
    """Return the mean validation score of epochs 0, 1, ... of trials of one variant and rate."""
    table = trials(*({"trial": trial} | row for trial, row in zip(named, rows, strict=True)))
    result = learning_curves.mean_by_epoch(table, history(named))
    assert result["epoch"].tolist() == list(range(len(result)))
    assert set(result["learning_rate"]) == {0.1}
    return result["validation_score"].tolist()


def test_the_mean_of_each_epoch_over_seeds() -> None:
    assert mean_by_epoch({}, {"seed": 1}, a=[0.1, 0.4, 0.8], b=[0.1, 0.6, 1.0]) == pytest.approx([0.1, 0.5, 0.9])


def test_a_diverged_trial_is_at_chance_from_its_divergence_on() -> None:
    # In the second epoch of ten steps
    lost = NONFINITE | {"diverged_at_step": 15}
    assert mean_by_epoch(lost, {"seed": 1}, a=[0.2, 0.6], b=[0.2, 0.8, 0.9]) == pytest.approx(
        [0.2, 0.7, (0.1 + 0.9) / 2]
    )
    # The trial continues after its divergence.
    assert mean_by_epoch(lost, a=[0.2, 0.6, 0.7, 0.8]) == pytest.approx([0.2, 0.6, 0.1, 0.1])


def test_a_trial_that_diverges_in_its_first_epoch_stays_at_chance() -> None:
    assert mean_by_epoch(NONFINITE, {"seed": 1}, a=[0.2], b=[0.2, 0.9, 0.9]) == pytest.approx([0.2, 0.5, 0.5])
    assert mean_by_epoch(NONFINITE, a=[0.2]) == [0.2]


def test_a_trial_that_stops_early_keeps_its_last_score() -> None:
    assert mean_by_epoch({}, {"seed": 1}, a=[0.2, 0.6], b=[0.2, 0.8, 1.0]) == pytest.approx([0.2, 0.7, 0.8])


def test_rates_variants_and_axis_values_have_rows_of_their_own() -> None:
    rows = [
        row
        for variant, axis, score in (("plain", 1, 0.3), ("plain", 2, 0.5), ("batchnorm", 1, 0.7))
        for row in scores(variant, {0.1: score, 1.0: score + 0.1}, axes=f'{{"a": {axis}}}')
    ]
    epochs = history({str(row["trial"]): [float(str(row["validation_score"]))] for row in rows})
    result = learning_curves.mean_by_epoch(trials(*rows), epochs)
    columns = ["variant", "a", "learning_rate", "epoch", "validation_score"]
    assert sorted(result[columns].itertuples(index=False, name=None)) == [
        ("batchnorm", 1, 0.1, 0, pytest.approx(0.7)), ("batchnorm", 1, 1.0, 0, pytest.approx(0.8)),
        ("plain", 1, 0.1, 0, pytest.approx(0.3)), ("plain", 1, 1.0, 0, pytest.approx(0.4)),
        ("plain", 2, 0.1, 0, pytest.approx(0.5)), ("plain", 2, 1.0, 0, pytest.approx(0.6)),
    ]  # fmt: skip


def test_a_trial_at_two_axis_values_counts_at_both() -> None:
    rows: list[dict[str, object]] = [{"trial": "a", "axes": '{"m": 0.9}'}, {"trial": "a", "axes": '{"m": 0.99}'}]
    result = learning_curves.mean_by_epoch(trials(*rows), history({"a": [0.1, 0.9]}))
    assert result[["m", "epoch", "validation_score"]].to_numpy().tolist() == [
        [0.9, 0, 0.1], [0.99, 0, 0.1], [0.9, 1, 0.9], [0.99, 1, 0.9],
    ]  # fmt: skip


def test_rows_are_in_the_order_of_the_plan() -> None:
    rows: list[dict[str, object]] = [{"trial": "b"}, {"trial": "a", "learning_rate": 1.0}]
    result = learning_curves.mean_by_epoch(trials(*rows), history({"b": [0.1, 0.9], "a": [0.1, 0.8]}))
    assert result["learning_rate"].tolist() == [0.1, 1.0, 0.1, 1.0]


def test_a_failed_trial_has_no_epochs() -> None:
    table = trials({"trial": "a"}, {"trial": "b", "seed": 1} | FAILED)
    result = learning_curves.mean_by_epoch(table, history({"a": [0.1, 0.9], "b": [0.1]}))
    assert result["validation_score"].tolist() == [0.1, 0.9]
