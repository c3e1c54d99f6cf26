"""The training loss of several variants in one panel, against the epoch or the step (source 002, part C)."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from bnbench.report.figures.layout import add_note, variant_handles
from bnbench.report.figures.sources.panels import (
    CUT,
    LineLook,
    Place,
    curves_at,
    curves_note,
    draw_mean_and_seeds,
    draw_source_panels,
    format_source_axes,
    limit_linear_losses,
    places_of,
    rows_of_curves,
)
from bnbench.report.figures.sources.spec import SourceInput, SourceKind

SCORE = "train_loss"


def caption_training_loss(inputs: SourceInput) -> str:
    """Say what the figure shows."""
    return f"Ours: training loss of {inputs.subject}."


def draw_training_loss(inputs: SourceInput) -> Sequence[Axes]:
    """Draw a panel for each setting, with all variants."""
    note = curves_note(inputs)

    def fill(ax: Axes, place: Place) -> None:
        for name, look in inputs.looks.items():
            curves = curves_at(inputs.curves, {**place, "variant": name})
            draw_mean_and_seeds(ax, curves, SCORE, LineLook(look.color, look.dash))
        format_source_axes(ax, inputs.x, "training loss")

    places, handles = places_of(inputs, inputs.trials, by_variant=False), variant_handles(inputs.looks, markers=False)
    panels = draw_source_panels(inputs, places, handles, note + CUT, fill)
    cut = limit_linear_losses(panels, inputs.trials["initial_loss"].max())
    return add_note(panels, note + CUT if cut else note, inputs.settings)


KIND = SourceKind("training-loss", rows_of_curves, caption_training_loss, draw_training_loss)
