"""Tables -> Axes: each function draws one table; which figures there are and where they go is `report`'s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10, sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.analysis.labels import format_name
from bnbench.analysis.trials import DIVERGED

if TYPE_CHECKING:
    from matplotlib.collections import QuadMesh
    from numpy.typing import NDArray

# Okabe and Ito's colours, told apart by the colour-blind; the markers and dashes tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C00")
MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X")
DASHES: tuple[object, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1, 1, 1)), (0, (6, 1, 1, 1, 1, 1)))
STYLE: Mapping[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "figure.dpi": 200,
    "text.parse_math": False,  # a variant may be called $x^2$
    "svg.hashsalt": "bnbench",  # the same figure is the same file
}
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
CROSS = 26  # points squared
MAX_MARKS = 1000  # as shapes of an SVG; more are a picture within it
DODGE = 0.035  # decades between the points of neighbouring variants, so that none hides another
MIN_WIDTH = 10  # of the axis of rates: a decade


@dataclass(frozen=True)
class Look:
    """How a variant is drawn, in every figure."""

    colour: str
    marker: str
    dash: object
    shift: float  # in decades


def variant_looks(variants: Sequence[str]) -> dict[str, Look]:
    """The look of each variant, by its place in the experiment."""
    middle = (len(variants) - 1) / 2
    return {
        name: Look(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], DASHES[i % len(DASHES)], DODGE * (i - middle))
        for i, name in enumerate(variants)
    }


def score_against_rate(
    ax: Axes, summary: pd.DataFrame, points: pd.DataFrame, score: str, styles: Mapping[str, Look]
) -> None:
    """The mean of a score over seeds against the learning rate, one line a variant.

    A dot is a trial, a cross a diverged one, drawn where it is counted; the band goes from the lowest to the highest.

    Args:
        summary: `analysis.summary_table`, of one value of each further axis.
        points: `analysis.counted`, of the same trials.
        score: a column of the trials, as validation_score.
    """
    for name, group in summary.groupby("variant", sort=False):
        look, group = styles[str(name)], group.sort_values("learning_rate")
        rate, mean = group["learning_rate"] * 10**look.shift, group[f"{score}_mean"]
        low, high = group[f"{score}_min"], group[f"{score}_max"]
        ax.fill_between(rate, low, high, color=look.colour, alpha=0.15, linewidth=0)
        ax.plot(rate, mean, color=look.colour, linestyle=look.dash, zorder=3)
        some = group["n_diverged"] < group["n"]  # where all diverged there is no mean to mark, only crosses
        ax.plot(rate[some], mean[some], color=look.colour, linestyle="", marker=look.marker, zorder=3)
        trials = points[points["variant"] == name]
        diverged = trials["outcome"].isin(DIVERGED)
        for mask, marker, size in ((~diverged, ".", 7), (diverged, "x", CROSS)):
            at = trials.loc[mask, "learning_rate"] * 10**look.shift
            ax.scatter(
                at,
                trials.loc[mask, score],
                color=look.colour,
                marker=marker,
                s=size,
                linewidths=1.1,
                zorder=4,
                alpha=0.8,
                rasterized=len(at) > MAX_MARKS,
            )
    _rate_axis(ax)
    ax.set_ylabel(score_label(score, summary["score_name"].iloc[0]))
    _scale(ax, score)


def score_against_epoch(ax: Axes, history: pd.DataFrame, score: str, styles: Mapping[str, Look]) -> None:
    """A score against the epoch, one thin line a trial; a cross stands where a trial diverged.

    Args:
        history: rows of history.csv with the trial's `variant` and `diverged_at_step` beside, of one learning rate.
        score: a column of the history, as train_loss.
    """
    trials = history.groupby(["variant", "trial"], sort=False)
    for (name, _), rows in trials[["epoch", "step", score, "diverged_at_step"]]:
        look, trial = styles[str(name)], rows.to_numpy(float, na_value=np.nan)
        known = trial[np.isfinite(trial[:, 2])]
        ax.plot(known[:, 0], known[:, 2], color=look.colour, linestyle=look.dash, linewidth=0.9, alpha=0.85)
        if np.isfinite(trial[0, 3]):
            _cross(ax, trial, known, look)
    _scale(ax, score)


def percentiles_against_epoch(ax: Axes, history: pd.DataFrame, look: Look) -> None:
    """The pre-activations of one unit against the epoch: the median, and a band from the 15th to the 85th percentile.

    Args:
        history: rows of one trial.
    """
    low, middle, high = (history[name] for name in PRE_ACTIVATIONS)
    ax.fill_between(history["epoch"], low, high, color=look.colour, alpha=0.25, linewidth=0)
    ax.plot(history["epoch"], middle, color=look.colour, linestyle=look.dash)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.set_xlabel("epoch")


def share_ok_against_rate(ax: Axes, summary: pd.DataFrame, styles: Mapping[str, Look]) -> None:
    """The share of seeds that trained, P(ok), with its Wilson 95% interval, against the learning rate.

    Args:
        summary: `analysis.summary_table`, of one value of each further axis.
    """
    for name, group in summary.groupby("variant", sort=False):
        look, group = styles[str(name)], group.sort_values("learning_rate")
        rate = group["learning_rate"] * 10**look.shift
        share = group["p_ok"]
        bars = [(share - group["p_ok_low"]).clip(lower=0), (group["p_ok_high"] - share).clip(lower=0)]
        _with_bars(ax, rate, share, bars, look)
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set_ylabel("seeds that train")
    _rate_axis(ax)


def difference_against_rate(ax: Axes, differences: pd.DataFrame, score: str, styles: Mapping[str, Look]) -> None:
    """The mean paired difference to the baseline with its 95% t interval, against the learning rate.

    Args:
        differences: `differences.at_equal_rate`, of one value of each further axis; no bar where there is no interval.
        score: what differs, for the scale.
    """
    ax.axhline(0, color="#777777", linewidth=0.8, zorder=1)
    for name, group in differences.groupby("variant", sort=False):
        look, group = styles[str(name)], group.sort_values("learning_rate")
        rate, mean = group["learning_rate"] * 10**look.shift, group["mean"]
        _with_bars(ax, rate, mean, [(mean - group["low"]).fillna(0), (group["high"] - mean).fillna(0)], look)
    if score.endswith("score"):
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:+.0f}" if value else "0"))
        ax.set_ylabel("difference in points")
    else:
        ax.set_ylabel("difference")
    _rate_axis(ax)


def _with_bars(ax: Axes, x: pd.Series, y: pd.Series, bars: Sequence[pd.Series], look: Look) -> None:
    ax.errorbar(
        x, y, yerr=bars, color=look.colour, linestyle=look.dash, marker=look.marker, elinewidth=1, capsize=2, zorder=3
    )


def time_against_rate(ax: Axes, cells: pd.DataFrame, styles: Mapping[str, Look], last: float) -> None:
    """The median epoch at which the target was reached, against the learning rate; a cross above where it never was.

    Args:
        cells: a row a variant and rate with the median `epochs_to_target`; infinite: half of the seeds or more never
            reached it.
        last: epochs of a trial.
    """
    never = 1.15 * last
    for name, group in cells.groupby("variant", sort=False):
        look, group = styles[str(name)], group.sort_values("learning_rate")
        rate, epochs = group["learning_rate"] * 10**look.shift, group["epochs_to_target"]
        reached = np.isfinite(epochs)
        ax.plot(rate, epochs.where(reached), color=look.colour, linestyle=look.dash, marker=look.marker, zorder=3)
        ax.plot(rate[~reached], [never] * int((~reached).sum()), color=look.colour, linestyle="", marker="x", zorder=3)
    ax.axhline(last, color="#777777", linewidth=0.8, linestyle=":", zorder=1)
    ax.set_ylim(0, 1.25 * last)
    ax.set_yticks([tick for tick in MaxNLocator(6, integer=True).tick_values(0, last) if tick <= last])
    ax.set_ylabel("epochs to target")
    _rate_axis(ax)


def heat_map(ax: Axes, cells: pd.DataFrame, score: str) -> "QuadMesh":
    """A score as colour over epoch and learning rate, each rate a row of the same height.

    Args:
        cells: a row a rate and epoch with `learning_rate`, `epoch` and the score, of one variant.
    """
    table = cells.pivot(index="learning_rate", columns="epoch", values=score)
    epochs = table.columns.to_numpy(float)
    edges = np.append(epochs, epochs[-1] + 1) - 0.5
    mesh = ax.pcolormesh(edges, np.arange(len(table) + 1) - 0.5, table, cmap="viridis", vmin=0, vmax=1, rasterized=True)
    every = -(-len(table) // 8)
    ax.set_yticks(range(0, len(table), every), [rate_label(rate) for rate in table.index[::every]])
    ax.grid(visible=False)
    ax.set_xlabel("epoch")
    return mesh


def tuning_effort(ax: Axes, efforts: pd.DataFrame, styles: Mapping[str, Look], score_name: str) -> None:
    """The expected best validation score after so many randomly chosen rates.

    Args:
        efforts: `metrics.tuning_table`, of one value of each further axis.
    """
    for name, group in efforts.groupby("variant", sort=False):
        look = styles[str(name)]
        ax.plot(group["tried"], group["expected_score"], color=look.colour, linestyle=look.dash, marker=look.marker)
    ax.set_xlabel("rates tried at random")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_ylabel(f"expected best {score_name}")
    _scale(ax, "validation_score")


def stable_ranges(ax: Axes, variants: pd.DataFrame, rates: Sequence[float], styles: Mapping[str, Look]) -> None:
    """The rates around the best one at which every seed was ok, a bar a variant; the best rate is marked.

    A bar that ends with the grid has an arrow: it may go on.

    Args:
        variants: a row a variant, of one value of each further axis, with `stable_from`, `stable_to`, `best_rate`.
        rates: of the grid, ascending.
    """
    for row, one in enumerate(variants.to_dict("records")):
        look = styles[str(one["variant"])]
        if one["stable_from"] == one["stable_from"]:
            ax.hlines(row, one["stable_from"], one["stable_to"], color=look.colour, linewidth=7, alpha=0.45)
            for end, edge, marker in ((one["stable_from"], rates[0], "<"), (one["stable_to"], rates[-1], ">")):
                ax.plot(end, row, color=look.colour, marker=marker if end == edge else "|", markersize=8)
            ax.plot(one["best_rate"], row, color=look.colour, marker=look.marker, markersize=6, zorder=4)
        else:
            ax.plot(one["best_rate"], row, color=look.colour, marker="x", zorder=4)
        ax.text(rates[0], row - 0.25, one["variant"], fontsize=7, va="bottom")
    ax.set_yticks([])
    ax.set_ylim(len(variants) - 0.6, -0.8)
    ax.set_xlim(rates[0] / 1.6, rates[-1] * 1.6)
    _rate_axis(ax)


def _rate_axis(ax: Axes) -> None:
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    if high < MIN_WIDTH * low:  # one rate: the variants stand no farther apart than where there are several
        middle = sqrt(low * high)
        ax.set_xlim(middle / sqrt(MIN_WIDTH), middle * sqrt(MIN_WIDTH))
    ax.xaxis.set_minor_locator(NullLocator())  # ticks are what takes the time of a figure
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))
    ax.set_xlabel("learning rate")


def _cross(ax: Axes, trial: "NDArray[Any]", known: "NDArray[Any]", look: Look) -> None:
    """A cross where the trial diverged: on its line, or at the upper edge where there is no line yet.

    Args:
        trial: (epochs, 4), the epoch, its last step, the score, and the step at which the trial diverged.
        known: those of them with a score.
    """
    epochs, steps, _, step = trial[-1]
    epoch = step * epochs / steps if steps else 0.0
    before = known[known[:, 1] <= step]
    transform = ax.transData if len(before) else ax.get_xaxis_transform()
    height = before[-1, 2] if len(before) else 0.95
    ax.plot(epoch, height, color=look.colour, marker="x", markersize=5, zorder=4, transform=transform)


def _scale(ax: Axes, score: str) -> None:
    """Accuracies from 0 to 100%, losses on a logarithmic axis."""
    if score.endswith("score"):
        ax.set_ylim(-0.03, 1.03)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    else:
        ax.set_yscale("log")
        ax.yaxis.set_minor_locator(NullLocator())
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))


def loss_ticks(ax: Axes) -> None:
    """Ticks of a logarithmic axis whose limits are known: decades, or 1, 2, 5 where there is hardly one."""
    low, high = ax.get_ylim()
    ax.yaxis.set_major_locator(LogLocator(subs=(1,) if high > 30 * low else (1, 2, 5), numticks=6))


def _plain(value: float) -> str:
    """0.01, 10, or a power of ten where it would be long."""
    return f"{value:g}" if 1e-4 <= value < 1e4 or value <= 0 else f"10{str(round(log10(value))).translate(RAISED)}"


def rate_label(rate: float) -> str:
    """Three digits: 0.00316, 1000."""
    return f"{float(f'{rate:.3g}'):g}"


def score_label(score: str, score_name: str) -> str:
    """`validation_score` -> `validation accuracy`."""
    return format_name(score, score_name)
