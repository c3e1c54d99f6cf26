"""The pre-activation of one unit of the last hidden layer, against the epoch."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.report.figures.layout import (
    MAX_COLUMNS,
    PanelShape,
    add_note,
    is_first_in_row,
    label_lowest,
    make_panels,
    split_by_setting,
)
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import Look, rate_labels
from bnbench.results.results import Results

SHAPE = PanelShape(columns=4, aspect=0.8, gaps=(0.25, 0.62))


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


def draw_pre_activations(inputs: FigureInput) -> Sequence[Axes]:
    """Draw panels for each setting, one for each variant."""
    parts = split_by_setting(inputs.results, inputs.table)
    variants = list(dict.fromkeys(inputs.table["variant"]))
    note, shown = _note(inputs.table, len(variants)), variants[:MAX_COLUMNS]
    labels = rate_labels(inputs.results.summary["learning_rate"])
    groups = make_panels(inputs.settings, SHAPE, len(parts), len(shown), [], note)
    for panels, (setting, rows) in zip(groups, parts, strict=True):
        for ax, variant in zip(panels, shown, strict=True):
            _fill_panel(ax, rows[rows["variant"] == variant], setting, inputs.looks[variant], labels)
        _share_y_axis(panels)
    panels = [ax for group in groups for ax in group]
    label_lowest(panels)
    return add_note(panels, note, inputs.settings)


def _fill_panel(ax: Axes, rows: pd.DataFrame, setting: str, look: Look, labels: Mapping[float, str]) -> None:
    if rows.empty:
        return
    draw_percentiles(ax, rows, look)
    title = f"{look.label}, rate {labels[rows['learning_rate'].iloc[0]]}"
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


def _share_y_axis(panels: Sequence[Axes]) -> None:
    """Give panels one range, with its labels at the first of each row."""
    ends = [end for ax in panels for end in ax.get_ylim()]
    for ax in panels:
        is_first = is_first_in_row(ax)
        ax.set_ylim(min(ends), max(ends))
        ax.tick_params(labelleft=is_first)
        if is_first:
            ax.set_ylabel("pre-activation")


def _note(table: pd.DataFrame, variants: int) -> str:
    note = (
        "Input of the activation of one unit in the last hidden layer. Line: median over rows. "
        f"Band: 15th to 85th percentile. Seed {table['seed'].iloc[0]}, each variant at its own best learning rate."
    )
    return f"{note} {MAX_COLUMNS} of {variants} variants." if variants > MAX_COLUMNS else note


def _settings_per_page(inputs: FigureInput) -> int:
    variants = min(MAX_COLUMNS, inputs.table["variant"].nunique())
    return SHAPE.groups_on_a_page(variants, inputs.settings)


FIGURE = FigureSpec(
    "pre-activations", 80, pre_activations_table, caption_pre_activations, draw_pre_activations,
    per_page=_settings_per_page,
)  # fmt: skip
