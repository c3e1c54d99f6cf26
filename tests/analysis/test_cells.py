import math

import numpy as np
import pytest

from bnbench.analysis.cells import Cells, rows_judged, split_table
from bnbench.analysis.lr_metrics import rate_curve
from support.tables import FAILED, scores, trials

DEPTH_1, DEPTH_2, NONE = '{"depth": 1}', '{"depth": 2}', '{"depth": null}'
ROWS = [
    *scores("plain", {0.1: 0.8, 1.0: 0.9}, axes=DEPTH_1),
    *scores("plain", {0.1: 0.7}, axes=DEPTH_2),
    *scores("batchnorm", {0.1: 0.9, 1.0: None}, {0.1: 0.7, 1.0: 0.8}, axes=DEPTH_1),
]


def test_cells_are_variants_at_places_in_the_order_of_the_experiment() -> None:
    cells = Cells(trials(*ROWS))
    assert cells.axes == ["depth"]
    assert [(cell.variant, cell.place) for cell in cells] == [
        ("plain", {"depth": 1}),
        ("batchnorm", {"depth": 1}),
        ("plain", {"depth": 2}),
    ]
    assert [list(place.cells) for place in cells.places] == [["plain", "batchnorm"], ["plain"]]
    assert cells.places[0].cells["batchnorm"].key == {"variant": "batchnorm", "depth": 1}


def test_a_cell_has_the_curve_of_its_trials_and_their_values() -> None:
    cells = Cells(trials(*ROWS))
    plain, normed, _ = cells
    assert (plain.best_rate, normed.best_rate) == (1.0, 0.1)
    # The diverged trial counts at chance.
    assert normed.curve.score.tolist() == pytest.approx([0.8, 0.45])
    expected = rate_curve(cells.scored.iloc[normed.rows])
    assert normed.curve.score_if_ok.tolist() == expected.score_if_ok.tolist()
    assert normed.values("seed", normed.at_best).tolist() == [0, 1]
    assert normed.values("validation_score", normed.at(1.0)).tolist() == pytest.approx([0.1, 0.8])
    assert [cell.trains for cell in cells] == [True, True, True]


def test_null_is_a_place_and_failed_trials_are_in_no_cell() -> None:
    rows = [*scores("plain", {0.1: 0.8}, axes=NONE), FAILED | {"variant": "plain", "axes": DEPTH_1}]
    (cell,) = Cells(trials(*rows))
    assert math.isnan(cell.place["depth"])
    parts = split_table(trials(*rows), ["depth"])
    assert [part.rows.tolist() for part in parts] == [[0], [1]]


def test_without_trials_there_is_no_cell() -> None:
    none = Cells(trials({}).iloc[:0])
    assert list(none) == none.places == []
    assert rows_judged(none).empty


def test_the_trials_at_the_best_rates_are_in_the_order_of_the_cells() -> None:
    found = rows_judged(Cells(trials(*ROWS)))
    assert found[["variant", "learning_rate", "seed"]].to_numpy().tolist() == [
        ["plain", 1.0, 0], ["batchnorm", 0.1, 0], ["batchnorm", 0.1, 1], ["plain", 0.1, 0],
    ]  # fmt: skip


def test_values_are_floats_with_nan_for_what_is_missing() -> None:
    cells = Cells(trials({"diverged_at_step": None}, {"diverged_at_step": 3, "seed": 1}))
    assert np.isnan(cells.column("diverged_at_step")).tolist() == [True, False]
    assert cells.column("variant").tolist() == ["plain", "plain"]
