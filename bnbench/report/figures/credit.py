"""Which norm slot or ingredient raises the edge: a bar with an interval for each, for all, and for the overlap."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bnbench.analysis.labels import format_factor
from bnbench.report.figures.layout import PanelShape, add_note, label_lowest, make_panels, split_by_setting
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import COLORS, REFERENCE_COLOR, legend_entry
from bnbench.report.headline.credit import describe_shares
from bnbench.results.credit import OVERLAP, PART, TOTAL
from bnbench.results.results import Results

# Inches.
BAR_HEIGHT = 0.36
# Factors that have a tick, if they are in the range.
FACTORS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 300, 500, 1000)
LOOKS = {PART: COLORS[0], TOTAL: "#444444", OVERLAP: COLORS[1]}
NAMES = {TOTAL: "all together", OVERLAP: "overlap"}
# An interval that no training bounds is drawn so far beyond everything else, in shares of the range.
BEYOND = 0.08


def credit_figure_table(results: Results) -> pd.DataFrame:
    """Return the rows of `Results.credit`; empty for experiments without `credit`."""
    return results.credit


def caption_credit(inputs: FigureInput) -> str:
    """Say what the figure shows, and the shares if there is one setting."""
    text = "What each part adds to the highest learning rate that trains (Shapley values of log10 of the edge)."
    return text if inputs.results.axes else f"{text} {describe_shares(inputs.table)}"


def draw_credit(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each setting."""
    note = (
        "Bar: what a part adds to log10 of the highest rate that trains, averaged over all orders of adding them "
        "(Shapley value), with its 95% interval. Triangles: what it adds alone, and when it is added last. "
        "Overlap: all together, minus what each adds alone."
    )
    if int(inputs.table["orders"].max()):
        note += f" From {int(inputs.table['orders'].max())} sampled orders."
    if inputs.ax is not None:
        draw_shares(inputs.ax, inputs.table)
        inputs.ax.legend(handles=_handles(), fontsize=7)
        return [inputs.ax]
    parts = split_by_setting(inputs.results, inputs.table)
    groups = make_panels(inputs.settings, _shape(inputs), len(parts), 1, _handles(), note)
    panels = [group[0] for group in groups]
    ends = _ends(inputs.table)
    for ax, (setting, rows) in zip(panels, parts, strict=True):
        draw_shares(ax, rows, ends)
        ax.set_title(setting, pad=22 if setting else 0)
    label_lowest(panels)
    return add_note(panels, note, inputs.settings)


def _shape(inputs: FigureInput) -> PanelShape:
    """Return a panel that is as high as its bars need, with a second axis above it."""
    rows = len(inputs.table) / max(1, len(split_by_setting(inputs.results, inputs.table)))
    return PanelShape(
        columns=2, height=BAR_HEIGHT * (rows + 0.6), min_width=2.2, aspect=10, gaps=(0.3, 0.95), left=0.2, right=0.2
    )


def _handles() -> list[Line2D]:
    return [
        legend_entry("Shapley value, 95% interval", color=COLORS[0], linewidth=5, alpha=0.45),
        legend_entry("alone", color=COLORS[0], marker=">", linestyle="", fillstyle="none"),
        legend_entry("added last", color=COLORS[0], marker="<", linestyle="", fillstyle="none"),
    ]


def draw_shares(ax: Axes, shares: pd.DataFrame, ends: tuple[float, float] | None = None) -> None:
    """Draw a bar for each part, for all together and for the overlap, with names and numbers above them.

    Args:
        ax: the panel.
        shares: `Results.credit` of one setting.
        ends: of the axis, in decades; by default as wide as the rows need.
    """
    low, high = ends or _ends(shares)
    rows = shares.to_dict("records")
    for height, row in enumerate(rows):
        _draw_row(ax, height, row, (low, high))
    ax.axvline(0, color=REFERENCE_COLOR, linewidth=0.8, zorder=1)
    parts = sum(row["kind"] == PART for row in rows)
    ax.axhline(parts - 0.68, color="0.75", linewidth=0.6)
    ax.set_xlim(low, high)
    ax.set_ylim(len(rows) - 0.6, -0.85)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_locator(MaxNLocator(6))
    ax.set_xlabel("decades of the highest rate that trains")
    _add_factors(ax)


def _draw_row(ax: Axes, height: int, row: Mapping[Any, Any], ends: tuple[float, float]) -> None:
    color = LOOKS[row["kind"]]
    low, high = (min(max(row[name], ends[0]), ends[1]) for name in ("credit_low", "credit_high"))
    ax.barh(height, row["credit"], height=0.34, color=color, alpha=0.45, linewidth=0)
    ax.hlines(height, low, high, color=color, linewidth=1.4, zorder=3)
    for end, shown, arrow in ((row["credit_low"], low, "<"), (row["credit_high"], high, ">")):
        ax.plot(shown, height, color=color, marker="|" if math.isfinite(end) else arrow, markersize=5, zorder=3)
    ax.plot(row["credit"], height, color=color, marker="o", markersize=4, zorder=4)
    for name, marker in (("alone", ">"), ("last", "<")):
        if row[name] == row[name]:
            ax.plot(row[name], height, color=color, marker=marker, markersize=4.5, fillstyle="none", zorder=4)
    style: dict[str, Any] = {"fontsize": 7, "va": "bottom", "transform": ax.get_yaxis_transform()}
    if row["kind"] == TOTAL:
        style["fontweight"] = "bold"
    ax.text(0.005, height - 0.24, NAMES.get(row["kind"], row["label"]), **style)
    number = f"{row['credit']:+.2f}".replace("-", "\u2212")
    factor = "" if row["kind"] == OVERLAP else f", × {format_factor(10 ** row['credit'])}"
    ax.text(0.995, height - 0.24, f"{number}{factor}", ha="right", **style)


def _ends(shares: pd.DataFrame) -> tuple[float, float]:
    """Return where the axis begins and ends: around all finite numbers and 0."""
    columns = [f"{name}{end}" for name in ("credit", "alone", "last") for end in ("", "_low", "_high")]
    shown = [name for name in columns if not name.startswith(("alone_", "last_"))]
    values = shares[shown].to_numpy(float).ravel()
    finite = [0.0, *values[np.isfinite(values)].tolist()]
    low, high = min(finite), max(finite)
    room = max(BEYOND * (high - low), 0.02)
    return low - room, high + room


def _add_factors(ax: Axes) -> None:
    """Add an axis above the panel with the same numbers as factors."""
    low, high = ax.get_xlim()
    inside = [factor for factor in FACTORS if low <= math.log10(factor) <= high]
    above = ax.secondary_xaxis("top")
    above.set_xticks([math.log10(factor) for factor in inside], [f"× {factor:g}" for factor in inside])
    above.tick_params(labelsize=7)
    above.spines["top"].set_visible(True)


def _settings_per_page(inputs: FigureInput) -> int:
    return _shape(inputs).groups_on_a_page(1, inputs.settings)


FIGURE = FigureSpec(
    "credit", 14, credit_figure_table, caption_credit, draw_credit, takes_ax=True, per_page=_settings_per_page
)
