from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bnbench.report.figures import axis, axis_heat
from support.figures import LOOKS, PLAIN, bars_of, figures_of, lines_of, note_of, panels_of, points_of
from support.kept import Cells, compared

X = "nonfinite"
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def place(plain: list[float | str]) -> Cells:
    return {"plain": [list(plain), [X] * 3], "batchnorm": [[0.88, 0.9, 0.92], [0.85, 0.86, 0.87]]}


PLACES = (place([0.8, 0.85, 0.9]), place([X] * 3))


def test_without_a_further_axis_there_are_no_such_figures(tmp_path: Path) -> None:
    results = compared(tmp_path, PLACES[0])
    assert axis.axis_table(results).empty
    assert axis_heat.axis_heat_table(results).empty


def test_the_table_has_score_and_highest_rate_by_value(tmp_path: Path) -> None:
    rows = axis.axis_table(compared(tmp_path, *PLACES)).set_index(["variant", "value"])
    assert rows.loc[("plain", 4), "score_mean"] == pytest.approx(0.85)
    assert rows.loc[("plain", 4), "edge_middle"] == pytest.approx(0.01)
    # Chance, and no rate at which every seed trains
    assert rows.loc[("plain", 5), "score_mean"] == pytest.approx(1 / 3)
    assert rows.loc[("plain", 5), "edge_missing"] == 1
    assert rows.loc[("batchnorm", 5), "edge_middle"] == pytest.approx(0.1)


def test_numbers_are_on_a_scale_with_intervals_and_a_cross_where_nothing_trains(tmp_path: Path) -> None:
    figure = figures_of(compared(tmp_path, *PLACES))["axis"].figure
    left, right = panels_of(figure)
    assert [label.get_text() for label in left.get_xticklabels()] == ["4", "5"]
    assert left.get_xlabel() == "units"
    assert right.get_yscale() == "log"
    # 4.303 x 0.05 / sqrt(3)
    low, high = bars_of(left)[0][0]
    assert left.get_ylim()[0] < low
    assert left.get_ylim()[1] > min(high, 1)
    assert (low, high) == (pytest.approx(0.85 - 0.1242, abs=1e-3), pytest.approx(0.85 + 0.1242, abs=1e-3))
    crosses = [line for line in lines_of(right, PLAIN) if line.get_marker() == "x"]
    assert len(points_of(crosses[0])) == 1
    assert "Cross: at no rate does every seed train" in note_of(figure)


def test_a_highest_rate_that_is_rounded_beyond_its_settings_is_drawn() -> None:
    row = {"variant": "plain", "value": 4, "edge_lowest": 0.1, "edge_middle": np.nextafter(0.1, 1), "edge_highest": 0.1}
    panel = Figure().subplots()
    axis.draw_edges(panel, pd.DataFrame([row]), [4], {"plain": LOOKS["plain"]})
    ((low, high),) = bars_of(panel)[0]
    assert (low, high) == (pytest.approx(0.1), pytest.approx(0.1))


def test_words_are_categories_without_a_line(tmp_path: Path) -> None:
    results = compared(tmp_path, *PLACES, sweep__grid={"data.split.stratify": [False, True]})
    left, _ = panels_of(figures_of(results)["axis"].figure)
    assert [label.get_text() for label in left.get_xticklabels()] == ["False", "True"]
    assert {line.get_linestyle() for line in lines_of(left, LOOKS["batchnorm"])} == {"None"}


def test_the_heat_map_has_a_panel_for_each_variant(tmp_path: Path) -> None:
    figure = figures_of(compared(tmp_path, *PLACES))["axis-heat"].figure
    panels = panels_of(figure)
    assert [panel.get_title() for panel in panels] == ["plain", "batchnorm"]
    (mesh,) = panels[0].collections
    assert mesh.get_array().ravel().tolist() == pytest.approx([0.85, 1 / 3, 1 / 3, 1 / 3])


def test_the_other_axes_of_a_heat_map_are_as_the_report_opens(tmp_path: Path) -> None:
    grid = {"model.params.units": [4, 5], "data.split.stratify": [False, True]}
    results = compared(tmp_path, *PLACES, *PLACES, sweep__grid=grid)
    table = axis_heat.axis_heat_table(results)
    opening = results.opening
    by_units = table[table["axis"] == "model.params.units"]
    assert set(by_units["others"]) == {f"stratify {opening['data.split.stratify']}"}


@pytest.mark.parametrize(
    ("text", "shown"), [("he_normal", "he_normal"), ("random_normal stddev 0.001", "random…v 0.001")]
)
def test_long_labels_are_cut_in_the_middle(text: str, shown: str) -> None:
    assert axis.tick_texts([text]) == [shown]
