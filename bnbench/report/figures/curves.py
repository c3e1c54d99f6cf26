"""Learning curves: validation score and training loss, epoch by epoch, at each learning rate."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.transforms import Transform
from numpy.typing import NDArray

from bnbench.config.figure_settings import FigureSettings
from bnbench.report.figures.layout import (
    CUT,
    PanelShape,
    add_note,
    describe_left_out,
    is_first_in_row,
    label_lowest,
    limit_loss_axes,
    make_grid,
    remove_panels,
    split_by_setting,
    variant_handles,
)
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import (
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
# Together, the figures have at most so many cells: learning rates at a setting of the further axes.
MAX_CELLS = 12
# The height of a cross at the upper edge, as a share of the axis.
TOP = 0.95


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
    results = inputs.results
    setting = f", {inputs.setting}" if inputs.setting else ""
    score = capitalize_first(inputs.label(PANEL_COLUMNS[0]))
    text = f"{score} and training loss against the epoch, at each learning rate{setting}."
    return f"{text}{describe_left_out(results, len(split_by_telling_setting(results, results.trials)))}"


def split_by_telling_setting(results: Results, table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Return name and rows of the most telling settings, as many as have MAX_CELLS cells together, at least one."""
    rates = len(select_trials(table).rates)
    return split_by_setting(results, table, max(1, MAX_CELLS // max(1, rates)))


def draw_curves(inputs: FigureInput) -> Sequence[Axes]:
    """Draw two panels for each learning rate, the score above the loss."""
    shown = select_trials(inputs.table)
    note, settings = _note(shown, inputs.setting), inputs.settings
    handles = variant_handles(inputs.looks, markers=False)
    if shown.trials["diverged_at_step"].notna().any():
        handles = [*handles, legend_entry("diverged here", marker="x", linestyle="")]
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
    for name, rows in history.groupby("variant", sort=False):
        drawn, look = trace_trials(rows, score), looks[str(name)]
        # One line for all trials takes a fraction of the time of a line for each.
        if drawn.lines:
            ax.plot(*_joined(drawn.lines), color=look.color, linestyle=look.dash, linewidth=0.9, alpha=0.85)
        # A line through a single point would be invisible.
        _draw_marks(ax, drawn.points, ax.transData, color=look.color, marker=".", alpha=0.85)
        crosses: dict[str, Any] = {"color": look.color, "marker": "x", "markersize": 5, "zorder": 4}
        _draw_marks(ax, drawn.crosses, ax.transData, **crosses)
        _draw_marks(ax, drawn.crosses_at_edge, ax.get_xaxis_transform(), **crosses)
    format_score_axis(ax, score)
    format_epoch_axis(ax)


@dataclass(frozen=True)
class Traces:
    """What a panel shows of the trials of a variant; each array has the epoch and the score, (n, 2).

    Attributes:
        lines: of each trial with several known scores.
        points: the only known score of trials with a single one.
        crosses: where trials diverged, on their lines.
        crosses_at_edge: where trials diverged before their line begins: at the upper edge.
    """

    lines: list[NDArray[np.float64]]
    points: list[NDArray[np.float64]]
    crosses: list[NDArray[np.float64]]
    crosses_at_edge: list[NDArray[np.float64]]


def trace_trials(history: pd.DataFrame, score: str) -> Traces:
    """Return what a panel shows of some trials.

    Args:
        history: rows of `history_of`, of one variant and learning rate, each trial in a row.
        score: a column of the history, such as train_loss.
    """
    traces, trials = Traces([], [], [], []), history["trial"].to_numpy()
    values = history[["epoch", "step", score, "diverged_at_step"]].to_numpy(float, na_value=np.nan)
    for trial in np.split(values, np.flatnonzero(trials[1:] != trials[:-1]) + 1):
        known, diverged_at = trial[np.isfinite(trial[:, 2])], trial[0, 3]
        if np.isfinite(diverged_at):
            # What is measured after the divergence is no training any more: the line ends there.
            known = known[known[:, 1] <= diverged_at]
            epochs, steps = trial[-1, :2]
            epoch = diverged_at * epochs / steps if steps else 0.0
            crosses = traces.crosses if len(known) else traces.crosses_at_edge
            crosses.append(np.array([[epoch, known[-1, 2] if len(known) else TOP]]))
        if len(known):
            (traces.points if len(known) == 1 else traces.lines).append(known[:, [0, 2]])
    return traces


def _joined(lines: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the x and y of one line through all lines, with a gap between them."""
    gap = np.full((1, 2), np.nan)
    points = np.concatenate([part for line in lines for part in (line, gap)])
    return points[:, 0], points[:, 1]


def _draw_marks(ax: Axes, places: Sequence[NDArray[np.float64]], transform: Transform, **style: Any) -> None:
    if places:
        ax.plot(*np.concatenate(places).T, linestyle="", transform=transform, **style)


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


FIGURE = FigureSpec(
    "curves",
    20,
    curves_table,
    caption_curves,
    draw_curves,
    per_page=lambda inputs: 1,
    split=lambda inputs: split_by_telling_setting(inputs.results, inputs.table),
)
