"""The validation score as color over a further axis and the learning rate."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from bnbench.analysis import axis_trends
from bnbench.analysis.labels import axis_name, format_axes, format_setting
from bnbench.report.figures.axis import TURNED, are_turned, tick_texts
from bnbench.report.figures.heat import GAPS, LEFT, MAX_RATE_LABELS, RIGHT, add_color_bar
from bnbench.report.figures.layout import BELOW, NARROW, PanelGrid, add_note, make_grid, remove_panels
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import capitalize_first, rate_labels
from bnbench.results.results import Results

SCORE = "validation_score"
# The number of values of an axis with a label, and of panels next to each other.
MAX_VALUE_LABELS, MAX_COLUMNS = 5, 4
# Inches between the rows of panels: room for the label below and two lines of a title.
ROW_GAP = 0.8


def axis_heat_table(results: Results) -> pd.DataFrame:
    """Return the mean score of each axis, variant, value and learning rate, with the other axes as the report opens.

    Columns: axis, others (the values of the other axes, in words), variant, value, learning_rate, score. Empty without
    an axis that has several values, or with one rate.
    """
    summary, parts = results.summary, []
    for axis in results.axes:
        others = [one for one in results.axes if one != axis]
        rows = summary
        for one in others:
            rows = rows[rows[one].isna() if pd.isna(results.opening[one]) else rows[one] == results.opening[one]]
        if len(rows[axis].drop_duplicates()) > 1 and rows["learning_rate"].nunique() > 1:
            columns = {"variant": rows["variant"], "value": rows[axis], "learning_rate": rows["learning_rate"]}
            score = {"score": rows[f"{SCORE}_mean"], "others": format_axes(results.opening, others)}
            # As objects: next to numbers, pandas would make 0 and 1 of False and True.
            parts.append(pd.DataFrame(columns | score).astype({"value": object}).assign(axis=axis))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def caption_axis_heat(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    names = " and over ".join(axis_name(axis) for axis in dict.fromkeys(inputs.table["axis"]))
    return f"{capitalize_first(inputs.label(SCORE))} as color, over {names} and learning rate."


def draw_axis_heat(inputs: FigureInput) -> Figure:
    """Draw a panel for each axis and variant, with one color bar."""
    panels = [
        (rows["others"].iloc[0], str(axis), name, rows[rows["variant"] == name])
        for axis, rows in inputs.table.groupby("axis", sort=False)
        for name in inputs.looks
        if (rows["variant"] == name).any()
    ]
    columns = min(MAX_COLUMNS, len(inputs.looks))
    note = "Mean over seeds; a diverged trial counts as chance. All rates and values have the same size."
    turned = TURNED if any(are_turned(axis_trends.axis_values(panel[-1], "value")) for panel in panels) else 0.0
    gaps, below = (GAPS[0], ROW_GAP + turned), BELOW + turned
    grid = PanelGrid(-(-len(panels) // columns), columns, NARROW, gaps, RIGHT, LEFT, below, share_x=False)
    figure, axes = make_grid(grid, [], note)
    for ax, (others, axis, name, rows) in zip(axes.flat, panels, strict=False):
        mesh = _draw(ax, rows, axis)
        ax.set_title(f"{name}\n{others}" if others else name)
    remove_panels(axes.flat[len(panels) :])
    for row in axes:
        row[0].set_ylabel("learning rate")
    add_color_bar(figure, axes[0][-1], mesh, inputs.label(SCORE))
    add_note(figure, note)
    return figure


def _draw(ax: Any, rows: pd.DataFrame, axis: str) -> Any:
    values = axis_trends.axis_values(rows, "value")
    texts = [format_setting(value) for value in values]
    rates = sorted(rows["learning_rate"].unique())
    cells = rows.assign(text=rows["value"].map(format_setting))
    table = cells.pivot_table(index="learning_rate", columns="text", values="score").reindex(index=rates, columns=texts)
    edges = (np.arange(len(texts) + 1) - 0.5, np.arange(len(rates) + 1) - 0.5)
    mesh = ax.pcolormesh(*edges, table, cmap="viridis", vmin=0, vmax=1, rasterized=True)
    every, across, labels = -(-len(rates) // MAX_RATE_LABELS), -(-len(texts) // MAX_VALUE_LABELS), rate_labels(rates)
    ax.set_yticks(range(0, len(rates), every), [labels[rate] for rate in rates[::every]])
    ax.set_xticks(range(0, len(texts), across), tick_texts(values)[::across])
    if are_turned(values):
        ax.tick_params(axis="x", labelrotation=35)
    ax.set_xlabel(axis_name(axis))
    ax.grid(visible=False)
    return mesh


FIGURE = FigureSpec("axis-heat", 6, axis_heat_table, caption_axis_heat, draw_axis_heat)
