"""Figures for a paper: their size, that nothing is clipped, their fonts and their captions."""

import re
import zlib
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from bnbench.config.figure_settings import FigureSettings
from bnbench.report.figures import layout
from bnbench.report.figures.gallery import draw_figures
from bnbench.report.figures.render import render_figure
from bnbench.report.figures.style import project_style, style_of
from support.figures import CELLS
from support.kept import compared

PAPER = FigureSettings(width=3.25, font="serif", band="ci", labels={"batchnorm": "BN"})
# Inches: anti-aliasing may color a part of the next pixel.
TOLERANCE = 0.01

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def room_around(figure: Figure) -> list[float]:
    """Return the room between the ink of a figure and its four edges, in inches."""
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return [box.x0, box.y0, width - box.x1, height - box.y1]


@pytest.mark.parametrize("settings", [PAPER, FigureSettings()], ids=["paper", "report"])
def test_nothing_is_clipped_and_every_figure_fits_its_page(tmp_path: Path, settings: FigureSettings) -> None:
    results = compared(tmp_path, *[CELLS] * 7)
    with project_style(style_of(settings)):
        for drawn in draw_figures(results, settings):
            assert min(room_around(drawn.figure)) >= -TOLERANCE, drawn.name
            width, height = drawn.figure.get_size_inches()
            assert width == pytest.approx(settings.width or width)
            assert height <= layout.MAX_HEIGHT + TOLERANCE, drawn.name


def test_a_paper_has_its_note_in_the_caption_and_its_own_names(tmp_path: Path) -> None:
    drawn = {one.name: one for one in draw_figures(compared(tmp_path, CELLS), PAPER)}
    figure = drawn["rates"].figure
    assert not any(text.get_visible() for text in figure.texts)
    assert "mean over 2 seeds" in layout.note_of(figure)
    assert [text.get_text() for text in figure.legends[0].get_texts()][:2] == ["plain", "BN"]


def test_a_pdf_has_truetype_fonts(tmp_path: Path) -> None:
    with project_style(style_of(PAPER)):
        drawn = next(draw_figures(compared(tmp_path, CELLS), PAPER))
        data = render_figure(drawn.figure, ["pdf"]).files["pdf"]
    parts = [data, *(zlib.decompress(part) for part in re.findall(rb"stream\n(x.*?)\nendstream", data, re.DOTALL))]
    text = b"".join(parts)
    assert b"/CIDFontType2" in text
    assert b"/Type3" not in text


def test_many_settings_go_into_several_files(tmp_path: Path) -> None:
    names = [one.name for one in draw_figures(compared(tmp_path, *[CELLS] * 7), PAPER) if one.kind == "rates"]
    assert names[:2] == ["rates-1", "rates-2"]
