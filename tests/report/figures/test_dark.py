import numpy as np
import pytest
from matplotlib.colors import to_rgba

from bnbench.report.figures.dark import INK, PAPER, darken_color, darken_colors


def test_grays_are_inverted_and_colors_stay() -> None:
    assert darken_color("white") == pytest.approx((*PAPER, 1))
    assert darken_color("black") == pytest.approx((*INK, 1))
    assert darken_color("#0072B2") == pytest.approx(to_rgba("#0072B2"))
    assert darken_color((1, 1, 1, 0.5))[3] == 0.5


def test_several_colors_change_as_one_does() -> None:
    assert darken_colors([(1, 1, 1, 1), (0, 0, 0, 0.5)]) == pytest.approx(np.array([(*PAPER, 1), (*INK, 0.5)]))
    assert darken_colors([]).shape == (0, 4)
