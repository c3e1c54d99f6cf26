"""The learning rates around the best one at which every seed is ok."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from bnbench.report.figures.layout import PanelShape, describe_seeds, draw_panels
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import Look, Looks, format_rate_axis
from bnbench.results.results import Results

# Inches.
BAR_HEIGHT = 0.35


def ranges_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant and setting."""
    return results.variants


def caption_ranges(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return "The learning rates around the best one at which every seed is ok."


def draw_ranges(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each setting, a bar for each variant."""
    rates = sorted(inputs.results.summary["learning_rate"].unique())
    note = (
        "Bar: learning rates around the best one (marked) at which every seed is ok; "
        f"{describe_seeds(inputs.results)}. Arrow: the grid ends. Cross: not even at the best one."
    )
    return draw_panels(
        inputs,
        note,
        lambda ax, rows: draw_stable_ranges(ax, rows, rates, inputs.looks),
        _shape(inputs),
    )


def _shape(inputs: FigureInput) -> PanelShape:
    """Return a panel that is as high as its bars need."""
    return PanelShape(columns=3, height=BAR_HEIGHT * (len(inputs.looks) + 1), min_width=2.0, aspect=10)


def draw_stable_ranges(ax: Axes, variants: pd.DataFrame, rates: Sequence[float], looks: Looks) -> None:
    """Draw the learning rates around the best one at which every seed is ok, a bar a variant, with the best marked.

    A bar that ends with the grid has an arrow: the range may go on.

    Args:
        ax: the panel.
        variants: a row for each variant of one setting, with `stable_from`, `stable_to`, `best_rate`.
        rates: the learning rates of the grid, ascending.
        looks: the look of each variant.
    """
    for height, variant in enumerate(variants.to_dict("records")):
        look = looks[str(variant["variant"])]
        if pd.notna(variant["stable_from"]):
            _draw_bar(ax, height, variant, (rates[0], rates[-1]), look)
        else:
            ax.plot(variant["best_rate"], height, color=look.color, marker="x", zorder=4)
        ax.text(rates[0], height - 0.25, look.label, fontsize=7, va="bottom")
    ax.set_yticks([])
    ax.set_ylim(len(variants) - 0.6, -0.8)
    ax.set_xlim(rates[0] / 1.6, rates[-1] * 1.6)
    format_rate_axis(ax)


def _draw_bar(ax: Axes, height: float, variant: Mapping[Any, Any], grid_ends: tuple[float, float], look: Look) -> None:
    ends = variant["stable_from"], variant["stable_to"]
    ax.hlines(height, *ends, color=look.color, linewidth=7, alpha=0.45)
    for end, grid_end, arrow in zip(ends, grid_ends, "<>", strict=True):
        ax.plot(end, height, color=look.color, marker=arrow if end == grid_end else "|", markersize=8)
    ax.plot(variant["best_rate"], height, color=look.color, marker=look.marker, markersize=6, zorder=4)


def _settings_per_page(inputs: FigureInput) -> int:
    return _shape(inputs).groups_on_a_page(1, inputs.settings)


FIGURE = FigureSpec("ranges", 70, ranges_table, caption_ranges, draw_ranges, takes_ax=True, per_page=_settings_per_page)
