"""How many trainings an adaptive design takes: at most, and about how many are expected."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bnbench.config.adaptive import MIN_EDGE_TRAININGS, Adaptive
from bnbench.planning.adaptive.choosing import MIN_AFTER_SHORT, MIN_RATES, ROUNDS, ROUNDS_AFTER_SHORT, pilot
from bnbench.planning.plan import Cohort, Forms, Plan
from bnbench.planning.seed_claims import SeedClaim, seed_claims

# In simulations with seeds whose edges differ by 0.09 decades, an edge took 15 trainings for 0.18 decades and 30 for
# 0.1 (benchmarks/adaptive.py): about six, and a number that grows with the square of the precision.
EDGE_TRAININGS, AT_WITHIN = 24.0, 0.1
# The mean number of seeds until a real difference at best rates was decided.
JUDGING_SEEDS = 7


@dataclass(frozen=True)
class Trainings:
    """Numbers of trainings of one cohort: of a stage, in one form."""

    cohort: Cohort
    stage: str
    at_most: int
    expected: int


def count_trainings(plan: Plan) -> list[Trainings]:
    """Return how many trainings each stage of a design takes, for each of its programs."""
    adaptive = plan.experiment.sweep.adaptive
    if adaptive is None:
        return []
    claims = seed_claims(plan.experiment)
    return [one for forms in plan.forms for one in _of_variant(plan, forms, adaptive, claims)]


def _of_variant(plan: Plan, forms: Forms, adaptive: Adaptive, claims: Sequence[SeedClaim]) -> list[Trainings]:
    sweep, counted = plan.experiment.sweep, []
    if adaptive.best:
        short, whole = _halving(len(sweep.rates()), forms.short is not None)
        counted += [Trainings(forms.short, "choose", short, short)] if forms.short and short else []
    else:
        rates, seeds = (sweep.rates(), sweep.seed_list()) if adaptive.seeds else pilot(sweep.rates())
        whole = len(rates) * len(seeds)
    counted.append(Trainings(forms.whole, "choose", whole, whole))
    if adaptive.edge:
        count = MIN_EDGE_TRAININGS + math.ceil(EDGE_TRAININGS * (AT_WITHIN / adaptive.edge.within) ** 2)
        counted.append(Trainings(forms.early, "edge", adaptive.edge.at_most, min(count, adaptive.edge.at_most)))
    if adaptive.seeds:
        axes, name = forms.whole.axes, forms.whole.variant
        judged = len({one.rate for one in claims if name in one.variants and one.is_about(axes)})
        most = adaptive.seeds.at_most
        counted.append(Trainings(forms.whole, "judge", most * judged, min(JUDGING_SEEDS, most) * judged))
    return counted


def _halving(rates: int, has_short: bool) -> tuple[int, int]:
    """Return the numbers of short and of whole trainings that choose among some rates."""
    short = rates if has_short and rates > MIN_AFTER_SHORT else 0
    left = max(MIN_AFTER_SHORT, math.ceil(rates / 2)) if short else rates
    whole = 0
    for number, seeds in enumerate(ROUNDS_AFTER_SHORT if short else ROUNDS):
        if number:
            left = min(left, max(MIN_RATES, math.ceil(left / 2)))
        whole += left * seeds
    return short, whole


def expected_cohorts(plan: Plan) -> list[Cohort]:
    """Return the programs of a design, each with as many trials as are expected."""
    cohorts: dict[str, Cohort] = {}
    for one in count_trainings(plan):
        key = one.cohort.program.key
        before = len(cohorts[key].trials) if key in cohorts else 0
        cohorts[key] = replace(one.cohort, trials=one.cohort.trials.with_length(before + one.expected))
    return list(cohorts.values())
