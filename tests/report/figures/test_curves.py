from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bnbench.report.figures import curves
from support.figures import CELLS, LOOKS, PLAIN, figures_of, lines_of, note_of, panels_of, points_of, table
from support.kept import compared

NAN = np.nan
HISTORY = ("variant", "trial", "epoch", "step", "train_loss", "diverged_at_step")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_the_table_has_the_epochs_of_each_shown_trial(tmp_path: Path) -> None:
    results = compared(tmp_path, {"plain": [[0.8, 0.9], ["nonfinite", "failed"]]})
    shown = curves.select_trials(curves.curves_table(results))
    assert (shown.rates, shown.all_rates, shown.all_seeds) == ([0.01, 0.1], 2, 2)
    history = curves.history_of(shown.trials, results.epochs)
    # The diverged trial has the untrained model only, the failed one has no epoch.
    assert sorted(zip(history["learning_rate"], history["epoch"], strict=True)) == [
        (0.01, 0), (0.01, 0), (0.01, 1), (0.01, 1), (0.1, 0),
    ]  # fmt: skip
    assert history["diverged_at_step"].dropna().tolist() == [2]


def xs(line: Line2D) -> NDArray[np.float64]:
    return np.asarray(line.get_xdata(), float)


def test_each_rate_has_two_panels(tmp_path: Path) -> None:
    panels = figures_of(compared(tmp_path, CELLS))["curves"].panels
    assert [ax.get_title() for ax in panels] == ["rate 0.01", "rate 0.1", "", ""]
    # Two seeds of two variants: a line for each variant, with a gap between the seeds.
    assert [[np.isnan(xs(line)).sum() for line in ax.lines] for ax in panels[:2]] == [[2, 2], [2, 2]]
    assert [ax.get_ylabel() for ax in panels] == ["validation accuracy", "", "train loss", ""]


def test_many_rates_are_drawn_in_blocks(tmp_path: Path) -> None:
    rates = [10.0**i for i in range(-5, 2)]
    results = compared(tmp_path, {"plain": [[0.9]] * 7}, sweep__learning_rate=rates)
    panels = panels_of(figures_of(results)["curves"].figure)
    # Two blocks of two rows; the panels that stay empty are removed.
    assert len(panels) == 14
    assert [ax.get_title() for ax in panels if ax.get_title()] == [f"rate {rate:g}" for rate in rates]


def test_of_too_many_rates_or_seeds_some_are_drawn_and_the_note_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(curves, "MAX_RATES", 2)
    monkeypatch.setattr(curves, "MAX_SEEDS", 1)
    figure = figures_of(compared(tmp_path, {"plain": [[0.9, 0.8]] * 4}))["curves"].figure
    assert [ax.get_title() for ax in panels_of(figure)][:2] == ["rate 0.01", "rate 1"]
    assert [np.isnan(xs(ax.lines[0])).sum() for ax in panels_of(figure)[:2]] == [1, 1]
    assert "2 of 4 rates, 1 of 2 seeds" in note_of(figure)


@pytest.mark.parametrize("name", ["curves", "rates"])
def test_the_legend_explains_crosses_where_there_are_any(tmp_path: Path, name: str) -> None:
    for last, crosses in ((0.9, False), ("nonfinite", True)):
        figure = figures_of(compared(tmp_path / str(last), {"plain": [[0.8, 0.9], [0.9, last]]}))[name].figure
        entries = [text.get_text() for legend in figure.legends for text in legend.get_texts()]
        assert entries[0] == "plain"
        assert any(entry.startswith("diverged") for entry in entries) == crosses
        assert ("diverged trial counts" in note_of(figure)) == (crosses and name == "rates")


def test_a_curve_is_a_line_with_a_cross_where_it_diverged(ax: Axes) -> None:
    rows = [("plain", "a", 0, 0, NAN, 15), ("plain", "a", 1, 10, 2.0, 15), ("plain", "a", 2, 20, 8.0, 15)]
    curves.draw_score_by_epoch(ax, table(*HISTORY, rows=rows), "train_loss", LOOKS)
    point, cross = lines_of(ax, PLAIN)
    # The untrained model has no training loss.
    # What came after the divergence is not drawn.
    assert points_of(point) == [(1, 2)]
    # At the last loss before the divergence.
    assert points_of(cross) == [(1.5, 2)]


def test_a_divergence_before_the_first_loss_is_a_cross_at_the_upper_edge(ax: Axes) -> None:
    curves.draw_score_by_epoch(ax, table(*HISTORY, rows=[("plain", "a", 0, 0, NAN, 2)]), "train_loss", LOOKS)
    (cross,) = lines_of(ax, PLAIN)
    assert points_of(cross) == [(0, 0.95)]
    assert cross.get_transform() == ax.get_xaxis_transform()


def test_each_trial_is_a_part_of_the_line_of_its_variant(ax: Axes) -> None:
    rows = [("plain", trial, i, 10 * i, 2.0 - i, NAN) for trial in "ab" for i in range(2)]
    rows += [("batchnorm", "c", 0, 0, NAN, NAN), ("batchnorm", "c", 1, 10, 0.5, NAN)]
    traces = curves.trace_trials(table(*HISTORY, rows=rows[:4]), "train_loss")
    assert [line.tolist() for line in traces.lines] == [[[0, 2], [1, 1]]] * 2
    assert [traces.points, traces.crosses, traces.crosses_at_edge] == [[], [], []]
    curves.draw_score_by_epoch(ax, table(*HISTORY, rows=rows), "train_loss", LOOKS)
    joined, point = ax.lines
    assert np.asarray(joined.get_xydata())[[0, 1, 3, 4]].tolist() == [[0, 2], [1, 1]] * 2
    assert np.isnan(xs(joined)[[2, 5]]).all()
    assert points_of(point) == [(1, 0.5)]


def test_of_many_cells_the_most_telling_settings_have_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "MAX_CELLS", 5)
    # Two rates at each setting: two settings have four cells.
    near = {"plain": [[0.8, 0.81, 0.82]] * 2, "batchnorm": [[0.81, 0.8, 0.82]] * 2}
    apart = {"plain": [[0.75, 0.76, 0.77]] * 2, "batchnorm": [[0.95, 0.97, 0.96]] * 2}
    found = figures_of(compared(tmp_path, near, near, apart))
    captions = [drawn.caption for name, drawn in found.items() if name.startswith("curves")]
    assert ["units 4" in captions[0], "units 6" in captions[1]] == [True, True]
    assert all(
        caption.endswith("Shown: the most telling 2 of 3 settings; the tables have all.") for caption in captions
    )
