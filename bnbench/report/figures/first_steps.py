"""The first steps of training, layer by layer: well below the edge, at the edge, and well above it."""

from collections.abc import Sequence
from math import isfinite

import pandas as pd
from matplotlib.axes import Axes

from bnbench.analysis.probe_values import of_all_seeds, over_seeds, rates_around_edge
from bnbench.report.figures.layout import MAX_SETTINGS, describe_counts, describe_left_out, split_by_setting
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.strips import Column, Measure, draw_strips
from bnbench.report.figures.style import rate_labels
from bnbench.results.probed import probed_trials, probed_values, with_depths
from bnbench.results.results import Results

LOSS, GRADIENT, UPDATE, DEAD = "loss", "gradient_norm", "update_ratio", "batch_dead_share"
MEASURES = (
    Measure(LOSS, "loss"),
    Measure(GRADIENT, "gradient norm"),
    Measure(UPDATE, "update / weight"),
    Measure(DEAD, "dead units", is_share=True),
)
# The number of variants in one file, and the width in inches that two of them need next to each other.
VARIANTS, WIDTH_FOR_ALL = 2, 6.0


def first_steps_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant, setting, shown rate, measure, layer and step.

    Columns: variant, the further axes, learning_rate, edge (NaN if it is unknown), diverged (whether a trial diverged
    in these steps), name (of the measure), layer (empty for the loss), depth (0 for the loss), position (the step,
    from 1) and SPREAD over the seeds.
    """
    trials = _shown_trials(results, probed_trials(results, "first_steps", MAX_SETTINGS))
    if trials.empty:
        return pd.DataFrame()
    values = with_depths(results, probed_values(results, trials, (GRADIENT, UPDATE, DEAD)), GRADIENT)
    steps = int(values["position"].max())
    cell = ["variant", *results.axes, "learning_rate", "edge"]
    line = [*cell, "name", "layer", "depth"]
    every = pd.concat([_losses(results, trials, steps), values])
    table = of_all_seeds(over_seeds(every, [*line, "position"]), line)
    lost = trials.assign(diverged=trials["diverged_at_step"].astype(float) <= steps)
    diverged = lost.groupby(cell, sort=False, dropna=False)["diverged"].any().reset_index()
    return table.merge(diverged, on=cell)


def _shown_trials(results: Results, trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials at the rates that are shown, with an edge of NaN where no training bounds it."""
    parts = []
    for _, rows in trials.groupby(["variant", *results.axes], sort=False, dropna=False):
        edge, low, high = rows[["edge", "edge_low", "edge_high"]].iloc[0]
        bounded = low > 0 and isfinite(high)
        rates = set(rows["learning_rate"])
        ends = {min(rates), max(rates), *(rates & {rows["best_rate"].iloc[0]})}
        shown = rates_around_edge(rates, edge) if bounded else ends
        parts.append(rows[rows["learning_rate"].isin(shown)].assign(edge=edge if bounded else float("nan")))
    return pd.concat([trials.iloc[:0], *parts])


def _losses(results: Results, trials: pd.DataFrame, steps: int) -> pd.DataFrame:
    """Return the loss of every step of the trials, until they diverged, as rows of values."""
    losses = results.first_losses(trials["trial"], steps)
    rows = [(trial, i, loss) for trial, of_trial in losses.items() for i, loss in enumerate(of_trial, start=1)]
    table = trials.merge(pd.DataFrame(rows, columns=["trial", "position", "value"]), on="trial")
    table = table[~(table["position"] > table["diverged_at_step"].astype(float))]
    return table.assign(name=LOSS, layer="", depth=0)


def caption_first_steps(inputs: FigureInput) -> str:
    """Say what the figure shows, and of which setting."""
    of = f", {inputs.setting}" if inputs.setting else ""
    text = f"Loss, gradient norm, update over weight and dead units in the first steps, by layer{of}."
    return f"{text}{describe_left_out(inputs.results, len(split_by_setting(inputs.results, inputs.results.variants)))}"


def split_by_variants(inputs: FigureInput) -> list[tuple[str, pd.DataFrame]]:
    """Return name and rows of each file: one setting, and at most VARIANTS variants, or one in a narrow figure."""
    width, parts = inputs.settings.width, []
    most = VARIANTS if width is None or width >= WIDTH_FOR_ALL else 1
    for setting, rows in split_by_setting(inputs.results, inputs.table):
        names = list(dict.fromkeys(rows["variant"]))
        chunks = [names[start : start + most] for start in range(0, len(names), most)]
        of = [", ".join(chunk) if len(chunks) > 1 else "" for chunk in chunks]
        parts += [
            (", ".join(filter(None, [setting, text])), rows[rows["variant"].isin(chunk)])
            for chunk, text in zip(chunks, of, strict=True)
        ]
    return parts


def draw_first_steps(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a column for each variant and rate: loss, gradient norm, update over weight and dead share."""
    columns = _columns(inputs)
    return draw_strips(inputs, columns, MEASURES, _note(inputs), "step")


def _columns(inputs: FigureInput) -> list[Column]:
    """Return the columns by variant, in the order of the experiment, and by ascending rate."""
    labels, columns = rate_labels(inputs.results.summary["learning_rate"]), []
    for variant, look in inputs.looks.items():
        for _, rows in inputs.table[inputs.table["variant"] == variant].groupby("learning_rate"):
            first = rows.iloc[0]
            part = f"\n{first['learning_rate'] / first['edge']:.2g} × edge" if isfinite(first["edge"]) else ""
            title = f"{look.label}\nrate {labels[first['learning_rate']]}{part}"
            columns.append(Column(title, rows, look, bool(first["diverged"])))
    return columns


def _note(inputs: FigureInput) -> str:
    seeds = describe_counts(inputs.table["n"])
    return (
        f"Line: median over {seeds}; band: lowest to highest. Each line but that of the loss is a layer with a "
        "kernel, or the activation behind it. Lines end where the first seed diverged. Values of a mini-batch before "
        "the update. Rates nearest to a third of the edge, the edge, and three times the edge."
    )


FIGURE = FigureSpec(
    "first-steps", 82, first_steps_table, caption_first_steps, draw_first_steps,
    per_page=lambda inputs: 1, split=split_by_variants,
)  # fmt: skip
