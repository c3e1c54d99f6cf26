"""What of a sweep a time suffices for: how many seeds of the whole grid, or at how many rates with all seeds."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from bnbench.planning.plan import Cohort, Plan, Program
from bnbench.planning.runtime import START_SECONDS
from bnbench.planning.step_pairs import estimate_pair_seconds, pairs_to_compare
from bnbench.planning.trial_times import TrialTimes

# Nobody trains more seeds than this; the search ends here.
MAX_SEEDS = 1_000
# With fewer rates there is no curve over the rates.
MIN_RATES = 3

# The numbers of trials to train, by program.
Counts = Sequence[tuple[Program, int]]


@dataclass(frozen=True)
class Affordable:
    """What a time suffices for.

    Attributes:
        seconds: the time.
        workers: how many trials are trained at the same time.
        needed: about how many seconds the trials of the plan that are missing take; 0 if none is missing.
        seeds: the number of seeds of the whole grid, at most MAX_SEEDS. Stored trials cost nothing.
        planned_seeds: the number of seeds of the plan.
        rates: the finest grid, with every second or third rate and so on, at which all seeds of the plan can be
            trained; empty if the time suffices for the whole grid, or not even for MIN_RATES rates.
        planned_rates: the number of rates of the plan.
        seed_seconds: about how many seconds one seed of the whole grid takes, with what comes before and after.
    """

    seconds: float
    workers: int
    needed: float
    seeds: int
    planned_seeds: int
    rates: tuple[float, ...]
    planned_rates: int
    seed_seconds: float


def find_affordable(
    plan: Plan, ended: Collection[str], times: TrialTimes, workers: int, seconds: float
) -> Affordable | None:
    """Return what a time suffices for, by the estimate of `plan`; None if the time of some trials is unknown.

    Args:
        plan: the sweep, or a part of it.
        ended: the ids of stored trials that are not trained again.
        times: about how long trials take.
        workers: how many trials are trained at the same time.
        seconds: the time.
    """
    # Several cohorts may have the same program, whose trials are trained once.
    cohorts = list({cohort.program.key: cohort for cohort in reversed(plan.cohorts)}.values())
    if any(times.seconds(cohort.program) is None for cohort in cohorts):
        return None
    grid = cohorts[0].trials
    present = grid.count_by_seed()
    seeds = [seed for seed in grid.seeds if seed in present]
    pairs = pairs_to_compare(plan)

    def cost(counts: Counts) -> float:
        training = times.together(counts, workers)
        return START_SECONDS + training + estimate_pair_seconds(pairs, training) if training else 0.0

    of_seeds = _counts_of_seeds(cohorts, seeds, ended)
    # A part of a sweep has its seeds, and no further ones.
    most = len(seeds) if plan.part else MAX_SEEDS
    needed = cost(of_seeds(len(seeds)))
    affordable = bisect_right(range(1, most + 1), seconds, key=lambda number: cost(of_seeds(number)))
    rates = () if needed <= seconds else _coarser_rates(cohorts, ended, lambda counts: cost(counts) <= seconds)
    one = cost([(cohort.program, len(grid.rates)) for cohort in cohorts])
    return Affordable(seconds, workers, needed, affordable, len(seeds), rates, len(grid.rates), one)


def _counts_of_seeds(
    cohorts: Sequence[Cohort], seeds: Sequence[int], ended: Collection[str]
) -> Callable[[int], Counts]:
    """Return a function that returns how many trials are missing for so many seeds, those of the plan first."""
    missing = [(cohort, cohort.trials.without(ended).count_by_seed()) for cohort in cohorts]

    def count(number: int) -> Counts:
        further = max(0, number - len(seeds))
        return [
            (cohort.program, sum(of[seed] for seed in seeds[:number]) + further * len(cohort.trials.rates))
            for cohort, of in missing
        ]

    return count


def _coarser_rates(
    cohorts: Sequence[Cohort], ended: Collection[str], fits: Callable[[Counts], bool]
) -> tuple[float, ...]:
    missing = [(cohort.program, cohort.trials.without(ended).count_by_rate()) for cohort in cohorts]
    rates = cohorts[0].trials.rates
    for step in range(2, len(rates)):
        # What is left over at the ends is left out on both sides.
        chosen = rates[(len(rates) - 1) % step // 2 :: step]
        if len(chosen) < MIN_RATES:
            break
        if fits([(program, sum(of[rate] for rate in chosen)) for program, of in missing]):
            return chosen
    return ()
