"""Training and validation loss in one panel, training and validation accuracy in another (sources 001 and 004)."""

from matplotlib.figure import Figure

from bnbench.report.figures.layout import PANEL, PanelGrid, make_grid
from bnbench.report.figures.sources.panels import (
    CUT,
    GAPS,
    curves_at,
    curves_note,
    draw_mean_and_seeds,
    finish,
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


def draw_loss_and_accuracy(inputs: SourceInput) -> Figure:
    """Draw a row of two panels for each variant and setting."""
    note, places = curves_note(inputs), places_of(inputs, inputs.trials, by_variant=True)
    grid = PanelGrid(len(places), 2, PANEL, GAPS)
    handles = part_handles(inputs, {f"{part}_loss": label for part, label in PARTS.items()})
    figure, axes = make_grid(grid, handles, note + CUT)
    for row, place in zip(axes, places, strict=True):
        curves, look = curves_at(inputs.curves, place), inputs.looks[place["variant"]]
        for ax, kind, label in zip(row, ("loss", "score"), ("loss", inputs.results.score_name), strict=True):
            for part in PARTS:
                score = f"{part}_{kind}"
                draw_mean_and_seeds(ax, curves, score, line_look(score, look))
            ax.set_title(place_title(place))
            ax.tick_params(labelbottom=True)
            format_source_axes(ax, inputs.x, label)
    cut = limit_linear_losses([row[0] for row in axes], inputs.trials["initial_loss"].max())
    return finish(figure, note + CUT if cut else note)


KIND = SourceKind("loss-and-accuracy", rows_of_curves, caption_loss_and_accuracy, draw_loss_and_accuracy)
