"""What a figure is made of: the records that a figure's module and the gallery exchange."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
        ax: Axes of the user to draw into, for a figure with `takes_ax`; by default a new figure is made.
    """

    results: Results
    table: pd.DataFrame
    looks: Looks
    score_name: str
    setting: str = ""
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
        draw: draws the figure.
        per_setting: draw one figure for each setting of the further axes.
        takes_ax: with one setting there is one panel, and `draw` draws it into `FigureInput.ax` if that is given.
    """

    name: str
    order: int
    table: Callable[[Results], pd.DataFrame]
    caption: Callable[[FigureInput], str]
    draw: Callable[[FigureInput], Figure]
    per_setting: bool = False
    takes_ax: bool = False


@dataclass(frozen=True)
class DrawnFigure:
    """A figure with the name of its file and its caption."""

    name: str
    caption: str
    figure: Figure
