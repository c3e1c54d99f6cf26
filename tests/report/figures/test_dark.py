import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from bnbench.report.figures.dark import INK, KEEP_COLOR, PAPER, darken_color, darken_figure


def test_grays_are_inverted_and_colors_stay() -> None:
    assert darken_color("white") == pytest.approx((*PAPER, 1))
    assert darken_color("black") == pytest.approx((*INK, 1))
    assert darken_color("#0072B2") == pytest.approx(to_rgba("#0072B2"))
    assert darken_color((1, 1, 1, 0.5))[3] == 0.5


def test_a_figure_gets_a_dark_page_with_light_text() -> None:
    figure = Figure()
    ax = figure.subplots()
    (line,) = ax.plot([1, 2], color="#D55E00", marker="o")
    label = ax.set_xlabel("rate")
    digit = ax.text(0, 0, "1", color="black", gid=KEEP_COLOR)
    band = ax.fill_between([0, 1], [0, 1], color="#D55E00", alpha=0.15)
    darken_figure(figure)
    assert figure.get_facecolor() == pytest.approx((*PAPER, 1))
    assert to_rgba(label.get_color()) == pytest.approx((*INK, 1))
    assert to_rgba(line.get_color()) == pytest.approx(to_rgba("#D55E00"))
    assert digit.get_color() == "black"
    assert band.get_facecolor()[0] == pytest.approx(to_rgba("#D55E00", 0.15))
