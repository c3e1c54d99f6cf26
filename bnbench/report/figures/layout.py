"""Where things are in a figure: panels, legend, note."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bnbench.analysis.labels import format_setting
from bnbench.report.figures.spec import FigureInput
from bnbench.report.figures.style import Looks, set_loss_ticks
from bnbench.results.results import Results

# Panel sizes in inches. Two PANELs or three NARROW ones with their labels are as wide as a page of text,
# one ALONE is as wide as a column.
PANEL = (2.65, 1.95)
ALONE = (2.6, 1.8)
NARROW = (1.62, 1.6)
# Inches around the panels: an axis with its label on the left, a note below.
LEFT, RIGHT, BELOW = 0.66, 0.12, 0.46
LEGEND_LINE = 0.17
NOTE_LINE = 0.13
LETTERS_PER_INCH = 18
MAX_LEGEND_COLUMNS = 5
MAX_NAME_LENGTH = 30
# The number of panels next to each other that fits on a page.
MAX_COLUMNS = 5
# The maximum number of settings of the further axes in one figure, and of figures of learning curves.
MAX_SETTINGS = 12
# A loss axis ends at this many times the initial loss: a loss of 1e20 would make all other lines look flat.
MAX_LOSS_RATIO = 10
CUT = f" Loss axes end at {MAX_LOSS_RATIO} × the initial loss."


@dataclass(frozen=True)
class PanelGrid:
    """Panels of one size in rows and columns; all lengths in inches.

    Attributes:
        size: width and height of a panel.
        gaps: between columns and between rows.
        right: space to the right of the last column.
        left: space to the left of the first column.
        below: space for the labels below the last row.
        share_x: whether all panels have one x axis.
    """

    rows: int
    columns: int
    size: tuple[float, float]
    gaps: tuple[float, float]
    right: float = RIGHT
    left: float = LEFT
    below: float = BELOW
    share_x: bool = True

    @property
    def width(self) -> float:
        """The width of the figure."""
        return self.left + self.columns * self.size[0] + (self.columns - 1) * self.gaps[0] + self.right


def split_by_setting(results: Results, table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return the name and the rows of each setting of the further axes, at most MAX_SETTINGS."""
    if not results.axes:
        return [("", table)]
    groups = table.groupby(results.axes, sort=False, dropna=False)
    return [(setting_name(results.axes, values), rows) for values, rows in groups][:MAX_SETTINGS]


def setting_name(axes: Sequence[str], values: Iterable[Any]) -> str:
    """Return the values of the further axes as text: `units 50, depth 2`."""
    return ", ".join(
        f"{axis.rpartition('.')[2]} {format_setting(value)}" for axis, value in zip(axes, values, strict=True)
    )


def describe_seeds(results: Results) -> str:
    """Return the number of seeds of each mean, and how many settings are shown if some are left out."""
    low, high = results.summary["n"].min(), results.summary["n"].max()
    plural = "s" if high > 1 else ""
    seeds = f"{low} seed{plural}" if low == high else f"{low} to {high} seeds"
    settings = results.summary.groupby(results.axes, dropna=False).ngroups if results.axes else 1
    return f"{seeds} ({MAX_SETTINGS} of {settings} settings shown)" if settings > MAX_SETTINGS else seeds


def make_grid(grid: PanelGrid, handles: Sequence[Line2D], note: str) -> tuple[Figure, NDArray[Any]]:
    """Return a figure with a legend above its panels, and its axes (rows, columns).

    Matplotlib can find the margins itself, but that takes as long as drawing.

    Args:
        grid: the panels.
        handles: the entries of the legend.
        note: the longest text that `add_note` may get; the figure leaves room for it.
    """
    legend_columns = _legend_columns(handles, grid.width)
    top = 0.32 + LEGEND_LINE * -(-len(handles) // legend_columns)
    below = grid.below + NOTE_LINE * len(_wrap_note(note, grid.width))
    figure = Figure(figsize=(grid.width, top + grid.rows * grid.size[1] + (grid.rows - 1) * grid.gaps[1] + below))
    axes = figure.subplots(
        grid.rows, grid.columns, squeeze=False, sharex=grid.share_x, gridspec_kw=_margins(grid, figure, top, below)
    )
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1), ncols=legend_columns, fontsize=7)
    return figure, axes


def _legend_columns(handles: Sequence[Line2D], width: float) -> int:
    entries = [0.45 + len(str(handle.get_label())) / LETTERS_PER_INCH for handle in handles]
    fit = len(entries) if sum(entries) < width else int(width / max(entries, default=1))
    return max(1, min(fit, MAX_LEGEND_COLUMNS))


def _margins(grid: PanelGrid, figure: Figure, top: float, below: float) -> dict[str, float]:
    """Return the margins as Matplotlib takes them, in parts of the figure or of a panel."""
    width, height = figure.get_size_inches()
    return {
        "left": grid.left / width,
        "right": 1 - grid.right / width,
        "bottom": below / height,
        "top": 1 - top / height,
        "wspace": grid.gaps[0] / grid.size[0],
        "hspace": grid.gaps[1] / grid.size[1],
    }


def add_note(figure: Figure, text: str) -> None:
    """Write a note below the panels, in as many lines as it needs."""
    lines = "\n".join(_wrap_note(text, figure.get_figwidth()))
    figure.text(0.5, 0.04 / figure.get_figheight(), lines, fontsize=7, color="#555555", ha="center", va="bottom")


def _wrap_note(text: str, width: float) -> list[str]:
    return wrap(text, int(LETTERS_PER_INCH * width))


def variant_handles(looks: Looks, markers: bool) -> list[Line2D]:
    """Return the entries of a legend, one for each variant."""
    return [
        Line2D(
            [], [], color=look.color, marker=look.marker if markers else "", linestyle=look.dash, label=_shorten(name)
        )
        for name, look in looks.items()
    ]


def _shorten(name: str) -> str:
    """Return a name that leaves room for others in a legend."""
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 1]}…"


def draw_panels(
    inputs: FigureInput, note: str, draw_panel: Callable[[Axes, pd.DataFrame], None], height: float | None = None
) -> Figure:
    """Return a figure with a panel for each setting of the further axes, two next to each other.

    If `inputs.ax` is given, the one panel is drawn there, with the legend inside and without the note.
    """
    if inputs.ax is not None:
        return _draw_panel_into(inputs.ax, inputs, draw_panel)
    settings = split_by_setting(inputs.results, inputs.table)
    columns = min(2, len(settings))
    width, usual_height = ALONE if len(settings) == 1 else PANEL
    grid = PanelGrid(-(-len(settings) // columns), columns, (width, height or usual_height), (0.62, 0.62))
    figure, axes = make_grid(grid, variant_handles(inputs.looks, markers=True), note)
    for ax, (setting, rows) in zip(axes.flat, settings, strict=False):
        draw_panel(ax, rows)
        ax.set_title(setting)
        ax.tick_params(labelbottom=True)
    remove_panels(axes.flat[len(settings) :])
    add_note(figure, note)
    return figure


def _draw_panel_into(ax: Axes, inputs: FigureInput, draw_panel: Callable[[Axes, pd.DataFrame], None]) -> Figure:
    draw_panel(ax, inputs.table)
    ax.legend(handles=variant_handles(inputs.looks, markers=True), fontsize=7)
    figure = ax.figure
    while not isinstance(figure, Figure):
        figure = figure.figure
    return figure


def remove_panels(axes: "Sequence[Axes] | NDArray[Any]") -> None:
    """Remove the panels of a grid that hold nothing."""
    for ax in axes:
        ax.remove()


def limit_loss_axes(axes: Sequence[Axes], initial_loss: float) -> bool:
    """Give loss axes one range, at most MAX_LOSS_RATIO times the initial loss; return True if that hides values."""
    low, high = min(ax.get_ylim()[0] for ax in axes), max(ax.get_ylim()[1] for ax in axes)
    cut = bool(initial_loss > 0 and high > MAX_LOSS_RATIO * initial_loss)
    for ax in axes:
        ax.set_ylim(min(low, initial_loss / 2) if cut else low, MAX_LOSS_RATIO * initial_loss if cut else high)
        set_loss_ticks(ax)
    return cut
