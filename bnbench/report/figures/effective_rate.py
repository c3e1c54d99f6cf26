"""Kernel norms, effective learning rates and angles of updates over the training, by layer."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from bnbench.analysis.probe_values import of_all_seeds, over_seeds
from bnbench.report.figures.layout import MAX_SETTINGS, describe_counts, describe_left_out, split_by_setting
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.strips import SHAPE, Column, Measure, draw_strips
from bnbench.report.figures.style import rate_labels
from bnbench.results.probed import at_nearest_rate, probed_trials, probed_values, with_depths
from bnbench.results.results import Results

NORM, RATE, ANGLE = "kernel_norm", "effective_rate", "update_angle"
MEASURES = (
    Measure(NORM, "kernel norm"),
    Measure(RATE, "effective rate"),
    Measure(ANGLE, "angle of an update (°)"),
)


def effective_rate_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant, setting, measure, layer and step.

    The trials are those at the best rate of the variant, or at the measured rate that is nearest to it. Columns:
    variant, the further axes, learning_rate, name (of the measure), layer, depth, position (the step) and SPREAD over
    the seeds.
    """
    trials = at_nearest_rate(probed_trials(results, "effective_rate", MAX_SETTINGS), results.axes)
    if trials.empty:
        return pd.DataFrame()
    values = with_depths(results, probed_values(results, trials, (NORM, RATE, ANGLE)), NORM)
    line = ["variant", *results.axes, "learning_rate", "name", "layer", "depth"]
    return of_all_seeds(over_seeds(values, [*line, "position"]), line)


def caption_effective_rate(inputs: FigureInput) -> str:
    """Say what the figure shows, and of which setting."""
    of = f", {inputs.setting}" if inputs.setting else ""
    left_out = describe_left_out(inputs.results, len(split_by_setting(inputs.results, inputs.results.variants)))
    return f"Norm of each kernel, effective learning rate and angle of an update over the training{of}.{left_out}"


def draw_effective_rate(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a column for each variant: kernel norm, effective rate, and angle of an update."""
    table, labels = inputs.table, rate_labels(inputs.results.summary["learning_rate"])
    columns = [
        Column(f"{inputs.looks[str(name)].label}\nrate {labels[float(rows['learning_rate'].iloc[0])]}", rows,
               inputs.looks[str(name)])
        for name, rows in table.groupby("variant", sort=False)
    ]  # fmt: skip
    shown = [measure for measure in MEASURES if (table["name"] == measure.name).any()]
    return draw_strips(inputs, columns[: SHAPE.columns], shown, _note(inputs, len(columns)), "step")


def _note(inputs: FigureInput, variants: int) -> str:
    seeds = describe_counts(inputs.table["n"])
    of = f" {SHAPE.columns} of {variants} variants." if variants > SHAPE.columns else ""
    return (
        f"Line: median over {seeds}; band: lowest to highest. Each variant at the rate nearest to its best one. "
        "Effective rate: of kernels in front of a norm, the rate over the squared norm, or over the norm for "
        f"optimizers that scale their steps. Angle: between the kernels before and after a step.{of}"
    )


FIGURE = FigureSpec(
    "effective-rate", 86, effective_rate_table, caption_effective_rate, draw_effective_rate,
    per_page=lambda inputs: 1,
)  # fmt: skip
