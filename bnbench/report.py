"""Results -> files: tables as CSV and the figures, made anew from the store alone."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from bnbench import plots, store
from bnbench.results import Results

PANEL = (2.65, 1.95)  # inches; two of them with their labels are as wide as a page of text
SMALL = (1.3, 1.15)  # a panel of curves
LEFT, RIGHT, BELOW = 0.66, 0.12, 0.6  # inches beside the panels: an axis with its label, and a note below
LINE = 0.17  # inches, of a legend
MOST_RATES = 10  # in a figure of curves
COLUMNS = 5  # of them side by side: a page is no wider
LOSS_ROOM = 10  # times the initial loss: a blown loss of 1e20 would press all others into a line
CUT = f"; loss axes end at {LOSS_ROOM} x the initial loss"
MOST_SEEDS = 20  # lines of a variant in one panel; more would be a blot
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


def _grid(
    rows: int, columns: int, size: tuple[float, float], gaps: tuple[float, float], handles: list[Line2D]
) -> tuple[Figure, NDArray[Any]]:
    """A figure of panels of one size and a legend above them; its axes (rows, columns).

    Matplotlib could find the margins itself, but that takes as long as drawing.

    Args:
        size: width and height of a panel in inches.
        gaps: inches between columns and between rows.
    """
    width = LEFT + columns * size[0] + (columns - 1) * gaps[0] + RIGHT
    across = max(1, min(len(handles), 5, int(width / 1.2)))
    top = 0.32 + LINE * -(-len(handles) // across)
    height = top + rows * size[1] + (rows - 1) * gaps[1] + BELOW
    figure = Figure(figsize=(width, height))
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, gridspec_kw={
        "left": LEFT / width, "right": 1 - RIGHT / width, "bottom": BELOW / height, "top": 1 - top / height,
        "wspace": gaps[0] / size[0], "hspace": gaps[1] / size[1],
    })  # fmt: skip
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1), ncols=across, fontsize=7)
    return figure, axes


def _note(figure: Figure, text: str) -> None:
    """Below the panels."""
    figure.text(0.5, 0.06 / figure.get_figheight(), text, fontsize=7, color="#555555", ha="center", va="bottom")


def _rates(results: Results, styles: dict[str, plots.Look]) -> Figure:
    """Accuracy and loss against the learning rate; a row for each value of the further axes."""
    places = list(_by_axes(results, results.summary))
    points = dict(_by_axes(results, results.points))
    handles = _handles(styles, markers=True)
    handles += [
        Line2D([], [], color="#555555", marker=".", linestyle="", markersize=4, label="one trial"),
        Line2D([], [], color="#555555", marker="x", linestyle="", label="diverged: counted at chance / initial loss"),
        Line2D([], [], color="#777777", linestyle=":", linewidth=0.8, label="chance"),
    ]
    figure, axes = _grid(len(places), 2, PANEL, (0.62, 0.35), handles)
    cut = False
    for row, (place, summary) in zip(axes, places, strict=True):
        for ax, score in zip(row, ("validation_accuracy", "validation_loss"), strict=True):
            plots.score_against_rate(ax, summary, points[place], score, styles)
            ax.set_title(place)
        row[0].axhline(1 / points[place]["classes"].iloc[0], color="#777777", linewidth=0.8, linestyle=":", zorder=1)
        cut |= _bound_losses([row[1]], points[place]["initial_loss"].max())
    seeds = results.trials["seed"].nunique()
    note = f"line: mean over {seeds} seeds; band: lowest to highest" if seeds > 1 else "one seed: no spread is known"
    _note(figure, note + CUT * cut)
    return figure


def _curves(results: Results, trials: pd.DataFrame, place: str, styles: dict[str, plots.Look]) -> Figure:
    """Validation accuracy and training loss epoch by epoch, a column a learning rate, at most COLUMNS side by side."""
    rates = sorted(trials["learning_rate"].unique())
    shown = rates[:: -(-len(rates) // MOST_RATES)]
    seeds = trials["seed"].unique()
    trials = trials[trials["seed"].isin(seeds[:MOST_SEEDS]) & trials["learning_rate"].isin(shown)]
    blocks = -(-len(shown) // COLUMNS)
    columns = -(-len(shown) // blocks)
    history = results.history[results.history["trial"].isin(trials["trial"])].merge(
        trials[["trial", "variant", "learning_rate", "diverged_at_step"]], on="trial"
    )
    handles = _handles(styles, markers=False)
    handles.append(Line2D([], [], color="#555555", marker="x", linestyle="", label="diverged here"))
    figure, axes = _grid(2 * blocks, columns, SMALL, (0.14, 0.42), handles)
    for i, rate in enumerate(shown):
        accuracy, loss = axes[2 * (i // columns)][i % columns], axes[2 * (i // columns) + 1][i % columns]
        part = history[history["learning_rate"] == rate]
        plots.score_against_epoch(accuracy, part, "validation_accuracy", styles)
        plots.score_against_epoch(loss, part, "train_loss", styles)
        accuracy.set_title(f"rate {plots.rate_label(rate)}")
        loss.tick_params(labelbottom=True)
    for ax in [ax for row in (-2, -1) for ax in axes[row][len(shown) - columns * (blocks - 1) :]]:
        ax.remove()
    used = [ax for row in axes[1::2] for ax in row if ax.figure]
    cut = _bound_losses(used, trials["initial_loss"].max())
    for row, name in enumerate(["validation_accuracy", "train_loss"] * blocks):
        axes[row][0].set_ylabel(plots.label(name))
        for ax in axes[row][1:]:
            ax.tick_params(labelleft=False, which="both")
    notes = [place] * bool(place) + [f"{len(shown)} of {len(rates)} rates"] * (len(shown) < len(rates))
    notes += [f"{MOST_SEEDS} of {len(seeds)} seeds"] * (len(seeds) > MOST_SEEDS)
    _note(figure, "epoch" + (f"   ({', '.join(notes)})" if notes else "") + CUT * cut)
    return figure


def _handles(styles: dict[str, plots.Look], markers: bool) -> list[Line2D]:
    """The variants' entries of a legend."""
    return [
        Line2D([], [], color=s.colour, marker=s.marker if markers else "", linestyle=s.dash, label=name)  # type: ignore[arg-type]
        for name, s in styles.items()
    ]


def _bound_losses(axes: Sequence[Axes], initial: float) -> bool:
    """Give loss axes one range that ends at some times the initial loss; whether that cuts anything off."""
    low, high = min(ax.get_ylim()[0] for ax in axes), max(ax.get_ylim()[1] for ax in axes)
    cut = bool(initial > 0 and high > LOSS_ROOM * initial)
    for ax in axes:
        ax.set_ylim(min(low, initial / 2) if cut else low, LOSS_ROOM * initial if cut else high)
    return cut
