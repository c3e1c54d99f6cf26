"""How every figure looks: colors, markers, axes, ticks and labels."""

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, floor, isclose, log10, sqrt
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import matplotlib.style
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from bnbench.analysis.labels import RateFormat
from bnbench.config.figure_settings import DEFAULT_FIGURES, FigureSettings

if TYPE_CHECKING:
    from matplotlib.typing import LineStyleType

# The colors of Okabe and Ito, which color-blind readers can distinguish. Markers and dashes distinguish the variants
# in a gray print, too.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C8C00")
MARKERS = ("o", "s", "^", "D", "v", "P", "*", "X")
DASHES: "tuple[LineStyleType, ...]" = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (6, 1, 1, 1)), (0, (6, 1, 1, 1, 1, 1)))
# Chance, a difference of zero, the last epoch: lines that are not a variant.
REFERENCE_COLOR = "#777777"
# Legend entries that are the same for every variant.
LEGEND_COLOR = "#555555"
STYLE: Mapping[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "lines.linewidth": 1.4,
    "lines.markersize": 4.5,
    "legend.frameon": False,
    "figure.dpi": 200,
    # Otherwise a variant called $x^2$ would be drawn as a formula.
    "text.parse_math": False,
    # With a fixed salt, the same figure gives the same file.
    "svg.hashsalt": "bnbench",
    # TrueType fonts: many journals refuse Type 3, which Matplotlib embeds otherwise.
    "pdf.fonttype": 42,
    "ps.fonttype": 42,
}
# These fonts come with Matplotlib and have the digits of powers, such as 10⁻⁵.
FONTS = {"sans": ["DejaVu Sans"], "serif": ["DejaVu Serif"]}
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
# Decades between the points of neighboring variants, so that none hides another.
DODGE = 0.035
# A logarithmic axis whose ends are so many times apart has ticks at decades, or at 1, 2 and 5.
DECADES_FROM, FINE_FROM = 30, 4
# Of the labels of axes.
LETTERS_PER_INCH, INCHES_PER_TICK = 15, 0.3
# The last learning rate of an axis is at least this many times the first one: a decade.
MIN_RATE_RATIO = 10


@dataclass(frozen=True)
class Look:
    """How a variant is drawn in every figure; `shift` is in decades of the learning rate, `label` names it."""

    color: str
    marker: str
    dash: "LineStyleType"
    shift: float
    label: str


Looks = Mapping[str, Look]


@dataclass(frozen=True)
class VariantRows:
    """The rows of one variant by ascending learning rate; `x` is where to draw each of them."""

    name: str
    look: Look
    rows: pd.DataFrame
    x: "pd.Series[float]"


@contextmanager
def project_style(settings: Mapping[Any, Any] = STYLE) -> Iterator[None]:
    """Draw in the style of the project, whatever style is set. Afterwards, everything is set as before.

    Args:
        settings: what differs from the default style of Matplotlib.
    """
    with matplotlib.style.context(["default", dict(settings)]), warnings.catch_warnings():
        # Matplotlib warns of a logarithmic axis without a positive value.
        warnings.simplefilter("ignore", UserWarning)
        yield


def style_of(settings: FigureSettings) -> dict[Any, Any]:
    """Return the style of the figures of a report."""
    return {**STYLE, "font.family": FONTS[settings.font], "figure.dpi": settings.dpi, "savefig.dpi": settings.dpi}


def variant_looks(variants: Sequence[str], settings: FigureSettings = DEFAULT_FIGURES) -> dict[str, Look]:
    """Return the look of each variant, by its position in the experiment.

    When colors repeat, the markers differ, because some figures have no lines.
    """
    middle = (len(variants) - 1) / 2
    return {
        name: Look(
            COLORS[i % len(COLORS)], MARKERS[(i + i // len(COLORS)) % len(MARKERS)], DASHES[i % len(DASHES)],
            DODGE * (i - middle), settings.label(name),
        )
        for i, name in enumerate(variants)
    }  # fmt: skip


def rows_by_variant(table: pd.DataFrame, looks: Looks) -> Iterator[VariantRows]:
    """Yield the rows of each variant of a table with the columns `variant` and `learning_rate`."""
    for name, group in table.groupby("variant", sort=False):
        look, rows = looks[str(name)], group.sort_values("learning_rate")
        yield VariantRows(str(name), look, rows, x_of_rates(rows, look))


def x_of_rates(rows: pd.DataFrame, look: Look) -> "pd.Series[float]":
    """Return the x value of each row: its learning rate, shifted a little so that variants do not hide each other."""
    return rows["learning_rate"] * 10**look.shift


def draw_with_intervals(ax: Axes, variant: VariantRows, score: str, low: str, high: str) -> None:
    """Draw a column against the learning rate with its interval; `low` and `high` name the columns of the bounds.

    A missing bound gives no bar.
    """
    y, rows, look = variant.rows[score], variant.rows, variant.look
    # A rounding error can put a bound on the wrong side of the score, and Matplotlib refuses a negative bar.
    bars = [(y - rows[low]).fillna(0).clip(lower=0), (rows[high] - y).fillna(0).clip(lower=0)]
    style: dict[str, Any] = {"color": look.color, "linestyle": look.dash, "marker": look.marker}
    ax.errorbar(variant.x, y, yerr=bars, **style, elinewidth=1, capsize=2, zorder=3)


def format_rate_axis(ax: Axes) -> None:
    """Make x a logarithmic axis of learning rates."""
    ax.set_xscale("log")
    low, high = ax.get_xlim()
    # With one rate, the variants are no farther apart than with several.
    if high < MIN_RATE_RATIO * low:
        middle = sqrt(low * high)
        ax.set_xlim(middle / sqrt(MIN_RATE_RATIO), middle * sqrt(MIN_RATE_RATIO))
    set_decade_ticks(ax)
    ax.set_xlabel("learning rate")


def set_decade_ticks(ax: Axes) -> None:
    """Put ticks at as many decades of a logarithmic x axis as have room."""
    # Powers of ten need about this much room.
    width = ax.get_window_extent().width / ax.figure.get_dpi()
    ax.xaxis.set_major_locator(LogLocator(numticks=max(3, round(width / INCHES_PER_TICK))))
    # Drawing ticks takes most of the time of a figure, so there are no minor ticks.
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: format_tick(value)))


def label_y_axis(ax: Axes, text: str) -> None:
    """Label the y axis; a label that is longer than the axis gets two lines."""
    height = ax.get_window_extent().height / ax.figure.get_dpi()
    ax.set_ylabel(text if len(text) <= LETTERS_PER_INCH * height else "\n".join(wrap(text, -(-len(text) * 2 // 3))))


def format_percent_tick(value: float) -> str:
    """Return a score as a tick has it: `98%`, `97.5%`."""
    return f"{round(100 * value, 6):g}%"


def format_epoch_axis(ax: Axes) -> None:
    """Put ticks at whole epochs only."""
    ax.locator_params(axis="x", integer=True)


def format_score_axis(ax: Axes, score: str) -> None:
    """Make y an axis from 0 to 100% for a score, or a logarithmic one for a loss."""
    if is_loss(score):
        format_log_axis(ax)
    else:
        format_percent_axis(ax)


def format_percent_axis(ax: Axes) -> None:
    """Make y an axis from 0 to 100%."""
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))


def format_log_axis(ax: Axes) -> None:
    """Make y a logarithmic axis with ticks that fit its limits."""
    ax.set_yscale("log")
    ax.yaxis.set_minor_locator(NullLocator())
    set_log_ticks(ax)


def set_log_ticks(ax: Axes) -> None:
    """Set the ticks of a logarithmic y axis with known limits: at decades if it has two, at 1, 2, 5, or evenly."""
    low, high = ax.get_ylim()
    if high > DECADES_FROM * low and floor(log10(high)) > ceil(log10(low)):
        ax.yaxis.set_major_locator(LogLocator(numticks=6))
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: format_tick(value)))
    else:
        fine = LogLocator(subs=(1, 2, 5), numticks=6) if high > FINE_FROM * low else MaxNLocator(4)
        ax.yaxis.set_major_locator(fine)
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))


def is_loss(score: str) -> bool:
    """Return True if a column holds a loss, False if it holds an accuracy or R²."""
    return score.endswith("loss")


def score_label(score: str, score_name: str) -> str:
    """Return the label of a column: `validation_loss` -> `validation loss`, `test_score` -> `test R²`."""
    return score.replace("score", score_name).replace("_", " ")


def capitalize_first(text: str) -> str:
    """Return a text with its first letter in upper case and the rest unchanged, so that R² stays R²."""
    return text[:1].upper() + text[1:]


def rate_labels(rates: Iterable[float]) -> dict[float, str]:
    """Return each learning rate with three digits, such as 0.00316 and 1000, or with more if two would look alike."""
    return RateFormat(rates).texts


def format_tick(value: float) -> str:
    """Return a power of ten, such as 10⁻², or the number itself if it is none."""
    if value <= 0:
        return f"{value:g}"
    power = round(log10(value))
    if isclose(value, 10.0**power, rel_tol=1e-6):
        return f"10{str(power).translate(SUPERSCRIPTS)}"
    return f"{value:g}"


def legend_entry(label: str, *, color: str = LEGEND_COLOR, **line: Any) -> Line2D:
    """Return an entry of a legend that belongs to no variant."""
    return Line2D([], [], color=color, label=label, **line)
