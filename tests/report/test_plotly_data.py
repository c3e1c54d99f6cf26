import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from bnbench.report import plotly_data
from bnbench.report.figures.style import variant_looks
from bnbench.report.plotly_data import figure_data
from bnbench.results.results import Results
from support.kept import Cells, compared
from support.stored import MIXED, finished

X = "nonfinite"
CELLS: Cells = {"plain": [[0.8, 0.9], [X, None]], "batchnorm": [[0.8, 0.9], [0.9, 0.9]]}
NAMES = ("train_loss", "train_score", "validation_loss", "validation_score")


def history_of(*lengths: int) -> pd.DataFrame:
    """Return the history of trials 0, 1, ... with these numbers of epochs."""
    rows = [
        {"trial": str(trial), "epoch": epoch, **dict.fromkeys(NAMES, epoch / 7)}
        for trial, length in enumerate(lengths)
        for epoch in range(length)
    ]
    return pd.DataFrame(rows, columns=["trial", "epoch", *NAMES])


def points(*trials: str) -> pd.DataFrame:
    """Return trials of one variant at one learning rate."""
    return pd.DataFrame({"trial": list(trials), "variant": "plain", "learning_rate": 0.1})


def count_numbers(curves: list[Any]) -> int:
    return sum(len(values) for curve in curves if curve for values in curve.values())


def test_cells_and_trials_name_variants_and_rates_by_position(tmp_path: Path) -> None:
    data = figure_data(compared(tmp_path, CELLS))
    assert [variant["name"] for variant in data["variants"]] == ["plain", "batchnorm"]
    assert (data["settings"], data["rates"]) == ([""], [0.01, 0.1])
    assert [(cell["variant"], cell["rate"], cell["n"]) for cell in data["cells"]] == [
        (0, 0, 2), (0, 1, 1), (1, 0, 2), (1, 1, 2),
    ]  # fmt: skip
    trials = data["trials"]
    assert list(zip(trials["variant"], trials["rate"], trials["seed"], strict=True)) == [
        (0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (1, 0, 1), (1, 1, 0), (1, 1, 1),
    ]  # fmt: skip
    assert {len(trials[name]) for name in ("setting", "outcome", "step")} == {len(data["curves"])} == {7}


def test_values_of_further_axes_are_settings(tmp_path: Path) -> None:
    data = figure_data(compared(tmp_path, {"plain": [[0.9]]}, {"plain": [[0.8]]}))
    assert data["settings"] == ["units 4", "units 5"]
    assert [cell["setting"] for cell in data["cells"]] == data["trials"]["setting"] == [0, 1]


def test_a_cell_has_mean_lowest_and_highest_of_each_score(tmp_path: Path) -> None:
    data = figure_data(compared(tmp_path, CELLS))
    assert [score["label"] for score in data["scores"]] == [
        "validation accuracy", "validation loss", "test accuracy", "train accuracy", "train loss",
        "share of seeds that train",
    ]  # fmt: skip
    assert [score["percent"] for score in data["scores"]] == [True, False, True, True, False, True]
    cell = data["cells"][0]
    assert cell["scores"][0] == [0.85, 0.8, 0.9]
    assert cell["scores"][1] == [0.15, 0.1, 0.2]
    # The exact interval of 2 of 2 begins at the root of 0.025.
    assert cell["scores"][-1] == [1.0, 0.1581, 1.0]
    assert (cell["ok"], cell["diverged"]) == (2, 0)


def test_a_diverged_trial_has_the_scores_with_which_it_counts(tmp_path: Path) -> None:
    trials = figure_data(compared(tmp_path, CELLS))["trials"]
    assert (trials["outcome"][2], trials["step"][:3]) == ("nonfinite", [None, None, 2])
    # Chance is 1/3, the initial loss 1.1.
    assert [values[2] for values in trials["scores"]] == [0.3333, 1.1, 0.3333, 0.3333, 1.1]


def test_a_score_that_no_trial_has_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = compared(tmp_path, CELLS)
    monkeypatch.setattr(results, "summary", results.summary.assign(train_loss_mean=math.nan))
    data = figure_data(results)
    assert "train loss" not in [score["label"] for score in data["scores"]]
    # Four scores and the share of seeds that train.
    assert {len(cell["scores"]) for cell in data["cells"]} == {5}
    assert len(data["trials"]["scores"]) == 4


def test_missing_values_are_none_and_the_data_are_json(tmp_path: Path) -> None:
    data = figure_data(Results(finished(tmp_path, MIXED)))
    assert json.loads(json.dumps(data, allow_nan=False)) == data
    curve = data["curves"][0]
    assert curve["epoch"] == [0, 1, 2, 3]
    # The untrained model has no training loss.
    assert curve["train_loss"] == [None, 1.0, 0.5, 0.3333]
    assert curve["validation_score"] == [0.3333, 0.2667, 0.5333, 0.8]
    # This trial diverged in its first epoch.
    assert data["curves"][3]["epoch"] == [0]


def test_numbers_have_four_digits() -> None:
    values = (1 / 3, 12345.6, math.nan, math.inf)
    assert [plotly_data.round_score(value, "train_loss") for value in values] == [0.3333, 12350, None, None]


@pytest.mark.parametrize(("count", "kept"), [(3, [0, 1, 2]), (5, [0, 1, 2, 3, 4]), (9, [0, 2, 4, 6, 8])])
def test_long_curves_are_thinned_out_evenly(count: int, kept: list[int]) -> None:
    assert plotly_data.thin_positions(count, 5) == kept


@pytest.mark.parametrize("count", [6, 7, 10, 99, 1000])
def test_thinning_keeps_the_first_and_the_last_epoch(count: int) -> None:
    thinned = plotly_data.thin_positions(count, 5)
    assert (thinned[0], thinned[-1], len(thinned)) == (0, count - 1, 5)


def test_the_scores_of_a_thinned_curve_belong_to_its_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly_data, "MIN_EPOCHS", 3)
    monkeypatch.setattr(plotly_data, "MAX_NUMBERS", 1)
    history = history_of(5, 9).assign(train_loss=[*range(5), *range(10, 19)], validation_loss=math.nan)
    drawn = plotly_data.thin_curves(history, points("1", "0"), [])
    assert [curve and curve["epoch"] for curve in drawn] == [[0, 4, 8], [0, 2, 4]]
    assert [curve and curve["train_loss"] for curve in drawn] == [[10, 14, 18], [0, 2, 4]]
    assert [curve and curve["validation_loss"] for curve in drawn] == [[None] * 3] * 2


def test_all_curves_together_stay_within_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly_data, "MAX_NUMBERS", 500)
    curves = plotly_data.thin_curves(history_of(1000, 10, 1000, 1000), points("0", "1", "2", "3"), [])
    # 500 / (5 numbers x 4 trials)
    assert [len(curve["epoch"]) for curve in curves if curve] == [25, 10, 25, 25]
    assert count_numbers(curves) <= 500


def test_the_maximum_number_of_curves_stays_within_the_limit() -> None:
    assert plotly_data.MAX_CURVES * plotly_data.MIN_EPOCHS * plotly_data.NUMBERS_PER_EPOCH <= plotly_data.MAX_NUMBERS


def test_trials_beyond_the_maximum_have_no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly_data, "MAX_CURVES", 2)
    curves = plotly_data.thin_curves(history_of(3, 3, 3), points("2", "0", "2", "1"), [])
    # Trial 2 is in the table twice and counts once.
    assert [curve is None for curve in curves] == [False, False, False, True]


def test_a_trial_without_history_has_no_curve() -> None:
    assert plotly_data.thin_curves(history_of(3), points("0", "none such"), [])[1] is None


def test_if_not_all_curves_fit_each_rate_and_variant_has_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plotly_data, "MAX_CURVES", 3)
    table = points(*"012345").assign(variant=list("ppppbb"), learning_rate=[1, 1, 2, 2, 1, 1])
    curves = plotly_data.thin_curves(history_of(*[2] * 6), table, [])
    assert [curve is not None for curve in curves] == [True, False, True, False, True, False]


def test_a_page_shows_the_median_trial_of_the_best_rate_first() -> None:
    table = points(*"01234").assign(learning_rate=[1, 1, 1, 2, 2], validation_score=[0.8, 1.0, 0.9, 0.6, 1.0])
    assert plotly_data.first_trial(table) == 2


def test_variants_look_the_same_as_in_the_figures(tmp_path: Path) -> None:
    cells = [[0.9]]
    data = figure_data(compared(tmp_path, {"plain": cells, "batchnorm": cells, "layernorm": cells}))
    looks = variant_looks(["plain", "batchnorm", "layernorm"])
    assert [variant["color"] for variant in data["variants"]] == [look.color for look in looks.values()]
    assert [variant["symbol"] for variant in data["variants"]] == ["circle", "square", "triangle-up"]
    assert [variant["dash"] for variant in data["variants"]] == ["solid", "dash", "dot"]


def test_shares_are_rounded_once_for_the_two_decimals_that_the_page_shows() -> None:
    # Four digits, 0.01235, would become 1.24% on the page.
    score = plotly_data.round_score(0.012346, "validation_score")
    assert score == 0.0123
    assert f"{100 * score:.2f}" == f"{100 * 0.012346:.2f}" == "1.23"
