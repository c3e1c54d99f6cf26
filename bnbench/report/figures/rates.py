"""Score, loss and the share of seeds that train, against the learning rate.

`style.x_of_rates` decides the x value of each point.
"""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnbench.analysis.trials import DIVERGED
from bnbench.report.figures.layout import (
    CUT,
    NARROW,
    PanelGrid,
    add_note,
    describe_seeds,
    limit_loss_axes,
    make_grid,
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
    format_rate_axis,
    format_score_axis,
    legend_entry,
    rows_by_variant,
    x_of_rates,
)
from bnbench.results.results import Results

PANEL_COLUMNS = ("validation_score", "validation_loss")
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


def draw_rates(inputs: FigureInput) -> Figure:
    """Draw a row of three panels for each setting: score, loss, share of seeds that train."""
    settings = split_by_setting(inputs.results, inputs.table)
    points = dict(split_by_setting(inputs.results, inputs.results.scored_trials))
    note = _note(inputs)
    figure, axes = make_grid(PanelGrid(len(settings), 3, NARROW, (0.62, 0.35)), _handles(inputs.looks), note + CUT)
    cut = False
    for row, (setting, summary) in zip(axes, settings, strict=True):
        for ax, score in zip(row, PANEL_COLUMNS, strict=False):
            draw_score(ax, summary, points[setting], score, inputs.looks)
            ax.set_ylabel(inputs.label(score))
        row[0].set_title(setting, loc="left")
        _draw_chance(row[0], points[setting]["chance"].iloc[0])
        cut |= limit_loss_axes([row[1]], points[setting]["initial_loss"].max())
        draw_share_of_seeds(row[2], summary, inputs.looks)
    for ax in axes[:-1].flat:
        ax.set_xlabel("")
    add_note(figure, note + CUT if cut else note)
    return figure


def draw_score(ax: Axes, summary: pd.DataFrame, points: pd.DataFrame, score: str, looks: Looks) -> None:
    """Draw the mean of a score over seeds against the learning rate, one line a variant.

    A dot is a trial. A cross is a diverged trial, at the score with which it counts. The band goes from the lowest to
    the highest trial.

    Args:
        ax: the panel.
        summary: `Results.summary` of one setting.
        points: `Results.scored_trials` of the same setting.
        score: a column of the trials, such as validation_score.
        looks: the look of each variant.
    """
    for variant in rows_by_variant(summary, looks):
        _draw_mean_and_band(ax, variant, score)
        _draw_trials(ax, points[points["variant"] == variant.name], score, variant)
    format_rate_axis(ax)
    format_score_axis(ax, score)


def _draw_mean_and_band(ax: Axes, variant: VariantRows, score: str) -> None:
    rows, x, look = variant.rows, variant.x, variant.look
    mean = rows[f"{score}_mean"]
    ax.fill_between(x, rows[f"{score}_min"], rows[f"{score}_max"], color=look.color, alpha=0.15, linewidth=0)
    ax.plot(x, mean, color=look.color, linestyle=look.dash, zorder=3)
    # If every trial at a rate diverged, only crosses are drawn, because the mean is not a measured score.
    marked = rows["n_diverged"] < rows["n"]
    ax.plot(x[marked], mean[marked], color=look.color, linestyle="", marker=look.marker, zorder=3)


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
    """Draw the share of seeds that train with its Wilson 95% interval, against the learning rate.

    Args:
        ax: the panel.
        summary: `Results.summary` of one setting.
        looks: the look of each variant.
    """
    for variant in rows_by_variant(summary, looks):
        draw_with_intervals(ax, variant, "p_ok", "p_ok_low", "p_ok_high")
    format_percent_axis(ax)
    ax.set_ylabel("seeds that train")
    format_rate_axis(ax)


def _draw_chance(ax: Axes, chance: float) -> None:
    ax.axhline(chance, color=REFERENCE_COLOR, linewidth=0.8, linestyle=":", zorder=1)


def _handles(looks: Looks) -> list[Line2D]:
    return [
        *variant_handles(looks, markers=True),
        legend_entry("one trial", marker=".", linestyle="", markersize=4),
        legend_entry("diverged: counts as chance / initial loss", marker="x", linestyle=""),
        legend_entry("chance", color=REFERENCE_COLOR, linestyle=":", linewidth=0.8),
    ]


def _note(inputs: FigureInput) -> str:
    if inputs.table["n"].max() > 1:
        spread = f"Line: mean over {describe_seeds(inputs.results)}. Band: lowest to highest trial."
    else:
        spread = "One seed, so no spread is known."
    return f"{spread} Right: Wilson 95% interval."


FIGURE = FigureSpec("rates", 10, rates_table, caption_rates, draw_rates)
