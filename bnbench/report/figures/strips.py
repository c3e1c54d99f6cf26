"""Strips: rows of panels below each other, one for each measure, with a line for each layer, colored by its depth."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from bnbench.report.figures.layout import PanelShape, add_note, is_first_in_row, make_grid, remove_panels
from bnbench.report.figures.spec import FigureInput
from bnbench.report.figures.style import Look, format_log_axis, format_percent_axis, label_y_axis, legend_entry

SHAPE = PanelShape(columns=6, height=1.05, min_width=0.65, aspect=0.9, gaps=(0.14, 0.14), left=0.8)
# Inches between rows if there is a title and a label between them.
WIDE_GAP = 0.75
# Inches of each further line of a title.
TITLE_LINE = 0.12
# Up to so many layers each have an entry in the legend; of more, the first, the middle and the last one.
MAX_ENTRIES = 8
# The part of the color map with enough contrast on white and on a dark page.
COLOR_MAP, FIRST_COLOR, LAST_COLOR = "plasma", 0.25, 0.85
# A logarithmic axis ends so many decades above the median of its highest values: one panel may have values of 1e20.
DECADES_ABOVE, DECADES_BELOW = 2.0, 4.0
BAND_ALPHA = 0.13
# A band with more positions is an image inside the SVG.
MAX_VECTOR_POINTS = 100


@dataclass(frozen=True)
class Measure:
    """What a row of panels shows: the name of the values, the label of its axis, and how the axis is divided."""

    name: str
    label: str
    is_share: bool = False


@dataclass(frozen=True)
class Column:
    """What a column of panels shows.

    Attributes:
        title: above it.
        rows: measure (`name`), `layer`, `depth`, `position` and SPREAD.
        look: that of the variant, for values of the whole model.
        diverged: whether a trial diverged where its lines end.
    """

    title: str
    rows: pd.DataFrame
    look: Look
    diverged: bool = False


def draw_strips(
    inputs: FigureInput, columns: Sequence[Column], measures: Sequence[Measure], note: str, x_label: str
) -> Sequence[Axes]:
    """Draw a column of panels for each column of data and return all panels, row by row."""
    deepest = _deepest(columns)
    rows = _make_rows(inputs, columns, len(measures), note)
    for measure, panels in zip(measures, rows, strict=True):
        for ax, column in zip(panels, columns, strict=True):
            _draw_lines(ax, column, measure, deepest)
            ax.xaxis.set_major_locator(MaxNLocator(3, integer=True))
        _share_axis(panels, columns, measure)
    for ax, column in zip(rows[0], columns, strict=True):
        ax.set_title(column.title, fontsize=7)
    for ax in rows[-1]:
        ax.set_xlabel(x_label)
    for panels in rows[:-1]:
        for ax in panels:
            ax.tick_params(labelbottom=False)
    return add_note([ax for panels in rows for ax in panels], note, inputs.settings)


def _make_rows(inputs: FigureInput, columns: Sequence[Column], measures: int, note: str) -> list[list[Axes]]:
    """Return the panels of each measure. If the columns do not fit next to each other, they go into several blocks."""
    one = SHAPE.fit(len(columns), 1, inputs.settings)
    title_lines = max(column.title.count("\n") + 1 for column in columns)
    gaps = (one.gaps[0], WIDE_GAP if one.rows > 1 else one.gaps[1])
    grid = replace(one, rows=measures * one.rows, gaps=gaps, above=one.above + TITLE_LINE * (title_lines - 1))
    _, axes = make_grid(grid, depth_handles(columns), "" if inputs.settings.width else note)
    rows = [list(axes[number::measures].flat) for number in range(measures)]
    remove_panels([ax for panels in rows for ax in panels[len(columns) :]])
    return [panels[: len(columns)] for panels in rows]


def depth_color(depth: int, deepest: int) -> str:
    """Return the color of a layer, from dark for the first one to light for the last one."""
    place = (depth - 1) / max(deepest - 1, 1)
    return to_hex(colormaps[COLOR_MAP](FIRST_COLOR + (LAST_COLOR - FIRST_COLOR) * place))


def depth_handles(columns: Sequence[Column]) -> list[Line2D]:
    """Return the entries of a legend: each layer with a kernel by its number, the first and the last one in words."""
    deepest = _deepest(columns)
    shown = range(1, deepest + 1) if deepest <= MAX_ENTRIES else (1, (1 + deepest) // 2, deepest)
    entries = [legend_entry(f"layer {depth}", color=depth_color(depth, deepest)) for depth in shown]
    if any(column.diverged for column in columns):
        entries.append(legend_entry("diverged here", marker="x", linestyle=""))
    return entries


def _deepest(columns: Sequence[Column]) -> int:
    """Return the number of layers with a kernel."""
    return max((int(column.rows["depth"].max()) for column in columns), default=0)


def _draw_lines(ax: Axes, column: Column, measure: Measure, deepest: int) -> None:
    rows = column.rows[column.rows["name"] == measure.name].sort_values("position", kind="stable")
    for _, line in rows.groupby("layer", sort=False):
        depth = int(line["depth"].iloc[0])
        color = depth_color(depth, deepest) if depth else column.look.color
        x, *values = line[["position", "median", "lowest", "highest"]].to_numpy(float).T
        # As shapes, the bands of 200 steps would make the SVG file three times as large.
        many = len(x) > MAX_VECTOR_POINTS
        ax.fill_between(x, values[1], values[2], color=color, alpha=BAND_ALPHA, linewidth=0, rasterized=many)
        ax.plot(x, values[0], color=color, linewidth=0.9)
        if column.diverged and not depth:
            ax.plot(x[-1:], values[0][-1:], color=color, marker="x", linestyle="", markersize=5, clip_on=False)


def _share_axis(panels: Sequence[Axes], columns: Sequence[Column], measure: Measure) -> None:
    """Give a row of panels one y axis, with its labels at the left."""
    rows = pd.concat([column.rows[column.rows["name"] == measure.name] for column in columns])
    limits = None if measure.is_share else log_limits(rows["median"], rows[["lowest", "highest"]])
    for ax in panels:
        if measure.is_share:
            format_percent_axis(ax)
        else:
            ax.set_ylim(limits)
            format_log_axis(ax)
        if is_first_in_row(ax):
            label_y_axis(ax, measure.label)
        else:
            ax.tick_params(labelleft=False, which="both")


def log_limits(lines: ArrayLike, bands: ArrayLike = ()) -> tuple[float, float]:
    """Return the ends of a logarithmic axis.

    Args:
        lines: their values are within, but for those that are many decades away from most of them.
        bands: most of their values are within.
    """
    low, high = _log_ends(lines, 0.02, DECADES_BELOW, DECADES_ABOVE)
    band_low, band_high = _log_ends(bands, 0.02, 0, 0)
    low, high = min(low, band_low), max(high, band_high)
    if low > high:
        return 0.1, 10.0
    margin = 0.04 * (high - low) + 0.02
    return float(10 ** (low - margin)), float(10 ** (high + margin))


def _log_ends(values: ArrayLike, beyond: float, below: float, above: float) -> tuple[float, float]:
    """Return log10 of the lowest and the highest value, at most some decades from two quantiles; inf, -inf if none."""
    numbers = np.asarray(values, float).ravel()
    logs = np.log10(numbers[(numbers > 0) & np.isfinite(numbers)])
    if not len(logs):
        return np.inf, -np.inf
    first, last = np.quantile(logs, [beyond, 1 - beyond])
    return max(float(logs.min()), first - below), min(float(logs.max()), last + above)
