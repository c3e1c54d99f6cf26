"""Figures of made-up results, and what is drawn in them."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnbench.report.figures.gallery import draw_figures
from bnbench.report.figures.spec import DrawnFigure
from bnbench.report.figures.style import Look, variant_looks
from bnbench.results.results import Results
from support.kept import Cells

# Two variants, two learning rates, two seeds.
CELLS: Cells = {"plain": [[0.8, 0.9], [0.9, 0.9]], "batchnorm": [[0.8, 0.8], [0.9, 0.95]]}
LOOKS = variant_looks(["plain", "batchnorm"])
PLAIN, BATCHNORM = LOOKS["plain"], LOOKS["batchnorm"]
# A file that adds a figure, for tests that write it into the folder of figures as `made_up_counts.py`.
MADE_UP_FIGURE = '''
"""The number of trials of each variant."""

from matplotlib.figure import Figure

from bnbench.report.figures.spec import FigureSpec


def draw(inputs):
    ax = Figure().subplots()
    inputs.table.plot.barh(x="variant", y="trials", ax=ax)
    return [ax]


FIGURE = FigureSpec(
    name="counts",
    order=15,
    table=lambda results: results.trials.groupby("variant", sort=False).size().reset_index(name="trials"),
    caption=lambda inputs: f"{inputs.table['trials'].sum()} trials with {inputs.score_name}.",
    draw=draw,
)
'''


def figures_of(results: Results) -> dict[str, DrawnFigure]:
    """Return the figures of a report by name."""
    return {drawn.name: drawn for drawn in draw_figures(results)}


def panels_of(figure: Figure) -> list[Axes]:
    """Return the panels without the color bar."""
    return [
        ax
        for ax in figure.axes
        if not (ax.get_ylabel().startswith("validation ") and ax.yaxis.get_label_position() == "right")
    ]


def note_of(figure: Figure) -> str:
    """Return the text below the panels, in one line."""
    (text,) = figure.texts
    return text.get_text().replace("\n", " ")


def table(*columns: str, rows: list[tuple[Any, ...]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=list(columns))


def lines_of(ax: Axes, look: Look) -> list[Line2D]:
    """Return the lines and markers in the color of a variant."""
    return [line for line in ax.lines if line.get_color() == look.color]


def points_of(line: Line2D) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]


def bars_of(ax: Axes) -> list[list[tuple[float, float]]]:
    """Return the ends of the vertical bars of each variant."""
    return [
        [(float(segment[0, 1]), float(segment[1, 1])) for segment in collection.get_segments()]
        for collection in ax.collections
        if isinstance(collection, LineCollection)
    ]
