from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from bnbench.report.figures import times
from support.figures import BATCHNORM, CELLS, LOOKS, PLAIN, figures_of, lines_of, note_of, panels_of, points_of, table
from support.kept import Cells, compared

INF = np.inf
# Without a target: up to 0.698, an accuracy on 15 rows is chance.
AT_CHANCE: Cells = {"plain": [[0.5] * 2] * 2, "batchnorm": [[0.9] * 2] * 2}
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_a_target_that_is_never_reached_is_a_cross_above_the_last_epoch(ax: Axes) -> None:
    rows = [("plain", 0.1, 2.0), ("plain", 1.0, INF), ("plain", 0.01, 4.0), ("batchnorm", 0.1, INF)]
    times.draw_time(ax, table("variant", "learning_rate", "epochs_to_target", rows=rows), LOOKS, 10)
    line, crosses = lines_of(ax, PLAIN)
    assert line.get_ydata()[:2].tolist() == [4, 2]
    assert np.isnan(line.get_ydata()[2])
    assert points_of(crosses) == [pytest.approx((10**PLAIN.shift, 11.5))]
    assert crosses.get_marker() == "x"
    (_, crosses) = lines_of(ax, BATCHNORM)
    assert points_of(crosses) == [pytest.approx((0.1 * 10**BATCHNORM.shift, 11.5))]
    assert ax.get_ylim() == (0, 12.5)
    assert max(ax.get_yticks()) <= 10


def test_caption_and_note_name_the_target(tmp_path: Path) -> None:
    drawn = figures_of(compared(tmp_path, CELLS))["times"]
    assert "validation accuracy reaches 0.9" in drawn.caption
    note = note_of(drawn.figure)
    assert "median over 2 seeds" in note
    assert "Cross: " in note


def test_a_setting_without_a_target_has_no_panel(tmp_path: Path) -> None:
    results = compared(tmp_path, CELLS, AT_CHANCE)
    assert times.times_table(results)["model.params.units"].unique().tolist() == [4]
    figure = figures_of(results)["times"].figure
    assert [ax.get_title() for ax in panels_of(figure)] == ["units 4"]
    assert "plain trains at no learning rate" in note_of(figure)
