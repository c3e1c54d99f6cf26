"""Trains an adaptive design: when a trial has ended, it asks for the next ones, and records them before they start."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from bnbench.errors import ConfigError
from bnbench.planning.adaptive.designer import Designer, StoredTrial, begin_record, continue_record
from bnbench.planning.adaptive.place import DesignPlace, Outcome
from bnbench.planning.adaptive.record import DesignRecord, Judging, Look
from bnbench.planning.plan import Plan, Program, Trial
from bnbench.planning.seed_claims import SeedClaim
from bnbench.store import store
from bnbench.store.store import Store


class DesignJudge(Protocol):
    """Reads how the trials of a design have ended, and judges claims by them."""

    def outcomes(self, trials: Collection[str]) -> Mapping[str, Outcome]:
        """Return the outcomes of trials by id, without those that are not stored or have failed."""

    def look_at(self, place: DesignPlace, judging: Judging, claims: Sequence[SeedClaim], n: int) -> Look:
        """Return what is known about some claims after the first `n` seeds."""

    def why_not(self, place: DesignPlace, judging: Judging) -> str:
        """Return why even all seeds would leave a claim open; empty if they may decide."""


# Makes the judge of a design in a results folder.
MakeJudge = Callable[[Plan, Store], DesignJudge]


def design_is_finished(plan: Plan, folder: Path) -> bool:
    """Return whether a results folder has a design for this plan in which nothing is left to train."""
    if not store.has_results(folder):
        return False
    with store.open_for_reading(folder) as opened:
        found = opened.design()
        record = found and continue_record(plan, found)
        return bool(record and record.finished and not _open_entries(record, opened.states()))


def _open_entries(record: DesignRecord, states: Mapping[str, str]) -> list[str]:
    """Return the trials of a design that are not stored or have failed."""
    return [
        entry.trial
        for place in record.places
        for entry in place.entries
        if states.get(entry.trial, "failed") == "failed"
    ]


class DesignRun:
    """A design in a results folder that is open for writing.

    Args:
        plan: the plan of the whole grid, with the forms of its cohorts.
        opened: the results folder; its plan becomes that of the design.
        make_judge: makes what judges the claims.
    """

    def __init__(self, plan: Plan, opened: Store, make_judge: MakeJudge) -> None:
        self._opened, self._judge = opened, make_judge(plan, opened)
        found = opened.design(former=True)
        record = found and continue_record(plan, found)
        record = record or begin_record(plan, plan.forms, _stored_trials(plan, opened))
        self.designer = Designer(plan, plan.forms, record, {}, self._judge.look_at, self._judge.why_not)
        self._recorded = -1
        self._write()
        self.note_outcomes({entry.trial for place in record.places for entry in place.entries})

    def first_trials(self) -> list[tuple[Program, Trial]]:
        """Return the trials that an earlier run has chosen and not stored."""
        return self.designer.pending()

    def next_trials(self, count: int, running: Collection[str]) -> list[tuple[Program, Trial]]:
        """Return further trials, recorded, or none if others must end first or the design is finished.

        Raises:
            ResultsError: the folder cannot be written.
        """
        chosen = self.designer.next_trials(count, set(running)) if count > 0 else []
        self._write()
        return chosen

    def finish(self) -> None:
        """Record that nothing is left to train."""
        self.designer.record.finished = True
        self._write()

    def refuse_hopeless(self) -> None:
        """Raise if it was known before the first seed that all of them would not suffice.

        Raises:
            ConfigError: it says how many would.
        """
        judgings = [place.judgings[-1] for place in self.designer.record.places if place.judgings]
        if notes := dict.fromkeys(judging.note for judging in judgings if judging.note):
            raise ConfigError("sweep.adaptive.seeds", "; ".join(notes))

    def note_outcomes(self, trials: Collection[str]) -> None:
        """Read how trials have ended; those that failed in an earlier run will be trained again."""
        self.designer.outcomes.update(self._judge.outcomes(trials))

    def note_fault(self, trial: str) -> None:
        """Record that nothing is known about a trial, because a fault has ended it."""
        self.designer.outcomes[trial] = Outcome(float("nan"), ok=False, failed=True)

    def _write(self) -> None:
        """Write the record, and the plan if trials were added to it."""
        record = self.designer.record
        count = sum(len(place.entries) for place in record.places)
        if count != self._recorded:
            self._opened.set_plan(self.designer.planned(), record)
            self._recorded = count
        else:
            self._opened.set_design(record)


def _stored_trials(plan: Plan, opened: Store) -> list[StoredTrial]:
    """Return the trials of the whole trainings that are stored, whatever chose them."""
    programs = {cohort.program.key for cohort in plan.cohorts}
    states = opened.states()
    return [
        StoredTrial(row["program"], row["learning_rate"], row["seed"], row["trial"])
        for row in opened.known_rows()
        if row["program"] in programs and states.get(row["trial"]) in ("completed", "diverged")
    ]
