"""Training and validation accuracy of several variants in one panel, against the epoch or the step (source 004)."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from bnbench.report.figures.layout import add_note
from bnbench.report.figures.sources.panels import (
    TRAINING_DASH,
    LineLook,
    Place,
    curves_at,
    curves_note,
    draw_mean_and_seeds,
    draw_source_panels,
    format_source_axes,
    places_of,
    rows_of_curves,
)
from bnbench.report.figures.sources.spec import SourceInput, SourceKind
from bnbench.report.figures.style import LEGEND_COLOR

DASHES = {"train_score": TRAINING_DASH, "validation_score": "-"}


def caption_accuracy(inputs: SourceInput) -> str:
    """Say what the figure shows."""
    return f"Ours: training and validation {inputs.results.score_name} of {inputs.subject}."


def draw_accuracy(inputs: SourceInput) -> Sequence[Axes]:
    """Draw a panel for each setting, with all variants."""
    note, looks = curves_note(inputs), inputs.looks

    def fill(ax: Axes, place: Place) -> None:
        for name, look in looks.items():
            curves = curves_at(inputs.curves, {**place, "variant": name})
            for score, dash in DASHES.items():
                draw_mean_and_seeds(ax, curves, score, LineLook(look.color, dash, look.marker))
        format_source_axes(ax, inputs.x, inputs.results.score_name)

    handles = [LineLook(look.color, "-", look.marker).entry(name) for name, look in looks.items()]
    parts = {"training": TRAINING_DASH, "validation": "-"}
    handles += [LineLook(LEGEND_COLOR, dash).entry(part) for part, dash in parts.items()]
    panels = draw_source_panels(inputs, places_of(inputs, inputs.trials, by_variant=False), handles, note, fill)
    return add_note(panels, note, inputs.settings)


KIND = SourceKind("accuracy-by-variant", rows_of_curves, caption_accuracy, draw_accuracy)
