"""Predictions of the final weights against the targets of the test rows, with the source's own pairs (source 004)."""

from collections.abc import Collection, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bnbench.analysis.source_curves import source_predictions
from bnbench.analysis.trials import DIVERGED
from bnbench.report.figures.layout import add_note, variant_handles
from bnbench.report.figures.sources.panels import Place, draw_source_panels, places_of, rows_at, share_power
from bnbench.report.figures.sources.spec import SourceInput, SourceKind
from bnbench.report.figures.style import REFERENCE_COLOR, Look, legend_entry

MEASUREMENTS = ("test_target", "test_prediction")
# In points.
MARKER_SIZE, SOURCE_SIZE = 2.6, 8
# Above this number, markers are an image inside the SVG: each shape would make the file larger.
MAX_VECTOR_MARKERS = 1000
SOURCE_STYLE: dict[str, Any] = {
    "color": "#000000", "marker": "*", "linestyle": "", "markersize": SOURCE_SIZE,
    "markeredgecolor": "#FFFFFF", "markeredgewidth": 0.6,
}  # fmt: skip


def predictions_of(inputs: SourceInput) -> pd.DataFrame:
    """Return target and prediction of the test rows of each trial."""
    measured = {name: inputs.results.measurements(name) for name in MEASUREMENTS}
    return source_predictions(inputs.trials, measured, inputs.results.axes)


def caption_predictions(inputs: SourceInput) -> str:
    """Say what the figure shows."""
    points = ", with the values that the source printed" if inputs.item.points else ""
    of = f"{', '.join(inputs.looks)}, {inputs.describe_rates()}, {inputs.describe_n(inputs.counts)}"
    return f"Ours: prediction against target of the test rows, {of}{points}."


def draw_predictions(inputs: SourceInput) -> Sequence[Axes]:
    """Draw a panel for each variant and setting; the source's points are in each of them."""
    table = predictions_of(inputs)
    note = _note(inputs, table)

    def fill(ax: Axes, place: Place) -> None:
        draw_pairs(ax, rows_at(table, place), inputs.item.points, inputs.looks[place["variant"]])

    places = places_of(inputs, table, by_variant=True)
    panels = draw_source_panels(inputs, places, _handles(inputs, set(table["variant"])), note, fill)
    for ax, place in zip(panels, places, strict=True):
        _limit_axes(ax, table, rows_at(table, place), inputs.item.points)
    return add_note(panels, note, inputs.settings)


def draw_pairs(ax: Axes, rows: pd.DataFrame, points: Sequence[Sequence[float]], look: Look) -> None:
    """Draw a point for each test row of each trial, and a star for each pair that the source printed.

    Args:
        ax: the panel.
        rows: `source_predictions` of one variant at one place.
        points: the source's pairs of target and prediction.
        look: the look of the variant.
    """
    ax.axline((0, 0), slope=1, color=REFERENCE_COLOR, linewidth=0.8, linestyle=":", zorder=1)
    ax.plot(
        rows["target"], rows["prediction"], color=look.color, linestyle="", marker=look.marker,
        markersize=MARKER_SIZE, alpha=0.6, markeredgewidth=0, zorder=2, rasterized=len(rows) > MAX_VECTOR_MARKERS,
    )  # fmt: skip
    if points:
        targets, predictions = zip(*points, strict=True)
        ax.plot(targets, predictions, **SOURCE_STYLE, zorder=3)
    ax.set_xlabel("target")
    ax.set_ylabel("prediction")


def _limit_axes(ax: Axes, table: pd.DataFrame, own: pd.DataFrame, points: Sequence[Sequence[float]]) -> None:
    """Give all panels one range of targets, and each panel a range of predictions that holds these targets, too.

    One range of predictions for all panels would hide the others behind a network with far too large ones.
    """
    targets = [*table["target"], *(pair[0] for pair in points)]
    ax.set_xlim(_with_margin(targets))
    ax.set_ylim(_with_margin([*targets, *own["prediction"], *(pair[1] for pair in points)]))
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_locator(MaxNLocator(5))
    share_power(ax, "both")


def _with_margin(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    margin = 0.05 * (high - low or abs(high) or 1.0)
    return low - margin, high + margin


def _handles(inputs: SourceInput, shown: Collection[str]) -> list[Line2D]:
    handles = variant_handles({name: look for name, look in inputs.looks.items() if name in shown}, markers=True)
    for handle in handles:
        handle.set_linestyle("")
    equal = legend_entry("prediction = target", color=REFERENCE_COLOR, linestyle=":", linewidth=0.8)
    return [*handles, *([Line2D([], [], **SOURCE_STYLE, label="printed by the source")] if inputs.item.points else []),
            equal]  # fmt: skip


def _note(inputs: SourceInput, table: pd.DataFrame) -> str:
    counts = table.drop_duplicates(["variant", *inputs.results.axes, "seed"]).groupby("variant").size()
    rates = inputs.describe_rates()
    seeds = "of all seeds " if counts.max() > 1 else ""
    parts = [
        f"{rates[:1].upper()}{rates[1:]}.",
        f"A point is a test row {seeds}({inputs.describe_n(counts)}), predicted with the final weights.",
    ]
    lost = int(inputs.trials["outcome"].isin(DIVERGED).sum())
    if lost:
        parts.append(f"{lost} of {len(inputs.trials)} trials diverged and are left out.")
    return " ".join(parts)


KIND = SourceKind(
    "predictions", predictions_of, caption_predictions, draw_predictions,
    "No predictions of these trials are stored: each of them diverged, or was trained by an earlier version.",
)  # fmt: skip
