"""The third stage: further seeds, seen by no earlier stage, judge the variants at rates that are fixed beforehand."""

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Literal

from bnbench.analysis.look_levels import looks_up_to
from bnbench.planning.adaptive.place import DesignPlace, Wanted
from bnbench.planning.adaptive.record import ALL_SEEDS, DECIDED, FUTILE, REFUSED, Judging, Look
from bnbench.planning.seed_claims import SeedClaim

# Returns what is known about some claims after some of the seeds.
LookAt = Callable[[DesignPlace, Judging, Sequence[SeedClaim], int], Look]
# Returns why the seeds would not suffice; empty if they may.
WhyNot = Callable[[DesignPlace, Judging], str]


def judge_claims(place: DesignPlace, look_at: LookAt, why_not: WhyNot) -> list[Wanted]:
    """Return the trainings of the next seed, and before that look at the claims wherever a look is due.

    An empty list means that nothing further is needed now. What is decided is recorded.

    Args:
        place: what is known. The best rates have been recorded.
        look_at: judges claims after some of the seeds.
        why_not: says beforehand why the seeds would not suffice.
    """
    judging = _present_judging(place, why_not)
    if judging is None or judging.ended:
        return []
    for n in looks_up_to(judging.most):
        left = _open_claims(place, judging)
        if judging.ended or n > _finished_seeds(place, judging, left):
            break
        if n not in {look.n for look in judging.looks}:
            judging.looks.append(look_at(place, judging, left, n))
            judging.ended = _end_of(place, judging)
    return [] if judging.ended else _next_seed(place, judging)


def _present_judging(place: DesignPlace, why_not: WhyNot) -> Judging | None:
    """Return the judging that goes on, or begin one: the first one, or another one with more seeds."""
    settings, known = place.settings.seeds, place.record.judgings
    if settings is None or not place.record.best or not place.claims:
        return None
    if known and (known[-1].ended == DECIDED or known[-1].most >= settings.at_most):
        return known[-1]
    seeds = list(islice(place.unused_seeds(place.variants), settings.at_most))
    judging = Judging(most=settings.at_most, rope=settings.rope, seeds=seeds, rates=_rates(place))
    if reason := why_not(place, judging):
        judging = judging.model_copy(update={"ended": REFUSED, "note": reason, "seeds": []})
    place.record.judgings.append(judging)
    return judging


def _rates(place: DesignPlace) -> dict[str, list[float]]:
    """Return the rates at which the variants of the claims are judged; the first one is the best."""
    chosen = {**(place.record.best or {}), **place.record.never_ok}
    rates: dict[str, list[float]] = {}
    for one in place.claims:
        for variant in one.variants:
            if variant in chosen:
                named = [] if one.rate is None else [one.rate]
                rates[variant] = list(dict.fromkeys([chosen[variant], *rates.get(variant, ()), *named]))
    return rates


def _wanted(judging: Judging, claims: Iterable[SeedClaim], seed: int) -> list[Wanted]:
    """Return the trainings of one seed that some claims need."""
    wanted = [
        Wanted(variant, judging.rates[variant][0] if one.rate is None else one.rate, seed)
        for one in claims
        for variant in one.variants
        if variant in judging.rates
    ]
    return list(dict.fromkeys(wanted))


def _open_claims(place: DesignPlace, judging: Judging) -> list[SeedClaim]:
    """Return the claims that no look has decided."""
    decided = {claim.claim for look in judging.looks for claim in look.claims if claim.decided}
    return [one for one in place.claims if one.key not in decided]


def _finished_seeds(place: DesignPlace, judging: Judging, claims: Sequence[SeedClaim]) -> int:
    """Return how many seeds, from the first on, have finished the trainings that some claims need."""
    for number, seed in enumerate(judging.seeds):
        if any(map(place.is_pending, _wanted(judging, claims, seed))):
            return number
    return len(judging.seeds)


def _next_seed(place: DesignPlace, judging: Judging) -> list[Wanted]:
    """Return the trainings of the first seed that has not begun, as far as open claims need them."""
    begun = {entry.trial for entry in place.record.entries}
    claims = _open_claims(place, judging)
    for seed in judging.seeds:
        if missing := [one for one in _wanted(judging, claims, seed) if place.id_of(one) not in begun]:
            return missing
    return []


def _end_of(place: DesignPlace, judging: Judging) -> Literal["", "decided", "futile", "all seeds"]:
    """Return why no further look is needed; empty if one is."""
    left = {one.key for one in _open_claims(place, judging)}
    if not left:
        return DECIDED
    latest = judging.looks[-1]
    if latest.n >= judging.most:
        return ALL_SEEDS
    return FUTILE if all(claim.futile for claim in latest.claims if claim.claim in left) else ""
