"""Score, loss and the share of seeds that train, against the learning rate.

`style.x_of_rates` decides the x value of each point.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from bnbench.analysis.contest import band_of, contest_range
from bnbench.analysis.trials import DIVERGED
from bnbench.report.figures.layout import (
    CUT,
    PanelShape,
    add_note,
    describe_seeds,
    label_lowest,
    limit_loss_axes,
    make_panels,
    split_by_setting,
    variant_handles,
)
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import (
    REFERENCE_COLOR,
    Looks,
    VariantRows,
    draw_with_intervals,
    format_percent_axis,
    format_percent_tick,
    format_rate_axis,
    format_score_axis,
    label_y_axis,
    legend_entry,
    rows_by_variant,
    x_of_rates,
)
from bnbench.results.results import Results

SCORE, LOSS = "validation_score", "validation_loss"
SHAPE = PanelShape(columns=4, min_width=0.7, aspect=0.9, gaps=(0.78, 0.55), left=0.8)
# In points squared, as Matplotlib measures markers.
DOT_SIZE, CROSS_SIZE = 7, 26
# Above this number, markers are an image inside the SVG: each shape would make the file larger.
MAX_VECTOR_MARKERS = 1000


def rates_table(results: Results) -> pd.DataFrame:
    """Return the summary: a row for each variant, setting and learning rate."""
    return results.summary


def caption_rates(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return "Score, loss and share of seeds that train, against the learning rate."


def draw_rates(inputs: FigureInput) -> Sequence[Axes]:
    """Draw panels for each setting: score, scores near the best one, loss, share of seeds that train."""
    parts = split_by_setting(inputs.results, inputs.table)
    points = dict(split_by_setting(inputs.results, inputs.results.scored_trials))
    note, count = _note(inputs), _panel_count(inputs)
    groups = make_panels(inputs.settings, SHAPE, len(parts), count, _handles(inputs), note + CUT)
    cut = False
    for panels, (setting, summary) in zip(groups, parts, strict=True):
        cut |= _fill_panels(panels, inputs, SettingRows(setting, summary, points[setting]))
    panels = [ax for group in groups for ax in group]
    label_lowest(panels)
    return add_note(panels, note + CUT if cut else note, inputs.settings)


@dataclass(frozen=True)
class SettingRows:
    """The summary and the trials of one setting of the further axes."""

    name: str
    summary: pd.DataFrame
    trials: pd.DataFrame


def _panel_count(inputs: FigureInput) -> int:
    """Return the number of panels of each setting: one more if scores near the best one compete in some setting."""
    parts = split_by_setting(inputs.results, inputs.table)
    return 4 if any(contest_range(rows, SCORE) for _, rows in parts) else 3


def _fill_panels(panels: Sequence[Axes], inputs: FigureInput, rows: SettingRows) -> bool:
    """Draw the panels of one setting. Return whether the axis of losses hides values."""
    score, loss, share = panels[0], panels[-2], panels[-1]
    shown = (score, loss) if len(panels) == 3 else (score, panels[1], loss)
    for ax, column in zip(shown, [SCORE] * (len(shown) - 1) + [LOSS], strict=True):
        draw_score(ax, rows.summary, rows.trials, column, inputs.looks, inputs.settings.band)
        label_y_axis(ax, inputs.label(column))
    score.set_title(rows.name, loc="left")
    for ax in shown[:-1]:
        _draw_chance(ax, rows.trials["chance"].iloc[0])
    ends = contest_range(rows.summary, SCORE)
    if len(panels) == 4 and ends:
        panels[1].set_ylim(*ends)
        panels[1].yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_percent_tick(value)))
        label_y_axis(panels[1], "the same, closer")
    elif len(panels) == 4:
        # In other settings of this figure, scores compete.
        panels[1].set_visible(False)
    draw_share_of_seeds(share, rows.summary, inputs.looks)
    return limit_loss_axes([loss], rows.trials["initial_loss"].max())


def draw_score(
    ax: Axes, summary: pd.DataFrame, points: pd.DataFrame, score: str, looks: Looks, band: str = "range"
) -> None:
    """Draw the mean of a score over seeds against the learning rate, one line a variant.

    A dot is a trial. A cross is a diverged trial, at the score with which it counts. A line ends where
    every trial diverges.

    Args:
        ax: the panel.
        summary: `Results.summary` of one setting.
        points: `Results.scored_trials` of the same setting.
        score: a column of the trials, such as validation_score.
        looks: the look of each variant.
        band: what the band is, as `contest.band_of` has it.
    """
    for variant in rows_by_variant(summary, looks):
        _draw_mean_and_band(ax, variant, score, band)
        _draw_trials(ax, points[points["variant"] == variant.name], score, variant)
    format_rate_axis(ax)
    format_score_axis(ax, score)


def _draw_mean_and_band(ax: Axes, variant: VariantRows, score: str, band: str) -> None:
    """Draw the means. Where every trial diverged there is no mean of measured scores: the line ends before."""
    rows, x, look = variant.rows, variant.x, variant.look
    measured = rows["n_diverged"] < rows["n"]
    low, high = (end.where(measured) for end in band_of(rows, score, band))
    ax.fill_between(x, low, high, color=look.color, alpha=0.15, linewidth=0)
    mean = rows[f"{score}_mean"].where(measured)
    ax.plot(x, mean, color=look.color, linestyle=look.dash, marker=look.marker, zorder=3)


def _draw_trials(ax: Axes, trials: pd.DataFrame, score: str, variant: VariantRows) -> None:
    diverged = trials["outcome"].isin(DIVERGED)
    for rows, marker, size in ((trials[~diverged], ".", DOT_SIZE), (trials[diverged], "x", CROSS_SIZE)):
        ax.scatter(
            x_of_rates(rows, variant.look),
            rows[score],
            color=variant.look.color,
            marker=marker,
            s=size,
            linewidths=1.1,
            zorder=4,
            alpha=0.8,
            rasterized=len(rows) > MAX_VECTOR_MARKERS,
        )


def draw_share_of_seeds(ax: Axes, summary: pd.DataFrame, looks: Looks) -> None:
    """Draw the share of seeds that train with its Clopper-Pearson 95% interval, against the learning rate.

    Args:
        ax: the panel.
        summary: `Results.summary` of one setting.
        looks: the look of each variant.
    """
    for variant in rows_by_variant(summary, looks):
        draw_with_intervals(ax, variant, "p_ok", "p_ok_low", "p_ok_high")
    format_percent_axis(ax)
    label_y_axis(ax, "seeds that train")
    format_rate_axis(ax)


def _draw_chance(ax: Axes, chance: float) -> None:
    ax.axhline(chance, color=REFERENCE_COLOR, linewidth=0.8, linestyle=":", zorder=1)


def _any_diverged(inputs: FigureInput) -> bool:
    return bool(inputs.table["n_diverged"].any())


def _handles(inputs: FigureInput) -> list[Line2D]:
    entries = [
        *variant_handles(inputs.looks, markers=True),
        legend_entry("one trial", marker=".", linestyle="", markersize=4),
    ]
    if _any_diverged(inputs):
        entries.append(legend_entry("diverged trial", marker="x", linestyle=""))
    return [*entries, legend_entry("chance", color=REFERENCE_COLOR, linestyle=":", linewidth=0.8)]


def _note(inputs: FigureInput) -> str:
    if inputs.table["n"].max() > 1:
        band = "lowest to highest trial" if inputs.settings.band == "range" else "95% t interval of the mean"
        spread = f"Line: mean over {describe_seeds(inputs.results)}. Band: {band}."
    else:
        spread = "One seed, so no spread is known."
    diverged = " A diverged trial counts as chance or as the initial loss." if _any_diverged(inputs) else ""
    return f"{spread}{diverged} Seeds that train: exact 95% interval."


def _settings_per_page(inputs: FigureInput) -> int:
    return SHAPE.groups_on_a_page(_panel_count(inputs), inputs.settings)


FIGURE = FigureSpec("rates", 10, rates_table, caption_rates, draw_rates, per_page=_settings_per_page)
