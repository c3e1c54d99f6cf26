"""The loss along the gradient, at three early steps (as in Bjorck et al. 2018, figure 3)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bnbench.analysis import failure_names as names
from bnbench.analysis.probe_columns import FIRST_STEPS
from bnbench.analysis.probe_values import over_seeds
from bnbench.report.figures.layout import (
    MAX_SETTINGS,
    PanelShape,
    add_note,
    describe_counts,
    is_first_in_row,
    label_lowest,
    make_panels,
    split_by_setting,
    variant_handles,
)
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import (
    REFERENCE_COLOR,
    Look,
    format_log_axis,
    label_y_axis,
    legend_entry,
    rate_labels,
    set_decade_ticks,
)
from bnbench.results.probed import at_nearest_rate, probed_trials, probed_values
from bnbench.results.results import Results

BEST, WORSE, BLOWN = "line_best", "line_first_worse", "line_first_blown"
LANDMARKS = (BEST, WORSE, BLOWN)
SHAPE = PanelShape(columns=3, height=2.2, min_width=0.7, aspect=0.9, gaps=(0.16, 0.62))
# The axis begins at the lowest loss, or here, and ends at the highest one between these two.
LOWEST_LOSS, LEAST_HIGHEST = 1e-2, 2.0
BAND_ALPHA = 0.15
# Each landmark has a marker of its own: filled, hollow, a cross.
MARKS: dict[str, tuple[str, dict[str, Any]]] = {
    BEST: ("best step", {"marker": "v"}),
    WORSE: ("first worse", {"marker": "o", "markerfacecolor": "white"}),
    BLOWN: (f"first above {names.BLOWN:g}", {"marker": "X"}),
}


def line_search_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant, setting, step and length of a step, and for each landmark.

    The trials are those at the best rate of the variant, or at the measured rate that is nearest to it. Columns:
    variant, the further axes, learning_rate, name (`loss`, or one of LANDMARKS), step, length (NaN for landmarks) and
    SPREAD over the seeds: of the loss over that before the step, or of the length of the landmark (infinite: above 1).
    """
    trials = at_nearest_rate(probed_trials(results, "line_search", MAX_SETTINGS), results.axes)
    if trials.empty:
        return pd.DataFrame()
    keys = ["variant", *results.axes, "learning_rate", "name", "step", "length"]
    measured = {f"relative_loss_at_step_{step}": step for step in FIRST_STEPS}
    losses = probed_values(results, trials, measured, by_step=False)
    losses = losses.assign(step=losses["name"].map(measured), name="loss").rename(columns={"position": "length"})
    losses = _known(losses[~(losses["step"] > losses["diverged_at_step"].astype(float))])
    marks = probed_values(results, trials, LANDMARKS).rename(columns={"position": "step"}).assign(length=np.nan)
    # A landmark that no length up to 1 reaches is beyond all others.
    marks = marks[marks["step"].isin(FIRST_STEPS)].fillna({"value": np.inf})
    return over_seeds(pd.concat([losses, marks]), keys).astype({"step": int})


def _known(losses: pd.DataFrame) -> pd.DataFrame:
    """Return the losses without those of steps before which it was not finite; others that are not are infinite."""
    known = losses["value"].notna().groupby([losses["trial"], losses["step"]]).transform("any")
    return losses[known].fillna({"value": np.inf})


def caption_line_search(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return (
        "Loss along the gradient over the loss before the step, against the length of the step, at three early steps."
    )


def draw_line_search(inputs: FigureInput) -> Sequence[Axes]:
    """Draw three panels for each setting, one for each step."""
    parts, note = split_by_setting(inputs.results, inputs.table), _note(inputs)
    handles = [
        *variant_handles(inputs.looks, markers=False),
        *(legend_entry(label, linestyle="", markersize=4.5, **mark) for label, mark in _shown_marks(inputs.table)),
    ]
    groups = make_panels(inputs.settings, SHAPE, len(parts), len(FIRST_STEPS), handles, note)
    limits = _limits(inputs.table)
    for panels, (setting, rows) in zip(groups, parts, strict=True):
        for ax, step in zip(panels, FIRST_STEPS, strict=True):
            draw_losses(ax, rows[rows["step"] == step], inputs)
            _format(ax, limits)
            ax.set_title(f"{setting}, step {step}" if setting else f"step {step}")
    panels = [ax for group in groups for ax in group]
    label_lowest(panels)
    return add_note(panels, note, inputs.settings)


def _shown_marks(table: pd.DataFrame) -> list[tuple[str, dict[str, Any]]]:
    """Return label and marker of each landmark that is somewhere in the figure."""
    shown = set(table.loc[np.isfinite(table["median"]), "name"])
    return [mark for name, mark in MARKS.items() if name in shown]


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Return the ends of the axis of losses."""
    losses = table[table["name"] == "loss"]
    low, high = max(LOWEST_LOSS, losses["lowest"].min()), max(LEAST_HIGHEST, losses["highest"].max())
    return low / 1.2, min(high * 1.2, names.BLOWN)


def draw_losses(ax: Axes, rows: pd.DataFrame, inputs: FigureInput) -> None:
    """Draw the relative loss against the length of the step, with the landmarks of each variant.

    Args:
        ax: the panel.
        rows: of `line_search_table`, of one setting and step.
        inputs: has the look of each variant.
    """
    ax.axhline(1, color=REFERENCE_COLOR, linewidth=0.8, zorder=1)
    for variant, own in rows.groupby("variant", sort=False):
        look, line = inputs.looks[str(variant)], own[own["name"] == "loss"].sort_values("length")
        ax.fill_between(
            line["length"], line["lowest"], line["highest"], color=look.color, alpha=BAND_ALPHA, linewidth=0
        )
        ax.plot(line["length"], line["median"], color=look.color, linestyle=look.dash)
        _draw_marks(ax, own, line, look)


def _draw_marks(ax: Axes, own: pd.DataFrame, line: pd.DataFrame, look: Look) -> None:
    """Draw the landmarks: the best step on the line, the first worse one at 1, the first that blows up at 1,000."""
    for name, (_, mark) in MARKS.items():
        (found,) = own.loc[own["name"] == name, "median"].tolist() or (np.nan,)
        if not np.isfinite(found):
            continue
        on_line = np.interp(np.log(found), np.log(line["length"]), line["median"])
        y = {BEST: on_line, WORSE: 1.0, BLOWN: names.BLOWN}[name]
        ax.plot([found], [y], color=look.color, linestyle="", markersize=5, zorder=4, clip_on=False, **mark)


def _format(ax: Axes, limits: tuple[float, float]) -> None:
    ax.set_xscale("log")
    ax.set_ylim(limits)
    format_log_axis(ax)
    set_decade_ticks(ax)
    ax.set_xlabel("step length")
    if is_first_in_row(ax):
        label_y_axis(ax, "loss / loss before")
    else:
        ax.tick_params(labelleft=False, which="both")


def _note(inputs: FigureInput) -> str:
    table = inputs.table[inputs.table["name"] == "loss"]
    seeds = describe_counts(table["n"])
    labels = rate_labels(inputs.results.summary["learning_rate"])
    pairs = table[["variant", "learning_rate"]].drop_duplicates().itertuples(index=False)
    rates = ", ".join(f"{inputs.looks[str(name)].label} {labels[float(rate)]}" for name, rate in pairs)
    return (
        "The length of a step is a multiple of the gradient of the mini-batch, as the learning rate is. Median over "
        f"{seeds}; band: lowest to highest. Steps were trained at the rate nearest to the best one: {rates}. "
        "A trial that has diverged has no line."
    )


def _settings_per_page(inputs: FigureInput) -> int:
    return SHAPE.groups_on_a_page(len(FIRST_STEPS), inputs.settings)


FIGURE = FigureSpec(
    "line-search", 84, line_search_table, caption_line_search, draw_line_search, per_page=_settings_per_page
)
