"""What the figures of a source share: panels, lines of a mean and its seeds, crosses, notes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from bnbench.analysis.source_curves import SourceCurves
from bnbench.report.figures.layout import PanelShape, make_panels, setting_name
from bnbench.report.figures.sources.spec import SourceInput
from bnbench.report.figures.style import Look

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType

# The maximum number of panels of one figure.
MAX_PANELS = 12
SHAPE = PanelShape(columns=2, height=2.6, min_width=1.5)
THICK, THIN, FAINT = 1.6, 0.6, 0.5
# Training curves are dashed, validation curves are not.
TRAINING_DASH: "LineStyleType" = (0, (3.5, 1.2))
# Training curves are black, validation curves have the color of their variant.
TRAINING_COLOR = "#000000"
# Tells scores from losses where both are in one panel.
SCORE_MARKER = "o"
# A curve with markers has about this many.
MARKERS_ON_A_CURVE = 7
MARKER_SIZE = 3.5
# A linear loss axis ends at this many times the initial loss: a larger loss would make all other curves look flat.
MAX_LOSS_RATIO = 3
CUT = f" Loss axes end at {MAX_LOSS_RATIO} × the initial loss."

Place = Mapping[str, Any]


@dataclass(frozen=True)
class LineLook:
    """How a curve is drawn; without a marker the marker is empty."""

    color: str
    dash: "LineStyleType" = "-"
    marker: str = ""

    def entry(self, label: str) -> Line2D:
        """Return the entry of a legend."""
        marks: dict[str, Any] = {"marker": self.marker, "markersize": MARKER_SIZE}
        return Line2D([], [], color=self.color, linestyle=self.dash, **marks, label=label)


def places_of(inputs: SourceInput, table: pd.DataFrame, by_variant: bool) -> list[dict[str, Any]]:
    """Return the values of the further axes in a table, at most MAX_PANELS; with `by_variant` also each variant."""
    keys = [*inputs.results.axes, *(["variant"] if by_variant else [])]
    rows = table[keys].drop_duplicates().to_dict("records") if keys else [{}]
    return [{str(key): value for key, value in row.items()} for row in rows][:MAX_PANELS]


def place_title(place: Place) -> str:
    """Return the variant and the values of the further axes: `plain, units 50`."""
    axes = [axis for axis in place if axis != "variant"]
    parts = [str(place["variant"])] if "variant" in place else []
    return ", ".join([*parts, *([setting_name(axes, [place[axis] for axis in axes])] if axes else [])])


def rows_at(table: pd.DataFrame, place: Place) -> pd.DataFrame:
    """Return the rows of a place; a missing value of an axis is a value, too."""
    chosen: pd.Series[bool] = pd.Series(True, index=table.index)
    for key, value in place.items():
        chosen &= table[key].isna() if pd.isna(value) else table[key].eq(value)
    return table.loc[chosen]


def curves_at(curves: SourceCurves, place: Place) -> SourceCurves:
    """Return the curves of a place."""
    return SourceCurves(*(rows_at(table, place) for table in (curves.lines, curves.crosses, curves.means)))


def draw_source_panels(
    inputs: SourceInput,
    places: Sequence[Place],
    handles: Sequence[Line2D],
    note: str,
    fill: Callable[[Axes, Place], None],
) -> list[Axes]:
    """Return a panel for each place, at most two next to each other, without the note."""
    panels = [group[0] for group in make_panels(inputs.settings, SHAPE, len(places), 1, handles, note)]
    for ax, place in zip(panels, places, strict=True):
        fill(ax, place)
        ax.set_title(place_title(place))
        ax.tick_params(labelbottom=True)
    return panels


def draw_mean_and_seeds(ax: Axes, curves: SourceCurves, score: str, look: LineLook) -> None:
    """Draw the mean as a thick line and each trial as a thin one; a cross marks where a trial diverged.

    Args:
        ax: the panel.
        curves: of one variant at one place.
        score: a column of the curves.
        look: how the curves look.
    """
    style: dict[str, Any] = {"color": look.color, "linestyle": look.dash}
    for _, rows in curves.lines.groupby("trial", sort=False):
        known = rows.dropna(subset=score)
        marker = "." if len(known) == 1 else ""
        ax.plot(known["x"], known[score], **style, linewidth=THIN, alpha=FAINT, marker=marker, zorder=2)
    mean = curves.means.dropna(subset=score)
    every = max(1, len(mean) // MARKERS_ON_A_CURVE)
    marks: dict[str, Any] = {"marker": look.marker, "markevery": every, "markersize": MARKER_SIZE}
    ax.plot(mean["x"], mean[score], **style, **marks, linewidth=THICK, zorder=3)
    for x, height in curves.crosses[["x", score]].itertuples(index=False, name=None):
        # A trial that diverged in its first epoch has no curve: its cross is at the upper edge.
        at_edge = pd.isna(height)
        transform = ax.get_xaxis_transform() if at_edge else ax.transData
        y = 0.95 if at_edge else height
        ax.plot(x, y, color=look.color, marker="x", markersize=5, zorder=4, transform=transform)


def rows_of_curves(inputs: SourceInput) -> pd.DataFrame:
    """Return the trials that have a curve, or a cross where they diverged."""
    return pd.concat([inputs.curves.lines[["trial"]], inputs.curves.crosses[["trial"]]])


def line_look(score: str, look: Look, markers: bool = False) -> LineLook:
    """Return how a curve of one variant looks in a panel of its own; `markers` tell scores from losses."""
    training = score.startswith("train_")
    marker = SCORE_MARKER if markers and score.endswith("_score") else ""
    return LineLook(TRAINING_COLOR if training else look.color, TRAINING_DASH if training else "-", marker)


def part_handles(inputs: SourceInput, labels: Mapping[str, str], markers: bool = False) -> list[Line2D]:
    """Return the entries of the legend: those of training, then those of validation for each variant.

    Args:
        labels: what the curves are called, by their columns: the training ones first.
        markers: as in `line_look`.
    """
    several = len(inputs.looks) > 1
    entries: dict[str, Line2D] = {}
    for name, look in inputs.looks.items():
        for score, label in labels.items():
            text = f"{label}, {name}" if several and score.startswith("validation_") else label
            entries.setdefault(text, line_look(score, look, markers).entry(text))
    return list(entries.values())


def format_source_axes(ax: Axes, x: str, y: str) -> None:
    """Make x a linear axis of epochs or steps, with few whole ticks; large values of y share a power of ten."""
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_xlabel(x)
    ax.set_ylabel(y)
    share_power(ax, "y")


def share_power(ax: Axes, axis: Literal["x", "y", "both"]) -> None:
    """Write a common power of ten of the ticks of linear axes once, as `1e4`."""
    ax.ticklabel_format(axis=axis, style="sci", scilimits=(-3, 4))


def limit_linear_losses(axes: Sequence[Axes], initial_loss: float) -> bool:
    """End linear loss axes at MAX_LOSS_RATIO times the initial loss; return True if that hides values."""
    top = MAX_LOSS_RATIO * initial_loss
    cut = [ax for ax in axes if initial_loss > 0 and ax.get_ylim()[1] > top]
    for ax in cut:
        ax.set_ylim(-0.04 * top, top)
        for cross in (line for line in ax.lines if line.get_marker() == "x"):
            # A cross stays in sight, at the upper edge.
            cross.set_ydata(np.minimum(np.asarray(cross.get_ydata(), float), 0.96 * top))
    return bool(cut)


def curves_note(inputs: SourceInput) -> str:
    """Say what the lines of curves are, and how many trials diverged."""
    curves, trials = inputs.curves, inputs.trials
    counts = inputs.counts
    rates = f"{inputs.describe_rates()}."
    lines = f"Thick: mean over the seeds ({inputs.describe_n(counts)}). Thin: each seed." if counts.max() > 1 else ""
    parts = [rates[:1].upper() + rates[1:], lines or "One seed, so no spread is known."]
    if len(curves.crosses):
        parts.append(f"Cross: {len(curves.crosses)} of {len(trials)} trials diverged; such a curve ends there.")
    if counts.max() > 1 and curves.means[["validation_loss", "validation_score"]].isna().any(axis=None):
        parts.append("A mean ends with the first of its curves.")
    return " ".join(parts)
