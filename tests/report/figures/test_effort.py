from pathlib import Path

from matplotlib.axes import Axes

from bnbench.report.figures import effort
from support.figures import CELLS, LOOKS, points_of, table
from support.kept import compared


def test_the_table_is_empty_if_the_grid_has_one_rate(tmp_path: Path) -> None:
    assert effort.effort_table(compared(tmp_path, CELLS))["tried"].tolist() == [1, 2, 1, 2]
    assert effort.effort_table(compared(tmp_path / "one", {"plain": [[0.9]]})).empty


def test_each_variant_is_a_line_of_expected_scores(ax: Axes) -> None:
    rows = [("plain", 1, 0.5), ("plain", 2, 0.75), ("batchnorm", 1, 0.8), ("batchnorm", 2, 0.9)]
    effort.draw_expected_best(ax, table("variant", "tried", "expected_score", rows=rows), LOOKS)
    assert [points_of(line) for line in ax.lines] == [[(1, 0.5), (2, 0.75)], [(1, 0.8), (2, 0.9)]]
