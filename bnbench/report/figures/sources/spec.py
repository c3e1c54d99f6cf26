"""What a source's figure is made of: the records that its module and the gallery exchange."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bnbench.analysis.labels import RateFormat, format_list
from bnbench.analysis.per_seed import matches_axes
from bnbench.analysis.source_curves import SourceCurves, source_curves, trials_at
from bnbench.analysis.trials import by_axes
from bnbench.config.figure_settings import DEFAULT_FIGURES, FigureSettings
from bnbench.config.source_figures import FigureKind, SourceFigure
from bnbench.report.figures.style import Looks, score_label
from bnbench.results.results import Results


@dataclass(frozen=True)
class SourceInput:
    """What one figure of a source draws.

    Attributes:
        results: the results folder.
        item: the entry of the experiment file.
        variants: the variants that the entry names, or all.
        looks: the look of each variant, the same as in the other figures.
        settings: size, font, band and labels, as the experiment file asks for them.
    """

    results: Results
    item: SourceFigure
    variants: tuple[str, ...]
    looks: Looks
    settings: FigureSettings = DEFAULT_FIGURES

    @cached_property
    def all_trials(self) -> pd.DataFrame:
        """The trials of these variants at the values of the further axes that the entry names, at all rates."""
        trials = self.results.scored_trials
        own = trials[trials["variant"].isin(self.variants)]
        parts = [part for place, part in by_axes(own, self.results.axes) if matches_axes(place, self.item.where)]
        return pd.concat(parts) if parts else own.iloc[:0]

    @cached_property
    def trials(self) -> pd.DataFrame:
        """Those of them at the learning rate of the entry, or each variant at its own best one."""
        return trials_at(self.all_trials, self.results.axes, self.variants, self.item.at)

    @cached_property
    def curves(self) -> SourceCurves:
        """The learning curves of `trials`."""
        return source_curves(self.trials, self.results.full_history, self.results.axes, self.x)

    @cached_property
    def x(self) -> Literal["epoch", "step"]:
        """What curves are drawn against: with the whole training part in each batch, sources count steps."""
        cells = self.trials[["variant", *self.results.axes]].drop_duplicates().to_dict("records")
        configs = [self.results.variant_config(str(row.pop("variant")), _named(row)) for row in cells]
        is_full = bool(configs) and all(config and config.train.batch_size == "full" for config in configs)
        return "step" if is_full else "epoch"

    def label(self, score: str) -> str:
        """Return the label of a score's column."""
        return score_label(score, self.results.score_name)

    @property
    def counts(self) -> "pd.Series[int]":
        """The number of trials of each variant and setting."""
        return self.trials.groupby(["variant", *self.results.axes], sort=False, dropna=False).size()

    @property
    def subject(self) -> str:
        """What curves are of, for captions: `plain, batchnorm against the epoch, rate 0.01, n = 3`."""
        return f"{', '.join(self.looks)} against the {self.x}, {self.describe_rates()}, {self.describe_n(self.counts)}"

    def describe_n(self, counts: "pd.Series[int]") -> str:
        """Return `n = 5`, or `n = 4 to 5` if the numbers of trials differ."""
        low, high = counts.min(), counts.max()
        return f"n = {low}" if low == high else f"n = {low} to {high}"

    def describe_rates(self) -> str:
        """Return the learning rates of `trials`: `rate 0.01`, or those of each variant."""
        text = RateFormat(self.results.summary["learning_rate"])
        if self.item.at != "best":
            return f"rate {text(self.item.at)}"
        rates = self.trials.groupby("variant", sort=False)["learning_rate"].unique()
        named = [f"{name} at {' / '.join(map(text, own))}" for name, own in rates.items()]
        return f"each variant at its own best rate: {format_list(named, 6)}"


def _named(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(axis): value for axis, value in row.items()}


@dataclass(frozen=True)
class SourceKind:
    """A kind of figure; each module of a kind has one, called `KIND`.

    Attributes:
        name: as `figure` in an experiment file.
        rows: returns the trials that are drawn; if there are none, the report has a sentence instead.
        caption: returns one sentence that says what the figure shows, with n.
        draw: draws the figure and returns its panels.
        missing: says what is missing if there are trials and nothing to draw.
    """

    name: FigureKind
    rows: Callable[[SourceInput], pd.DataFrame]
    caption: Callable[[SourceInput], str]
    draw: Callable[[SourceInput], Sequence[Axes]]
    missing: str = "These trials have no values to draw."


@dataclass(frozen=True)
class DrawnSourceFigure:
    """A figure of a source as we draw it.

    Attributes:
        name: of its file.
        item: the entry of the experiment file.
        caption: empty if nothing could be drawn.
        figure: None if nothing could be drawn.
        missing: sentences about trials or values that are missing.
    """

    name: str
    item: SourceFigure
    caption: str
    figure: Figure | None
    missing: tuple[str, ...]
