from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from bnbench.report.figures import heat
from support.figures import CELLS, table
from support.kept import compared

NAN = np.nan
SCORE = "validation_score"


def test_the_table_is_empty_if_there_is_one_epoch_only(tmp_path: Path) -> None:
    assert len(heat.heat_table(compared(tmp_path, CELLS))) == 8
    assert heat.heat_table(compared(tmp_path / "diverged", {"plain": [["nonfinite"]]})).empty


def test_a_row_is_a_rate_and_a_column_an_epoch(ax: Axes) -> None:
    rows = [(1.0, 0, 0.1), (1.0, 1, 0.2), (0.01, 0, 0.3), (0.01, 1, 0.4), (0.1, 0, 0.5), (0.1, 1, NAN)]
    mesh = heat.draw_heat_map(ax, table("learning_rate", "epoch", SCORE, rows=rows), SCORE)
    drawn = np.ma.filled(np.ma.asarray(mesh.get_array()), NAN).reshape(3, 2)
    # The lowest rate is at the bottom.
    np.testing.assert_array_equal(drawn, [[0.3, 0.4], [0.5, NAN], [0.1, 0.2]])
    assert ax.get_yscale() == "log"
    assert ax.get_ylim() == pytest.approx((10**-2.5, 10**0.5))
    # Each rate is in the middle of its row.
    assert mesh.get_coordinates()[:, 0, 1].tolist() == pytest.approx([10**-2.5, 10**-1.5, 10**-0.5, 10**0.5])
    assert mesh.get_clim() == (0, 1)
    # Each epoch is in the middle of its column.
    assert mesh.get_coordinates()[0, :, 0].tolist() == [-0.5, 0.5, 1.5]


@pytest.mark.parametrize("rates", [3, 17])
def test_ticks_are_at_decades(ax: Axes, rates: int) -> None:
    rows = [(10.0**i, 0, 0.1) for i in range(-8, rates - 8)]
    heat.draw_heat_map(ax, table("learning_rate", "epoch", SCORE, rows=rows), SCORE)
    ax.figure.draw_without_rendering()
    low, high = ax.get_ylim()
    shown = [tick for tick in ax.get_yticks() if low <= tick <= high]
    assert 2 <= len(shown) <= heat.MAX_RATE_LABELS
    assert [np.log10(tick) % 1 for tick in shown] == pytest.approx([0] * len(shown))


def test_rows_end_halfway_between_rates() -> None:
    assert heat.rate_edges(np.array([0.01])) == pytest.approx(10 ** np.array([-2.5, -1.5]))
    assert heat.rate_edges(np.array([0.01, 0.1, 10.0])) == pytest.approx(10 ** np.array([-2.5, -1.5, 0, 2.0]))
