"""Results -> files: tables as CSV and the figures, made anew from the store alone."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bnbench import plots, store
from bnbench.results import Results

PANEL = (3.4, 2.5)  # inches; two panels are as wide as a page of text
MOST_RATES = 9  # columns of a figure of curves
LOSS_ROOM = 10  # times the initial loss: a blown loss of 1e20 would press all others into a line
MOST_FIGURES = 12  # of curves, where there are further axes


def write(folder: Path) -> list[Path]:
    """Write trials.csv, history.csv, summary.csv and plots/; returns their paths, the main figure first.

    Raises:
        ResultsError: no results there, or they cannot be read or written.
    """
    results = Results(folder)
    tables = store.write_tables(
        folder, {"trials": results.trials, "history": results.history, "summary": results.summary}
    )
    figures = []
    with rc_context(dict(plots.STYLE)), warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a log axis without one positive value
        for name, figure in _figures(results):
            figures += store.write_figure(folder, name, figure)
    return figures + tables


def _figures(results: Results) -> Iterator[tuple[str, Figure]]:
    if results.summary.empty:
        return
    styles = plots.looks(list(dict.fromkeys(results.summary["variant"])))
    yield "rates", _rates(results, styles)
    for i, (place, trials) in enumerate(_by_axes(results, results.trials)):
        if i < MOST_FIGURES:
            yield ("curves" if not place else f"curves-{i + 1}"), _curves(results, trials, place, styles)


def _by_axes(results: Results, table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The part of a table at each value of the further axes, with a name for the place."""
    if not results.axes:
        yield "", table
        return
    for keys, part in table.groupby(results.axes, sort=False, dropna=False):
        yield ", ".join(f"{axis.rpartition('.')[2]} {key}" for axis, key in zip(results.axes, keys, strict=True)), part


def _rates(results: Results, styles: dict[str, plots.Look]) -> Figure:
    """Accuracy and loss against the learning rate; a row for each value of the further axes."""
    places = list(_by_axes(results, results.summary))
    points = dict(_by_axes(results, results.points))
    figure = Figure(figsize=(2 * PANEL[0], len(places) * PANEL[1] + 0.7), layout="constrained")
    axes = figure.subplots(len(places), 2, squeeze=False, sharex=True)
    for row, (place, summary) in zip(axes, places, strict=True):
        for ax, score in zip(row, ("validation_accuracy", "validation_loss"), strict=True):
            plots.score_against_rate(ax, summary, points[place], score, styles)
            ax.set_title(place)
        _bound_loss(row[1], points[place]["initial_loss"].max())
        row[0].axhline(1 / points[place]["classes"].iloc[0], color="#777777", linewidth=0.8, linestyle=":", zorder=1)
    seeds = results.trials["seed"].nunique()
    handles = [
        Line2D([], [], color=s.colour, marker=s.marker, linestyle=s.dash, label=name)  # type: ignore[arg-type]  # a dash tuple
        for name, s in styles.items()
    ]
    handles += [
        Line2D([], [], color="#555555", marker=".", linestyle="", markersize=4, label="one trial"),
        Line2D([], [], color="#555555", marker="x", linestyle="", label="diverged: counted at chance / initial loss"),
    ]
    if any(ax.get_xlim()[0] < ax.get_xlim()[1] for ax in axes.flat):
        handles.append(Line2D([], [], color="#777777", linestyle=":", linewidth=0.8, label="chance"))
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 5), fontsize=7)
    figure.supxlabel(
        f"line: mean over {seeds} seeds; band: lowest to highest" if seeds > 1 else "one seed: no spread is known",
        fontsize=7,
        color="#555555",
    )
    return figure


def _curves(results: Results, trials: pd.DataFrame, place: str, styles: dict[str, plots.Look]) -> Figure:
    """Validation accuracy and training loss epoch by epoch, a column a learning rate."""
    rates = sorted(trials["learning_rate"].unique())
    step = -(-len(rates) // MOST_RATES)
    shown = rates[::step]
    history = results.history.merge(trials[["trial", "variant", "learning_rate", "diverged_at_step"]], on="trial")
    width = max(PANEL[0], 1.35 * len(shown) + 0.6)
    columns = max(1, int(width / 1.1))
    height = 3.2 + 0.18 * -(-(len(styles) + 1) // columns)  # a line of the legend each
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(2, len(shown), squeeze=False, sharex=True, sharey="row")
    for column, rate in enumerate(shown):
        part = history[history["learning_rate"] == rate]
        for row, score in enumerate(("validation_accuracy", "train_loss")):
            plots.score_against_epoch(axes[row][column], part, score, styles)
        axes[0][column].set_title(f"rate {plots.rate_label(rate)}")
    axes[0][0].set_ylabel(plots.label("validation_accuracy"))
    axes[1][0].set_ylabel(plots.label("train_loss"))
    _bound_loss(axes[1][0], trials["initial_loss"].max())
    handles = [Line2D([], [], color=s.colour, linestyle=s.dash, label=name) for name, s in styles.items()]  # type: ignore[arg-type]
    handles.append(Line2D([], [], color="#555555", marker="x", linestyle="", label="diverged here"))
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), columns), fontsize=7)
    notes = [place] * bool(place) + [f"{len(shown)} of {len(rates)} rates"] * (len(shown) < len(rates))
    figure.supxlabel("epoch" + (f"   ({', '.join(notes)})" if notes else ""), fontsize=8)
    return figure


def _bound_loss(ax: Axes, initial: float) -> None:
    """End a loss axis at some times the initial loss, and say so: a blown loss of 1e20 would flatten all others."""
    low, high = ax.get_ylim()
    if initial > 0 and high > LOSS_ROOM * initial:
        ax.set_ylim(min(low, initial / 2), LOSS_ROOM * initial)
        ax.set_ylabel(f"{ax.get_ylabel()}\n(up to {LOSS_ROOM} x the initial one)")
