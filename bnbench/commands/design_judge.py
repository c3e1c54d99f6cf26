"""Judges the claims of an adaptive design while it is trained: the rooms `execution` and `results` meet here."""

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from bnbench.analysis.columns import rename_stored
from bnbench.analysis.learning_curves import Curves
from bnbench.analysis.trials import DIVERGED, chance, outcome_of, trial_table
from bnbench.planning.adaptive.place import DesignPlace, Outcome
from bnbench.planning.adaptive.record import JUDGE, Judging, Look
from bnbench.planning.plan import Plan
from bnbench.planning.seed_claims import SeedClaim
from bnbench.results.looks import look_at_claims, why_not_decidable
from bnbench.results.results import add_measured
from bnbench.store.store import Store, as_table

# What the outcome of a trial depends on, of what its probes measure.
MEASURED = ("constant_loss", "constant_score", "mean_class_weight")


class ResultsJudge:
    """A `DesignJudge` that measures trials as the tables of `Results` do."""

    def __init__(self, plan: Plan, opened: Store) -> None:
        self._experiment, self._opened = plan.experiment, opened

    def outcomes(self, trials: Collection[str]) -> dict[str, Outcome]:
        """Return the outcomes of trials by id, without those that are not stored or have failed."""
        rows, series = self._opened.planned_rows(set(trials))
        measured: dict[str, dict[str, float]] = {}
        for one in series:
            if one["name"] in MEASURED:
                measured.setdefault(one["trial"], {})[one["name"]] = float(np.frombuffer(one["values"], "<f8")[0])
        return {
            row["trial"]: outcome_from_row(row, measured.get(row["trial"], {}))
            for row in rows
            if row["status"] != "failed"
        }

    def look_at(self, place: DesignPlace, judging: Judging, claims: Sequence[SeedClaim], n: int) -> Look:
        """Return what is known about some claims after the first `n` seeds."""
        seeds = set(judging.seeds[:n])
        trials = self._table({entry.trial for entry in place.entries(JUDGE) if entry.seed in seeds})
        history = rename_stored(self._opened.history())
        curves = Curves(trials, history[history["trial"].isin(trials["trial"])])
        return look_at_claims(claims, trials, curves, judging, place.record.level, n)

    def why_not(self, place: DesignPlace, judging: Judging) -> str:
        """Return why even all seeds would leave a claim open; empty if they may decide."""
        return why_not_decidable(place, judging, place.claims)

    def _table(self, trials: Collection[str]) -> pd.DataFrame:
        rows, series = self._opened.planned_rows(set(trials))
        table = as_table(rows)
        add_measured(table, series, self._experiment.top_k)
        return trial_table(table)


def outcome_from_row(row: Mapping[str, Any], measured: Mapping[str, float]) -> Outcome:
    """Return the outcome of a trial that did not fail, as `trial_table` and `scored_trials` have it.

    A table of pandas takes ten times as long, and a design asks after every trial.

    Args:
        row: of the store.
        measured: the values of MEASURED that the trial has.
    """
    numbers = _as_numbers(row, ("train_loss", "fitted_loss", "initial_loss"))
    known = dict.fromkeys(MEASURED, math.nan) | dict(measured)
    score = _as_numbers(row, ("validation_accuracy",))["validation_accuracy"]
    outcome = outcome_of({**row, **numbers, **known, "validation_score": score})
    return Outcome(chance(row["classes"]) if outcome in DIVERGED else score, outcome == "ok")


def _as_numbers(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, float]:
    return {name: math.nan if row.get(name) is None else float(row[name]) for name in names}
