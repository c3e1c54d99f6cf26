"""Training and validation loss and accuracy of a network in one panel, against the epoch or the step (source 002)."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from bnbench.report.figures.layout import add_note
from bnbench.report.figures.sources.panels import (
    CUT,
    Place,
    curves_at,
    curves_note,
    draw_mean_and_seeds,
    draw_source_panels,
    format_source_axes,
    limit_linear_losses,
    line_look,
    part_handles,
    places_of,
    rows_of_curves,
)
from bnbench.report.figures.sources.spec import SourceInput, SourceKind


def caption_all_curves(inputs: SourceInput) -> str:
    """Say what the figure shows."""
    return f"Ours: training and validation loss and {inputs.results.score_name} of {inputs.subject}."


def draw_all_curves(inputs: SourceInput) -> Sequence[Axes]:
    """Draw a panel for each variant and setting."""
    note, name = curves_note(inputs), inputs.results.score_name
    labels = {
        "train_loss": "training loss", "train_score": f"training {name}",
        "validation_loss": "validation loss", "validation_score": f"validation {name}",
    }  # fmt: skip

    def fill(ax: Axes, place: Place) -> None:
        curves, look = curves_at(inputs.curves, place), inputs.looks[place["variant"]]
        for score in labels:
            draw_mean_and_seeds(ax, curves, score, line_look(score, look, markers=True))
        format_source_axes(ax, inputs.x, f"loss, {name}")

    places = places_of(inputs, inputs.trials, by_variant=True)
    panels = draw_source_panels(inputs, places, part_handles(inputs, labels, markers=True), note + CUT, fill)
    cut = limit_linear_losses(panels, inputs.trials["initial_loss"].max())
    return add_note(panels, note + CUT if cut else note, inputs.settings)


KIND = SourceKind("all-curves", rows_of_curves, caption_all_curves, draw_all_curves)
