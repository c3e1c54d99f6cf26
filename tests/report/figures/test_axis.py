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
    ("text", "shown"),
    [
        ("he_normal", "he_normal"),
        ("random_normal 0.1", "random_normal 0.1"),
        ("random_normal stddev 0.001", "random_normal\nstddev 0.001"),
        ("a_very_very_long_initializer", "a_very_ve…nitializer"),
        ("a_very_very_long_initializer 0.1", "a_very_ve…nitializer\n0.1"),
    ],
)
def test_long_labels_have_two_lines_or_are_cut_in_the_middle(text: str, shown: str) -> None:
    assert axis.tick_texts([text]) == [shown]


@pytest.mark.parametrize(("values", "labels"), [(list("abcdefghijkl"), 12), (list(range(7)), 4)])
def test_every_word_has_a_label_in_the_heat_map(values: list[object], labels: int) -> None:
    panel = Figure().subplots()
    cells = pd.DataFrame({"value": values, "learning_rate": 0.1, "score": 0.5})
    both = pd.concat([cells, cells.assign(learning_rate=1.0)])
    axis_heat.draw_axis_map(panel, both, "model.params.kernel")
    assert len(panel.get_xticklabels()) == labels


def test_nine_short_words_are_turned_and_named() -> None:
    words = ["relu", "tanh", "gelu", "silu", "selu", "celu", "mish", "none", "sine"]
    panel = Figure().subplots()
    axis.format_axis(panel, words)
    assert [label.get_text() for label in panel.get_xticklabels()] == words
    assert {label.get_rotation() for label in panel.get_xticklabels()} == {25.0}


def test_where_nothing_trains_at_all_there_are_crosses_and_no_rates() -> None:
    missing = {"edge_lowest": np.nan, "edge_middle": np.nan, "edge_highest": np.nan}
    panel = Figure().subplots()
    axis.draw_edges(panel, pd.DataFrame([{"variant": "plain", "value": 4} | missing]), [4], {"plain": LOOKS["plain"]})
    assert [line.get_marker() for line in panel.lines if len(line.get_xdata())][-1] == "x"
    assert not panel.get_yticks().size


def test_no_score_above_100_percent_has_a_tick() -> None:
    row = {"variant": "plain", "value": 4, "score_settings": 1, "score_mean": 0.97, "score_low": 0.92}
    row |= {"score_high": 1.02, "score_lowest": 0.97, "score_highest": 0.97}
    panel = Figure().subplots()
    axis.draw_scores(panel, pd.DataFrame([row]), [4], {"plain": LOOKS["plain"]})
    texts = panel.yaxis.get_major_formatter().format_ticks([0.98, 1.0000000000000002, 1.02])
    assert texts == ["98%", "100%", ""]


def test_turned_labels_end_at_their_ticks() -> None:
    panel = Figure().subplots()
    axis.format_axis(panel, [f"initializer {number}" for number in range(6)])
    assert {label.get_horizontalalignment() for label in panel.get_xticklabels()} == {"right"}
    assert {label.get_rotation() for label in panel.get_xticklabels()} == {25.0}
