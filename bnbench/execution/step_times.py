"""Times the steps of pairs of programs after the last trial of a run, and stores what it finds."""

import logging
from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from bnbench.errors import DataError, WorkerError
from bnbench.execution import phases
from bnbench.execution.phases import phase_of
from bnbench.execution.progress import ProgressWatcher
from bnbench.execution.protocols import Executor
from bnbench.planning.plan import Plan, Program
from bnbench.planning.resources import core_count
from bnbench.planning.step_pairs import pairs_to_compare, plan_turns, why_not_comparable
from bnbench.planning.step_times import StepTimes, TimedPair
from bnbench.store import store
from bnbench.store.store import Store

log = logging.getLogger(__name__)


def untimed_pairs(plan: Plan, folder: Path) -> list[tuple[Program, Program]]:
    """Return the pairs of a plan whose steps have not been timed in a results folder."""
    if not store.has_results(folder):
        return pairs_to_compare(plan)
    with store.open_for_reading(folder) as opened:
        return _missing(plan, opened)


def _missing(plan: Plan, opened: Store) -> list[tuple[Program, Program]]:
    known = opened.step_times()
    return [(first, second) for first, second in pairs_to_compare(plan) if (first.key, second.key) not in known]


def time_missing_pairs(
    plan: Plan,
    executor: Executor,
    opened: Store,
    watcher: ProgressWatcher,
    meanwhile: Callable[[], bool] = lambda: False,
) -> None:
    """Time the pairs that have not been timed, and store each at once. Call it when no trial is left.

    What goes wrong is logged, because all trials are stored; the next run tries again.

    Args:
        plan: what has been trained.
        executor: where the pairs are timed.
        opened: the results folder.
        watcher: is told what happens.
        meanwhile: called again and again while a worker compiles a pair, if there is a core for it. It does a piece of
            other work, and returns whether more is left.

    Raises:
        ResultsError: the folder cannot be written.
        KeyboardInterrupt: after storing the pairs that had been timed.
    """
    comparable = []
    for first, second in _missing(plan, opened):
        if reason := why_not_comparable(first, second):
            opened.add_step_times(StepTimes(first.key, second.key, reason=reason))
        else:
            comparable.append((first, second))
    if not comparable:
        return
    trained = opened.trained_programs()
    # Several workers trained at the same time.
    trained = replace(trained, seconds=trained.seconds / max(1, executor.capacity.count))
    turns = plan_turns(comparable, trained)
    if not turns:
        return
    phase_of(watcher)(phases.timing(len(turns), sum(pair.seconds for pair in turns)))
    try:
        for _, same in groupby(sorted(turns, key=_threads), _threads):
            for times in executor.time_steps(list(same), meanwhile if core_count() > 1 else lambda: False):
                _keep(times, opened)
    except (WorkerError, DataError) as error:
        log.warning("the steps were not timed: %s; the next run tries again", error)


def _threads(pair: TimedPair) -> int:
    return pair.first.train.threads


def _keep(times: StepTimes, opened: Store) -> None:
    if times.fault:
        log.warning("the steps of a pair were not timed: %s; the next run tries again", times.fault)
    else:
        opened.add_step_times(times)
