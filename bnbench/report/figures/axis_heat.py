"""The validation score as color over a further axis and the learning rate."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bnbench.analysis import axis_trends
from bnbench.analysis.labels import axis_name, format_axes, format_setting
from bnbench.report.figures import heat
from bnbench.report.figures.axis import label_step, split_by_axis, tick_texts, turn_labels, turned_shape
from bnbench.report.figures.heat import format_rate_rows, rate_edges
from bnbench.report.figures.layout import add_note, make_panels
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import capitalize_first
from bnbench.results.results import Results

if TYPE_CHECKING:
    from matplotlib.collections import QuadMesh

SCORE = "validation_score"
# How many numbers of an axis have a label.
MAX_TICKS = 5
# The size of words, in points.
SMALL = 6
# There is room between the rows for the label below and two lines of a title.
SHAPE = replace(heat.SHAPE, min_width=1.3, gaps=(0.42, 0.8), share_x=False)


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


def draw_axis_heat(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each axis and variant, with one color bar."""
    parts, variants = split_by_axis(inputs.results, inputs.table), heat.variants_drawn(inputs)
    note = "Mean over seeds; a diverged trial counts as chance. All values have the same width."
    shape = turned_shape(SHAPE, inputs.table)
    groups = make_panels(inputs.settings, shape, len(parts), len(variants), [], note)
    drawn = heat.draw_maps(
        inputs, groups, parts, lambda ax, axis, rows: (draw_axis_map(ax, rows, axis), str(rows["others"].iloc[0]))
    )
    return add_note(drawn, note, inputs.settings)


def draw_axis_map(ax: Axes, cells: pd.DataFrame, axis: str) -> "QuadMesh":
    """Draw a score as color over the values of an axis, next to each other, and the learning rate.

    Args:
        ax: the panel.
        cells: of `axis_heat_table`, of one axis and one variant.
        axis: its key.
    """
    values = axis_trends.axis_values(cells, "value")
    texts = [format_setting(value) for value in values]
    named = cells.assign(text=cells["value"].map(format_setting))
    table = named.pivot_table(index="learning_rate", columns="text", values="score", dropna=False)[texts]
    rates = rate_edges(table.index.to_numpy(float))
    mesh = ax.pcolormesh(np.arange(len(texts) + 1) - 0.5, rates, table, cmap="viridis", vmin=0, vmax=1, rasterized=True)
    format_rate_rows(ax, rates)
    every = label_step(values, MAX_TICKS)
    size = None if axis_trends.is_scale(values) else SMALL
    ax.set_xticks(range(0, len(texts), every), tick_texts(values)[::every], fontsize=size)
    turn_labels(ax, values, 45)
    ax.set_xlabel(axis_name(axis))
    return mesh


def _axes_per_page(inputs: FigureInput) -> int:
    return turned_shape(SHAPE, inputs.table).groups_on_a_page(len(heat.variants_drawn(inputs)), inputs.settings)


FIGURE = FigureSpec(
    "axis-heat",
    6,
    axis_heat_table,
    caption_axis_heat,
    draw_axis_heat,
    per_page=_axes_per_page,
    split=lambda inputs: split_by_axis(inputs.results, inputs.table),
)
