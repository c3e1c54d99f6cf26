"""The edge: the share of trainings that train at each learning rate, and where it falls below one half."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from bnbench.analysis.cells import Place
from bnbench.analysis.edge import BEYOND, EdgePosterior, place_edges, trained_at
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.labels import format_factor
from bnbench.analysis.trials import is_at
from bnbench.report.figures.layout import ONE_PANEL, draw_panels, panels_per_page
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import Look, Looks, format_rate_axis
from bnbench.results.results import Results

# The number of points of a curve.
POINTS = 121
# Where the densities of the edges are, below the axis of the shares, and how high they are.
FLOOR, HEIGHT = -0.62, 0.4
# Where the ticks of the trainings begin, how long they are, and the distance from one variant to the next.
TICK, TICK_STEP = 0.035, 0.045


def edge_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant and setting with an edge; empty if only one rate was tried."""
    table = results.variants
    several = results.summary["learning_rate"].nunique() > 1
    return table[table["edge"].notna()] if several else table.iloc[:0]


def caption_edge(inputs: FigureInput) -> str:
    """Say what the figure shows, and the ratios if there is one setting."""
    text = "The share of trainings that train at each learning rate, and the edge, where it is one half."
    ratios = [
        (name, inputs.results.edge_ratio(str(name)))
        for name in dict.fromkeys(inputs.table["variant"])
        if name != inputs.results.baseline and not inputs.results.axes
    ]
    said = [
        f"The edge of {name} is {format_factor(found.estimate)} times that of {inputs.results.baseline} (95% interval "
        f"{format_factor(found.low)} to {format_factor(found.high)})."
        for name, found in ratios
        if found.low > 0 and found.high < np.inf
    ]
    return " ".join([text, *said])


def draw_edge(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each setting."""
    note = (
        "Curve: share of the seeds that train, with its 95% band. A training trains if its score is at least halfway "
        "from chance to the best mean. Ticks: trainings that did (above) and did not (below). At the bottom: where the "
        f"edge is, and its 95% interval. From the best rate upward; at least {MIN_VALUES} seeds."
    )
    axes = inputs.results.axes

    def draw_panel(ax: Axes, rows: pd.DataFrame) -> None:
        setting = {axis: rows[axis].iloc[0] for axis in axes}
        draw_edges(ax, _edges_at(inputs.results, setting, list(rows["variant"])), inputs.looks)

    return draw_panels(inputs, note, draw_panel, ONE_PANEL)


def _place_of(results: Results, setting: Mapping[str, Any]) -> Place:
    """Return the trials of one setting."""
    places = results.trial_cells.places
    table = pd.DataFrame([place.values for place in places], index=range(len(places)))
    return places[int(np.flatnonzero(is_at(table, setting))[0])]


class EdgeShown(NamedTuple):
    """What is drawn of one variant.

    Attributes:
        name: of the variant.
        posterior: of its edge.
        rates: the learning rates of its trainings, (trainings,).
        trains: whether each of them trains.
    """

    name: str
    posterior: EdgePosterior
    rates: Any
    trains: Any


def _edges_at(results: Results, setting: Mapping[str, Any], variants: Sequence[str]) -> list[EdgeShown]:
    """Return what is drawn at one setting; of a design, from the trainings of its search."""
    if design := results.design:
        found = ((name, design.posterior(setting, name)) for name in variants)
        return [EdgeShown(name, one, *design.trained(setting, name)) for name, one in found if one]
    place = _place_of(results, setting)
    posteriors = place_edges(place)
    return [EdgeShown(name, posteriors[name], *trained_at(place, name)) for name in variants]


def draw_edges(ax: Axes, edges: Sequence[EdgeShown], looks: Looks) -> None:
    """Draw the share that trains against the rate, the trainings, and the posteriors of the edges.

    Args:
        ax: the panel.
        edges: at least one.
        looks: the look of each variant.
    """
    rates = np.concatenate([edge.rates for edge in edges])
    low, high = np.log10(rates.min()), np.log10(rates.max())
    for number, edge in enumerate(edges):
        look = looks[edge.name]
        _draw_curve(ax, edge.posterior, np.linspace(low, high, POINTS), look)
        _draw_ticks(ax, edge.rates, edge.trains, number, look)
        _draw_density(ax, edge.posterior, (low, high), look)
    ax.axhline(0.5, color="0.6", linewidth=0.6, linestyle=":", zorder=0)
    ax.axhline(0, color="0.6", linewidth=0.6, zorder=0)
    ax.set_xlim(10 ** (low - 0.1), 10 ** (high + 0.1))
    ax.set_ylim(FLOOR - 0.04, 1.08 + TICK_STEP * len(edges))
    ax.set_yticks([0, 0.5, 1], ["0%", "50%", "100%"])
    ax.set_ylabel("trainings that train")
    format_rate_axis(ax)


def _draw_curve(ax: Axes, posterior: EdgePosterior, x: Any, look: Look) -> None:
    mean, below, above = posterior.curve(x)
    ax.plot(10**x, mean, color=look.color, linestyle=look.dash)
    ax.fill_between(10**x, below, above, color=look.color, alpha=0.15, linewidth=0)


def _draw_ticks(ax: Axes, rates: Any, trains: Any, number: int, look: Look) -> None:
    """Draw a tick for each training; those of one rate are next to each other."""
    for good, base, direction in ((True, 1.0, 1.0), (False, 0.0, -1.0)):
        chosen = rates[trains == good]
        spread = np.empty(len(chosen))
        for rate in np.unique(chosen):
            at = np.flatnonzero(chosen == rate)
            spread[at] = rate * 10 ** (0.012 * (np.arange(len(at)) - (len(at) - 1) / 2))
        start = base + direction * (0.02 + number * TICK_STEP)
        ax.vlines(spread, start, start + direction * TICK, color=look.color, linewidth=0.7)


def _draw_density(ax: Axes, posterior: EdgePosterior, ends: tuple[float, float], look: Look) -> None:
    """Draw where the edge is, with its interval as a line below; what is beyond the rates of the sweep is cut off."""
    shown = (posterior.theta >= ends[0] - BEYOND) & (posterior.theta <= ends[1] + BEYOND)
    heights = posterior.density[shown] / posterior.density.max() * HEIGHT
    x = 10 ** posterior.theta[shown]
    ax.fill_between(x, FLOOR, FLOOR + heights, color=look.color, alpha=0.35, linewidth=0)
    ax.plot(x, FLOOR + heights, color=look.color, linewidth=0.8)
    edge = posterior.edge()
    low, high = (10 ** np.clip(end, ends[0] - BEYOND, ends[1] + BEYOND) for end in (edge.low, edge.high))
    ax.hlines(FLOOR - 0.015, low, high, color=look.color, linewidth=2)


FIGURE = FigureSpec("edge", 15, edge_table, caption_edge, draw_edge, takes_ax=True, per_page=panels_per_page)
