"""Where things are in a figure: panels, legend, note."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from textwrap import wrap
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bnbench.analysis.labels import format_count, format_setting
from bnbench.analysis.trials import is_at
from bnbench.config.figure_settings import DEFAULT_FIGURES, FigureSettings
from bnbench.report.figures.spec import FigureInput, figure_of
from bnbench.report.figures.style import Look, Looks, set_log_ticks
from bnbench.results.results import Results

# Inches. A figure with several panels is as wide as the report, one with a single panel takes half of it. In a paper,
# `figures.width` is the width of both.
REPORT_WIDTH, HALF_WIDTH = 9.2, 4.5
# No figure is higher: it stays on a page, with room for its caption.
MAX_HEIGHT = 9.0
# Inches around the panels: an axis with its label on the left, a note below, a title of one line above.
LEFT, RIGHT, BELOW, ABOVE = 0.62, 0.12, 0.46, 0.32
GAPS = (0.62, 0.62)
LEGEND_LINE = 0.17
NOTE_LINE = 0.13
LETTERS_PER_INCH = 18
MAX_LEGEND_COLUMNS = 8
MAX_NAME_LENGTH = 30
# The number of panels next to each other that fits on a page.
MAX_COLUMNS = 5
# The maximum number of settings of the further axes in one figure, and of figures of learning curves.
MAX_SETTINGS = 12
# A loss axis ends at this many times the initial loss: a loss of 1e20 would make all other lines look flat.
MAX_LOSS_RATIO = 10
# The name of the text below the panels, by which `note_of` finds it.
NOTE = "note"
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
        above: space for the titles above the first row, below the legend.
    """

    rows: int
    columns: int
    size: tuple[float, float]
    gaps: tuple[float, float]
    right: float = RIGHT
    left: float = LEFT
    below: float = BELOW
    share_x: bool = True
    above: float = ABOVE

    @property
    def width(self) -> float:
        """The width of the figure."""
        return self.left + self.columns * self.size[0] + (self.columns - 1) * self.gaps[0] + self.right


@dataclass(frozen=True)
class PanelShape:
    """What the panels of a kind of figure look like; the width of the figure decides how many stand side by side.

    Attributes:
        columns: the largest number of panels side by side.
        height: the largest height of a panel, in inches.
        min_width: in inches; narrower panels go into fewer columns.
        aspect: height of a panel over its width, up to that height.
        gaps: between columns and between rows, in inches.
        share_x: whether all panels have one x axis.
    """

    columns: int
    height: float = 2.2
    min_width: float = 1.0
    aspect: float = 0.72
    gaps: tuple[float, float] = GAPS
    left: float = LEFT
    right: float = RIGHT
    below: float = BELOW
    share_x: bool = True

    def fit(self, groups: int, per_group: int, settings: FigureSettings) -> PanelGrid:
        """Return the grid for groups of panels, each of which begins a new row if it has several panels."""
        count = groups * per_group
        width = settings.width or (HALF_WIDTH if count == 1 else REPORT_WIDTH)
        most = min(self.columns, per_group if per_group > 1 else count)
        columns = next((n for n in range(most, 1, -1) if self._panel_width(n, width) >= self.min_width), 1)
        rows = groups * ceil(per_group / columns) if per_group > 1 else ceil(count / columns)
        panel = self._panel_width(columns, width)
        size = (panel, min(self.height, self.aspect * panel))
        return PanelGrid(rows, columns, size, self.gaps, self.right, self.left, self.below, self.share_x)

    def _panel_width(self, columns: int, width: float) -> float:
        return (width - self.left - self.right - (columns - 1) * self.gaps[0]) / columns

    def groups_on_a_page(self, per_group: int, settings: FigureSettings) -> int:
        """Return how many groups of panels are at most MAX_HEIGHT high together."""
        grid = self.fit(MAX_SETTINGS, per_group, settings)
        rows = int((MAX_HEIGHT - 1 - self.below + self.gaps[1]) / (grid.size[1] + self.gaps[1]))
        return max(1, rows // ceil(per_group / grid.columns) if per_group > 1 else rows * grid.columns)


# The panel of a figure with one panel for each setting.
ONE_PANEL = PanelShape(columns=3)


def split_by_setting(results: Results, table: pd.DataFrame, most: int | None = None) -> list[tuple[str, pd.DataFrame]]:
    """Return the name and the rows of each setting of the further axes.

    Of many settings, the most telling ones are returned, in the order of the experiment.

    Args:
        results: the results.
        table: rows with the further axes.
        most: the largest number of settings, at most MAX_SETTINGS, which is the default.
    """
    if not results.axes:
        return [("", table)]
    shown = results.telling_places(min(most or MAX_SETTINGS, MAX_SETTINGS))
    parts = [(setting_name(results.axes, place.values()), table[is_at(table, place)]) for place in shown]
    return [(name, rows) for name, rows in parts if len(rows)]


def describe_left_out(results: Results, shown: int) -> str:
    """Return a sentence about the settings that are not shown; empty if all are."""
    settings = results.settings
    return f" Shown: the most telling {shown} of {settings} settings; the tables have all." if shown < settings else ""


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
    left_out = results.settings > MAX_SETTINGS
    return f"{seeds} (the most telling {MAX_SETTINGS} of {results.settings} settings)" if left_out else seeds


def describe_counts(counts: "pd.Series[int]") -> str:
    """Return the range of some numbers of seeds: `3 seeds`, `1 to 3 seeds`."""
    low, high = int(counts.min()), int(counts.max())
    return format_count(high, "seed") if low == high else f"{low} to {high} seeds"


def make_grid(grid: PanelGrid, handles: Sequence[Line2D], note: str) -> tuple[Figure, NDArray[Any]]:
    """Return a figure with a legend above its panels, and its axes (rows, columns).

    Matplotlib can find the margins itself, but that takes as long as drawing.

    Args:
        grid: the panels.
        handles: the entries of the legend.
        note: the longest text that `add_note` may get; the figure leaves room for it.
    """
    legend_columns = _legend_columns(handles, grid.width)
    top = grid.above + LEGEND_LINE * -(-len(handles) // legend_columns)
    below = grid.below + NOTE_LINE * len(_wrap_note(note, grid.width))
    figure = Figure(figsize=(grid.width, top + grid.rows * grid.size[1] + (grid.rows - 1) * grid.gaps[1] + below))
    axes = figure.subplots(
        grid.rows, grid.columns, squeeze=False, sharex=grid.share_x, gridspec_kw=_margins(grid, figure, top, below)
    )
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1), ncols=legend_columns, fontsize=7)
    return figure, axes


def make_panels(
    settings: FigureSettings, shape: PanelShape, groups: int, per_group: int, handles: Sequence[Line2D], note: str
) -> list[list[Axes]]:
    """Return the panels of a new figure, one list a group.

    Args:
        settings: how figures are drawn.
        shape: what the panels look like.
        groups: the number of groups; a group with several panels begins a new row.
        per_group: the number of panels of each.
        handles: the entries of the legend.
        note: the longest text that `add_note` may get.
    """
    grid = shape.fit(groups, per_group, settings)
    _, axes = make_grid(grid, handles, "" if settings.width else note)
    rows = ceil(per_group / grid.columns) if per_group > 1 else 1
    if per_group == 1:
        chosen = [[ax] for ax in axes.flat[:groups]]
    else:
        chosen = [list(axes[rows * i : rows * (i + 1)].flat)[:per_group] for i in range(groups)]
    used = {id(ax) for group in chosen for ax in group}
    remove_panels([ax for ax in axes.flat if id(ax) not in used])
    return chosen


def label_lowest(panels: Sequence[Axes]) -> None:
    """Keep the label of the x axis at the lowest panel of each column alone; all panels have ticks with numbers."""
    places = [_place(ax) for ax in panels]
    for ax, (row, column) in zip(panels, places, strict=True):
        ax.tick_params(labelbottom=True)
        if any(other_column == column and other_row > row for other_row, other_column in places):
            ax.set_xlabel("")


def _place(ax: Axes) -> tuple[int, int]:
    """Return the row and the column of a panel."""
    spec = ax.get_subplotspec()
    return (spec.rowspan.start, spec.colspan.start) if spec else (0, 0)


def is_first_in_row(ax: Axes) -> bool:
    """Return whether a panel is at the left of its figure."""
    return _place(ax)[1] == 0


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


def add_note(panels: Sequence[Axes], text: str, settings: FigureSettings = DEFAULT_FIGURES) -> Sequence[Axes]:
    """Write a note below the panels, in as many lines as it needs, and return the panels.

    In a figure for a paper it is hidden: `plots/captions.md` has it.
    """
    figure = figure_of(panels[0])
    lines = "\n".join(_wrap_note(text, figure.get_figwidth()))
    place = 0.04 / figure.get_figheight()
    note = figure.text(0.5, place, lines, fontsize=7, color="#555555", ha="center", va="bottom", gid=NOTE)
    note.set_visible(settings.width is None)
    return panels


def note_of(figure: Figure) -> str:
    """Return the note of a figure in one line; empty if it has none."""
    return " ".join(text.get_text().replace("\n", " ") for text in figure.texts if text.get_gid() == NOTE)


def _wrap_note(text: str, width: float) -> list[str]:
    return wrap(text, int(LETTERS_PER_INCH * width))


def variant_handles(looks: Looks, markers: bool) -> list[Line2D]:
    """Return the entries of a legend, one for each variant."""
    return [
        Line2D(
            [],
            [],
            color=look.color,
            marker=look.marker if markers else "",
            linestyle=look.dash,
            label=_shorten(look.label),
        )
        for look in looks.values()
    ]


def _line_of(look: Look) -> dict[str, Any]:
    return {"color": look.color, "linestyle": look.dash}


def _shorten(name: str) -> str:
    """Return a name that leaves room for others in a legend."""
    return name if len(name) <= MAX_NAME_LENGTH else f"{name[: MAX_NAME_LENGTH - 1]}…"


def draw_panels(
    inputs: FigureInput, note: str, draw_panel: Callable[[Axes, pd.DataFrame], None], shape: PanelShape | None = None
) -> Sequence[Axes]:
    """Draw a panel for each setting of the further axes, and return the panels.

    If `inputs.ax` is given, the one panel is drawn there, with the legend inside and without the note.
    """
    if inputs.ax is not None:
        return _draw_panel_into(inputs.ax, inputs, draw_panel)
    parts, handles = split_by_setting(inputs.results, inputs.table), variant_handles(inputs.looks, markers=True)
    groups = make_panels(inputs.settings, shape or ONE_PANEL, len(parts), 1, handles, note)
    panels = [group[0] for group in groups]
    for ax, (setting, rows) in zip(panels, parts, strict=True):
        draw_panel(ax, rows)
        ax.set_title(setting)
    label_lowest(panels)
    return add_note(panels, note, inputs.settings)


def panels_per_page(inputs: FigureInput) -> int:
    """Return how many settings a figure of `draw_panels` shows."""
    return ONE_PANEL.groups_on_a_page(1, inputs.settings)


def _draw_panel_into(ax: Axes, inputs: FigureInput, draw_panel: Callable[[Axes, pd.DataFrame], None]) -> Sequence[Axes]:
    draw_panel(ax, inputs.table)
    ax.legend(handles=variant_handles(inputs.looks, markers=True), fontsize=7)
    return [ax]


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
        set_log_ticks(ax)
    return cut
