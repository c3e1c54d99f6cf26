"""Sharpness times the learning rate at the end of training, against the limits of stability."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from bnbench.analysis.probe_values import over_seeds
from bnbench.report.figures.layout import (
    MAX_SETTINGS,
    PanelShape,
    add_note,
    describe_counts,
    is_first_in_row,
    label_lowest,
    make_panels,
    split_by_setting,
    variant_handles,
)
from bnbench.report.figures.spec import FigureInput, FigureSpec
from bnbench.report.figures.style import (
    REFERENCE_COLOR,
    Look,
    format_log_axis,
    format_rate_axis,
    legend_entry,
    x_of_rates,
)
from bnbench.results.probed import probed_trials, probed_values
from bnbench.results.results import Results

SAMPLE, BATCH = "sharpness_times_rate", "batch_sharpness_times_rate"
END, OVER_STEPS = "end", "steps"
# A trial has three looks without being asked for more.
FIRST_LOOKS = 3
# The most rates of a variant with a line over the steps.
MAX_RATES = 3
WIDTHS = (0.7, 1.2, 1.9)
BAND_ALPHA = 0.15
# Opacity and width of what is measured on a mini-batch.
FAINT, THIN = 0.45, 0.8


@dataclass(frozen=True)
class Limit:
    """A value of sharpness times rate at which training is at the edge of stability."""

    value: float
    label: str
    dash: str

    @property
    def text(self) -> str:
        """The limit in words."""
        return f"{self.label} = {self.value:.3g}"


def sharpness_table(results: Results) -> pd.DataFrame:
    """Return a row for each variant, setting, learning rate, measure and position.

    Columns: variant, the further axes, learning_rate, part (`end`: after the last step; `steps`: a look before it, of
    the rates that have a line), name, position and SPREAD over the seeds.
    """
    trials = probed_trials(results, "sharpness", MAX_SETTINGS)
    if trials.empty:
        return pd.DataFrame()
    values = probed_values(results, trials, (SAMPLE, BATCH))
    keys = ["variant", *results.axes, "learning_rate"]
    at_end = values[values["position"] == values["steps"]]
    end = over_seeds(at_end.assign(part=END, position=0), [*keys, "part", "name", "position"])
    if end.empty or values.groupby("trial")["position"].nunique().max() <= FIRST_LOOKS:
        return end
    shown = _rates_with_a_line(end, ["variant", *results.axes])
    looks = values[values["name"] == SAMPLE].merge(shown, on=keys)
    over_steps = over_seeds(looks.assign(part=OVER_STEPS), [*keys, "part", "name", "position"])
    return pd.concat([end, over_steps], ignore_index=True)


def _rates_with_a_line(end: pd.DataFrame, cell: list[str]) -> pd.DataFrame:
    """Return the rates of each variant with a line over the steps: at most MAX_RATES, evenly spread."""
    parts = []
    for _, rows in end[end["name"] == SAMPLE].groupby(cell, sort=False, dropna=False):
        ordered = rows.sort_values("learning_rate")
        at = np.unique(np.linspace(0, len(ordered) - 1, MAX_RATES).round().astype(int))
        parts.append(ordered.iloc[at][[*cell, "learning_rate"]])
    return pd.concat(parts)


def limits_of(optimizers: Sequence[tuple[str, Mapping[str, Any]]]) -> list[Limit]:
    """Return the limits of stability of optimizers by name and arguments; none if they differ, or are not known.

    Full-batch gradient descent on a quadratic function: 2; with heavy-ball momentum b 2(1 + b), with that of Nesterov
    2(1 + b) / (1 + 2b) (Cohen et al. 2021, section 2 and appendix B). SGD with momentum and small batches settles at
    2(1 - b) (Andreyev and Beneventano 2024).
    """
    kinds = {
        (name.lower(), float(given.get("momentum", 0.0)), bool(given.get("nesterov"))) for name, given in optimizers
    }
    if len(kinds) != 1:
        return []
    ((name, momentum, nesterov),) = kinds
    if name != "sgd":
        return []
    if not momentum:
        return [Limit(2.0, "limit", "--")]
    if nesterov:
        return [Limit(2 * (1 + momentum) / (1 + 2 * momentum), "2(1 + β) / (1 + 2β)", "--")]
    return [Limit(2 * (1 + momentum), "2(1 + β)", "--"), Limit(2 * (1 - momentum), "2(1 − β)", ":")]


def _limits(inputs: FigureInput) -> list[Limit]:
    results, found = inputs.results, []
    for row in inputs.table[["variant", *results.axes]].drop_duplicates().to_dict("records"):
        config = results.variant_config(str(row["variant"]), {axis: row[axis] for axis in results.axes})
        if config is None:
            return []
        found.append((config.train.optimizer.name, config.train.optimizer.arguments))
    return limits_of(found)


def caption_sharpness(inputs: FigureInput) -> str:
    """Say what the figure shows."""
    looks = ", and over the steps" if (inputs.table["part"] == OVER_STEPS).any() else ""
    limits = _limits(inputs)
    lines = f" Gray: {' and '.join(one.text for one in limits)}." if limits else ""
    return f"Learning rate times sharpness at the end of training, against the learning rate{looks}.{lines}"


def draw_sharpness(inputs: FigureInput) -> Sequence[Axes]:
    """Draw a panel against the rate for each setting, and a panel against the step if there are looks."""
    looks = bool((inputs.table["part"] == OVER_STEPS).any())
    parts, limits, note = split_by_setting(inputs.results, inputs.table), _limits(inputs), _note(inputs, looks)
    handles = [
        *variant_handles(inputs.looks, markers=True),
        legend_entry("mini-batch", alpha=FAINT, linewidth=THIN),
        *(legend_entry(one.text, color=REFERENCE_COLOR, linestyle=one.dash, linewidth=0.9)
          for one in limits),
    ]  # fmt: skip
    groups = make_panels(inputs.settings, _shape(looks), len(parts), 1 + looks, handles, note)
    for panels, (setting, rows) in zip(groups, parts, strict=True):
        draw_at_end(panels[0], rows[rows["part"] == END], inputs)
        if looks:
            draw_over_steps(panels[1], rows[rows["part"] == OVER_STEPS], inputs)
        _share_axis(panels, rows, limits)
        panels[0].set_title(setting)
    panels = [ax for group in groups for ax in group]
    if not looks:
        label_lowest(panels)
    for ax in panels:
        if is_first_in_row(ax):
            ax.set_ylabel("rate × sharpness")
    return add_note(panels, note, inputs.settings)


def _shape(looks: bool) -> PanelShape:
    # The two panels of a setting have different x axes.
    return PanelShape(columns=2 if looks else 3, height=2.3, gaps=(0.62, 0.62), share_x=not looks)


def draw_at_end(ax: Axes, rows: pd.DataFrame, inputs: FigureInput) -> None:
    """Draw sharpness times rate against the rate: the median over seeds, and a bar from the lowest to the highest."""
    for (variant, name), line in rows.groupby(["variant", "name"], sort=False):
        look, line = inputs.looks[str(variant)], line.sort_values("learning_rate")
        style = _style(look, str(name))
        bars = [line["median"] - line["lowest"], line["highest"] - line["median"]]
        ax.errorbar(x_of_rates(line, look), line["median"], yerr=bars, **style, elinewidth=0.8, capsize=1.5)
    format_rate_axis(ax)


def _style(look: Look, name: str) -> dict[str, Any]:
    style: dict[str, Any] = {"color": look.color, "linestyle": look.dash}
    if name == BATCH:
        return {**style, "alpha": FAINT, "linewidth": THIN, "zorder": 2}
    return {**style, "marker": look.marker, "zorder": 3}


def draw_over_steps(ax: Axes, rows: pd.DataFrame, inputs: FigureInput) -> None:
    """Draw sharpness times rate against the step, a line for each variant and rate, the higher the thicker."""
    places = rows.groupby("variant")["learning_rate"].rank("dense")
    for (variant, _), line in rows.groupby(["variant", "learning_rate"], sort=False):
        look, line = inputs.looks[str(variant)], line.sort_values("position")
        width = WIDTHS[int(places[line.index[0]]) - 1]
        ax.fill_between(
            line["position"], line["lowest"], line["highest"], color=look.color, alpha=BAND_ALPHA, linewidth=0
        )
        ax.plot(line["position"], line["median"], color=look.color, linestyle=look.dash, linewidth=width)
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.set_xlabel("step")


def _share_axis(panels: Sequence[Axes], rows: pd.DataFrame, limits: Sequence[Limit]) -> None:
    """Give the panels one logarithmic axis, with lines at the limits."""
    drawn = np.concatenate(
        [rows[["median", "lowest", "highest"]].to_numpy(float).ravel(), [one.value for one in limits]]
    )
    drawn = drawn[(drawn > 0) & np.isfinite(drawn)]
    for ax in panels:
        for limit in limits:
            ax.axhline(limit.value, color=REFERENCE_COLOR, linestyle=limit.dash, linewidth=0.9, zorder=1)
        if len(drawn):
            ax.set_ylim(drawn.min() / 1.5, drawn.max() * 1.5)
        format_log_axis(ax)


def _note(inputs: FigureInput, looks: bool) -> str:
    seeds = describe_counts(inputs.table["n"])
    of_steps = f" Over the steps: at most {MAX_RATES} rates of each variant, thicker for higher ones." if looks else ""
    return (
        "Learning rate times the largest eigenvalue of the Hessian of the training loss on 512 training rows, and on a "
        f"mini-batch. Median over {seeds}; bar or band: lowest to highest. Trials that diverged have no value."
        f"{of_steps}"
    )


def _settings_per_page(inputs: FigureInput) -> int:
    looks = bool((inputs.table["part"] == OVER_STEPS).any())
    return _shape(looks).groups_on_a_page(1 + looks, inputs.settings)


FIGURE = FigureSpec("sharpness", 83, sharpness_table, caption_sharpness, draw_sharpness, per_page=_settings_per_page)
