"""One value of the further axes in an adaptive design: its variants, and the outcomes of its trainings so far."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import fmean
from typing import NamedTuple

from bnbench.config.adaptive import Adaptive
from bnbench.planning.adaptive.record import Entry, PlaceRecord
from bnbench.planning.identity import trial_id
from bnbench.planning.plan import EARLY, WHOLE, Forms
from bnbench.planning.seed_claims import SeedClaim


class Outcome(NamedTuple):
    """How a training ended.

    Attributes:
        score: the validation score of the final weights, or chance if it diverged; NaN if the trial failed.
        ok: whether its outcome is `ok`.
        failed: whether a fault ended it, so that nothing is known.
    """

    score: float
    ok: bool
    failed: bool = False


class Wanted(NamedTuple):
    """A training that a stage asks for."""

    variant: str
    rate: float
    seed: int
    form: str = WHOLE


@dataclass
class DesignPlace:
    """The variants at one value of the further axes, what was decided there, and what is known.

    Attributes:
        settings: the keys of `sweep.adaptive`.
        forms: by variant, in the order of the experiment.
        rates: the swept rates, ascending.
        seeds: the seeds of the sweep.
        chance: the score of guessing.
        record: what was decided; it changes.
        claims: those that further seeds can decide here.
        outcome: returns the outcome of a trial by its id; None as long as it has not ended.
    """

    settings: Adaptive
    forms: Mapping[str, Forms]
    rates: tuple[float, ...]
    seeds: tuple[int, ...]
    chance: float
    record: PlaceRecord
    outcome: Callable[[str], Outcome | None]
    claims: Sequence[SeedClaim] = ()

    @property
    def variants(self) -> list[str]:
        """The names of the variants."""
        return list(self.forms)

    def id_of(self, wanted: Wanted) -> str:
        """Return the id of a training."""
        trials = self.forms[wanted.variant].cohort(wanted.form).trials
        return trial_id(trials.program, wanted.rate, wanted.seed, trials.revisions)

    def outcome_of(self, wanted: Wanted) -> Outcome | None:
        """Return the outcome of a training; of one that may end early, that of the whole training if it is stored."""
        if wanted.form == EARLY and (whole := self.outcome(self.id_of(wanted._replace(form=WHOLE)))):
            return whole
        return self.outcome(self.id_of(wanted))

    def is_pending(self, wanted: Wanted) -> bool:
        """Return whether nothing is known about a training yet."""
        return self.outcome_of(wanted) is None

    def entries(self, stage: str, variant: str | None = None) -> Iterator[Entry]:
        """Yield the trials of a stage in their order, of all variants or of one."""
        for entry in self.record.entries:
            if entry.stage == stage and variant in (None, entry.variant):
                yield entry

    def mean_score(self, variant: str, rate: float, seeds: Iterable[int], form: str = WHOLE) -> float | None:
        """Return the mean score of a variant at a rate over some seeds; None if none of them is known."""
        outcomes = (self.outcome_of(Wanted(variant, rate, seed, form)) for seed in seeds)
        scores = [one.score for one in outcomes if one and not one.failed]
        return fmean(scores) if scores else None

    def trains(self, outcome: Outcome) -> bool:
        """Return whether a training counts as one that trains.

        Raises:
            ValueError: what counts has not been fixed.
        """
        if self.settings.edge and self.settings.edge.trains == "ok":
            return outcome.ok
        if self.record.level is None:
            raise ValueError("the score that counts as trained is not fixed yet")
        return outcome.score >= self.record.level

    def seeds_to_choose(self) -> Iterator[int]:
        """Yield the seeds that choose the best rates: the lowest ones that are not kept for judging."""
        kept = {seed for judging in self.record.judgings for seed in judging.seeds}
        return (seed for seed in count(self.settings.first_seed) if seed not in kept)

    def unused_seeds(self, variants: Iterable[str]) -> Iterator[int]:
        """Yield seeds, ascending, that no trial of these variants has, and that are not kept for judging."""
        chosen = set(variants)
        used = {entry.seed for entry in self.record.entries if entry.variant in chosen}
        used.update(seed for judging in self.record.judgings for seed in judging.seeds)
        return (seed for seed in count(self.settings.first_seed) if seed not in used)
