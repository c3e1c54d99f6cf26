"""Learning curves: validation score and training loss, epoch by epoch, at each learning rate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from bnbench.report.figures.layout import (
    CUT,
    MAX_COLUMNS,
    PanelGrid,
    add_note,
    limit_loss_axes,
    make_grid,
    remove_panels,
    variant_handles,
)
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import (
    Look,
    Looks,
    capitalize_first,
    format_epoch_axis,
    format_score_axis,
    legend_entry,
    rate_labels,
)
from bnbench.results.results import Results

PANEL_COLUMNS = ("validation_score", "train_loss")
# Inches.
PANEL_SIZE, GAPS = (1.3, 1.15), (0.14, 0.42)
# The maximum number of learning rates in one figure.
MAX_RATES = 10
# The maximum number of lines of a variant in one panel: more would cover each other.
MAX_SEEDS = 20


@dataclass(frozen=True)
class ShownCurves:
    """The trials whose curves one figure shows, and how its panels are arranged.

    Attributes:
        trials: rows of `Results.trials`.
        rates: the learning rates that are shown, ascending.
        all_rates: how many there are.
        all_seeds: how many seeds there are.
    """

    trials: pd.DataFrame
    rates: list[float]
    all_rates: int
    all_seeds: int

    @property
    def blocks(self) -> int:
        """How many times the figure goes back to the left; each block has a row of scores and one of losses."""
        return -(-len(self.rates) // MAX_COLUMNS)

    @property
    def columns(self) -> int:
        """The number of panels next to each other."""
        return -(-len(self.rates) // self.blocks)

    @property
    def last_columns(self) -> int:
        """The number of columns of the last block that hold a learning rate."""
        return len(self.rates) - self.columns * (self.blocks - 1)


def curves_table(results: Results) -> pd.DataFrame:
    """Return a row for each trial; `history_of` returns the epochs of the trials that are shown."""
    return results.trials


def select_trials(trials: pd.DataFrame) -> ShownCurves:
    """Return at most MAX_RATES learning rates, evenly spread, and the first MAX_SEEDS seeds."""
    all_rates, seeds = sorted(trials["learning_rate"].unique()), trials["seed"].unique()
    rates = all_rates[:: -(-len(all_rates) // MAX_RATES)]
    shown = trials[trials["seed"].isin(seeds[:MAX_SEEDS]) & trials["learning_rate"].isin(rates)]
    return ShownCurves(shown, rates, len(all_rates), len(seeds))


def history_of(trials: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    """Return the epochs of some trials, each with the variant, learning rate and divergence of its trial."""
    of_trial = trials[["trial", "variant", "learning_rate", "diverged_at_step"]]
    return epochs[epochs["trial"].isin(trials["trial"])].merge(of_trial, on="trial")


def caption_curves(inputs: FigureInput) -> str:
    """Say what the figure shows, and of which setting."""
    setting = f", {inputs.setting}" if inputs.setting else ""
    score = capitalize_first(inputs.label(PANEL_COLUMNS[0]))
    return f"{score} and training loss against the epoch, at each learning rate{setting}."


def draw_curves(inputs: FigureInput) -> Figure:
    """Draw two panels for each learning rate, the score above the loss."""
    shown = select_trials(inputs.table)
    note = _note(shown, inputs.setting)
    handles = [*variant_handles(inputs.looks, markers=False), legend_entry("diverged here", marker="x", linestyle="")]
    grid = PanelGrid(2 * shown.blocks, shown.columns, PANEL_SIZE, GAPS)
    figure, axes = make_grid(grid, handles, note + CUT)
    _fill_panels(axes, shown, history_of(shown.trials, inputs.results.full_history), inputs.looks)
    for row in axes[-2:]:
        remove_panels(row[shown.last_columns :])
    losses = [ax for row in axes[1::2] for ax in row if ax.figure]
    cut = limit_loss_axes(losses, shown.trials["initial_loss"].max())
    _label_rows(axes, [inputs.label(score) for score in PANEL_COLUMNS] * shown.blocks)
    add_note(figure, note + CUT if cut else note)
    return figure


def _fill_panels(axes: NDArray[Any], shown: ShownCurves, history: pd.DataFrame, looks: Looks) -> None:
    labels = rate_labels(shown.rates)
    for number, rate in enumerate(shown.rates):
        block, column = divmod(number, shown.columns)
        top, bottom = axes[2 * block][column], axes[2 * block + 1][column]
        for ax, score in zip((top, bottom), PANEL_COLUMNS, strict=True):
            draw_score_by_epoch(ax, history[history["learning_rate"] == rate], score, looks)
        top.set_title(f"rate {labels[rate]}")
        bottom.tick_params(labelbottom=True)
        if block == shown.blocks - 1:
            bottom.set_xlabel("epoch")


def draw_score_by_epoch(ax: Axes, history: pd.DataFrame, score: str, looks: Looks) -> None:
    """Draw a score against the epoch, one thin line a trial; a cross marks where a trial diverged.

    Args:
        ax: the panel.
        history: rows of `history_of`, of one learning rate.
        score: a column of the history, such as train_loss.
        looks: the look of each variant.
    """
    trials = history.groupby(["variant", "trial"], sort=False)
    for (name, _), rows in trials[["epoch", "step", score, "diverged_at_step"]]:
        look, trial = looks[str(name)], rows.to_numpy(float, na_value=np.nan)
        known = trial[np.isfinite(trial[:, 2])]
        # A line through a single point would be invisible.
        marker = "." if len(known) == 1 else ""
        ax.plot(
            known[:, 0], known[:, 2], color=look.color, linestyle=look.dash, linewidth=0.9, alpha=0.85, marker=marker
        )
        if np.isfinite(trial[0, 3]):
            _draw_divergence(ax, trial, known, look)
    format_score_axis(ax, score)
    format_epoch_axis(ax)


def _draw_divergence(ax: Axes, trial: NDArray[Any], known: NDArray[Any], look: Look) -> None:
    """Draw a cross where a trial diverged: on its line, or at the upper edge if the line has not begun.

    Args:
        ax: the panel.
        trial: (epochs, 4): the epoch, its last step, the score, and the step at which the trial diverged.
        known: the rows of `trial` that have a score.
        look: the look of the variant.
    """
    epochs, steps, _, diverged_at = trial[-1]
    epoch = diverged_at * epochs / steps if steps else 0.0
    before = known[known[:, 1] <= diverged_at]
    transform = ax.transData if len(before) else ax.get_xaxis_transform()
    height = before[-1, 2] if len(before) else 0.95
    ax.plot(epoch, height, color=look.color, marker="x", markersize=5, zorder=4, transform=transform)


def _label_rows(axes: NDArray[Any], labels: list[str]) -> None:
    for row, label in zip(axes, labels, strict=True):
        row[0].set_ylabel(label)
        for ax in row[1:]:
            ax.tick_params(labelleft=False, which="both")


def _note(shown: ShownCurves, setting: str) -> str:
    parts = [setting] if setting else []
    if len(shown.rates) < shown.all_rates:
        parts.append(f"{len(shown.rates)} of {shown.all_rates} rates")
    several = shown.all_seeds > 1
    parts.append(f"{min(MAX_SEEDS, shown.all_seeds)} of {shown.all_seeds} seeds" if several else "one seed")
    return f"Each line is a trial ({', '.join(parts)})."


FIGURE = FigureSpec("curves", 20, curves_table, caption_curves, draw_curves, per_setting=True)
