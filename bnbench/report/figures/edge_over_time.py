"""The edge after each of some epochs: the highest rate that trains falls while training goes on."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from bnbench.analysis.edge_by_epoch import edges_by_epoch
from bnbench.analysis.trials import is_at
from bnbench.report.figures.layout import describe_counts, draw_panels, panels_per_page
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import Looks, format_log_axis
from bnbench.results.results import Results

BAND_ALPHA = 0.15
# A report must stay fast, so of many settings only so many are computed, the most telling ones.
MAX_PLACES = 4


def edge_over_time_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant, setting and epoch with an edge, as `analysis.edge_by_epoch` computes them.

    Only edges between a training that trains and one that fails have a row; empty if no variant has two of them. An
    adaptive design has none: it trains other seeds at each rate, and ends some trials early.
    """
    if results.design:
        return pd.DataFrame()
    places = results.trial_cells.places
    if results.axes:
        table = pd.DataFrame([place.values for place in places])
        shown = [np.flatnonzero(is_at(table, one)) for one in results.telling_places(MAX_PLACES)]
        places = [places[int(found[0])] for found in shown if len(found)]
    table = edges_by_epoch(results.trial_cells, results.full_history, places)
    low, high = (table[end].astype(float) for end in ("edge_low", "edge_high"))
    bounded = table.loc[(low > 0) & np.isfinite(high)].reset_index(drop=True)
    has_course = bounded.duplicated(["variant", *results.axes]).any()
    return bounded if has_course else bounded.head(0)


def caption_edge_over_time(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return "The edge, which is the rate at which half of the trainings train, after each of some epochs."


def draw_edge_over_time(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each setting."""
    seeds = describe_counts(inputs.table["n"])
    note = (
        "A training trains if its validation score after that epoch is at least halfway from chance to the best mean "
        f"after the same epoch. Band: 95% interval, from {seeds}. Epochs in which all trainings of a variant "
        "train, or none does, are left out."
    )
    return draw_panels(inputs, note, lambda ax, rows: draw_edge_by_epoch(ax, rows, inputs.looks))


def draw_edge_by_epoch(ax: Axes, rows: pd.DataFrame, looks: Looks) -> None:
    """Draw the edge of each variant with its 95% interval against the epoch.

    Args:
        ax: the panel.
        rows: of `edge_over_time_table`, of one setting.
        looks: the look of each variant.
    """
    for variant, line in rows.groupby("variant", sort=False):
        look = looks[str(variant)]
        low, high = line["edge_low"], line["edge_high"]
        ax.fill_between(line["epoch"], low, high, color=look.color, alpha=BAND_ALPHA, linewidth=0)
        ax.plot(line["epoch"], line["edge"], color=look.color, linestyle=look.dash, marker=look.marker, markersize=3)
    ax.set_ylim(rows["edge_low"].min() / 1.3, rows["edge_high"].max() * 1.3)
    format_log_axis(ax)
    _format_epochs(ax)
    ax.set_ylabel("edge (learning rate)")


def _format_epochs(ax: Axes) -> None:
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,), numticks=8))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.set_xlabel("epoch")


FIGURE = FigureSpec(
    "edge-over-time", 65, edge_over_time_table, caption_edge_over_time, draw_edge_over_time,
    per_page=panels_per_page, takes_ax=True,
)  # fmt: skip
