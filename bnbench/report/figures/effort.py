"""Tuning effort: the best validation score to expect after k randomly chosen learning rates."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bnbench.report.figures.layout import describe_seeds, draw_panels, panels_per_page
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import Looks, format_percent_axis
from bnbench.results.results import Results

SCORE = "validation_score"


def effort_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant, setting and number of rates; empty if the grid has one rate only."""
    table = results.tuning
    return table if table["tried"].max() > 1 else table.iloc[:0]


def caption_effort(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return f"Expected best {inputs.label(SCORE)} after trying k randomly chosen learning rates."


def draw_effort(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each setting."""
    note = (
        f"Expected best {inputs.label(SCORE)} after trying randomly chosen learning rates of the grid. "
        f"Mean over {describe_seeds(inputs.results)}."
    )

    def draw_panel(ax: Axes, rows: pd.DataFrame) -> None:
        draw_expected_best(ax, rows, inputs.looks)
        ax.set_ylabel(f"expected best {inputs.score_name}")

    return draw_panels(inputs, note, draw_panel)


def draw_expected_best(ax: Axes, efforts: pd.DataFrame, looks: Looks) -> None:
    """Draw the expected best validation score against the number of learning rates that are tried.

    Args:
        ax: the panel.
        efforts: `Results.tuning` of one setting.
        looks: the look of each variant.
    """
    for name, group in efforts.groupby("variant", sort=False):
        look = looks[str(name)]
        ax.plot(group["tried"], group["expected_score"], color=look.color, linestyle=look.dash, marker=look.marker)
    ax.set_xlabel("learning rates tried")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    format_percent_axis(ax)


FIGURE = FigureSpec("effort", 60, effort_table, caption_effort, draw_effort, takes_ax=True, per_page=panels_per_page)
