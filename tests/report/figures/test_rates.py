from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes

from bnbench.report.figures import rates
from bnbench.results.results import Results
from support.figures import BATCHNORM, CELLS, LOOKS, PLAIN, bars_of, figures_of, lines_of, note_of, panels_of
from support.kept import Cells, compared
from support.stored import MIXED, finished

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def test_the_panel_draws_the_numbers_of_the_table(ax: Axes, tmp_path: Path) -> None:
    results = Results(finished(tmp_path, MIXED))
    rates.draw_score(ax, rates.rates_table(results), results.points, "validation_score", LOOKS)
    means = [line.get_ydata().tolist() for line in ax.lines if line.get_linestyle() != "None"]
    chance = 1 / 3
    assert means[0] == pytest.approx([0.85, (0.7 + chance) / 2])
    # At the second rate every trial of batchnorm diverged: the line ends before, and crosses stand there.
    assert means[1] == pytest.approx([0.925, np.nan], nan_ok=True)
    crosses = [marks for marks in ax.collections if list(marks.get_sizes()) == [rates.CROSS_SIZE]]
    assert sum(len(marks.get_offsets()) for marks in crosses) == 3
    assert all(y == pytest.approx(chance) for marks in crosses for _, y in marks.get_offsets())
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", "learning rate")


def test_shares_of_seeds_have_their_exact_intervals(ax: Axes, tmp_path: Path) -> None:
    results = Results(finished(tmp_path, MIXED))
    rates.draw_share_of_seeds(ax, rates.rates_table(results), LOOKS)
    (plain, *_), (batchnorm, *_) = lines_of(ax, PLAIN), lines_of(ax, BATCHNORM)
    assert plain.get_ydata().tolist() == [1, 0.5]
    assert batchnorm.get_ydata().tolist() == [1, 0]
    assert plain.get_xdata() == pytest.approx(np.array([0.01, 0.1]) * 10**PLAIN.shift)
    # Of 2 of 2 seeds; the interval of 1 of 2 is symmetric around 50%.
    low = 0.025**0.5
    assert bars_of(ax) == [
        [pytest.approx((low, 1), abs=1e-6), pytest.approx((0.0126, 0.9874), abs=1e-4)],
        [pytest.approx((low, 1), abs=1e-6), pytest.approx((0, 1 - low), abs=1e-6)],
    ]


FAR: Cells = {"plain": [[0.8, 0.8], [0.8, 0.8]], "batchnorm": [[0.9, 0.9], [0.95, 0.95]]}


def test_each_setting_has_a_row_of_panels(tmp_path: Path) -> None:
    one = figures_of(compared(tmp_path, FAR))["rates"].panels
    assert [ax.get_ylabel() for ax in one] == ["validation accuracy", "validation loss", "seeds that train"]
    two = figures_of(compared(tmp_path / "axes", FAR, FAR))["rates"].panels
    assert [ax.get_title("left") for ax in two] == ["units 4", "", "", "units 5", "", ""]


def test_scores_that_compete_have_a_closer_panel(tmp_path: Path) -> None:
    close = figures_of(compared(tmp_path, CELLS))["rates"].panels
    assert [ax.get_ylabel() for ax in close][1] == "the same, closer"
    low, high = close[1].get_ylim()
    # The best means are 0.9 and 0.925, and 0.85 of plain is no more than five points below.
    assert 0.8 < low < 0.9
    assert 0.925 < high < 1


def test_chance_is_a_dotted_line(tmp_path: Path) -> None:
    accuracy = panels_of(figures_of(compared(tmp_path, CELLS))["rates"].figure)[0]
    (chance,) = [line for line in accuracy.lines if line.get_linestyle() == ":"]
    assert chance.get_ydata() == pytest.approx([1 / 3, 1 / 3])


def test_the_note_gives_the_number_of_seeds(tmp_path: Path) -> None:
    assert "mean over 2 seeds" in note_of(figures_of(compared(tmp_path, CELLS))["rates"].figure)
    one = note_of(figures_of(compared(tmp_path / "one", {"plain": [[0.9]]}))["rates"].figure)
    assert one.startswith("One seed")
    assert "mean" not in one


def test_the_note_says_that_a_loss_axis_is_cut(tmp_path: Path) -> None:
    cells: Cells = {"plain": [[0.8, 0.9], [0.9, 0.9]]}
    results = compared(tmp_path, cells)
    results.cells["validation_loss_mean"] *= 1000
    figure = figures_of(results)["rates"].figure
    assert "10 × the initial loss" in note_of(figure)
    # The initial loss is 1.1.
    assert panels_of(figure)[-2].get_ylim()[1] == pytest.approx(11)
    whole = note_of(figures_of(compared(tmp_path / "whole", cells))["rates"].figure)
    assert "× the initial loss" not in whole
