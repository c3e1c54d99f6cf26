"""Offers the next trials of an adaptive design, whatever the number of workers, and records what is decided."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bnbench.analysis.labels import RateFormat
from bnbench.analysis.trials import chance
from bnbench.config.adaptive import Adaptive
from bnbench.planning.adaptive.choosing import choose_rates
from bnbench.planning.adaptive.edge_search import search_edge
from bnbench.planning.adaptive.judging import LookAt, WhyNot, judge_claims
from bnbench.planning.adaptive.place import DesignPlace, Outcome, Wanted
from bnbench.planning.adaptive.record import CHOOSE, EDGE, JUDGE, STORED, DesignRecord, Entry, PlaceRecord
from bnbench.planning.plan import (
    EARLY,
    NAME_DIGITS,
    WHOLE,
    ChosenCohort,
    ChosenPlan,
    Cohort,
    Forms,
    Plan,
    Program,
    Trial,
)
from bnbench.planning.seed_claims import seed_claims

# A design that trains the whole grid and asks nothing further.
GRID = Adaptive.model_construct()


@dataclass(frozen=True)
class StoredTrial:
    """A trial that the folder has: what it was planned as, and its program."""

    program: str
    rate: float
    seed: int
    id: str


@dataclass
class Designer:
    """The state of a design.

    Attributes:
        plan: the plan of the whole grid, which has the programs.
        forms: of each cohort of the plan.
        record: what was decided so far; it changes.
        outcomes: of the trials that have ended, by id; it changes.
        look_at, why_not: judge the claims; see `judging`.
    """

    plan: Plan
    forms: Sequence[Forms]
    record: DesignRecord
    outcomes: dict[str, Outcome]
    look_at: LookAt
    why_not: WhyNot
    places: list[DesignPlace] = field(init=False)

    def __post_init__(self) -> None:
        sweep = self.plan.experiment.sweep
        parts, claims = list(by_place(self.forms)), seed_claims(self.plan.experiment)
        if not self.record.places:
            self.record.places = [PlaceRecord(axes=dict(part[0].whole.axes)) for part in parts]
        self.places = [
            DesignPlace(
                sweep.adaptive or GRID,
                {one.whole.variant: one for one in part},
                tuple(sweep.rates()),
                tuple(sweep.seed_list()),
                chance(len(part[0].whole.program.facts.classes)),
                record,
                self.outcomes.get,
                [one for one in claims if one.is_about(record.axes)],
            )
            for part, record in zip(parts, self.record.places, strict=True)
        ]

    def pending(self) -> list[tuple[Program, Trial]]:
        """Return the trials that were chosen earlier and have no outcome: those that an interrupt has stopped."""
        wanted = [
            (place, Wanted(entry.variant, entry.rate, entry.seed, entry.form))
            for place in self.places
            for entry in place.record.entries
            if place.is_pending(Wanted(entry.variant, entry.rate, entry.seed, entry.form))
        ]
        return [self._trial(place, one) for place, one in wanted]

    def next_trials(self, count: int, running: set[str]) -> list[tuple[Program, Trial]]:
        """Choose about as many further trials, or all that a round needs, and record them.

        Args:
            count: how many trials could start now.
            running: the ids of trials that have been chosen and have not ended.

        Returns:
            Trials that are not stored. None means that others must end first, or that the design is finished.
        """
        chosen: list[tuple[Program, Trial]] = []
        offered = True
        while offered and len(chosen) < count:
            offered = False
            for place in self.places:
                for stage, wanted in self._wanted(place, running | {trial.id for _, trial in chosen}):
                    offered = True
                    chosen += self._choose(place, stage, wanted)
        return chosen

    def _wanted(self, place: DesignPlace, running: set[str]) -> Iterator[tuple[str, Wanted]]:
        """Yield what the present stage of a place asks for now."""
        if place.record.best is None:
            begun = {entry.trial for entry in place.record.entries}
            yield from ((CHOOSE, one) for one in choose_rates(place) if place.id_of(one) not in begun)
        if place.record.best is None:
            return
        searching = False
        for variant in place.variants:
            own = {entry.trial for entry in place.entries(EDGE, variant)} & running
            if wanted := search_edge(place, variant, len(own)):
                searching = True
                yield EDGE, wanted
            searching |= bool(own)
        # The seeds of the edges are chosen before those that judge are fixed.
        if not searching:
            found = judge_claims(place, self.look_at, self.why_not)
            yield from ((JUDGE, one) for one in found)

    def _choose(self, place: DesignPlace, stage: str, wanted: Wanted) -> list[tuple[Program, Trial]]:
        """Record a training; return it if it must be trained."""
        form = wanted.form
        if form == EARLY and not place.is_pending(wanted):
            whole = wanted._replace(form=WHOLE)
            form = WHOLE if place.outcome(place.id_of(whole)) else form
        wanted = wanted._replace(form=form)
        entry = Entry(
            stage=stage, variant=wanted.variant, rate=wanted.rate, seed=wanted.seed, form=form,
            trial=place.id_of(wanted),
        )  # fmt: skip
        place.record.entries.append(entry)
        return [self._trial(place, wanted)] if place.is_pending(wanted) else []

    def _trial(self, place: DesignPlace, wanted: Wanted) -> tuple[Program, Trial]:
        cohort = place.forms[wanted.variant].cohort(wanted.form)
        return cohort.program, _make_trial(cohort, wanted, place.id_of(wanted))

    def planned(self) -> ChosenPlan:
        """Return all trials that have been chosen so far, each once, as a results folder records them."""
        chosen: dict[tuple[int, str, str], dict[str, Wanted]] = {}
        for number, place in enumerate(self.places):
            for entry in place.record.entries:
                part = chosen.setdefault((number, entry.variant, entry.form), {})
                part[entry.trial] = Wanted(entry.variant, entry.rate, entry.seed, entry.form)
        text = RateFormat({one.rate for part in chosen.values() for one in part.values()}, digits=NAME_DIGITS)
        cohorts, first = [], 1
        for (number, variant, form), part in chosen.items():
            cohort = self.places[number].forms[variant].cohort(form)
            trials = tuple(
                _make_trial(cohort, wanted, trial, i, text) for i, (trial, wanted) in enumerate(part.items(), first)
            )
            cohorts.append(ChosenCohort(cohort.program, trials))
            first += len(trials)
        return ChosenPlan(tuple(cohorts))


def begin_record(plan: Plan, all_forms: Sequence[Forms], stored: Sequence[StoredTrial]) -> DesignRecord:
    """Return the record of a design that begins, with the whole trials that the folder has already."""
    places = []
    for part in by_place(all_forms):
        entries = [
            Entry(stage=STORED, variant=forms.whole.variant, rate=one.rate, seed=one.seed, form=WHOLE, trial=one.id)
            for forms in part
            for one in stored
            if one.program == forms.whole.program.key
        ]
        places.append(PlaceRecord(axes=dict(part[0].whole.axes), entries=entries))
    return DesignRecord(settings=design_settings(plan), programs=program_keys(plan), places=places)


def continue_record(plan: Plan, record: DesignRecord) -> DesignRecord | None:
    """Return the record of a design that a plan goes on with; None if the plan asks for another design.

    A design goes on if it is asked for a narrower edge or for more seeds. Other rates or programs begin a new one.
    """
    now, before = design_settings(plan), record.settings
    if record.programs != program_keys(plan) or _fixed(now) != _fixed(before):
        return None
    if now == before:
        return record
    places = record.places
    if now["edge"] != before.get("edge"):
        # The searches go on, from the trainings that they have.
        places = [place.model_copy(update={"edges": {}}) for place in places]
    return record.model_copy(update={"settings": now, "places": places, "finished": False})


def _fixed(settings: Mapping[str, Any]) -> list[Any]:
    """Return what cannot change in a design: how the best rates are chosen, and what counts as trained."""
    edge = settings.get("edge") or {}
    return [
        settings.get("rates"),
        settings.get("choosing"),
        edge.get("trains", "half"),
        settings.get("first_seed", 0),
    ]


def design_settings(plan: Plan) -> dict[str, Any]:
    """Return what the design was asked for, as plain values."""
    sweep = plan.experiment.sweep
    asked = sweep.adaptive.model_dump() if sweep.adaptive else {}
    grid = None if asked.get("best") else sweep.seed_list()
    return {"rates": sweep.rates(), "choosing": grid if asked.get("seeds") else bool(asked.get("best")), **asked}


def program_keys(plan: Plan) -> list[str]:
    """Return what says whether a recorded design belongs to a plan: the programs of the whole trainings."""
    return [cohort.program.key for cohort in plan.cohorts]


def by_place(forms: Sequence[Forms]) -> Iterator[list[Forms]]:
    """Yield the forms of all variants, for each value of the further axes."""
    parts: dict[str, list[Forms]] = {}
    for one in forms:
        parts.setdefault(json.dumps(dict(one.whole.axes), sort_keys=True, default=repr), []).append(one)
    yield from parts.values()


def _make_trial(cohort: Cohort, wanted: Wanted, trial: str, number: int = 0, text: RateFormat | None = None) -> Trial:
    text = text or RateFormat([wanted.rate], digits=NAME_DIGITS)
    return Trial(trial, number, cohort.variant, wanted.rate, wanted.seed, cohort.axes, text(wanted.rate))
