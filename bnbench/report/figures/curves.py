"""Learning curves: validation score and training loss, epoch by epoch, at each learning rate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bnbench.config.figure_settings import FigureSettings
from bnbench.report.figures.layout import (
    CUT,
    PanelShape,
    add_note,
    is_first_in_row,
    label_lowest,
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
    label_y_axis,
    legend_entry,
    rate_labels,
)
from bnbench.results.results import Results

PANEL_COLUMNS = ("validation_score", "train_loss")
SHAPE = PanelShape(columns=5, height=1.3, min_width=0.65, aspect=0.85, gaps=(0.14, 0.45), left=0.8)
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


def draw_curves(inputs: FigureInput) -> Sequence[Axes]:
    """Draw two panels for each learning rate, the score above the loss."""
    shown = select_trials(inputs.table)
    note, settings = _note(shown, inputs.setting), inputs.settings
    handles = [*variant_handles(inputs.looks, markers=False), legend_entry("diverged here", marker="x", linestyle="")]
    scores, losses = _make_blocks(settings, len(shown.rates), handles, note + CUT)
    _fill_panels(scores, losses, shown, history_of(shown.trials, inputs.results.full_history), inputs.looks)
    cut = limit_loss_axes(losses, shown.trials["initial_loss"].max())
    for panels, score in zip((scores, losses), PANEL_COLUMNS, strict=True):
        _label_first(panels, inputs.label(score))
    label_lowest(losses)
    return add_note([*scores, *losses], note + CUT if cut else note, settings)


def _make_blocks(
    settings: FigureSettings, rates: int, handles: Sequence[Line2D], note: str
) -> tuple[list[Axes], list[Axes]]:
    """Return a panel of scores and one of losses for each rate: rows of scores and rows of losses by turns."""
    one = SHAPE.fit(rates, 1, settings)
    grid = replace(one, rows=2 * one.rows)
    _, axes = make_grid(grid, handles, "" if settings.width else note)
    scores, losses = list(axes[::2].flat), list(axes[1::2].flat)
    remove_panels([*scores[rates:], *losses[rates:]])
    return scores[:rates], losses[:rates]


def _fill_panels(
    scores: Sequence[Axes], losses: Sequence[Axes], shown: ShownCurves, history: pd.DataFrame, looks: Looks
) -> None:
    labels = rate_labels(shown.rates)
    for rate, top, bottom in zip(shown.rates, scores, losses, strict=True):
        for ax, score in zip((top, bottom), PANEL_COLUMNS, strict=True):
            draw_score_by_epoch(ax, history[history["learning_rate"] == rate], score, looks)
        top.set_title(f"rate {labels[rate]}")
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
        if np.isfinite(trial[0, 3]):
            # What is measured after the divergence is no training any more: the line ends there.
            known = known[known[:, 1] <= trial[0, 3]]
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
        known: the rows of `trial` up to the divergence that have a score.
        look: the look of the variant.
    """
    epochs, steps, _, diverged_at = trial[-1]
    epoch = diverged_at * epochs / steps if steps else 0.0
    transform = ax.transData if len(known) else ax.get_xaxis_transform()
    height = known[-1, 2] if len(known) else 0.95
    ax.plot(epoch, height, color=look.color, marker="x", markersize=5, zorder=4, transform=transform)


def _label_first(panels: Sequence[Axes], label: str) -> None:
    """Label the y axis at the first panel of each row alone."""
    for ax in panels:
        if is_first_in_row(ax):
            label_y_axis(ax, label)
        else:
            ax.tick_params(labelleft=False, which="both")


def _note(shown: ShownCurves, setting: str) -> str:
    parts = [setting] if setting else []
    if len(shown.rates) < shown.all_rates:
        parts.append(f"{len(shown.rates)} of {shown.all_rates} rates")
    several = shown.all_seeds > 1
    parts.append(f"{min(MAX_SEEDS, shown.all_seeds)} of {shown.all_seeds} seeds" if several else "one seed")
    return f"Each line is a trial ({', '.join(parts)})."


FIGURE = FigureSpec("curves", 20, curves_table, caption_curves, draw_curves, per_page=lambda inputs: 1)
