"""Training and validation loss in one panel, training and validation accuracy in another (sources 001 and 004)."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from bnbench.report.figures.layout import add_note, make_panels
from bnbench.report.figures.sources.panels import (
    CUT,
    SHAPE,
    curves_at,
    curves_note,
    draw_mean_and_seeds,
    format_source_axes,
    limit_linear_losses,
    line_look,
    part_handles,
    place_title,
    places_of,
    rows_of_curves,
)
from bnbench.report.figures.sources.spec import SourceInput, SourceKind

PARTS = {"train": "training", "validation": "validation"}


def caption_loss_and_accuracy(inputs: SourceInput) -> str:
    """Say what the figure shows."""
    score = inputs.results.score_name
    return f"Ours: training and validation loss, and training and validation {score}, of {inputs.subject}."


def draw_loss_and_accuracy(inputs: SourceInput) -> Sequence[Axes]:
    """Draw a row of two panels for each variant and setting."""
    note, places = curves_note(inputs), places_of(inputs, inputs.trials, by_variant=True)
    handles = part_handles(inputs, {f"{part}_loss": label for part, label in PARTS.items()})
    groups = make_panels(inputs.settings, SHAPE, len(places), 2, handles, note + CUT)
    for panels, place in zip(groups, places, strict=True):
        curves, look = curves_at(inputs.curves, place), inputs.looks[place["variant"]]
        for ax, kind, label in zip(panels, ("loss", "score"), ("loss", inputs.results.score_name), strict=True):
            for part in PARTS:
                draw_mean_and_seeds(ax, curves, f"{part}_{kind}", line_look(f"{part}_{kind}", look))
            ax.set_title(place_title(place))
            ax.tick_params(labelbottom=True)
            format_source_axes(ax, inputs.x, label)
    cut = limit_linear_losses([panels[0] for panels in groups], inputs.trials["initial_loss"].max())
    panels = [ax for group in groups for ax in group]
    return add_note(panels, note + CUT if cut else note, inputs.settings)


KIND = SourceKind("loss-and-accuracy", rows_of_curves, caption_loss_and_accuracy, draw_loss_and_accuracy)
