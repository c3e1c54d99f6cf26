"""The epochs that a variant needs to reach the target score, against the learning rate."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bnbench.report.figures.layout import describe_seeds, draw_panels, panels_per_page
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import REFERENCE_COLOR, Looks, format_rate_axis, rows_by_variant
from bnbench.results.results import Results

SCORE = "validation_score"


def times_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant, setting and learning rate; settings without a target are left out."""
    return results.times.dropna(subset="target")


def caption_times(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return f"Epochs until {inputs.label(SCORE)} reaches {_targets(inputs.table)}, against the learning rate."


def draw_times(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each setting that has a target."""
    # All trials may have diverged in the first epoch.
    last_epoch = max(1.0, float(inputs.results.trials["epochs"].max()))
    return draw_panels(inputs, _note(inputs), lambda ax, rows: draw_time(ax, rows, inputs.looks, last_epoch))


def draw_time(ax: Axes, times: pd.DataFrame, looks: Looks, last_epoch: float) -> None:
    """Draw the median epoch at which the target is reached; a cross above the last epoch if it is not reached.

    Args:
        ax: the panel.
        times: a row for each variant and learning rate with the median `epochs_to_target`; it is infinite if half of
            the seeds or more never reach the target.
        looks: the look of each variant.
        last_epoch: epochs of a trial.
    """
    for variant in rows_by_variant(times, looks):
        x, look, epochs = variant.x, variant.look, variant.rows["epochs_to_target"]
        reached = np.isfinite(epochs)
        never = np.full(int((~reached).sum()), 1.15 * last_epoch)
        ax.plot(x, epochs.where(reached), color=look.color, linestyle=look.dash, marker=look.marker, zorder=3)
        ax.plot(x[~reached], never, color=look.color, linestyle="", marker="x", zorder=3)
    ax.axhline(last_epoch, color=REFERENCE_COLOR, linewidth=0.8, linestyle=":", zorder=1)
    ax.set_ylim(0, 1.25 * last_epoch)
    ax.set_yticks([tick for tick in MaxNLocator(6, integer=True).tick_values(0, last_epoch) if tick <= last_epoch])
    ax.set_ylabel("epochs to target")
    format_rate_axis(ax)


def _targets(table: pd.DataFrame) -> str:
    return " / ".join(f"{target:.3g}" for target in dict.fromkeys(table["target"]))


def _note(inputs: FigureInput) -> str:
    note = (
        f"Epoch at which {inputs.label(SCORE)} reaches {_targets(inputs.table)}, median over "
        f"{describe_seeds(inputs.results)}. Cross: at least half of the seeds never reach it."
    )
    left_out = len(inputs.table) < len(inputs.results.times)
    return f"{note} No panel where {inputs.results.baseline} trains at no learning rate." if left_out else note


FIGURE = FigureSpec("times", 40, times_table, caption_times, draw_times, takes_ax=True, per_page=panels_per_page)
