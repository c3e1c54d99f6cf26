"""A plan as text, for a terminal or a log."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from bnbench.analysis.labels import axis_name, format_bytes, format_count, format_setting
from bnbench.cli.format import format_columns, screen_rows

if TYPE_CHECKING:
    from bnbench.data.splits import SplitSizes
    from bnbench.planning.plan import Cohort, Plan, TrialGrid

# A longer table would hide the summary below it, as would one that is higher than the screen. `--json` lists every
# trial.
MAX_ROWS = 500
# A longer list of seeds is shown as their number.
MAX_SEEDS = 20
# A longer list of numbers of trials is shown as their count and range.
MAX_NUMBERS = 5


def format_matrix(planned: "Plan", states: Mapping[str, str]) -> str:
    """Return the plan, numbered, with the states of its seeds.

    It has a row per variant and rate, or if these are too many, a row per variant with all of its rates.

    Args:
        states: trial id -> state. A trial that is missing here is new.
    """
    rates = len(planned.cohorts[0].trials.rates)
    rows_of = _rate_rows if len(planned.cohorts) * rates <= _most_rows() else _cohort_row
    rows = [row for cohort in planned.cohorts[: _most_rows()] for row in rows_of(cohort, states)]
    axes = map(axis_name, planned.experiment.sweep.grid)
    table = format_columns(["trials", "variant", *axes, "rate", "seeds", "state"], rows)
    return table + _left_out(planned)


def _most_rows() -> int:
    return min(MAX_ROWS, screen_rows() or MAX_ROWS)


def _rate_rows(cohort: "Cohort", states: Mapping[str, str]) -> Iterator[list[object]]:
    seeds = len(cohort.trials) // len(cohort.trials.rates)
    for i, rate in enumerate(cohort.trials.rate_texts):
        yield _row(cohort, slice(i * seeds, (i + 1) * seeds), rate, states)


def _cohort_row(cohort: "Cohort", states: Mapping[str, str]) -> Iterator[list[object]]:
    rates = cohort.trials.rate_texts
    span = f"{len(rates)} rates, {rates[0]} to {rates[-1]}" if len(rates) > 1 else rates[0]
    yield _row(cohort, slice(None), span, states)


def _row(cohort: "Cohort", part: slice, rate: str, states: Mapping[str, str]) -> list[object]:
    from bnbench.planning.states import states_of

    trials = cohort.trials[part]
    counted = ", ".join(f"{count} {state}" for state, count in Counter(states_of(trials, states)).items())
    axes = map(format_setting, cohort.axes.values())
    return [_numbers(trials), cohort.variant, *axes, rate, _span(_seeds_of(trials)), counted]


def _numbers(trials: "TrialGrid") -> str:
    """Return the numbers of trials. In a part of a sweep, they have gaps."""
    first, last = trials[0].number, trials[-1].number
    if len(trials) == 1:
        return f"{first}"
    if len(trials) == last - first + 1:
        return f"{first}-{last}"
    if len(trials) <= MAX_NUMBERS:
        return ",".join(str(trials.first + position) for position in trials.positions)
    return f"{len(trials)} of {first}-{last}"


def _seeds_of(trials: "TrialGrid") -> list[int]:
    count = len(trials.seeds)
    return [trials.seeds[column] for column in sorted({position % count for position in trials.positions})]


def _span(seeds: Sequence[int]) -> str:
    is_range = len(seeds) > 2 and list(seeds) == list(range(seeds[0], seeds[-1] + 1))
    if is_range or len(seeds) <= MAX_SEEDS:
        return f"{seeds[0]}-{seeds[-1]}" if is_range else ",".join(map(str, seeds))
    return f"{len(seeds)} seeds"


def _left_out(planned: "Plan") -> str:
    left = len(planned.cohorts) - _most_rows()
    return f"\nand {format_count(left, 'cohort')} more; --json lists every trial" if left > 0 else ""


def format_cohorts(planned: "Plan") -> str:
    """Return a row per program: its parameters, rows, steps and engine."""
    rows = []
    for number, cohort in enumerate(planned.cohorts[: _most_rows()], start=1):
        program = cohort.program
        weights, sizes = program.weights, program.sizes
        rows.append(
            [
                number,
                cohort.variant,
                *map(format_setting, cohort.axes.values()),
                f"{weights.total:,}" if weights else "known once built",
                f"{weights.trainable:,}" if weights else "",
                f"{program.data.source} {sizes.train}+{sizes.validation}+{sizes.test}{_in_no_part(sizes)}",
                f"{program.train.epochs} x {program.steps_per_epoch} of {program.batch_size}",
                program.train.engine,
            ]
        )
    axes = map(axis_name, planned.experiment.sweep.grid)
    table = format_columns(
        ["cohort", "variant", *axes, "parameters", "trained", "data", "epochs x steps", "engine"], rows
    )
    return table + _left_out(planned)


def _in_no_part(sizes: "SplitSizes") -> str:
    return f" ({sizes.left_out} in no part)" if sizes.left_out else ""


def format_outside(outside: int, folder: object) -> str:
    """Return the sentence about stored trials that are not part of the plan; empty if there are none."""
    if not outside:
        return ""
    verb, them = ("is", "it") if outside == 1 else ("are", "them")
    return (
        f"{format_count(outside, 'stored trial')} {verb} outside this plan: `bnbench show {folder} --all` lists {them}"
    )


def format_estimate(planned: "Plan", states: Mapping[str, str], measured: dict[str, float], jobs: int) -> str:
    """Return how many trials are in each state, the estimated time for the missing trials, and its source.

    For the arguments, see `format_matrix` and `estimate_runtime`.
    """
    from bnbench.planning.runtime import estimate_bytes, estimate_runtime
    from bnbench.planning.states import NEW, UNTRAINED, states_of

    counts = Counter(chain.from_iterable(states_of(cohort.trials, states) for cohort in planned.cohorts))
    order = sorted(counts, key=lambda state: (state not in UNTRAINED, state != NEW, state))
    summary = f"{len(planned.trials)} trials: {', '.join(f'{counts[state]} {state}' for state in order)}"
    ended = {trial for trial, state in states.items() if state not in UNTRAINED}
    todo = [replace(cohort, trials=left) for cohort in planned.cohorts if (left := cohort.trials.without(ended))]
    if not todo:
        return f"{summary}; nothing to train"
    workers = f" on {jobs} workers" if jobs > 1 else ""
    disk = f"about {format_bytes(estimate_bytes(todo))} on disk"
    return f"{summary}; training{workers}: {estimate_runtime(todo, measured, jobs)}; {disk}"
