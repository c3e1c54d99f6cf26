"""A results folder as pandas tables: what `bnbench.run` and `bnbench.open` return."""

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bnbench.analysis import learning_curves, lr_metrics, paired
from bnbench.analysis.columns import PRE_ACTIVATIONS
from bnbench.analysis.trials import axes_of, scored_trials, summary_table, trial_table
from bnbench.config.load import default_baseline, load_config
from bnbench.config.schema import Experiment
from bnbench.errors import ConfigError, ResultsError
from bnbench.results import claims, diagnoses, published
from bnbench.store import results_dir, store


class Results:
    """The trials of the present plan of a results folder, as far as they have ended.

    Attributes:
        folder: where they lie.
        planned: how many trials the plan holds.

    Raises:
        ResultsError: the folder holds no results, or they cannot be read.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self._differences: dict[str, pd.DataFrame] = {}
        with store.open_for_reading(self.folder) as opened:
            self._stored, self._history, self.planned = opened.trials(), opened.history(), opened.planned()

    def __repr__(self) -> str:
        return f"Results({str(self.folder)!r}, {len(self._stored)} of {self.planned} trials)"

    @cached_property
    def _full(self) -> pd.DataFrame:
        return trial_table(self._stored)

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial, the columns of trials.csv."""
        return self.named(self._full.drop(columns="chance"))

    @property
    def history(self) -> pd.DataFrame:
        """One row a trial and epoch, the columns of history.csv; epoch 0 is the untrained model.

        Those of pre-activations are there where some trial has been watched.
        """
        unknown = [name for name in PRE_ACTIVATIONS if self._history[name].isna().all()]
        return self.named(self._history.drop(columns=unknown))

    def measurements(self, name: str) -> pd.DataFrame:
        """Return what a probe measured, one row for each value.

        Args:
            name: of the measured values, as the probe calls them.

        Returns:
            The columns `trial`, `layer` (empty: the whole model), `position` (an epoch, unless the probe says
            otherwise), `value` and `unit`. No rows if no trial has such a measurement.
        """
        with store.open_for_reading(self.folder) as opened:
            return opened.measurements(name)

    def step_losses(self, trial: str) -> NDArray[np.float32]:
        """Return the training loss of every mini-batch of a trial, up to the first that is not finite.

        Args:
            trial: the id of a trial that has ended.

        Returns:
            An array of shape (steps,).

        Raises:
            ResultsError: no intact trial with this id is stored here.
        """
        with store.open_for_reading(self.folder) as opened:
            return opened.step_losses(trial)

    @property
    def summary(self) -> pd.DataFrame:
        """One row a variant, axis value and learning rate, the columns of summary.csv."""
        return self.named(self.cells)

    @property
    def epochs(self) -> pd.DataFrame:
        """The history with its scores as accuracies, whatever they are: what other modules reckon with."""
        return self._history

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The summary with its scores as accuracies, whatever they are."""
        return summary_table(self._full)

    @cached_property
    def of_numbers(self) -> bool:
        """Whether the data have a number a row and no classes, so that scores are R2."""
        return len(self._stored) > 0 and not self._stored["classes"].any()

    def named(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table with its scores called what they are, accuracies or R2."""
        return table.rename(columns=lambda name: name.replace("accuracy", "r2")) if self.of_numbers else table

    def said(self, text: str) -> str:
        """A text about accuracies, in the words of this experiment."""
        return text.replace("accuracy", "R²") if self.of_numbers else text

    @cached_property
    def axes(self) -> list[str]:
        """The further axes of the sweep."""
        return axes_of(self._full)

    @cached_property
    def experiment(self) -> Experiment | None:
        """The experiment as it was resolved; None: its file is missing or cannot be read."""
        try:
            return load_config(self.folder / results_dir.CONFIG)
        except ConfigError:
            return None

    @property
    def baseline(self) -> str:
        """The variant that the others are compared with; empty: there is none."""
        names = list(self.experiment.variants if self.experiment else dict.fromkeys(self._full["variant"]))
        return default_baseline(names) if names else ""

    @cached_property
    def variants(self) -> pd.DataFrame:
        """One row a variant and axis value: its best rate, the scores there and its figures over the rates."""
        return lr_metrics.variant_table(self._full, self.baseline)

    @cached_property
    def courses(self) -> pd.DataFrame:
        """One row a variant and axis value: time to target, area and overfitting at its best rate."""
        return learning_curves.curve_table(self._full, self._history, self.baseline)

    @cached_property
    def tuning(self) -> pd.DataFrame:
        """One row a variant, axis value and number of rates tried: the best accuracy to expect."""
        return lr_metrics.tuning_table(self._full)

    def differences(self, score: str = "validation_accuracy") -> pd.DataFrame:
        """One row a further variant, axis value and rate: its score minus the baseline's, paired by seed."""
        if score not in self._differences:
            self._differences[score] = paired.at_equal_rate(self._full, self.baseline, score)
        return self._differences[score]

    def differences_at_best(self, score: str = "test_accuracy") -> pd.DataFrame:
        """One row a further variant and axis value: the same with each variant at its own best rate."""
        return paired.at_own_best(self._full, self.baseline, score)

    def differences_over_all(self, score: str = "test_accuracy") -> pd.DataFrame:
        """One row a further variant: the same over all axis values, by seed."""
        return paired.at_own_best_over_cells(self._full, self.baseline, score)

    def pooled_differences(self, score: str = "test_accuracy") -> pd.DataFrame:
        """One row a further variant: the same pooled over all axis values."""
        return paired.pooled_at_own_best(self._full, self.baseline, score)

    @cached_property
    def claims(self) -> pd.DataFrame:
        """One row a claim of the experiment, with its verdict."""
        made = self.experiment.claims if self.experiment else []
        return claims.judge_claims(made, self._full, self._history, self.baseline)

    @cached_property
    def published(self) -> pd.DataFrame:
        """One row a figure that others published, with ours beside it."""
        given = self.experiment.published if self.experiment else []
        return published.compare_published(given, self._full, self._history, self.baseline)

    @cached_property
    def diagnoses(self) -> pd.DataFrame:
        """One row a known symptom, variant and axis value that shows it: the rates, the evidence, the usual cures."""
        rows = self.validation_rows if len(self._stored) else 0
        table = diagnoses.diagnosis_table(self._full, self._history, rows)
        return table.assign(evidence=table["evidence"].map(self.said))

    @cached_property
    def times(self) -> pd.DataFrame:
        """One row a variant, axis value and rate: the median epochs to the target."""
        return learning_curves.times_by_rate(self._full, self._history, self.baseline)

    @cached_property
    def by_epoch(self) -> pd.DataFrame:
        """One row a variant, axis value, rate and epoch: the mean validation accuracy."""
        return learning_curves.mean_by_epoch(self._full, self._history)

    @property
    def validation_rows(self) -> int:
        """The fewest rows that a trial was validated on."""
        return int(self._stored["validation_rows"].min())

    @property
    def environment(self) -> dict[str, Any]:
        """What the last run that trained ran on; empty: it cannot be read."""
        try:
            return results_dir.read_environment(self.folder)
        except ResultsError:
            return {}

    @property
    def points(self) -> pd.DataFrame:
        """The trials as a figure draws them: diverged ones at chance and at the initial loss."""
        return scored_trials(self._full)

    @property
    def faults(self) -> list[tuple[str, str]]:
        """The id and the reason of each trial that failed."""
        failed = self._stored[self._stored["status"] == "failed"]
        return list(zip(failed["trial"], failed["reason"], strict=True))
