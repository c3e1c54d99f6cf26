"""What a figure is made of: the records that a figure's module and the gallery exchange."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnbench.config.figure_settings import DEFAULT_FIGURES, FigureSettings
from bnbench.report.figures.style import Looks, score_label
from bnbench.results.results import Results


@dataclass(frozen=True)
class FigureInput:
    """What one figure draws.

    Attributes:
        results: the results folder.
        table: the rows to draw, as `FigureSpec.table` returns them.
        looks: the look of each variant, in the order of the experiment.
        score_name: the name of the score in text: accuracy or R².
        setting: the values of the further axes, for a figure of one setting; otherwise empty.
        settings: size, font, band and labels, as the experiment file asks for them.
        ax: Axes of the user to draw into, for a figure with `takes_ax`; by default a new figure is made.
    """

    results: Results
    table: pd.DataFrame
    looks: Looks
    score_name: str
    setting: str = ""
    settings: FigureSettings = DEFAULT_FIGURES
    ax: Axes | None = None

    def label(self, score: str) -> str:
        """Return the label of a score's column."""
        return score_label(score, self.score_name)


@dataclass(frozen=True)
class FigureSpec:
    """A figure of the report; each module of a figure has one, called `FIGURE`.

    Attributes:
        name: the file name without its ending.
        order: the position in the report; lower comes first.
        table: returns the data; if it is empty, the report has no such figure.
        caption: returns one sentence that says what the figure shows.
        draw: draws the figure and returns its panels in reading order; all of them are in one figure.
        per_page: returns how many settings of the further axes one file shows, so that it stays on a page; by default
            one file shows all of them.
        split: returns name and rows of each part that `per_page` counts; by default each setting of the further axes.
        takes_ax: with one setting there is one panel, and `draw` draws it into `FigureInput.ax` if that is given.
    """

    name: str
    order: int
    table: Callable[[Results], pd.DataFrame]
    caption: Callable[[FigureInput], str]
    draw: Callable[[FigureInput], Sequence[Axes]]
    per_page: Callable[[FigureInput], int] | None = None
    split: Callable[[FigureInput], list[tuple[str, pd.DataFrame]]] | None = None
    takes_ax: bool = False


@dataclass(frozen=True)
class DrawnFigure:
    """A drawn figure.

    Attributes:
        name: of its file, without the ending.
        kind: the name of its `FigureSpec`, which several files may share.
        caption: one sentence that says what it shows.
        panels: its panels in reading order.
    """

    name: str
    kind: str
    caption: str
    panels: Sequence[Axes]

    @property
    def figure(self) -> Figure:
        """The figure of the panels."""
        return figure_of(self.panels[0])


def figure_of(ax: Axes) -> Figure:
    """Return the figure that a panel is in, also if it is in a part of that figure."""
    figure = ax.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure
