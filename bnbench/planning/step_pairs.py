"""Which programs train by turns after the last trial, so that the times of their steps can be compared.

The speed of a shared machine changes by a factor of nearly two within an hour, and the trials of two variants train at
different moments. So times are compared only in pairs: one worker trains both programs by turns.
"""

from collections.abc import Collection, Mapping, Sequence

from bnbench.analysis.registry import get_metric
from bnbench.config.expectations import Claim
from bnbench.planning import runtime
from bnbench.planning.plan import Cohort, Plan, Program
from bnbench.planning.step_times import TimedPair, TrainedPrograms

# Rounds of a pair. An odd number, so that the median is the ratio of one round.
ROUNDS = 7
# Rounds of one turn before them.
WARM_UP = 2
# The share of the time of the training that all rounds of all pairs may take.
SHARE = 0.05
# Bounds for the seconds of one pair. Ten medians of the Leaf network had a standard deviation of 0.11 with 0.25 s, of
# 0.030 with 0.5 s and of 0.024 with 1 s or 2 s.
MIN_SECONDS, MAX_SECONDS = 0.5, 10.0
# Why two programs that are one cannot be compared.
SAME_PROGRAM = "the same program"
# Whole epochs are worth this many seconds, because a part of an epoch is another program, which must be compiled.
WHOLE_EPOCHS_SECONDS = 3.0
# The maximum number of settings of the further axes at which pairs are timed, and of pairs for more than one setting.
MAX_CELLS, MAX_PAIRS = 3, 12


def pairs_to_compare(plan: Plan) -> list[tuple[Program, Program]]:
    """Return the programs whose times are compared, each pair once.

    These are the baseline and each other variant, and the variants of each claim about a time, at a few settings of
    the further axes: those that such a claim names, then the first, the middle and the last one, or with many variants
    only the middle one.
    """
    experiment = plan.experiment
    claims = [claim for claim in experiment.claims if get_metric(claim.metric).timed and not claim.alone]
    names = [(experiment.baseline, name) for name in experiment.variants if name != experiment.baseline]
    asked = [(claim.over or experiment.baseline, claim.of) for claim in claims]
    names += [pair for pair in dict.fromkeys(asked) if pair not in names and pair[::-1] not in names]
    cells = _cells(plan)
    chosen = _chosen_cells(cells, claims, len(names))
    pairs = [(cell[first], cell[second]) for cell in chosen for first, second in names if first != second]
    return list({(one.program.key, two.program.key): (one.program, two.program) for one, two in pairs}.values())


def _cells(plan: Plan) -> list[Mapping[str, Cohort]]:
    """Return the cohorts by variant, for each setting of the further axes."""
    count = len(plan.experiment.variants)
    parts = (plan.cohorts[first : first + count] for first in range(0, len(plan.cohorts), count))
    return [{cohort.variant: cohort for cohort in part} for part in parts]


def _chosen_cells(
    cells: Sequence[Mapping[str, Cohort]], claims: Sequence[Claim], pairs: int
) -> list[Mapping[str, Cohort]]:
    places = [next(iter(cell.values())).axes for cell in cells]
    # A claim that names no setting is about all of them, which would take too long.
    claimed = [
        index
        for claim in claims
        for index, place in enumerate(places)
        if claim.where and all(axis in place and place[axis] == value for axis, value in claim.where.items())
    ]
    count = min(len(cells), MAX_CELLS if pairs * MAX_CELLS <= MAX_PAIRS else 1)
    last = len(cells) - 1
    spread = [last * step // (count - 1) for step in range(count)] if count > 1 else [(last + 1) // 2]
    chosen = list(dict.fromkeys([*claimed, *spread]))[: max(count, min(len(set(claimed)), MAX_CELLS))]
    return [cells[index] for index in sorted(chosen)]


def why_not_comparable(first: Program, second: Program) -> str:
    """Return why the steps of two programs cannot be compared; empty if they can."""
    if first.key == second.key:
        return SAME_PROGRAM
    if first.batch_size != second.batch_size:
        return f"batches of {first.batch_size} and {second.batch_size} rows"
    # TensorFlow accepts one number of threads for the life of a process.
    if first.train.threads != second.train.threads:
        return f"{first.train.threads} and {second.train.threads} threads"
    return ""


def plan_turns(pairs: Sequence[tuple[Program, Program]], trained: TrainedPrograms) -> list[TimedPair]:
    """Return the turns of comparable programs, as far as both have a trial that has ended."""
    known = [pair for pair in pairs if all(trained.ended.get(program.key) for program in pair)]
    seconds = _seconds_of_pair(trained.seconds, len(known))
    return [_plan_pair(first, second, trained, seconds) for first, second in known]


def _seconds_of_pair(trained: float, pairs: int) -> float:
    return min(MAX_SECONDS, max(MIN_SECONDS, SHARE * trained / max(1, pairs)))


def _plan_pair(first: Program, second: Program, trained: TrainedPrograms, seconds: float) -> TimedPair:
    rate, seed = _rate_and_seed(*(trained.ended[program.key] for program in (first, second)))
    epoch = min(first.steps_per_epoch, second.steps_per_epoch)
    step = (WARM_UP + ROUNDS) * sum(runtime.step_seconds(program, trained.step_seconds) for program in (first, second))
    whole = step * epoch <= max(seconds, WHOLE_EPOCHS_SECONDS)
    return TimedPair(first, second, rate, seed, epoch if whole else max(1, int(seconds / step)), seconds)


def _rate_and_seed(*ended: Mapping[tuple[float, int], str]) -> tuple[float, int]:
    """Return the lowest rate, and its lowest seed, at which both completed a trial, or else at which one ended."""
    completed = [{place for place, status in one.items() if status == "completed"} for one in ended]
    return min(set.intersection(*completed) or set().union(*ended))


def estimate_pair_seconds(pairs: Collection[object], trained: float = 0.0) -> float:
    """Return about how many seconds it takes to compile and time pairs, after so many seconds of training."""
    return len(pairs) * (_seconds_of_pair(trained, len(pairs)) + runtime.PROGRAM_SECONDS)
