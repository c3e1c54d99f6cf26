"""An adaptive design as tables: which trials were trained for what, the edges they found, and every look at a claim."""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from pydantic import ValidationError

from bnbench.analysis.edge import HALF, EdgePosterior, edge_ratio
from bnbench.analysis.intervals import MIN_VALUES
from bnbench.analysis.per_seed import matches_axes
from bnbench.analysis.sequential import half_width_at
from bnbench.analysis.trials import scored_trials
from bnbench.config.adaptive import Adaptive
from bnbench.planning.adaptive.edge_search import edge_posterior, edge_trainings
from bnbench.planning.adaptive.place import DesignPlace, Outcome
from bnbench.planning.adaptive.record import CHOOSE, JUDGE, STORED, DesignRecord, Judging, PlaceRecord
from bnbench.planning.plan import SHORT
from bnbench.results.edges import MEANINGS, OPEN
from bnbench.results.findings import Finding
from bnbench.results.judgment import INCONCLUSIVE, Judgment
from bnbench.results.looks import decisive_looks, look_text

GRID = Adaptive.model_construct()
LOOK_COLUMNS = ("n", "claim", "text", "estimate", "low", "high", "verdict", "verdict_text", "decided")


class Design:
    """What an adaptive design has decided, and how.

    Args:
        record: from the store.
        trials: all trials of the design, as `trial_table` returns them.

    Attributes:
        record: the same.
    """

    def __init__(self, record: DesignRecord, trials: pd.DataFrame) -> None:
        self.record, self._trials = record, trials

    @cached_property
    def settings(self) -> Adaptive:
        """The keys of `sweep.adaptive`; none of them if the record has others than this version knows."""
        known = {name: self.record.settings.get(name) for name in Adaptive.model_fields}
        try:
            return Adaptive.model_validate({name: value for name, value in known.items() if value is not None})
        except ValidationError:
            return GRID

    @property
    def has_grid(self) -> bool:
        """Whether every variant was trained at every rate of the sweep, with the seeds of the sweep."""
        return bool(self.settings.seeds) and not self.settings.best

    @cached_property
    def _stages(self) -> dict[str, tuple[str, str]]:
        """Trial -> the stage that asked for it first, and its form; a stored trial is one of the grid."""
        stages: dict[str, tuple[str, str]] = {}
        for place in self.record.places:
            for entry in place.entries:
                known = stages.get(entry.trial)
                if known is None or known[0] == STORED:
                    stages[entry.trial] = entry.stage, entry.form
        return stages

    def stage_of(self, trials: pd.DataFrame) -> "pd.Series[str]":
        """Return the stage of each trial of a table: `stored`, `choose`, `edge` or `judge`."""
        return trials["trial"].map(lambda trial: self._stages.get(trial, (STORED, ""))[0])

    def without_short(self, trials: pd.DataFrame) -> pd.DataFrame:
        """Return the trials that were trained for all of their epochs, or until they had failed."""
        return trials[trials["trial"].map(lambda trial: self._stages.get(trial, ("", ""))[1] != SHORT)]

    def judged(self, trials: pd.DataFrame) -> pd.DataFrame:
        """Return the trials whose scores are compared: those that judge, at the best rates.

        Before they have been trained, these are the trials that choose. They are no surprise to the rates, so their
        comparison is provisional.
        """
        chosen = self.without_short(trials)
        parts = [self._judged_at(place, chosen) for place in self.record.places]
        return pd.concat([trials.iloc[:0], *parts]).sort_index() if parts else chosen

    def _judged_at(self, place: PlaceRecord, trials: pd.DataFrame) -> pd.DataFrame:
        own = trials[trials["trial"].isin({entry.trial for entry in place.entries})]
        stages, judging = self.stage_of(own), _with_looks(place)
        choosing = stages.isin([CHOOSE, STORED])
        if judging is None:
            return own[choosing]
        seeds = judging.seeds[: judging.looks[-1].n]
        best = own["variant"].map({name: rates[0] for name, rates in judging.rates.items()})
        judged = (stages == JUDGE) & (own["learning_rate"] == best) & own["seed"].isin(seeds)
        # A variant that no claim compares at its best rate has only the trials that chose it.
        left = ~own["variant"].isin(own.loc[judged, "variant"])
        return own[judged | (choosing & left)]

    def grid(self, trials: pd.DataFrame) -> pd.DataFrame:
        """Return the trials of the full grid; none if the design trains none."""
        whole = self.without_short(trials)
        # A folder may have stored trials at other rates, at which only some seeds were trained.
        planned = whole["learning_rate"].isin(self.record.settings["rates"])
        chosen = self.stage_of(whole).isin([CHOOSE, STORED]) & planned
        return whole[chosen] if self.has_grid else whole.iloc[:0]

    def place(self, values: Mapping[str, Any]) -> PlaceRecord | None:
        """Return the record at some values of the further axes, as in a row of a table."""
        return next((one for one in self.record.places if matches_axes(values, one.axes)), None)

    def judging(self, values: Mapping[str, Any]) -> Judging | None:
        """Return the judging that counts there; None before its first look."""
        place = self.place(values)
        return None if place is None else _with_looks(place)

    @cached_property
    def _outcomes(self) -> dict[str, Outcome]:
        scored = scored_trials(self._trials)
        columns = (scored[name].tolist() for name in ("trial", "validation_score", "outcome"))
        return {trial: Outcome(score, outcome == "ok") for trial, score, outcome in zip(*columns, strict=True)}

    def _searched(self, values: Mapping[str, Any], variant: str) -> DesignPlace | None:
        """Return the place of a search; None if there is no search, or the variant never trains."""
        place = self.place(values)
        if place is None or not self.settings.edge or not place.best or variant not in place.best:
            return None
        return DesignPlace(self.settings, {}, tuple(self.record.settings["rates"]), (), 0.0, place, self._outcomes.get)

    def posterior(self, values: Mapping[str, Any], variant: str) -> EdgePosterior | None:
        """Return the posterior of an edge; None if the design does not search for it, or the variant never trains."""
        place = self._searched(values, variant)
        return None if place is None else edge_posterior(place, variant)

    def trained(self, values: Mapping[str, Any], variant: str) -> tuple[Any, Any]:
        """Return the learning rate of each training that says something about an edge, and whether it trained."""
        place = self._searched(values, variant)
        if place is None:
            return np.empty(0), np.empty(0, bool)
        rates, _, trains = edge_trainings(place, variant)
        return rates, trains

    def find_edge(self, kind: str, values: Mapping[str, Any], of: str, over: str) -> Finding:
        """Return what the design knows about an edge, or about the ratio of two; see `edges.find_edge`."""
        own, other = self.posterior(values, of), self.posterior(values, over or of)
        if own is None or other is None:
            return Finding().noted(f"the design knows no edge of {of if own is None else over}")
        n = min(len(own.outcomes), len(other.outcomes))
        if kind == "probability":
            return Finding(n=n).noted("each training has a seed of its own, so no seed has both edges")
        if n < MIN_VALUES:
            return Finding(n=n).noted(f"needs {MIN_VALUES} trainings for an interval, has {n}")
        edges = own.edge(), other.edge()
        numbers = edges[0].rates if kind == "value" else edge_ratio(*edges)
        is_open = any(math.isinf(end) for edge in edges for end in (edge.low, edge.high))
        trains = self.settings.edge.trains if self.settings.edge else HALF
        return Finding(*numbers, n).noted(MEANINGS[trains], OPEN if is_open else "")

    def repeated(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return a table of differences with the intervals of its looks: wider, because they are looked at repeatedly.

        Rows of seeds that do not judge keep their intervals.
        """
        rows = []
        axes = [name for name in table.columns if name in (self.record.places[0].axes if self.record.places else {})]
        for row in table.to_dict("records"):
            judging = self.judging({axis: row[axis] for axis in axes})
            # Where some pairs collapse, the interval is that of betting.
            if judging and row["n"] >= MIN_VALUES and row["low"] == row["low"] and not row["mixed"]:
                half = half_width_at(int(row["n"]), judging.most, float(row["sd"]), 0.95)
                row = row | {"low": row["mean"] - half, "high": row["mean"] + half, "p": math.nan}
                row |= {"p_holm": math.nan} if "p_holm" in row else {}
            rows.append(row)
        return pd.DataFrame(rows, columns=table.columns)

    def looks(self) -> pd.DataFrame:
        """Return a row for each look at each claim: the further axes, and the columns of LOOK_COLUMNS."""
        rows = [
            {**place.axes, "n": look.n, **claim.model_dump(include=set(LOOK_COLUMNS)), "verdict_text": look_text(claim)}
            for place in self.record.places
            for judging in place.judgings
            for look in judging.looks
            for claim in look.claims
        ]
        axes = list(self.record.places[0].axes) if self.record.places else []
        return pd.DataFrame(rows, columns=[*axes, *LOOK_COLUMNS])

    def decisive(self, claim: str, values: Mapping[str, Any]) -> tuple[Finding, Judgment] | None:
        """Return what is known about a claim at the look that decided it, or at the last one; None without a look.

        Args:
            claim: its key in the record.
            values: the values of the further axes.
        """
        judging = self.judging(values)
        for look, one in decisive_looks(judging) if judging else ():
            if one.claim == claim:
                estimate, low, high = (math.nan if x is None else x for x in (one.estimate, one.low, one.high))
                needed = math.nan if one.decided or one.seeds_needed is None else float(one.seeds_needed)
                judgment = Judgment(one.verdict or INCONCLUSIVE, one.negligible, needed)
                return Finding(estimate, low, high, look.n), judgment
        return None


def _with_looks(place: PlaceRecord) -> Judging | None:
    """Return the judging that counts: the last one that has been looked at."""
    return next((judging for judging in reversed(place.judgings) if judging.looks), None)
