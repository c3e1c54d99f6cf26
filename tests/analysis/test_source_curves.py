import numpy as np
import pandas as pd
import pytest

from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.registry import METRICS
from bnbench.analysis.source_curves import (
    CURVE_SCORES,
    SourceCurves,
    source_curves,
    source_predictions,
    source_rates,
    trials_at,
)
from support.tables import BLOWN, FAILED, NONFINITE, history, scores, trials

NAN = np.nan
UNITS = "model.params.units"


def curves_of(*rows: dict[str, object], epochs: dict[str, list[float]], x: str = "epoch") -> SourceCurves:
    """Return the curves of some trials t0, t1 ...; an epoch has ten steps."""
    return source_curves(trials(*rows), history(epochs), [], x)  # type: ignore[arg-type]


def points(table: pd.DataFrame, score: str = "validation_score") -> list[tuple[float, float]]:
    return list(table[["x", score]].itertuples(index=False, name=None))


def test_each_variant_has_its_own_best_rate_or_all_have_one_rate() -> None:
    plain = scores("plain", {0.1: 0.8, 1.0: 0.5}, {0.1: 0.9, 1.0: 0.5})
    normed = scores("batchnorm", {0.1: 0.8, 1.0: 0.9}, {0.1: 0.8, 1.0: 0.9})
    table = trials(*plain, *normed, *scores("other", {0.1: 0.9}))
    best = trials_at(table, [], ["batchnorm", "plain"], "best")
    # In the order of the names.
    assert best["variant"].tolist() == ["batchnorm"] * 2 + ["plain"] * 2
    assert best["learning_rate"].tolist() == [1.0, 1.0, 0.1, 0.1]
    assert trials_at(table, [], ["plain"], 1.0)["learning_rate"].tolist() == [1.0, 1.0]
    assert trials_at(table, [], ["plain"], 0.5).empty
    assert trials_at(table, [], ["nobody"], "best").empty


def test_a_variant_has_a_best_rate_at_each_value_of_an_axis() -> None:
    few = scores("plain", {0.1: 0.9, 1.0: 0.5}, axes=f'{{"{UNITS}": 5}}')
    many = scores("plain", {0.1: 0.5, 1.0: 0.9}, axes=f'{{"{UNITS}": 50}}')
    best = trials_at(trials(*few, *many), [UNITS], ["plain"], "best")
    assert best[[UNITS, "learning_rate"]].to_numpy().tolist() == [[5, 0.1], [50, 1.0]]


def test_a_failed_trial_has_no_curve() -> None:
    assert trials_at(trials({"seed": 0}, {"seed": 1} | FAILED), [], ["plain"], 0.1)["seed"].tolist() == [0]


def test_curves_begin_after_the_first_epoch_and_have_their_mean() -> None:
    curves = curves_of({"seed": 0}, {"seed": 1}, epochs={"t0": [0.1, 0.4, 0.8], "t1": [0.1, 0.6, 0.9]})
    assert points(curves.lines) == [(1, 0.4), (2, 0.8), (1, 0.6), (2, 0.9)]
    assert curves.lines["seed"].tolist() == [0, 0, 1, 1]
    assert points(curves.means) == [(1, 0.5), (2, pytest.approx(0.85))]
    assert curves.means["n"].tolist() == [2, 2]
    assert curves.crosses.empty
    # The training loss of the table is 2.3 / (1 + epoch).
    assert points(curves.means, "train_loss") == [(1, 1.15), (2, pytest.approx(2.3 / 3))]


def test_curves_may_be_against_steps() -> None:
    curves = curves_of({}, epochs={"t0": [0.1, 0.4, 0.8]}, x="step")
    assert points(curves.lines) == points(curves.means) == [(10, 0.4), (20, 0.8)]


def test_a_diverged_trial_ends_where_it_diverged_and_so_does_the_mean() -> None:
    lost = BLOWN | {"diverged_at_step": 25}
    epochs = {"t0": [0.1, 0.4, 0.8, 0.9], "t1": [0.1, 0.6, 0.7, 0.1]}
    curves = curves_of({"seed": 0}, {"seed": 1} | lost, epochs=epochs)
    assert points(curves.lines) == [(1, 0.4), (2, 0.8), (3, 0.9), (1, 0.6), (2, 0.7)]
    # 25 steps are two and a half epochs; the last known score is that of epoch 2.
    assert points(curves.crosses) == [(2.5, 0.7)]
    assert points(curves.means)[:2] == [(1, 0.5), (2, 0.75)]
    # The third epoch would be the mean of the trial that went well.
    assert curves.means["x"].tolist() == [1, 2, 3]
    assert curves.means[list(CURVE_SCORES)].iloc[2].isna().all()
    steps = source_curves(trials({"seed": 1, "trial": "t1"} | lost), history(epochs), [], "step")
    assert points(steps.crosses) == [(25, 0.7)]


def test_a_trial_that_diverged_in_its_first_epoch_has_a_cross_without_a_height() -> None:
    curves = curves_of({"seed": 0}, {"seed": 1} | NONFINITE, epochs={"t0": [0.1, 0.4], "t1": [0.1]})
    assert points(curves.lines) == [(1, 0.4)]
    assert curves.crosses["x"].tolist() == [0]
    assert curves.crosses[list(CURVE_SCORES)].isna().all(axis=None)
    assert curves.means[list(CURVE_SCORES)].isna().all(axis=None)


def test_a_mean_ends_with_the_first_trial_that_stops_early() -> None:
    curves = curves_of({"seed": 0}, {"seed": 1}, epochs={"t0": [0.1, 0.4], "t1": [0.1, 0.6, 0.9]})
    assert curves.means["validation_score"].fillna(-1).tolist() == [0.5, -1]


def test_variants_and_settings_have_their_own_means() -> None:
    rows: list[dict[str, object]] = [
        {"variant": variant, "axes": f'{{"{UNITS}": {units}}}'} for variant in ("plain", "bn") for units in (5, "null")
    ]
    epochs = {f"t{i}": [0.1, 0.2 + i / 10] for i in range(4)}
    curves = source_curves(trials(*rows), history(epochs), [UNITS], "epoch")
    # A missing value of an axis is a value, too.
    assert curves.means[UNITS].fillna(0).tolist() == [5, 0, 5, 0]
    assert curves.means["validation_score"].tolist() == pytest.approx([0.2, 0.3, 0.4, 0.5])


def test_a_metric_by_rate_counts_diverged_trials_and_says_how_many_there_are() -> None:
    table = trials(*scores("plain", {1.0: 0.8, 0.1: 0.9}, {1.0: None, 0.1: 0.7}))
    rates = source_rates(table, Curves(table, history({})), [], METRICS["test_score"], "plain")
    # The test score is 0.1 below the validation score; the diverged one counts at chance, with ten classes.
    assert rates.trials["value"].tolist() == pytest.approx([0.7, 0.8, 0.1, 0.6])
    assert rates.trials["diverged"].tolist() == [False, False, True, False]
    means = rates.means[["learning_rate", "n", "n_diverged", "value"]]
    assert means.to_numpy().tolist() == [[0.1, 2, 0, pytest.approx(0.7)], [1.0, 2, 1, pytest.approx(0.4)]]


def test_a_mean_by_rate_is_missing_if_a_trial_has_no_value() -> None:
    rows = [{"seed": 0, "prediction_spread": 0.4}, {"seed": 1, "prediction_spread": 9e9} | BLOWN]
    table = trials(*rows)
    rates = source_rates(table, Curves(table, history({})), [], METRICS["prediction_spread"], "plain")
    assert rates.trials["value"].fillna(-1).tolist() == [0.4, -1]
    assert rates.means[["n", "n_diverged"]].to_numpy().tolist() == [[2, 1]]
    assert rates.means["value"].isna().all()


def measurement(*values: tuple[str, int, float]) -> pd.DataFrame:
    """Return what `Results.measurements` returns: trial, row and value of each."""
    table = pd.DataFrame(values, columns=["trial", "position", "value"])
    return table.assign(layer="", unit="")


def test_predictions_are_paired_with_the_targets_of_their_rows() -> None:
    table = trials({"seed": 0}, {"seed": 1}, {"seed": 2} | BLOWN)
    measured = {
        "test_target": measurement(("t0", 7, 1.0), ("t0", 9, 2.0), ("t1", 7, 1.0), ("t2", 7, 1.0)),
        # In another order; one is not finite.
        "test_prediction": measurement(("t0", 9, 2.5), ("t0", 7, 1.5), ("t1", 7, np.inf), ("t2", 7, 9e9)),
    }
    pairs = source_predictions(table, measured, [])
    # The third trial diverged.
    assert pairs[["seed", "row", "target", "prediction"]].to_numpy().tolist() == [[0, 7, 1.0, 1.5], [0, 9, 2.0, 2.5]]


def test_results_of_earlier_versions_have_no_predictions() -> None:
    none = {name: measurement() for name in ("test_target", "test_prediction")}
    assert source_predictions(trials({}), none, []).empty
