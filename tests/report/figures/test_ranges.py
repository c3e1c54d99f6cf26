from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from bnbench.report.figures import ranges
from bnbench.report.figures.style import Look
from support.figures import BATCHNORM, CELLS, LOOKS, PLAIN, lines_of, table
from support.kept import compared

NAN = np.nan
COLUMNS = ("variant", "stable_from", "stable_to", "best_rate")


def markers(ax: Axes, look: Look) -> list[tuple[Any, float]]:
    """Return the markers of a variant with their learning rates."""
    return [(line.get_marker(), float(line.get_xdata()[0])) for line in lines_of(ax, look)]


def test_the_table_has_a_row_for_each_variant(tmp_path: Path) -> None:
    rows = ranges.ranges_table(compared(tmp_path, CELLS))
    assert rows[list(COLUMNS)].values.tolist() == [["plain", 0.01, 0.1, 0.1], ["batchnorm", 0.01, 0.1, 0.1]]


def test_a_range_that_ends_with_the_grid_has_an_arrow(ax: Axes) -> None:
    rows = [("plain", 0.01, 0.1, 0.1), ("batchnorm", 0.1, 10.0, 1.0)]
    ranges.draw_stable_ranges(ax, table(*COLUMNS, rows=rows), [0.01, 0.1, 1.0, 10.0], LOOKS)
    assert markers(ax, PLAIN) == [("<", 0.01), ("|", 0.1), (PLAIN.marker, 0.1)]
    assert markers(ax, BATCHNORM) == [("|", 0.1), (">", 10), (BATCHNORM.marker, 1)]
    bars = [bar.get_segments()[0][:, 0].tolist() for bar in ax.collections]
    assert bars == [[0.01, 0.1], [0.1, 10]]
    assert [text.get_text() for text in ax.texts] == ["plain", "batchnorm"]
    # The first variant is at the top.
    low, high = ax.get_ylim()
    assert low > high


def test_a_range_of_one_rate_is_a_bar_without_length(ax: Axes) -> None:
    ranges.draw_stable_ranges(ax, table(*COLUMNS, rows=[("plain", 0.1, 0.1, 0.1)]), [0.1], LOOKS)
    assert markers(ax, PLAIN) == [("<", 0.1), (">", 0.1), (PLAIN.marker, 0.1)]


def test_a_variant_that_is_not_stable_at_its_best_rate_has_a_cross_there(ax: Axes) -> None:
    ranges.draw_stable_ranges(ax, table(*COLUMNS, rows=[("plain", NAN, NAN, 0.1)]), [0.01, 0.1], LOOKS)
    assert markers(ax, PLAIN) == [("x", 0.1)]
    assert not ax.collections
