"""A results folder as pandas tables: what `bnbench.run` and `bnbench.open` return."""

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis import axis_trends, learning_curves, paired, trains_well, variant_tables, verdicts
from bnbench.analysis.asked_probes import PROBED
from bnbench.analysis.cells import Cells, Part, split_table
from bnbench.analysis.columns import (
    ACCURACY,
    PRE_ACTIVATIONS,
    STAGE,
    TABLES,
    current_name,
    rename_stored,
)
from bnbench.analysis.cures import Setup
from bnbench.analysis.edge import EdgePosterior, place_edges
from bnbench.analysis.labels import format_list
from bnbench.analysis.probe_columns import COURSE_MEASUREMENTS, PROBE_COLUMNS, courses
from bnbench.analysis.rate_guesses import guess_score_table, rate_guess_table
from bnbench.analysis.step_times import PairTimes, TimeRatio, find_pair, step_times_table, time_ratio, with_overhead
from bnbench.analysis.trials import (
    MEASURED,
    TOP_K,
    axes_of,
    by_axes,
    cell_label,
    scored_trials,
    summary_table,
    trial_table,
)
from bnbench.config.schema import Experiment, default_baseline
from bnbench.data.splits import DEFAULT_TEST_FRACTION
from bnbench.errors import ResultsError
from bnbench.planning.constant_loss import constant_loss
from bnbench.planning.machine import MachineKind
from bnbench.results import claims, confusions, diagnoses, edges, published
from bnbench.results import credit as crediting
from bnbench.results.design import Design
from bnbench.results.design_tables import judge_by_design, with_design
from bnbench.results.findings import Finding
from bnbench.results.outside import describe_outside, with_outside
from bnbench.results.presentation import Plots, Presentation
from bnbench.results.rate_guesses import as_predicted
from bnbench.results.setups import describe_setup
from bnbench.results.sources import SOURCE_COLUMNS, source_row
from bnbench.results.step_pairs import as_pair
from bnbench.results.stored_config import StoredConfig, read_stored_config
from bnbench.results.variant_config import VariantConfig, VariantConfigs
from bnbench.store import results_dir, store
from bnbench.store.measurements import series_table

FORMER_NAMES = {
    "cells": "summary",
    "courses": "learning_curves",
    "epochs": "full_history",
    "points": "scored_trials",
}
# The maximum number of variants in the text that Python shows.
MAX_LISTED = 10
log = logging.getLogger(__name__)


class Results:
    """The finished trials of the current plan of a results folder.

    Args:
        folder: the results folder.
        all_trials: whether `trials`, `history` and `measurements` also have the stored trials outside the plan, whose
            column `planned` is False. All other tables and verdicts use the plan alone: a trial outside it may have
            other settings under the name of the same variant.
        present: what shows the results to people. `bnbench.open` and `bnbench.run` give it; the code of this package
            needs none.

    Attributes:
        folder: the results folder.
        planned: number of trials in the plan, of a part of a sweep those of the part and those that are stored here.
        part: the part of the sweep that the folder is for; None if it is for all of it.
        design: the adaptive design that has chosen the trials; None for a full grid.
        pairs: how long the steps of two variants took by turns.

    Raises:
        ResultsError: the folder has no results, or the results cannot be read.
    """

    def __init__(
        self,
        folder: Path | str,
        all_trials: bool = False,
        present: "Callable[[Results], Presentation] | None" = None,
    ) -> None:
        self.folder, self._all = Path(folder), all_trials
        self._present = present
        self._differences: dict[str, pd.DataFrame] = {}
        with store.open_for_reading(self.folder) as opened:
            self._stored, self.planned = opened.trials(), opened.planned()
            self._sources, self.part = opened.sources(), opened.part()
            record = opened.design()
            self.full_history = rename_stored(opened.history())
            self.pairs = _read_pairs(opened)
            self._predicted = [as_predicted(planned) for planned in opened.planned_rate_guesses()]
            by = ["variant", "axes", "learning_rate", "seed"]
            self._outside = opened.outside().sort_values(by, ignore_index=True)
            self._planned_values = opened.planned_values() if len(self._outside) else {}
            self._series = opened.series()
            outside_series = opened.series(outside=True) if len(self._outside) else []
            self._history_outside = rename_stored(opened.history(outside=True)) if all_trials else None
        add_measured(self._stored, self._series, self.top_k)
        add_measured(self._outside, outside_series, self.top_k)
        self._series += outside_series if all_trials else []
        self.design = Design(record, self._full) if record else None

    def __repr__(self) -> str:
        variants = list(dict.fromkeys(self._stored["variant"]))
        listed = f", variants: {format_list(variants, MAX_LISTED)}" if variants else ""
        outside = f", {len(self._outside)} outside the plan" if len(self._outside) else ""
        return f"Results({str(self.folder)!r}, {len(self._stored)} of {self.planned} trials{outside}{listed})"

    def _repr_html_(self) -> str | None:
        """Return what a notebook shows: the answer, the variants, the claims, and the names of the files."""
        return self._presentation.to_html() if self._present else None

    @cached_property
    def _presentation(self) -> Presentation:
        if self._present is None:
            raise ResultsError(f"{self.folder}: open the results with bnbench.open, which can show them")
        return self._present(self)

    @property
    def plot(self) -> Plots:
        """The figures of the report, each a method that returns Matplotlib Axes: `results.plot.rates()`."""
        return self._presentation.plot

    def to_latex(
        self,
        table: str = "variants",
        *,
        columns: Sequence[str] | None = None,
        caption: str | None = None,
        label: str | None = None,
    ) -> str:
        r"""Return a table of the report as LaTeX, for the package booktabs.

        Args:
            table: `variants`, `summary`, `differences`, `claims`, `published` or `credit`.
            columns: the columns by the names in the header of the report, in this order; by default all.
            caption: LaTeX of a caption; with a caption or a label the table is in an environment `table`.
            label: for `\ref`.

        Raises:
            ResultsError: there is no such table or column, or the table has no rows.
        """
        return self._presentation.to_latex(table, columns, caption, label)

    def __getattr__(self, name: str) -> Any:
        """Return an attribute by the name that it had in earlier versions."""
        if name not in FORMER_NAMES:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        log.warning("Results.%s is now called Results.%s", name, FORMER_NAMES[name])
        return getattr(self, FORMER_NAMES[name])

    @cached_property
    def _full(self) -> pd.DataFrame:
        """The trials with the columns that only the analysis uses."""
        return trial_table(self._with_constant_loss(self._stored))

    def _with_constant_loss(self, stored: pd.DataFrame) -> pd.DataFrame:
        """Return stored trials. Where `constant_loss` was not stored, it is that of classes of equal size."""
        unknown = stored[stored["constant_loss"].isna() & (stored["classes"] > 0)]
        losses = {
            key: self._constant_loss(str(key[0]), json.loads(str(key[1])), int(key[2]))
            for key in unknown[["variant", "axes", "classes"]].drop_duplicates().itertuples(index=False, name=None)
        }
        keys = zip(unknown["variant"], unknown["axes"], unknown["classes"], strict=True)
        filled = pd.Series([losses[key] for key in keys], unknown.index, float)
        return stored.assign(constant_loss=stored["constant_loss"].fillna(filled))

    def _constant_loss(self, variant: str, axes: Mapping[str, Any], classes: int) -> float | None:
        place = {axis: json.dumps(value) if isinstance(value, dict | list) else value for axis, value in axes.items()}
        config = self.variant_config(variant, place)
        return constant_loss(config.train.loss, config.layers, [1 / classes] * classes) if config else None

    @property
    def trials(self) -> pd.DataFrame:
        """One row per trial, the columns of trials.csv; with `all_trials` also the column `planned`, the last one."""
        hidden = [column.name for column in TABLES["trials"] if not column.public]
        planned = self._full.drop(columns=hidden)
        if self.design:
            planned[STAGE.name] = self.design.stage_of(planned)
        return with_outside(planned, self.outside) if self._all else planned

    @cached_property
    def outside(self) -> pd.DataFrame:
        """One row per stored trial that is not part of the plan, the columns of trials.csv.

        Variant, learning rate, seed and axes are those of the last plan that had the trial; they are missing if an
        earlier version of bnbench replaced that plan. No row of this table is in any other table.
        """
        hidden = [column.name for column in TABLES["trials"] if not column.public]
        return trial_table(self._outside).drop(columns=hidden)

    @cached_property
    def outside_reasons(self) -> list[str]:
        """Why the trials outside the plan are outside, each with its count: `12 with learning rate 0.3`."""
        return describe_outside(self._outside, self._planned_values)

    @cached_property
    def sources(self) -> pd.DataFrame:
        """One row per trial of the plan: where it was trained, and with what.

        Columns: trial, part (as in `1/3`), host, processor, device, threads, kind and commit. Machines of one kind
        compute the same bits; kinds are numbered from 1. All values of a trial of an earlier version are missing.
        """
        known = [(trial, self._sources.get(trial)) for trial in self._stored["trial"]]
        kinds = {source.machine.kind: 0 for _, source in known if source}
        numbers = {kind: number for number, kind in enumerate(kinds, start=1)}
        return pd.DataFrame([source_row(trial, source, numbers) for trial, source in known], columns=SOURCE_COLUMNS)

    @property
    def machine_kinds(self) -> dict[MachineKind, int]:
        """The kinds of machines that trained the trials of the plan, with the number of their trials."""
        sources = (self._sources.get(trial) for trial in self._stored["trial"])
        return dict(Counter(source.machine.kind for source in sources if source))

    @property
    def history(self) -> pd.DataFrame:
        """One row per trial and epoch, the columns of history.csv; epoch 0 is the untrained model.

        The columns of pre-activations are there if some trial recorded them; `full_history` always has them.
        """
        table = self.full_history
        if self._history_outside is not None:
            table = pd.concat([table, self._history_outside], ignore_index=True)
        unknown = [name for name in PRE_ACTIVATIONS if table[name].isna().all()]
        return table.drop(columns=unknown)

    def measurements(self, name: str | None = None, trials: Iterable[str] | None = None) -> pd.DataFrame:
        """Return what a probe measured, one row for each value.

        Args:
            name: the name that the probe gives to the values; by default all of them, with the name in a column `name`.
            trials: the ids of the trials; by default all.

        Returns:
            The columns `trial`, `layer` (empty for the whole model), `position` (an epoch, unless the probe says
            otherwise), `value` and `unit`. No rows if no trial has such a measurement.
        """
        if trials is None:
            return series_table(self._series, name)
        chosen = set(trials)
        return series_table((row for row in self._series if row["trial"] in chosen), name)

    @cached_property
    def probed(self) -> dict[str, set[str]]:
        """The ids of the trials that ran each probe that was asked for, by the name of the probe."""
        asked = self.measurements(PROBED).groupby("layer")["trial"]
        return {str(probe): set(trials) for probe, trials in asked}

    def step_losses(self, trial: str) -> NDArray[np.float32]:
        """Return the training loss of every mini-batch of a trial.

        With `on_divergence: stop` the last one is the first that is not finite.

        Args:
            trial: the id of a trial that has ended.

        Returns:
            An array of shape (steps,).

        Raises:
            ResultsError: no intact trial with this id is stored here.
        """
        with store.open_for_reading(self.folder) as opened:
            return opened.step_losses(trial)

    def last_losses(self, trials: Iterable[str], count: int) -> dict[str, list[float]]:
        """Return the training loss of the last mini-batches of some trials, by trial; at most `count` of each."""
        with store.open_for_reading(self.folder) as opened:
            return {trial: opened.step_losses(trial)[-count:].tolist() for trial in trials}

    def first_losses(self, trials: Iterable[str], count: int) -> dict[str, list[float]]:
        """Return the training loss of the first mini-batches of some trials, by trial; at most `count` of each."""
        with store.open_for_reading(self.folder) as opened:
            return {trial: opened.step_losses(trial)[:count].tolist() for trial in trials}

    @cached_property
    def summary(self) -> pd.DataFrame:
        """One row per variant, axis value and learning rate, the columns of summary.csv."""
        table = summary_table(self._whole)
        return self._in_order_of_rates(table) if self.design else table

    def _in_order_of_rates(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of each variant with ascending rates; a design chooses them in another order."""
        groups = table.groupby(["variant", *self.axes], sort=False, dropna=False).ngroup().to_numpy()
        return table.iloc[np.lexsort((table["learning_rate"].to_numpy(float), groups))].reset_index(drop=True)

    @cached_property
    def score_name(self) -> str:
        """What the scores are: `accuracy` for classes, `R²` for numbers.

        Raises:
            ResultsError: some are of one kind and some of the other.
        """
        kinds = self._comparable["score_name"].unique().tolist()
        return kinds[0] if kinds else ACCURACY

    @cached_property
    def _comparable(self) -> pd.DataFrame:
        """The trials with all columns, after a check that their scores are of one kind: only then means exist."""
        kinds = self._full["score_name"].unique().tolist()
        if len(kinds) > 1:
            raise ResultsError(
                f"{self.folder}: some scores are {kinds[0]} and some are {kinds[1]}, which cannot be in one table; "
                f"`bnbench show {self.folder} --where score_name={kinds[0]}` lists the trials of one kind"
            )
        return self._full

    @cached_property
    def _whole(self) -> pd.DataFrame:
        """The trials but the short ones, by which an adaptive design chooses rates."""
        return self.design.without_short(self._comparable) if self.design else self._comparable

    @cached_property
    def _judged(self) -> pd.DataFrame:
        """The trials whose scores are compared; of an adaptive design those that judge."""
        return self.design.judged(self._comparable) if self.design else self._comparable

    @cached_property
    def trial_cells(self) -> Cells:
        """The trials that did not fail, split by variant and further axes; of a design those that judge."""
        return Cells(self._judged)

    @cached_property
    def _rate_cells(self) -> Cells:
        """The trials that did not fail at all rates; of a design all but the short ones."""
        return Cells(self._whole) if self.design else self.trial_cells

    @cached_property
    def axes(self) -> list[str]:
        """The further axes of the sweep."""
        return axes_of(self._full)

    @cached_property
    def config(self) -> StoredConfig:
        """What the config says, as far as this version can read it."""
        return read_stored_config(self.folder)

    @property
    def experiment(self) -> Experiment | None:
        """The resolved experiment, or None if the config is missing or this version cannot read all of it."""
        return self.config.experiment

    @property
    def top_k(self) -> int:
        """The k of the top-k accuracy: that of the config, or the default if this version cannot read the config."""
        return self.experiment.top_k if self.experiment else int(Experiment.model_fields["top_k"].default)

    @property
    def baseline(self) -> str:
        """The variant that the others are compared with; empty if there is no such variant."""
        if self.experiment:
            return self.experiment.baseline
        names = self.config.variants or tuple(dict.fromkeys(self._full["variant"]))
        return default_baseline(names) if names else ""

    def read_step_times(self) -> None:
        """Read again how long the steps of two variants took by turns, which a run measures after its last trial."""
        with store.open_for_reading(self.folder) as opened:
            self.pairs = _read_pairs(opened)
        for name in ("variants", "step_times", "claims"):
            self.__dict__.pop(name, None)

    @cached_property
    def variants(self) -> pd.DataFrame:
        """One row per variant and axis value: its best rate, the scores there and its metrics over the rates."""
        table = variant_tables.variant_table(self.trial_cells, self.baseline)
        if self.design:
            of_grid = variant_tables.variant_table(Cells(self.design.grid(self._comparable)), self.baseline)
            table = with_design(table, of_grid, self.design, self.axes)
        return with_overhead(table, self.axes, self.baseline, self.pairs)

    @cached_property
    def step_times(self) -> pd.DataFrame:
        """One row per pair of variants, axis value and round in which one worker trained both by turns."""
        return step_times_table(self.pairs, self.axes)

    @cached_property
    def rate_guesses(self) -> pd.DataFrame:
        """One row per variant, axis value and predictor of `bnbench guess`: the predicted edge and how good it is."""
        return rate_guess_table(self._predicted, self.variants, self.summary, self.axes)

    @cached_property
    def guess_scores(self) -> pd.DataFrame:
        """One row per predictor of `bnbench guess`: how far its predictions are from the edges of the sweep."""
        return guess_score_table(self.rate_guesses)

    def time_ratio(self, variant: str, place: Mapping[str, Any]) -> TimeRatio:
        """Return how long a step of a variant takes compared with the baseline, or why that is unknown.

        Args:
            variant: the name of the variant.
            place: the value of each further axis, as in a row of `variants`.
        """
        return time_ratio(find_pair(self.pairs, variant, self.baseline, place))

    @cached_property
    def well(self) -> pd.DataFrame:
        """One row per variant and axis value: up to which rate it trains well and at all, and what ends there."""
        return trains_well.well_table(self._rate_cells)

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """One row per variant other than the baseline and axis value: which is better at own best rates, and how sure.

        The columns are those of `analysis.verdicts.verdict_table`.
        """
        table = verdicts.verdict_table(self.trial_cells, self.baseline)
        if self.design and len(table):
            table = self.design.repeated(table)
            table["verdict"] = [
                verdicts.verdict_of({str(k): v for k, v in row.items()}) for row in table.to_dict("records")
            ]
        return table

    @cached_property
    def opening(self) -> dict[str, Any]:
        """The values of the further axes at which a report opens: the most telling ones; empty without axes."""
        return verdicts.most_telling(self.verdicts, self.variants, self.axes)

    @cached_property
    def settings(self) -> int:
        """The number of combinations of values of the further axes that have a trial; 1 without axes."""
        return len(self._full[self.axes].drop_duplicates()) if self.axes else 1

    def telling_places(self, most: int) -> list[dict[str, Any]]:
        """Return the most telling values of the further axes, in the order of the experiment; none without axes.

        Args:
            most: the largest number of combinations.
        """
        chosen = {str(place) for place in verdicts.telling_places(self.verdicts, self.variants, self.axes)[:most]}
        planned = [place for place, _ in by_axes(self.variants, self.axes)]
        return [place for place in planned if str(place) in chosen]

    @cached_property
    def seed_scores(self) -> pd.DataFrame:
        """One row per variant, axis value and seed: the test score at the best rate of the variant there (`value`)."""
        return axis_trends.seed_scores(self.trial_cells)

    @cached_property
    def unaffected(self) -> set[str]:
        """The variants that no further axis changes: their trials are the same ones at all values."""
        return axis_trends.unaffected(self._judged)

    def edge_ratio(self, variant: str) -> Finding:
        """Return how many times as high as the baseline's the edge of a variant is, without axes.

        It is what a claim about the ratio of the metric `edge` measures.
        """
        if self.design:
            return self.design.find_edge("ratio", {}, variant, self.baseline)
        return edges.find_edge("ratio", self._comparable, variant, self.baseline)

    def edge_posterior(self, place: Mapping[str, Any], variant: str) -> EdgePosterior | None:
        """Return what is known about the edge of a variant at a value of each further axis; None without an edge."""
        if self.design:
            return self.design.posterior(place, variant)
        return next((found.get(variant) for at, found in self._grid_edges if at == dict(place)), None)

    @cached_property
    def _grid_edges(self) -> list[tuple[dict[str, Any], dict[str, EdgePosterior]]]:
        return [(dict(place.values), place_edges(place)) for place in self.trial_cells.places]

    @cached_property
    def credit(self) -> pd.DataFrame:
        """One row per norm slot or ingredient and axis value: what it adds to the edge, in decades.

        Two further rows have the total, and the overlap. No rows if the experiment has no `credit`, or where some edge
        is not known.
        """
        if self.experiment is None or self.experiment.credit is None or self.variants.empty:
            return crediting.no_credit(self.axes)
        places = [dict(place) for place, _ in by_axes(self.variants, self.axes)]
        return crediting.credit_table(self.experiment, places, self.edge_posterior, self.variant_config)

    def why_no_credit(self, place: Mapping[str, Any]) -> str:
        """Return why `credit` has no rows at a value of each further axis; empty if it has, or nothing asks for it."""
        asked = self.experiment.credit if self.experiment else None
        return crediting.why_no_credit(asked, place, self.edge_posterior) if asked else ""

    @cached_property
    def curves(self) -> learning_curves.Curves:
        """The histories with what tables take from them."""
        return learning_curves.Curves(self._whole, self._whole_history)

    @cached_property
    def _whole_history(self) -> pd.DataFrame:
        if not self.design:
            return self.full_history
        return self.full_history[self.full_history["trial"].isin(self._whole["trial"])]

    @cached_property
    def learning_curves(self) -> pd.DataFrame:
        """One row per variant and axis value: time to target, area and overfitting at its best rate."""
        return learning_curves.curve_table(self.trial_cells, self.curves, self.baseline)

    @cached_property
    def confusions(self) -> pd.DataFrame:
        """One row per variant, class and predicted class: the test rows of the best seed at the best rate."""
        counts = self.measurements(confusions.MEASUREMENT)
        measured = self._comparable.assign(classes=self._stored["classes"])
        measured = measured.loc[self._judged.index]
        measured = measured[measured["trial"].isin(counts["trial"])]
        chosen = confusions.chosen_trials(self.variants, measured, self.axes)
        return confusions.confusion_table(chosen, counts, self.axes, self._class_names)

    def _class_names(self, trial: Mapping[Any, Any], classes: int) -> list[str]:
        """Return the names of the classes of a trial; their numbers if the names are unknown."""
        config = self.variant_config(str(trial["variant"]), {axis: trial[axis] for axis in self.axes})
        data = config and config.data
        known = data and list(confusions.class_names(data.classes, self.environment, data.path or data.source))
        return known if known and len(set(known)) == classes else list(map(str, range(classes)))

    @cached_property
    def tuning(self) -> pd.DataFrame:
        """One row per variant, axis value and number of rates tried: the expected best score."""
        return variant_tables.tuning_table(self.trial_cells)

    def differences(self, score: str = "validation_score") -> pd.DataFrame:
        """One row per variant other than the baseline, axis value and rate: the paired difference of a score."""
        score = current_name(score, "Results.differences")
        if score not in self._differences:
            table = paired.at_equal_rate(self.trial_cells, self.baseline, score)
            self._differences[score] = self._repeated(table)
        return self._differences[score]

    def differences_at_best(self, score: str = "test_score") -> pd.DataFrame:
        """One row per variant other than the baseline and axis value: the paired difference at own best rates."""
        score = current_name(score, "Results.differences_at_best")
        return self._repeated(paired.at_own_best(self.trial_cells, self.baseline, score))

    def _repeated(self, table: pd.DataFrame) -> pd.DataFrame:
        return self.design.repeated(table) if self.design and len(table) else table

    def differences_over_all(self, score: str = "test_score") -> pd.DataFrame:
        """One row per variant but the baseline: the difference at own best rates over all axis values, by seed."""
        score = current_name(score, "Results.differences_over_all")
        return paired.at_own_best_over_cells(self.trial_cells, self.baseline, score)

    def pooled_differences(self, score: str = "test_score") -> pd.DataFrame:
        """One row per variant but the baseline: the difference at own best rates, pooled over all axis values."""
        score = current_name(score, "Results.pooled_differences")
        return paired.pooled_at_own_best(self.trial_cells, self.baseline, score)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """One row per claim of the experiment, with its verdict."""
        if self.design:
            return judge_by_design(
                self.design, self.config.claims, self._comparable, self.curves, self.baseline, self.pairs
            )
        return claims.judge_claims(self.config.claims, self._comparable, self.curves, self.baseline, self.pairs)

    @cached_property
    def published(self) -> pd.DataFrame:
        """One row per value that others published, next to ours."""
        return published.compare_published(self.config.published, self._judged, self.curves, self.baseline)

    @cached_property
    def diagnoses(self) -> pd.DataFrame:
        """One row per known symptom, variant and axis value that shows it: the rates, the evidence, the usual cures."""
        rows = self.validation_rows if len(self._stored) else 0
        return diagnoses.diagnosis_table(self._rate_cells, self._whole_history, rows, self._read_setup)

    def _read_setup(self, variant: str, place: Mapping[str, Any]) -> Setup | None:
        config = self.variant_config(variant, place)
        return describe_setup(config) if config else None

    @cached_property
    def n_settings(self) -> int:
        """The number of values of the further axes, taken together; 1 if there are none."""
        return len(self.summary[self.axes].drop_duplicates()) if self.axes else 1

    def configs(self, trials: pd.DataFrame) -> Iterator[tuple[str, VariantConfig, pd.DataFrame]]:
        """Yield each variant at each value of the further axes: its label, how it was set up, and its trials.

        Variants whose settings are unknown are left out.
        """
        for part in split_table(trials, self.axes):
            config = self.variant_config(part.variant, part.place)
            if config:
                yield cell_label({"variant": part.variant, **part.place}, self.axes), config, trials.iloc[part.rows]

    @cached_property
    def cell_configs(self) -> list[tuple[str, VariantConfig, Part]]:
        """Each variant at each value of the further axes: its label, how it was set up, its part of the trials.

        Variants whose settings are unknown are left out.
        """
        found = []
        for part in split_table(self._full, self.axes):
            config = self.variant_config(part.variant, part.place)
            if config:
                found.append((cell_label({"variant": part.variant, **part.place}, self.axes), config, part))
        return found

    def variant_config(self, variant: str, place: Mapping[str, Any]) -> VariantConfig | None:
        """Return how a variant was set up at a value of each further axis, or None if that is unknown."""
        return self._config_reader.read(variant, place) if self._config_reader else None

    @cached_property
    def _config_reader(self) -> VariantConfigs | None:
        return VariantConfigs(self.experiment, self.folder) if self.experiment else None

    @cached_property
    def times(self) -> pd.DataFrame:
        """One row per variant, axis value and rate: the median epochs to the target."""
        return learning_curves.times_by_rate(self.trial_cells, self.curves, self.baseline)

    @cached_property
    def by_epoch(self) -> pd.DataFrame:
        """One row per variant, axis value, rate and epoch: the mean validation score."""
        return learning_curves.mean_by_epoch(self._whole, self._whole_history)

    @property
    def validation_rows(self) -> int:
        """The smallest number of validation rows of any trial."""
        return int(self._stored["validation_rows"].min())

    @cached_property
    def share_test_rows(self) -> bool:
        """Whether all seeds have the same test rows; False if the sizes of the parts do not tell.

        Where the data have no official test part and the config gives no fraction, a fifth of the rows is drawn for
        each seed. The sizes of training and validation part then differ from those next to an official test part.
        """
        sizes = set(zip(self.train_rows, self._stored["validation_rows"], strict=True))
        found = []
        for _, config, _ in self.cell_configs:
            data, validation = config.data, config.data.split.validation
            if data.split.order == "file":
                return True
            known = data.split.test is None and data.limit is None and data.group is None
            if known and isinstance(validation, float) and len(sizes) == 1:
                train, held_out = next(iter(sizes))
                expected = (train + held_out) * validation / (1 - DEFAULT_TEST_FRACTION)
                found.append(abs(held_out - expected) > 2 + 0.01 * expected)
        return bool(found) and all(found)

    @property
    def train_rows(self) -> "pd.Series[int]":
        """The number of training rows of each trial, in the order of `trials`."""
        return self._stored["train_rows"]

    @property
    def environment(self) -> dict[str, Any]:
        """The machine and the packages of the last run that trained; empty if they cannot be read."""
        try:
            return results_dir.read_environment(self.folder)
        except ResultsError:
            return {}

    @cached_property
    def scored_trials(self) -> pd.DataFrame:
        """The trials that did not fail. Diverged trials have chance as score and the initial loss as loss."""
        return scored_trials(self._whole)

    @property
    def faults(self) -> list[tuple[str, str]]:
        """The id and the reason of each trial that failed."""
        failed = self._stored[self._stored["status"] == "failed"]
        return list(zip(failed["trial"], failed["reason"], strict=True))


def _read_pairs(opened: store.Store) -> list[PairTimes]:
    return [as_pair(planned) for planned in opened.planned_step_times()]


def add_measured(stored: pd.DataFrame, series: Sequence[Mapping[str, Any]], top_k: int) -> None:
    """Add the columns that the store keeps among the measurements; of the top-k accuracies, those of one k."""
    for name in (*MEASURED, *TOP_K):
        table = series_table(series, name)
        chosen = table[table["position"] == top_k] if name in TOP_K else table
        values = chosen.drop_duplicates("trial").set_index("trial")["value"]
        stored[name] = stored["trial"].map(values).astype(float)
    measured = {row["name"] for row in series}
    for name, column in PROBE_COLUMNS.items():
        if column.measurement in measured:
            summary = column.summarize(series_table(series, column.measurement))
            stored[name] = stored["trial"].map(summary).astype(float)
    _add_courses(stored, series)
    stored["top_k"] = top_k


def _add_courses(stored: pd.DataFrame, series: Sequence[Mapping[str, Any]]) -> None:
    """Add how trials went wrong, where that was measured."""
    rows = [row for row in series if row["name"] in COURSE_MEASUREMENTS]
    if rows:
        table = courses(series_table(rows, None))
        for name in table:
            stored[name] = stored["trial"].map(table[name])
