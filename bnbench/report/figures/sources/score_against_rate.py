"""A metric against the learning rate, whose axis is logarithmic (source 000)."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from bnbench.analysis.columns import MEASURES
from bnbench.analysis.labels import format_name
from bnbench.analysis.registry import Metric, get_metric
from bnbench.analysis.source_curves import SourceRates, source_rates
from bnbench.report.figures.layout import add_note, variant_handles
from bnbench.report.figures.sources.panels import (
    CUT,
    FAINT,
    THICK,
    THIN,
    Place,
    draw_source_panels,
    limit_linear_losses,
    places_of,
    rows_at,
    share_power,
)
from bnbench.report.figures.sources.spec import SourceInput, SourceKind
from bnbench.report.figures.style import Looks, format_rate_axis, is_loss, rows_by_variant, x_of_rates
from bnbench.results.results import Results


def rates_of(inputs: SourceInput) -> SourceRates:
    """Return the metric of each trial at all rates, and its means."""
    results: Results = inputs.results
    return source_rates(inputs.all_trials, results.curves, results.axes, metric_of(inputs), results.baseline)


def metric_of(inputs: SourceInput) -> Metric:
    """Return the metric that is drawn."""
    return get_metric(str(inputs.item.metric))


def rows_with_a_value(inputs: SourceInput) -> pd.DataFrame:
    """Return the trials that have the metric."""
    return rates_of(inputs).trials.dropna(subset="value")


def caption_rates(inputs: SourceInput) -> str:
    """Say what the figure shows."""
    metric, counts = format_name(metric_of(inputs).name, inputs.results.score_name), rates_of(inputs).means["n"]
    return f"Ours: {metric} of {', '.join(inputs.looks)} against the learning rate, {inputs.describe_n(counts)}."


def draw_rates(inputs: SourceInput) -> Sequence[Axes]:
    """Draw a panel for each setting, with all variants."""
    rates, metric = rates_of(inputs), metric_of(inputs)
    note = _note(inputs, rates, metric)

    def fill(ax: Axes, place: Place) -> None:
        draw_metric_by_rate(ax, SourceRates(rows_at(rates.trials, place), rows_at(rates.means, place)), inputs.looks)
        ax.set_ylabel(format_name(metric.name, inputs.results.score_name))
        share_power(ax, "y")
        format_rate_axis(ax)

    places, handles = places_of(inputs, rates.trials, by_variant=False), variant_handles(inputs.looks, markers=True)
    panels = draw_source_panels(inputs, places, handles, note + CUT, fill)
    cut = is_loss(metric.name) and limit_linear_losses(panels, inputs.all_trials["initial_loss"].max())
    return add_note(panels, note + CUT if cut else note, inputs.settings)


def draw_metric_by_rate(ax: Axes, rates: SourceRates, looks: Looks) -> None:
    """Draw the mean of each variant as a thick line and each seed as a thin one, against the learning rate.

    A cross is a diverged trial, at the value with which it counts.

    Args:
        ax: the panel.
        rates: the metric at one setting.
        looks: the look of each variant.
    """
    for variant in rows_by_variant(rates.means, looks):
        look, own = variant.look, rates.trials[rates.trials["variant"] == variant.name]
        style: dict[str, Any] = {"color": look.color, "linestyle": look.dash}
        for _, seed in own.groupby("seed"):
            rows = seed.sort_values("learning_rate")
            ax.plot(x_of_rates(rows, look), rows["value"], **style, linewidth=THIN, alpha=FAINT, zorder=2)
        ax.plot(variant.x, variant.rows["value"], **style, linewidth=THICK, zorder=3)
        # If every trial at a rate diverged, only crosses are drawn, because the mean is not a measured value.
        some = variant.rows["n_diverged"] < variant.rows["n"]
        ax.plot(
            variant.x[some], variant.rows["value"][some], color=look.color, linestyle="", marker=look.marker, zorder=3
        )
        lost = own[own["diverged"] & own["value"].notna()]
        ax.plot(x_of_rates(lost, look), lost["value"], color=look.color, linestyle="", marker="x", zorder=4)


def _note(inputs: SourceInput, rates: SourceRates, metric: Metric) -> str:
    several = rates.means["n"].max() > 1
    lines = f"Thick: mean over the seeds ({inputs.describe_n(rates.means['n'])}). Thin: each seed."
    parts = [lines if several else "One seed, so no spread is known."]
    diverged, count = rates.trials[rates.trials["diverged"]], len(rates.trials)
    crosses = int(diverged["value"].notna().sum())
    if crosses:
        kept = "the initial loss" if is_loss(metric.name) else "chance"
        counts = f", which counts as {kept}" if metric.name in MEASURES else ""
        parts.append(f"Cross: a diverged trial ({crosses} of {count}){counts}.")
    if len(diverged) > crosses:
        parts.append(f"{len(diverged) - crosses} of {count} trials diverged and have no value.")
    return " ".join(parts)


KIND = SourceKind(
    "score-against-rate", rows_with_a_value, caption_rates, draw_rates, "No trial has a value of this metric."
)
