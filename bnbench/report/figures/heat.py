"""The validation score as color over epoch and learning rate."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray

from bnbench.report.figures.layout import (
    PanelShape,
    add_note,
    describe_seeds,
    is_first_in_row,
    label_lowest,
    make_panels,
    remove_panels,
    split_by_setting,
)
from bnbench.report.figures.spec import FigureInput, FigureSpec, figure_of
from bnbench.report.figures.style import capitalize_first, format_epoch_axis, format_tick, label_y_axis
from bnbench.results.results import Results

if TYPE_CHECKING:
    from matplotlib.collections import QuadMesh

SCORE = "validation_score"
MAX_RATE_LABELS = 8
# Inches: to the left of each panel are its learning rates, to the right of the last one is the color bar.
BAR_GAP, BAR_WIDTH = 0.1, 0.1
SHAPE = PanelShape(columns=4, height=1.7, min_width=0.65, aspect=0.85, gaps=(0.42, 0.62), left=0.7, right=0.78)


def heat_table(results: Results) -> pd.DataFrame:
    """Return the mean score of each variant, setting, learning rate and epoch; empty if there is only one epoch."""
    table = results.by_epoch
    return table if table["epoch"].nunique() > 1 else table.iloc[:0]


def caption_heat(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return f"{capitalize_first(inputs.label(SCORE))} as color, over epoch and learning rate."


def draw_heat(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each variant and setting, with one color bar."""
    parts, variants = split_by_setting(inputs.results, inputs.table), variants_drawn(inputs)
    note = f"Mean over {describe_seeds(inputs.results)}. A diverged trial counts as chance after its divergence."
    groups = make_panels(inputs.settings, SHAPE, len(parts), len(variants), [], note)
    drawn = draw_maps(inputs, groups, parts, lambda ax, setting, rows: (draw_heat_map(ax, rows, SCORE), setting))
    label_lowest(drawn)
    return add_note(drawn, note, inputs.settings)


def draw_maps(
    inputs: FigureInput,
    groups: Sequence[Sequence[Axes]],
    parts: Sequence[tuple[str, pd.DataFrame]],
    draw: Callable[[Axes, str, pd.DataFrame], tuple["QuadMesh", str]],
) -> list[Axes]:
    """Draw a panel for each part and variant, with one color bar; return the panels that have rows.

    Args:
        inputs: the data of the figure.
        groups: the panels of each part, one for each of `variants_drawn`.
        parts: their names and rows.
        draw: draws the rows of a part and a variant, and returns the colors and the second line of the title.
    """
    drawn, meshes = [], []
    for panels, (part, rows) in zip(groups, parts, strict=True):
        for ax, variant in zip(panels, variants_drawn(inputs), strict=True):
            own = rows[rows["variant"] == variant]
            if own.empty:
                remove_panels([ax])
                continue
            mesh, place = draw(ax, part, own)
            name = inputs.looks[variant].label
            ax.set_title(f"{name}\n{place}" if place else name)
            meshes.append(mesh)
            drawn.append(ax)
    label_first_column(drawn, "learning rate")
    add_color_bar(drawn, meshes[-1], inputs.label(SCORE))
    return drawn


def variants_drawn(inputs: FigureInput) -> list[str]:
    """Return the variants that have rows, in the order of the experiment."""
    return [name for name in inputs.looks if name in set(inputs.table["variant"])]


def label_first_column(panels: Sequence[Axes], text: str) -> None:
    """Label the y axes of the panels at the left of their figure."""
    for ax in panels:
        if is_first_in_row(ax):
            label_y_axis(ax, text)


def draw_heat_map(ax: Axes, cells: pd.DataFrame, score: str) -> "QuadMesh":
    """Draw a score as color over epoch and learning rate, whose axis is logarithmic with a tick at each decade.

    Args:
        ax: the panel.
        cells: a row for each learning rate and epoch with `learning_rate`, `epoch` and the score, of one variant.
        score: the column to draw.
    """
    table = cells.pivot(index="learning_rate", columns="epoch", values=score)
    epochs = table.columns.to_numpy(float)
    edges = np.append(epochs, epochs[-1] + 1) - 0.5
    rates = rate_edges(table.index.to_numpy(float))
    mesh = ax.pcolormesh(edges, rates, table, cmap="viridis", vmin=0, vmax=1, rasterized=True)
    format_rate_rows(ax, rates)
    ax.set_xlabel("epoch")
    format_epoch_axis(ax)
    return mesh


def format_rate_rows(ax: Axes, edges: NDArray[np.float64]) -> None:
    """Make y a logarithmic axis of learning rates with a tick at each decade.

    Args:
        ax: the panel.
        edges: what `rate_edges` returns.
    """
    ax.set_yscale("log")
    ax.set_ylim(edges[0], edges[-1])
    ax.yaxis.set_major_locator(LogLocator(numticks=MAX_RATE_LABELS))
    ax.yaxis.set_minor_locator(NullLocator())
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_tick(value)))
    ax.grid(visible=False)


def rate_edges(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ends of the row of each learning rate, (rates + 1,): halfway to its neighbors on the logarithm."""
    logs = np.log10(rates)
    if len(logs) == 1:
        return 10 ** np.array([logs[0] - 0.5, logs[0] + 0.5])
    middles = (logs[1:] + logs[:-1]) / 2
    ends = 2 * logs[0] - middles[0], 2 * logs[-1] - middles[-1]
    edges: NDArray[np.float64] = 10 ** np.concatenate([ends[:1], middles, ends[1:]])
    return edges


def add_color_bar(panels: Sequence[Axes], mesh: "QuadMesh", label: str) -> None:
    """Draw the color bar to the right of the panels, as high as the first one."""
    figure, box = figure_of(panels[0]), panels[0].get_position()
    width, right = figure.get_figwidth(), max(ax.get_position().x1 for ax in panels)
    axes = figure.add_axes((right + BAR_GAP / width, box.y0, BAR_WIDTH / width, box.height))
    figure.colorbar(mesh, cax=axes, format=PercentFormatter(1.0)).set_label(label)


def _settings_per_page(inputs: FigureInput) -> int:
    return SHAPE.groups_on_a_page(len(variants_drawn(inputs)), inputs.settings)


FIGURE = FigureSpec("heat", 50, heat_table, caption_heat, draw_heat, per_page=_settings_per_page)
