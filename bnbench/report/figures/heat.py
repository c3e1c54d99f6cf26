"""The validation score as color over epoch and learning rate."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from bnbench.report.figures.layout import (
    NARROW,
    PanelGrid,
    add_note,
    describe_seeds,
    make_grid,
    remove_panels,
    split_by_setting,
)
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import capitalize_first, format_epoch_axis, rate_labels
from bnbench.results.results import Results

if TYPE_CHECKING:
    from matplotlib.collections import QuadMesh

SCORE = "validation_score"
# Number of panels next to each other if there is one setting.
MAX_COLUMNS = 3
MAX_RATE_LABELS = 8
# Inches: to the left of each panel are its learning rates, to the right of the last one is the color bar.
GAPS, RIGHT, LEFT, BAR_GAP, BAR_WIDTH = (0.62, 0.75), 0.85, 0.82, 0.12, 0.1


def heat_table(results: Results) -> pd.DataFrame:
    """Return the mean score of each variant, setting, learning rate and epoch; empty if there is only one epoch."""
    table = results.by_epoch
    return table if table["epoch"].nunique() > 1 else table.iloc[:0]


def caption_heat(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return f"{capitalize_first(inputs.label(SCORE))} as color, over epoch and learning rate."


def draw_heat(inputs: FigureInput) -> Figure:
    """Draw a panel for each variant and setting, with one color bar."""
    panels = _panels(inputs)
    one_setting = len({setting for setting, _, _ in panels}) == 1
    columns = min(MAX_COLUMNS, len(panels) if one_setting else len(inputs.looks))
    note = f"Mean over {describe_seeds(inputs.results)}. A diverged trial counts as chance after its divergence."
    grid = PanelGrid(-(-len(panels) // columns), columns, NARROW, GAPS, RIGHT, LEFT)
    figure, axes = make_grid(grid, [], note)
    for ax, (setting, variant, rows) in zip(axes.flat, panels, strict=False):
        mesh = draw_heat_map(ax, rows, SCORE)
        ax.set_title(f"{variant}\n{setting}" if setting else variant)
        ax.tick_params(labelbottom=True)
    remove_panels(axes.flat[len(panels) :])
    for row in axes:
        row[0].set_ylabel("learning rate")
    add_color_bar(figure, axes[0][-1], mesh, inputs.label(SCORE))
    add_note(figure, note)
    return figure


def _panels(inputs: FigureInput) -> list[tuple[str, str, pd.DataFrame]]:
    """Return setting, variant and rows of each panel that has rows."""
    panels = [
        (setting, variant, part[part["variant"] == variant])
        for setting, part in split_by_setting(inputs.results, inputs.table)
        for variant in inputs.looks
    ]
    return [panel for panel in panels if len(panel[2])]


def draw_heat_map(ax: Axes, cells: pd.DataFrame, score: str) -> "QuadMesh":
    """Draw a score as color over epoch and learning rate; all learning rates have the same height.

    Args:
        ax: the panel.
        cells: a row for each learning rate and epoch with `learning_rate`, `epoch` and the score, of one variant.
        score: the column to draw.
    """
    table = cells.pivot(index="learning_rate", columns="epoch", values=score)
    epochs = table.columns.to_numpy(float)
    edges = np.append(epochs, epochs[-1] + 1) - 0.5
    mesh = ax.pcolormesh(edges, np.arange(len(table) + 1) - 0.5, table, cmap="viridis", vmin=0, vmax=1, rasterized=True)
    every, labels = -(-len(table) // MAX_RATE_LABELS), rate_labels(table.index)
    ax.set_yticks(range(0, len(table), every), [labels[rate] for rate in table.index[::every]])
    ax.grid(visible=False)
    ax.set_xlabel("epoch")
    format_epoch_axis(ax)
    return mesh


def add_color_bar(figure: Figure, panel: Axes, mesh: "QuadMesh", label: str) -> None:
    """Draw the color bar to the right of a panel, which may have been removed."""
    box, width = panel.get_position(), figure.get_figwidth()
    axes = figure.add_axes((box.x1 + BAR_GAP / width, box.y0, BAR_WIDTH / width, box.height))
    figure.colorbar(mesh, cax=axes, format=PercentFormatter(1.0)).set_label(label)


FIGURE = FigureSpec("heat", 50, heat_table, caption_heat, draw_heat)
