"""The best score and the highest learning rate of each variant against each further axis."""

from collections.abc import Sequence
from dataclasses import replace
from math import log10
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter

from bnbench.analysis import axis_trends
from bnbench.analysis.labels import axis_name, format_setting
from bnbench.report.figures.layout import BELOW, PanelShape, add_note, make_panels, variant_handles
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import Look, Looks, format_log_axis, format_percent_tick, label_y_axis
from bnbench.results.results import Results

SCORE = "test_score"
# Each axis has its own label below its panels.
SHAPE = PanelShape(columns=2, height=2.0, min_width=1.4, gaps=(0.7, 0.62), left=0.72, share_x=False)
# A scale of positive numbers is logarithmic if the last is this many times the first.
MIN_LOG_RATIO = 8
# The shift between neighboring variants, as a share of the distance between two values of the axis.
DODGE = 0.06
# How many values have a label. Readers can infer a missing number from its neighbors, but not a missing word.
MAX_TICKS, MAX_WORDS = 8, 12
MAX_TICK_LENGTH = 20
# Together, more letters than this do not fit next to each other: the labels are turned, and each letter of the longest
# needs so many inches more below.
MAX_LETTERS = 24
TURNED = 0.036
# The smallest range of a score axis.
MIN_SPAN = 0.05
# In points: of the range over settings at a word.
WIDE_BAR = 7


def axis_table(results: Results) -> pd.DataFrame:
    """Return a row for each axis, variant and value; empty without an axis that has several values.

    Columns: axis, variant, value, and with the prefix `score_` and `edge_` those of `axis_trends.by_value` and
    `axis_trends.edges_by_value`.
    """
    parts = []
    for axis in results.axes:
        if len(results.summary[axis].drop_duplicates()) > 1:
            scores = axis_trends.by_value(results.seed_scores, axis).rename(columns={axis: "value"})
            edges = axis_trends.edges_by_value(results.well, axis).rename(columns={axis: "value"})
            keys = ["variant", "value"]
            both = scores.set_index(keys).add_prefix("score_").join(edges.set_index(keys).add_prefix("edge_"))
            # As objects: next to numbers, pandas would make 0 and 1 of False and True.
            parts.append(both.reset_index().astype({"value": object}).assign(axis=axis))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def caption_axis(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    names = " and ".join(axis_name(axis) for axis in dict.fromkeys(inputs.table["axis"]))
    return f"Best {inputs.label(SCORE)} and highest learning rate at which every seed trains, against {names}."


def draw_axis(inputs: FigureInput) -> Sequence[Axes]:
    """Draw two panels for each axis: the best score, and the highest rate at which every seed trains."""
    parts, note = split_by_axis(inputs.results, inputs.table), _note(inputs)
    handles = variant_handles(inputs.looks, markers=True)
    groups = make_panels(inputs.settings, turned_shape(SHAPE, inputs.table), len(parts), 2, handles, note)
    for (score, edge), (axis, rows) in zip(groups, parts, strict=True):
        values = axis_trends.axis_values(rows, "value")
        draw_scores(score, rows, values, inputs.looks)
        label_y_axis(score, f"best {inputs.label(SCORE)}")
        draw_edges(edge, rows, values, inputs.looks)
        for panel in (score, edge):
            format_axis(panel, values)
            panel.set_xlabel(axis_name(axis))
    return add_note([panel for group in groups for panel in group], note, inputs.settings)


def split_by_axis(results: Results, table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return each axis and its rows of a table with a column `axis`."""
    return [(str(axis), rows) for axis, rows in table.groupby("axis", sort=False)]


def turned_shape(shape: PanelShape, table: pd.DataFrame) -> PanelShape:
    """Return panels with room below them for turned labels, if the values of an axis need it."""
    by_axis = (axis_trends.axis_values(rows, "value") for _, rows in table.groupby("axis", sort=False))
    turned = [length for values in by_axis if are_turned(values) for length in _lengths(values)]
    if not turned:
        return shape
    (across, down), room = shape.gaps, TURNED * max(turned)
    return replace(shape, gaps=(across, down + room), below=BELOW + room)


def draw_scores(ax: Axes, rows: pd.DataFrame, values: Sequence[Any], looks: Looks) -> None:
    """Draw the mean score with its 95% interval, and a band from the lowest to the highest setting of the other axes.

    Args:
        ax: the panel.
        rows: of `axis_table`, of one axis.
        values: the values of the axis, in the order of the panel.
        looks: the look of each variant.
    """
    for own, x, look in _by_variant(rows, values, looks):
        mean = own["score_mean"]
        bars = [side.fillna(0).clip(lower=0) for side in (mean - own["score_low"], own["score_high"] - mean)]
        if (own["score_settings"] > 1).any():
            _draw_band(ax, own, x, look, values)
        ax.errorbar(x, mean, yerr=bars, **_style(look, values), elinewidth=1, capsize=2, zorder=3)
    _limit_scores(ax, rows)


def _draw_band(ax: Axes, own: pd.DataFrame, x: Any, look: Look, values: Sequence[Any]) -> None:
    """Draw the range over the settings of the other axes: between words there is nothing, so each has its own bar."""
    low, high = own["score_lowest"], own["score_highest"]
    if axis_trends.is_scale(values):
        ax.fill_between(x, low, high, color=look.color, alpha=0.15, linewidth=0)
    else:
        ax.vlines(x, low, high, color=look.color, alpha=0.15, linewidth=WIDE_BAR)


def _limit_scores(ax: Axes, rows: pd.DataFrame) -> None:
    """Let y have all scores and intervals, at least MIN_SPAN: 0 to 100% would hide small differences."""
    low = float(rows[["score_lowest", "score_low"]].min().min())
    high = float(rows[["score_highest", "score_high"]].max().max())
    more = max(0.08 * (high - low), (MIN_SPAN - (high - low)) / 2)
    ax.set_ylim(max(low - more, -0.03), min(high + more, 1.03))
    # An interval can end above 100%, but no score can.
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: "" if value > 1.001 else format_percent_tick(value)))


def draw_edges(ax: Axes, rows: pd.DataFrame, values: Sequence[Any], looks: Looks) -> None:
    """Draw the highest rate at which every seed trains; the bar goes from the lowest to the highest setting.

    Where there is none at any setting, a cross is at the lower end of the panel. The arguments are as in `draw_scores`.
    """
    lowest = rows["edge_lowest"].min()
    cross = 1.0 if pd.isna(lowest) else lowest / 4
    for own, x, look in _by_variant(rows, values, looks):
        middle = own["edge_middle"]
        # Equal edges can have a middle that is rounded beyond them.
        bars = [side.fillna(0).clip(lower=0) for side in (middle - own["edge_lowest"], own["edge_highest"] - middle)]
        ax.errorbar(x, middle, yerr=bars, **_style(look, values), elinewidth=1, capsize=2, zorder=3)
        none = x[middle.isna().to_numpy()]
        ax.plot(none, np.full(len(none), cross), color=look.color, linestyle="", marker="x", zorder=3)
    format_log_axis(ax)
    if pd.isna(lowest):
        # Without any rate there is no scale, and the height of the crosses means nothing.
        ax.set_yticks([], minor=False)
        ax.set_yticks([], minor=True)
    label_y_axis(ax, "trains up to rate")


def format_axis(ax: Axes, values: Sequence[Any]) -> None:
    """Make x the axis of a sweep: numbers at their place on a scale, words next to each other."""
    every = label_step(values, MAX_TICKS)
    ax.set_xticks(list(_places(values)[::every]), tick_texts(values)[::every])
    turn_labels(ax, values)
    ax.margins(x=0.08)


def label_step(values: Sequence[Any], most: int) -> int:
    """Return which values of an axis have a label: every one, every second one, and so on; `most` is for numbers."""
    return -(-len(values) // (most if axis_trends.is_scale(values) else MAX_WORDS))


def tick_texts(values: Sequence[Any]) -> list[str]:
    """Return the values of an axis as labels, long ones in two lines or cut in the middle: their ends often differ."""
    return ["\n".join(map(_cut, _two_lines(format_setting(value)))) for value in values]


def _two_lines(text: str) -> list[str]:
    first, space, rest = text.partition(" ")
    return [first, rest] if space and len(text) > MAX_TICK_LENGTH else [text]


def _cut(line: str) -> str:
    half = MAX_TICK_LENGTH // 2
    return line if len(line) <= MAX_TICK_LENGTH else f"{line[: half - 1]}…{line[-half:]}"


def turn_labels(ax: Axes, values: Sequence[Any], degrees: int = 25) -> None:
    """Turn the labels of x if they do not fit next to each other; then they end at their ticks."""
    if are_turned(values):
        ax.tick_params(axis="x", labelrotation=degrees)
        for label in ax.get_xticklabels():
            label.set(horizontalalignment="right", rotation_mode="anchor")


def are_turned(values: Sequence[Any]) -> bool:
    """Return True if the labels of these values do not fit next to each other."""
    shown = _lengths(values)[:: label_step(values, MAX_TICKS)]
    return sum(shown) > MAX_LETTERS and not axis_trends.is_scale(values)


def _lengths(values: Sequence[Any]) -> list[int]:
    """Return the number of letters of the longer line of each label."""
    return [max(map(len, text.split("\n"))) for text in tick_texts(values)]


def _places(values: Sequence[Any]) -> "np.ndarray[Any, np.dtype[np.float64]]":
    """Return where the values are drawn: at their logarithm, at themselves, or next to each other."""
    if not axis_trends.is_scale(values):
        return np.arange(len(values), dtype=float)
    if values[0] > 0 and values[-1] >= MIN_LOG_RATIO * values[0]:
        return np.array([log10(value) for value in values])
    return np.array(values, float)


def _by_variant(rows: pd.DataFrame, values: Sequence[Any], looks: Looks) -> Any:
    """Yield the rows of each variant in the order of the axis, where to draw them, and the look."""
    places = _places(values)
    step = float(np.diff(places).min()) if len(places) > 1 else 1.0
    middle = (len(looks) - 1) / 2
    for number, (name, look) in enumerate(looks.items()):
        own = rows[rows["variant"] == name]
        order = [_position(value, values) for value in own["value"]]
        own = own.iloc[np.argsort(order)]
        yield own, places[sorted(order)] + DODGE * step * (number - middle), look


def _position(value: Any, values: Sequence[Any]) -> int:
    return next(i for i, one in enumerate(values) if one == value or (pd.isna(one) and pd.isna(value)))


def _style(look: Look, values: Sequence[Any]) -> dict[str, Any]:
    """Return the look of a line; between words there is none."""
    dash = look.dash if axis_trends.is_scale(values) else ""
    return {"color": look.color, "linestyle": dash, "marker": look.marker}


def _note(inputs: FigureInput) -> str:
    several = (inputs.table["score_settings"] > 1).any()
    spread = " Band, and bar of a rate: lowest to highest over the settings of the other axes." if several else ""
    return (
        f"Score: mean {inputs.label(SCORE)} at the best rate, bar: 95% interval over seeds.{spread} "
        "Cross: at no rate does every seed train."
    )


def _axes_per_page(inputs: FigureInput) -> int:
    return turned_shape(SHAPE, inputs.table).groups_on_a_page(2, inputs.settings)


FIGURE = FigureSpec(
    "axis", 5, axis_table, caption_axis, draw_axis, per_page=_axes_per_page,
    split=lambda inputs: split_by_axis(inputs.results, inputs.table),
)  # fmt: skip
