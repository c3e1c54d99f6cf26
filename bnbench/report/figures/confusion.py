"""The confusion matrix of one trial of each variant, on the test rows."""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes

from bnbench.analysis.confusion import MAX_CLASSES
from bnbench.analysis.labels import format_axes
from bnbench.report.figures.dark import KEEP_COLOR
from bnbench.report.figures.layout import PanelShape, add_note, make_panels
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import rate_labels
from bnbench.results.results import Results

MAX_PANELS = 6
# There is room for the names of classes to the left of each panel and below it.
SHAPE = PanelShape(columns=3, height=2.5, min_width=1.8, aspect=1, gaps=(0.95, 1.25), left=0.95, below=0.95)
# Up to this many classes each cell has its number of rows.
MAX_NUMBERED = 12
MAX_NAME = 14
# From this share on a cell is too dark for black digits.
DARK = 0.5


def confusion_table(results: Results) -> pd.DataFrame:
    """Return the matrices; none if they have too many classes to be read."""
    table = results.confusions
    return table if table["target"].nunique() <= MAX_CLASSES else table.iloc[:0]


def caption_confusion(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    return "The classes that each variant predicts for the test rows, at its best rate and with its best seed."


def draw_confusion(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel for each variant."""
    variants = list(dict.fromkeys(inputs.table["variant"]))
    shown = variants[:MAX_PANELS]
    classes = inputs.table["target"].nunique()
    note = _note(len(shown), len(variants))
    shape = SHAPE if classes <= MAX_NUMBERED else replace(SHAPE, columns=2, height=3.6)
    panels = [group[0] for group in make_panels(inputs.settings, shape, len(shown), 1, [], note)]
    labels = rate_labels(inputs.results.summary["learning_rate"])
    for ax, variant in zip(panels, shown, strict=True):
        rows = inputs.table[inputs.table["variant"] == variant]
        draw_matrix(ax, rows)
        first = rows.iloc[0]
        place = format_axes(first, inputs.results.axes)
        title = f"{inputs.looks[variant].label}, rate {labels[first['learning_rate']]}, seed {first['seed']}"
        ax.set_title(f"{title}\n{place}" if place else title)
    return add_note(panels, note, inputs.settings)


def draw_matrix(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the share of each class as color, a row for each class and a column for each predicted class.

    Args:
        ax: the panel.
        rows: a row for each pair of classes, in order: `target`, `predicted`, `rows` and `share`.
    """
    names = list(dict.fromkeys(rows["target"]))
    count = len(names)
    shares = rows["share"].to_numpy(float).reshape(count, count)
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    if count <= MAX_NUMBERED:
        for number, (cell, share) in enumerate(zip(rows["rows"], shares.flat, strict=True)):
            if cell:
                x, y, color = number % count, number // count, "white" if share > DARK else "black"
                # On a dark page the cells keep their colors, and so do the digits in them.
                ax.text(x, y, str(cell), color=color, fontsize=5.5, ha="center", va="center", gid=KEEP_COLOR)
    short = [name if len(name) <= MAX_NAME else f"{name[: MAX_NAME - 1]}…" for name in names]
    ax.set_xticks(range(count), short, rotation=90, fontsize=6)
    ax.set_yticks(range(count), short, fontsize=6)
    ax.tick_params(labelbottom=True, labelleft=True)
    ax.grid(visible=False)
    ax.set_xlabel("predicted")
    ax.set_ylabel("class")


def _note(shown: int, variants: int) -> str:
    some = f" {shown} of {variants} variants." if shown < variants else ""
    return (
        "Test rows, final weights. The seed is the one with the highest validation score at the best rate. "
        f"Color: share of the rows of a class.{some}"
    )


FIGURE = FigureSpec("confusion", 90, confusion_table, caption_confusion, draw_confusion)
