"""Tables -> Axes: each function draws one table; which figures there are and where they go is `report`'s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log10
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogFormatter, PercentFormatter

from bnbench.analysis import DIVERGED

# Okabe and Ito's colours, told apart by the colour-blind; the markers and dashes tell them apart in grey.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C00")
MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X")
DASHES: tuple[object, ...] = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1, 1, 1)))
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
    "svg.hashsalt": "bnbench",  # the same figure is the same file
}
CROSS = 26  # points squared
MOST_MARKS = 1000  # as shapes of an SVG; more are a picture within it
DODGE = 0.035  # decades between the points of neighbouring variants, so that none hides another


@dataclass(frozen=True)
class Look:
    """How a variant is drawn, in every figure."""

    colour: str
    marker: str
    dash: object
    shift: float  # in decades


def looks(variants: Sequence[str]) -> dict[str, Look]:
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
        score: a column of the trials, as validation_accuracy.
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
                rasterized=len(at) > MOST_MARKS,
            )
    ax.set_xscale("log")
    ax.set_xlabel("learning rate")
    ax.set_ylabel(label(score))
    _scale(ax, score)


def score_against_epoch(ax: Axes, history: pd.DataFrame, score: str, styles: Mapping[str, Look]) -> None:
    """A score against the epoch, one thin line a trial; a cross stands where a trial diverged.

    Args:
        history: rows of history.csv with the trial's `variant` and `diverged_at_step` beside, of one learning rate.
        score: a column of the history, as train_loss.
    """
    for (name, _), trial in history.groupby(["variant", "trial"], sort=False):
        look, known = styles[str(name)], trial.dropna(subset=[score])
        ax.plot(known["epoch"], known[score], color=look.colour, linestyle=look.dash, linewidth=0.9, alpha=0.85)
        step = trial["diverged_at_step"].iloc[0]
        if pd.notna(step):
            _cross(ax, trial, known, float(step), score, look)
    _scale(ax, score)


def _cross(ax: Axes, trial: pd.DataFrame, known: pd.DataFrame, step: float, score: str, look: Look) -> None:
    """A cross where the trial diverged: on its line, or at the upper edge where there is no line yet."""
    last = trial.iloc[-1]
    epoch = step * last["epoch"] / last["step"] if last["step"] else 0.0
    before = known[known["step"] <= step]
    transform = ax.transData if len(before) else ax.get_xaxis_transform()
    height = before[score].iloc[-1] if len(before) else 0.95
    ax.plot(epoch, height, color=look.colour, marker="x", markersize=5, zorder=4, transform=transform)


def _scale(ax: Axes, score: str) -> None:
    """Accuracies from 0 to 100%, losses on a logarithmic axis."""
    if score.endswith("accuracy"):
        ax.set_ylim(-0.03, 1.03)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    else:
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _plain(value)))
        ax.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))  # labels only where a decade is not full


def _plain(value: float) -> str:
    """0.01, 10, or a power of ten where it would be long."""
    return f"{value:g}" if 1e-3 <= value < 1e4 else f"$10^{{{round(log10(value))}}}$"


def rate_label(rate: float) -> str:
    """Three digits: 0.00316, 1000."""
    return f"{float(f'{rate:.3g}'):g}"


def label(score: str) -> str:
    """`validation_loss` -> `validation loss`."""
    return score.replace("_", " ")
