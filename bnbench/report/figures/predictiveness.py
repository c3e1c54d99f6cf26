"""How far the gradient can be trusted, over the training (as in Santurkar et al. 2018, figure 4)."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from bnbench.analysis.probe_values import of_all_seeds, over_seeds
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
from bnbench.report.figures.strips import log_limits
from bnbench.report.figures.style import format_log_axis, label_y_axis, rate_labels
from bnbench.results.probed import at_common_rate, probed_trials, probed_values
from bnbench.results.results import Results

# The panels: the lower and the upper end of the band (a line if they are the same values), and the label.
PANELS = (
    ("loss_lowest", "loss_highest", "loss along the gradient"),
    ("gradient_change_lowest", "gradient_change_highest", "change of the gradient"),
    ("effective_smoothness", "effective_smoothness", "effective smoothness"),
)
# The rows: the ending of the names, and the title.
ROWS = (("", "at multiples of the rate"), ("_at_distance", "at equal distances"))
NAMES = [name + ending for ending, _ in ROWS for name in dict.fromkeys(end for *ends, _ in PANELS for end in ends)]
SHAPE = PanelShape(columns=3, height=1.7, min_width=0.85, aspect=0.8, gaps=(0.6, 0.55))
# Three panels in a row need this width in inches. In a narrower figure, a row has the two panels of a measure.
WIDTH_FOR_THREE = 6.0
NARROW = PanelShape(columns=2, height=1.2, min_width=0.7, aspect=0.9, gaps=(0.45, 0.3), left=0.8)
BAND_ALPHA = 0.25


def predictiveness_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant, setting, measure and step, at the best common rate.

    That is the measured rate with the highest validation score, as a mean over the variants. Columns: variant, the
    further axes, learning_rate, name, position (the step) and SPREAD over the seeds.
    """
    trials = at_common_rate(results, probed_trials(results, "predictiveness", MAX_SETTINGS))
    if trials.empty:
        return pd.DataFrame()
    line = ["variant", *results.axes, "learning_rate", "name"]
    return of_all_seeds(over_seeds(probed_values(results, trials, NAMES), [*line, "position"]), line)


def caption_predictiveness(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return (
        "Range of the loss along the gradient, range of the change of the gradient, and effective smoothness, over the "
        "steps of the training."
    )


def draw_predictiveness(inputs: FigureInput) -> Sequence[Axes]:
    """Draw two rows of three panels for each setting: at multiples of the rate, and at equal distances."""
    parts, note = split_by_setting(inputs.results, inputs.table), _note(inputs)
    handles, narrow = variant_handles(inputs.looks, markers=False), _is_narrow(inputs)
    # Reading order: the panels of a measure below each other, or next to each other.
    places = [(row, panel) for row in ROWS for panel in PANELS]
    if narrow:
        places.sort(key=lambda place: PANELS.index(place[1]))
    columns = len(ROWS) if narrow else len(PANELS)
    shape, rows_each = (NARROW if narrow else SHAPE), len(places) // columns
    groups = make_panels(inputs.settings, shape, rows_each * len(parts), columns, handles, note)
    for number, (setting, rows) in enumerate(parts):
        panels = [ax for group in groups[rows_each * number : rows_each * (number + 1)] for ax in group]
        for index, (ax, ((ending, title), (low, high, label))) in enumerate(zip(panels, places, strict=True)):
            draw_ranges(ax, rows, (low + ending, high + ending), inputs)
            if not narrow or is_first_in_row(ax):
                label_y_axis(ax, label)
            if index < columns if narrow else index % columns == columns // 2:
                ax.set_title(f"{setting}\n{title}" if setting else title)
    panels = [ax for group in groups for ax in group]
    label_lowest(panels)
    return add_note(panels, note, inputs.settings)


def _is_narrow(inputs: FigureInput) -> bool:
    return inputs.settings.width is not None and inputs.settings.width < WIDTH_FOR_THREE


def draw_ranges(ax: Axes, rows: pd.DataFrame, ends: tuple[str, str], inputs: FigureInput) -> None:
    """Draw a band between two measures over the steps; if they are one measure, its median and range over the seeds.

    Args:
        ax: the panel.
        rows: of `predictiveness_table`, of one setting.
        ends: the names of the lower and of the upper measure.
        inputs: has the look of each variant.
    """
    is_line, drawn = ends[0] == ends[1], []
    for variant, own in rows.groupby("variant", sort=False):
        look = inputs.looks[str(variant)]
        low, high = (own[own["name"] == name].sort_values("position") for name in ends)
        below, above = (low["lowest"], high["highest"]) if is_line else (low["median"], high["median"])
        ax.fill_between(low["position"], below, above, color=look.color, alpha=BAND_ALPHA, linewidth=0)
        for line in (low,) if is_line else (low, high):
            ax.plot(line["position"], line["median"], color=look.color, linestyle=look.dash, linewidth=1)
        drawn += [below, above]
    _format(ax, np.concatenate(drawn))


def _format(ax: Axes, values: ArrayLike) -> None:
    ax.set_ylim(log_limits(values))
    format_log_axis(ax)
    ax.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    ax.set_xlabel("step")


def _note(inputs: FigureInput) -> str:
    table = inputs.table
    seeds = describe_counts(table["n"])
    labels = rate_labels(inputs.results.summary["learning_rate"])
    rates = ", ".join(labels[float(rate)] for rate in dict.fromkeys(table["learning_rate"]))
    return (
        f"At learning rate {rates}, the best common one. Eight steps along the gradient, of 0.5 to 4 times the rate, "
        "or of these numbers as distances. Bands of loss and gradient: lowest to highest of these steps, median over "
        f"{seeds}. Smoothness: largest change of the gradient over its distance, median and range over the seeds."
    )


def _settings_per_page(inputs: FigureInput) -> int:
    shape, rows = (NARROW, len(PANELS)) if _is_narrow(inputs) else (SHAPE, len(ROWS))
    return max(1, shape.groups_on_a_page(shape.columns, inputs.settings) // rows)


FIGURE = FigureSpec(
    "predictiveness", 85, predictiveness_table, caption_predictiveness, draw_predictiveness,
    per_page=_settings_per_page,
)  # fmt: skip
