"""The pre-activation of one unit of the last hidden layer, against the epoch."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.report.figures.layout import MAX_COLUMNS, NARROW, PanelGrid, add_note, make_grid, split_by_setting
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import Look, rate_labels
from bnbench.results.results import Results

# Inches.
GAPS = (0.2, 0.42)


def pre_activations_table(results: Results) -> pd.DataFrame:
    """Return the epochs of one trial for each variant and setting: the first seed at the variant's best rate."""
    known = results.full_history.dropna(subset=PRE_ACTIVATIONS)
    trials = results.trials[results.trials["trial"].isin(known["trial"])]
    cell = ["variant", *results.axes]
    best = trials.merge(results.variants[[*cell, "best_rate"]], on=cell)
    shown = best[best["learning_rate"] == best["best_rate"]].drop_duplicates(cell)
    return shown[["trial", *cell, "learning_rate", "seed"]].merge(
        known[["trial", "epoch", *PRE_ACTIVATIONS]], on="trial"
    )


def caption_pre_activations(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return "Pre-activation of one unit of the last hidden layer, against the epoch."


def draw_pre_activations(inputs: FigureInput) -> Figure:
    """Draw a row of panels for each setting, a column for each variant."""
    settings = split_by_setting(inputs.results, inputs.table)
    variants = list(dict.fromkeys(inputs.table["variant"]))
    note, shown = _note(inputs.table, len(variants)), variants[:MAX_COLUMNS]
    labels = rate_labels(inputs.results.summary["learning_rate"])
    figure, axes = make_grid(PanelGrid(len(settings), len(shown), NARROW, GAPS), [], note)
    for row, (setting, rows) in zip(axes, settings, strict=True):
        for ax, variant in zip(row, shown, strict=True):
            _fill_panel(ax, rows[rows["variant"] == variant], setting, inputs.looks[variant], labels)
        _share_y_axis(row)
    add_note(figure, note)
    return figure


def _fill_panel(ax: Axes, rows: pd.DataFrame, setting: str, look: Look, labels: Mapping[float, str]) -> None:
    if rows.empty:
        return
    draw_percentiles(ax, rows, look)
    title = f"{rows['variant'].iloc[0]}, rate {labels[rows['learning_rate'].iloc[0]]}"
    ax.set_title(f"{title}\n{setting}" if setting else title)


def draw_percentiles(ax: Axes, history: pd.DataFrame, look: Look) -> None:
    """Draw the median against the epoch, and a band from the 15th to the 85th percentile.

    Args:
        ax: the panel.
        history: the epochs of one trial.
        look: the look of its variant.
    """
    low, median, high = (history[column] for column in PRE_ACTIVATIONS)
    ax.fill_between(history["epoch"], low, high, color=look.color, alpha=0.25, linewidth=0)
    ax.plot(history["epoch"], median, color=look.color, linestyle=look.dash)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.set_xlabel("epoch")


def _share_y_axis(row: "list[Axes]") -> None:
    """Give the panels of a row one range, with its labels at the first."""
    ends = [end for ax in row for end in ax.get_ylim()]
    for ax in row:
        ax.set_ylim(min(ends), max(ends))
        ax.tick_params(labelleft=ax is row[0])
    row[0].set_ylabel("pre-activation")


def _note(table: pd.DataFrame, variants: int) -> str:
    note = (
        "Input of the activation of one unit in the last hidden layer. Line: median over rows. "
        f"Band: 15th to 85th percentile. Seed {table['seed'].iloc[0]}, each variant at its own best learning rate."
    )
    return f"{note} {MAX_COLUMNS} of {variants} variants." if variants > MAX_COLUMNS else note


FIGURE = FigureSpec("pre-activations", 80, pre_activations_table, caption_pre_activations, draw_pre_activations)
