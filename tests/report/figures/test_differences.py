from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from bnbench.report.figures import differences
from support.figures import BATCHNORM, CELLS, LOOKS, bars_of, figures_of, lines_of, note_of, table
from support.kept import compared

NAN = np.nan
COLUMNS = ("variant", "learning_rate", "mean", "low", "high")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_the_table_has_the_difference_at_each_rate(tmp_path: Path) -> None:
    rows = differences.differences_table(compared(tmp_path, CELLS))
    assert rows["mean"].tolist() == pytest.approx([-0.05, 0.025])


def test_bars_are_drawn_where_there_is_an_interval(ax: Axes) -> None:
    rows = [("batchnorm", 1.0, 0.2, NAN, NAN), ("batchnorm", 0.1, 0.1, -0.05, 0.25)]
    differences.draw_difference(ax, table(*COLUMNS, rows=rows), "validation_score", LOOKS)
    zero, (line, *_) = ax.lines[0], lines_of(ax, BATCHNORM)
    assert zero.get_ydata() == [0, 0]
    # By ascending learning rate.
    assert line.get_ydata().tolist() == [0.1, 0.2]
    assert bars_of(ax) == [[pytest.approx((-0.05, 0.25)), pytest.approx((0.2, 0.2))]]


def test_the_axis_has_percentage_points_for_a_score_and_none_for_a_loss(ax: Axes) -> None:
    rows = table(*COLUMNS, rows=[("batchnorm", 1.0, 0.2, 0.1, 0.3)])
    differences.draw_difference(ax, rows, "validation_score", LOOKS)
    assert [ax.yaxis.get_major_formatter()(value) for value in (-0.1, 0, 0.25)] == ["-10", "0", "+25"]
    assert "points" in ax.get_ylabel()
    differences.draw_difference(ax, rows, "test_loss", LOOKS)
    assert ax.get_ylabel() == "difference"


@pytest.mark.parametrize(
    ("seeds", "words"), [(1, ["over 1 seed.", "Too few"]), (3, ["over 3 seeds.", "Bar: 95% interval."])]
)
def test_the_note_names_the_interval_if_there_is_one(tmp_path: Path, seeds: int, words: list[str]) -> None:
    cells = {"plain": [[0.8, 0.7, 0.75][:seeds]], "batchnorm": [[0.9, 0.85, 0.8][:seeds]]}
    note = note_of(figures_of(compared(tmp_path, cells))["differences"].figure)
    assert all(word in note for word in words)
