"""The first stage: which rate is the best one of each variant, and which score counts as trained.

With `best`, all rates get a short training, the better half of them a whole one, and so on with more seeds for fewer
rates (successive halving, Jamieson and Talwalkar 2016). Else, if seeds shall judge, the whole grid is trained. A search
for edges alone only needs one rate in each decade.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

from bnbench.analysis.edge import half_level
from bnbench.analysis.lr_metrics import ROUNDING
from bnbench.planning.adaptive.place import DesignPlace, Wanted
from bnbench.planning.plan import SHORT, WHOLE

# Seeds that are added in each round of whole trainings; before them, with short trainings, and without.
ROUNDS_AFTER_SHORT, ROUNDS = (1, 1, 4), (1, 1, 2, 4)
# After the short trainings, at least so many rates are left, because ranks may still change; at the end, two.
MIN_AFTER_SHORT, MIN_RATES = 5, 2
# Seeds at each rate of a search for edges alone.
PILOT_SEEDS = 3


def choose_rates(place: DesignPlace) -> list[Wanted]:
    """Return the trainings that are missing before the best rates are known; if none is, record these rates."""
    chosen: dict[str, tuple[list[float], list[int]]] = {}
    missing: list[Wanted] = []
    for variant in place.variants:
        finalists, seeds, pending = _candidates(place, variant)
        missing += pending
        chosen[variant] = finalists, seeds
    if not missing:
        _record_choice(place, chosen)
    return missing


def _candidates(place: DesignPlace, variant: str) -> tuple[list[float], list[int], list[Wanted]]:
    """Return the rates among which the best one is, the seeds that decide, and the trainings that are missing."""
    if place.settings.best:
        return _halve(place, variant)
    first = place.settings.first_seed
    rates, seeds = (place.rates, place.seeds) if place.settings.seeds else pilot(place.rates, first)
    wanted = [Wanted(variant, rate, seed) for seed in seeds for rate in reversed(rates)]
    return list(rates), list(seeds), list(filter(place.is_pending, wanted))


def pilot(rates: Sequence[float], first_seed: int = 0) -> tuple[Sequence[float], Sequence[int]]:
    """Return rates of a sweep that are at most a decade apart, if it has such, and a few seeds."""
    chosen = [rates[0]]
    for before, rate in pairwise(rates):
        if math.log10(rate / chosen[-1]) > 1 + ROUNDING and before != chosen[-1]:
            chosen.append(before)
    if rates[-1] != chosen[-1]:
        chosen.append(rates[-1])
    return chosen, range(first_seed, first_seed + PILOT_SEEDS)


def _halve(place: DesignPlace, variant: str) -> tuple[list[float], list[int], list[Wanted]]:
    """Return what is left of the rates after the rounds whose trainings have all ended, and what the next one needs."""
    rates, seeds = list(place.rates), iter(place.seeds_to_choose())
    is_short = place.forms[variant].short is not None and len(rates) > MIN_AFTER_SHORT
    used: list[int] = []
    if is_short:
        first = next(place.seeds_to_choose())
        wanted = [Wanted(variant, rate, first, SHORT) for rate in reversed(rates)]
        if pending := list(filter(place.is_pending, wanted)):
            return rates, [], pending
        rates = _best_of(place, variant, rates, [first], SHORT, max(MIN_AFTER_SHORT, math.ceil(len(rates) / 2)))
    for number, count in enumerate(ROUNDS_AFTER_SHORT if is_short else ROUNDS):
        if number:
            rates = _best_of(place, variant, rates, used, WHOLE, max(MIN_RATES, math.ceil(len(rates) / 2)))
        used += [next(seeds) for _ in range(count)]
        wanted = [Wanted(variant, rate, seed) for seed in used for rate in sorted(rates, reverse=True)]
        if pending := list(filter(place.is_pending, wanted)):
            return rates, used, pending
    return rates, used, []


def _best_of(
    place: DesignPlace, variant: str, rates: Sequence[float], seeds: Sequence[int], form: str, count: int
) -> list[float]:
    """Return the rates with the highest mean scores, ascending; of equal ones the lower rates."""
    ranked = sorted(rates, key=lambda rate: (-_score(place, variant, rate, seeds, form), rate))
    return sorted(ranked[:count])


def _score(place: DesignPlace, variant: str, rate: float, seeds: Sequence[int], form: str = WHOLE) -> float:
    score = place.mean_score(variant, rate, seeds, form)
    return -math.inf if score is None else score


def _record_choice(place: DesignPlace, chosen: dict[str, tuple[list[float], list[int]]]) -> None:
    """Record the best rates, and the score halfway from chance to the best mean of any variant."""
    best: dict[str, float] = {}
    never_ok: dict[str, float] = {}
    means = []
    for variant, (rates, seeds) in chosen.items():
        (rate,) = _best_of(place, variant, rates, seeds, WHOLE, 1)
        if _trains_somewhere(place, variant, rates, seeds):
            best[variant] = rate
            means.append(_score(place, variant, rate, seeds))
        else:
            never_ok[variant] = rate
    place.record.best, place.record.never_ok = best, never_ok
    place.record.level = half_level(place.chance, max(means)) - ROUNDING if means else None


def _trains_somewhere(place: DesignPlace, variant: str, rates: Sequence[float], seeds: Sequence[int]) -> bool:
    outcomes = (place.outcome_of(Wanted(variant, rate, seed)) for rate in rates for seed in seeds)
    return any(one is not None and one.ok for one in outcomes)
