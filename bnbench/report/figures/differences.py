"""The paired difference of the validation score to the baseline, at equal learning rate."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from bnbench.report.figures.layout import describe_seeds, draw_panels, panels_per_page
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import (
    REFERENCE_COLOR,
    Looks,
    capitalize_first,
    draw_with_intervals,
    format_rate_axis,
    is_loss,
    rows_by_variant,
)
from bnbench.results.results import Results

SCORE = "validation_score"


def differences_table(results: Results) -> pd.DataFrame:
    """Return a row for each further variant, setting and learning rate; empty if no trials form a pair."""
    return results.differences(SCORE)


def caption_differences(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return f"Paired difference in {inputs.label(SCORE)} to {inputs.results.baseline}, at equal learning rate."


def draw_differences(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each setting, one line for each variant but the baseline."""
    compared = {name: look for name, look in inputs.looks.items() if name in set(inputs.table["variant"])}
    return draw_panels(
        replace(inputs, looks=compared), _note(inputs), lambda ax, rows: draw_difference(ax, rows, SCORE, compared)
    )


def draw_difference(ax: Axes, differences: pd.DataFrame, score: str, looks: Looks) -> None:
    """Draw the mean paired difference to the baseline with its 95% interval, against the learning rate.

    Args:
        ax: the panel.
        differences: `Results.differences` of one setting. If a row has no interval, no bar is drawn.
        score: the name of the score that was subtracted.
        looks: the look of each variant.
    """
    ax.axhline(0, color=REFERENCE_COLOR, linewidth=0.8, zorder=1)
    for variant in rows_by_variant(differences, looks):
        draw_with_intervals(ax, variant, "mean", "low", "high")
    if is_loss(score):
        ax.set_ylabel("difference")
    else:
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+.0f}" if value else "0"))
        ax.set_ylabel("difference in points")
    format_rate_axis(ax)


def _note(inputs: FigureInput) -> str:
    has_intervals = inputs.table["low"].notna().any()
    return (
        f"{capitalize_first(inputs.label(SCORE))} minus that of {inputs.results.baseline}, paired by seed; "
        f"mean over {describe_seeds(inputs.results)}. "
        f"{'Bar: 95% interval.' if has_intervals else 'Too few seeds for an interval.'}"
    )


FIGURE = FigureSpec(
    "differences", 30, differences_table, caption_differences, draw_differences, per_page=panels_per_page, takes_ax=True
)
