"""Tables -> Axes: each function draws one table; which figures there are and where they go is `report`'s."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogFormatter, PercentFormatter

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
        if pd.notna(step) and len(known):
            before = known[known["step"] <= step]
            at = (before if len(before) else known).iloc[-1]
            ax.plot(at["epoch"], at[score], color=look.colour, marker="x", markersize=5, zorder=4)
    _scale(ax, score)


def _scale(ax: Axes, score: str) -> None:
    """Accuracies from 0 to 100%, losses on a logarithmic axis."""
    if score.endswith("accuracy"):
        ax.set_ylim(-0.03, 1.03)
        ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    else:
        ax.set_yscale("log")
        ax.yaxis.set_minor_formatter(LogFormatter(minor_thresholds=(1, 0.4)))  # labels only where a decade is not full


def rate_label(rate: float) -> str:
    """Three digits: 0.00316, 1000."""
    return f"{float(f'{rate:.3g}'):g}"


def label(score: str) -> str:
    """`validation_loss` -> `validation loss`."""
    return score.replace("_", " ")
